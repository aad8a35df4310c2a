"""Stubs: what is kept of a prediction until its label comes, as bytes.

A stub is a fixed part (time, how much later it became known, score, segment indices, class scores), then the ranked
items if it is a ranking, then the version's name.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from operator import add
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from operators.plans.join import JoinPlan
    from windows.arrays import FloatArray, IntArray

MOST_LATE = (1 << 32) - 1
"""A prediction that became known later than this after it was made (ms, 49 days) counts as known then."""

MOST_ITEMS, MOST_BYTES = 1_000, (1 << 16) - 1
"""Ranked items kept of a prediction, and the bytes they may take."""

TIME = struct.Struct("<q")
LATE = struct.Struct("<I")
_TIMES = struct.Struct("<qI")
_LENGTH = struct.Struct("<H")


@dataclass(frozen=True, slots=True)
class Stubs:
    """n stubs as columns.

    Attributes:
        times: int64[n], when each prediction was made, ms.
        known: int64[n], when it became known, ms.
        score: float64[n], as in Outcomes.
        segments: int64[S, n].
        probabilities: float64[n, K] of a multiclass task; else None.
        ranked: n lists of item ids of a ranking; else None.
        versions: n names.
    """

    times: IntArray
    known: IntArray
    score: FloatArray
    segments: IntArray
    probabilities: FloatArray | None
    ranked: Sequence[Sequence[Any]] | None
    versions: Sequence[str]


class StubCodec:
    """Packs and unpacks the stubs of one model."""

    def __init__(self, plan: JoinPlan) -> None:
        """Lay out the fixed part."""
        options = plan.task.options
        self.classes = len(options.classes) if options.task == "multiclass" else 0
        self.ranking = options.task == "ranking"
        self.dtype = np.dtype(
            [
                ("time", "<i8"),
                ("late", "<u4"),
                ("score", "<f8"),
                ("segments", "u1", (len(plan.layout.segments),)),
                ("probabilities", "<f8", (self.classes,)),
            ]
        )

    def pack(self, stubs: Stubs) -> list[bytes]:
        """The bytes of each stub."""
        count, width = len(stubs.times), self.dtype.itemsize
        fixed = np.zeros(count, dtype=self.dtype)
        fixed["time"] = stubs.times
        fixed["late"] = np.minimum(stubs.known - stubs.times, MOST_LATE)
        fixed["score"] = stubs.score
        fixed["segments"] = stubs.segments.T
        fixed["probabilities"] = np.nan if stubs.probabilities is None else stubs.probabilities
        heads: list[bytes] = fixed.view(f"V{width}").tolist()
        tails = [version.encode() for version in stubs.versions]
        if stubs.ranked is not None:
            tails = [_items(items) + tail for items, tail in zip(stubs.ranked, tails, strict=True)]
        return list(map(add, heads, tails))

    def unpack(self, packed: Sequence[bytes]) -> Stubs:
        """The stubs of these bytes."""
        width = self.dtype.itemsize
        fixed = np.frombuffer(b"".join([one[:width] for one in packed]), dtype=self.dtype)
        ranked, versions = None, [one[width:] for one in packed]
        if self.ranking:
            cut = [_LENGTH.unpack_from(tail)[0] + _LENGTH.size for tail in versions]
            ranked = [msgspec.msgpack.decode(tail[_LENGTH.size : end]) for tail, end in zip(versions, cut, strict=True)]
            versions = [tail[end:] for tail, end in zip(versions, cut, strict=True)]
        times = fixed["time"].astype(np.int64)
        return Stubs(
            times,
            times + fixed["late"].astype(np.int64),
            fixed["score"].astype(np.float64),
            fixed["segments"].astype(np.int64).T,
            fixed["probabilities"].astype(np.float64) if self.classes else None,
            ranked,
            [name.decode() for name in versions],
        )


def times_of(packed: bytes) -> tuple[int, int]:
    """When the prediction was made and when it became known, ms."""
    made, late = _TIMES.unpack_from(packed)
    return made, made + late


def times_of_all(packed: Sequence[bytes]) -> tuple[IntArray, IntArray]:
    """The same of many: int64[n] each."""
    heads = np.frombuffer(b"".join([one[: _TIMES.size] for one in packed]), dtype=[("made", "<i8"), ("late", "<u4")])
    made = heads["made"].astype(np.int64)
    return made, made + heads["late"]


def with_known(packed: bytes, known: int) -> bytes:
    """The same stub, known at `known` (ms)."""
    late = min(max(known - TIME.unpack_from(packed)[0], 0), MOST_LATE)
    return packed[: TIME.size] + LATE.pack(late) + packed[TIME.size + LATE.size :]


def _items(items: Sequence[Any]) -> bytes:
    """The items, or as many of the first as fit: a click further down counts as well, if not as much."""
    count = min(len(items), MOST_ITEMS)
    encoded = msgspec.msgpack.encode(items[:count])
    while len(encoded) > MOST_BYTES:
        count //= 2
        encoded = msgspec.msgpack.encode(items[:count])
    return _LENGTH.pack(len(encoded)) + encoded
