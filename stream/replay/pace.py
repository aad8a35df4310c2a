"""The pace of what is replayed: how many predictions a day the files hold, as their first records tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from operators.formats.literals import parsed
from operators.formats.schema import Timestamp  # noqa: TC001 - msgspec reads it
from operators.formats.times import EARLIEST, LATEST, milliseconds
from windows.references.pace import DAY

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from stream.replay.lanes import Lane
    from windows.arrays import FloatArray

FIRST = 20_000
"""Records that are looked at of each file."""

FEW = 100
"""With fewer records than these nothing is said of the pace of a model."""


class _Stamp(msgspec.Struct):
    model: Any = None
    timestamp: Timestamp = None


_DECODER = msgspec.json.Decoder(_Stamp)


@dataclass(frozen=True, slots=True)
class _Part:
    """What a file holds of a model: records, first and last time, ms."""

    rows: int
    first: float
    last: float

    @property
    def per_day(self) -> float:
        return self.rows * DAY / max(self.last - self.first, 1.0)


def paces_of(lanes: Sequence[Lane], only: str | None) -> dict[str, float]:
    """Predictions a day by model, of lanes that nobody else reads; of models of which the first records tell it.

    Files that cover the same time are parts of one stream, those that follow one another are the same stream later.

    Args:
        lanes: of records in the contract's own shape; they are read and closed.
        only: the model of records that name none.
    """
    parts: dict[str, list[_Part]] = {}
    for lane in lanes:
        try:
            for model, part in _parts(lane, only):
                parts.setdefault(model, []).append(part)
        finally:
            lane.close()
    return {model: _together(found) for model, found in parts.items() if sum(part.rows for part in found) >= FEW}


def _together(parts: Sequence[_Part]) -> float:
    """The pace where most files overlap: each of them begins somewhere within it."""
    return max(sum(other.per_day for other in parts if other.first <= part.first <= other.last) for part in parts)


def _parts(lane: Lane, only: str | None) -> Iterable[tuple[str, _Part]]:
    times: dict[str, list[Timestamp]] = {}
    seen, ended = 0, False
    while seen < FIRST and not ended:
        block = lane.read(min(FIRST, lane.largest))
        seen, ended = seen + len(block.values), block.ended
        for value in block.values:
            try:
                stamp = parsed(value or b"", _DECODER.decode)
            except msgspec.DecodeError:
                continue  # the replay itself has a dead letter for it
            model = only if stamp.model is None else str(stamp.model)
            if model is not None:
                times.setdefault(model, []).append(stamp.timestamp)
    for model, given in times.items():
        stamps = _stamps(given)
        if len(stamps) > 1:
            yield model, _Part(len(stamps), float(stamps.min()), float(stamps.max()))


def _stamps(given: Sequence[Timestamp]) -> FloatArray:
    """The times that can be read, float64[n], ms."""
    found = np.array([milliseconds(one) for one in given])
    kept: FloatArray = found[(found >= EARLIEST) & (found <= LATEST)]
    return kept
