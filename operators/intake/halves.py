"""Halves: a batch of requests and responses, told apart and dealt out to where they are paired."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from operators.dead_letters import Reason
from operators.formats.halves import HalfReader
from operators.formats.json_lines import AHEAD, dead_letter
from operators.formats.packed import ASTRAY, UnreadableError
from operators.intake.decode import Decoded
from operators.records import SHARDS
from windows.panes import effective_times

if TYPE_CHECKING:
    from collections.abc import Mapping

    from operators.formats.halves import Half
    from operators.records import Origin, RawBatch
    from operators.settings.source import SourceSettings


@dataclass(frozen=True, slots=True)
class Chunk:
    """What a batch holds for one of the places where halves are paired, and how far its partition has come.

    Attributes:
        origin: of the batch.
        floor: nothing about a time (ms) before this one follows, by the batch's own messages; None when it had none.
        halves: in order.
        received: when they were read, ms.
    """

    origin: Origin
    floor: int | None
    halves: list[Half]
    received: int


@dataclass(frozen=True, slots=True)
class Halved:
    """A batch of halves, by shard; `rest` is what became of the messages that are none."""

    chunks: list[tuple[str, Chunk]]
    rest: Decoded


class Halve:
    """Reads batches of requests and responses. Keeps nothing between batches.

    Args:
        sources: those of all predictions, by number.
        lateness: ms.
        max_ahead: ms.
    """

    def __init__(self, sources: Mapping[int, SourceSettings], lateness: int, max_ahead: int) -> None:
        whose = readers_of(sources)
        self._readers = {number: HalfReader(whose[number], sources[number]) for number in whose}
        self._lateness = lateness
        self._max_ahead = max_ahead

    def __call__(self, batch: RawBatch) -> Halved:
        """Tell the messages of one batch apart."""
        if batch.source is None:
            raise ValueError("a batch of no source")
        reader = self._readers[batch.source]
        halves, dead, skipped = [], [], 0
        for number, value in enumerate(batch.values):
            try:
                half = reader(value, number, batch)
                if half is None:
                    skipped += 1
                    continue
                self._check(half, batch.received)
                halves.append(half)
            except UnreadableError as error:
                dead.append(dead_letter(batch, number, value, error.reason, str(error)))
            except ASTRAY as error:
                said = f"a value of another kind ({type(error).__name__})"
                dead.append(dead_letter(batch, number, value, Reason.BAD_FORMAT, said))
        rest = Decoded(batch.origin, len(dead), {}, {}, tuple(dead), None, skipped=skipped, halves=len(halves))
        rest = replace(rest, tombstones=batch.values.count(None))
        floor, known = self._known(halves)
        dealt: list[list[Half]] = [[] for _ in range(SHARDS)]
        for half, since in zip(halves, known, strict=True):
            mine = half if half.known == since else half._replace(known=since)
            dealt[zlib.crc32(half.key.encode("utf-8", "surrogatepass")) % SHARDS].append(mine)
        chunks = [(str(shard), Chunk(batch.origin, floor, mine, batch.received)) for shard, mine in enumerate(dealt)]
        return Halved(chunks, rest)

    def _check(self, half: Half, received: int) -> None:
        if half.stamp > min(half.written, received) + self._max_ahead:
            raise UnreadableError(Reason.TIMESTAMP_AHEAD, AHEAD)

    def _known(self, halves: list[Half]) -> tuple[int | None, list[int]]:
        """The floor that they leave (ms), and the time that each counts from."""
        if not halves:
            return None, []
        stamps = np.array([half.stamp for half in halves], dtype=np.int64)
        proven = np.minimum(stamps, np.array([half.written for half in halves], dtype=np.int64))
        known: list[int] = effective_times(stamps, proven, self._lateness, 1).tolist()
        return int(proven.max()) - self._lateness, known


def readers_of(sources: Mapping[int, SourceSettings]) -> dict[int, int]:
    """Number of each source that holds halves -> of the one by whose map its pairs are read.

    A source of responses goes with the one of requests of its preset.

    Raises:
        LookupError: there is none, or several.
    """
    found = {}
    for number, source in sources.items():
        if not source.in_halves:
            continue
        found[number] = number
        if source.holds == "responses":
            mine = [other for other, one in sources.items() if one.holds == "requests" and one.preset == source.preset]
            if len(mine) != 1:
                said = "no source" if not mine else f"{len(mine)} sources"
                raise LookupError(f"{said} of requests with preset {source.preset}, and one is needed beside it")
            found[number] = mine[0]
    return found
