"""Cohorts: slices of prediction time whose counts go on changing while labels come, and the sums of spans of them.

A ring of cohorts differs from `windows.ring` in that nothing is ever final: a label may come, or be revised, for any
slice within reach. Each span (the mature window, the newest one, a baseline) keeps its own sum. A slice is added when
the span moves over it and subtracted when the span leaves it, and what changes in a slice changes the sums of the spans
that hold it. All counts are integers, so a sum is exact however it came about.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from windows.arrays import IntArray
    from windows.ring import Groups, Key

SHORT = np.iinfo(np.int16)


@dataclass(frozen=True, slots=True)
class PackedSigned:
    """A vector of signed integers, most of them zero or small. A tenth of its size where labels are few.

    Attributes:
        size: of the vector.
        small: how many of its values fit 16 bits and are not zero.
        data: the places of the small values, the small values, the places of all others, the others. One string of
            bytes, not four arrays: a snapshot holds ten thousands of these.
    """

    size: int
    small: int
    data: bytes

    def __getstate__(self) -> list[int | bytes]:
        """What any such class would save, without asking it for its fields each time."""
        return [self.size, self.small, self.data]

    def unpack(self) -> IntArray:
        """The vector, int64[size]."""
        vector = np.zeros(self.size, dtype=np.int64)
        places = _places(self.size)
        middle = self.small * (places.itemsize + 2)
        wide = (len(self.data) - middle) // (places.itemsize + 8)
        at = np.frombuffer(self.data, places, self.small)
        vector[at] = np.frombuffer(self.data, np.int16, self.small, self.small * places.itemsize)
        if wide:
            at = np.frombuffer(self.data, places, wide, middle)
            vector[at] = np.frombuffer(self.data, np.int64, wide, middle + wide * places.itemsize)
        return vector


def pack_signed(vector: IntArray) -> PackedSigned:
    """Pack a vector of at most 2^32 slots."""
    places = _places(len(vector))
    short = (vector >= SHORT.min) & (vector <= SHORT.max)
    small = np.flatnonzero(short & (vector != 0))
    parts = [small.astype(places).tobytes(), vector[small].astype(np.int16).tobytes()]
    if not short.all():
        wide = np.flatnonzero(~short)
        parts += [wide.astype(places).tobytes(), vector[wide].tobytes()]
    return PackedSigned(len(vector), len(small), b"".join(parts))


def _places(size: int) -> np.dtype[Any]:
    return np.dtype(np.uint16 if size <= 1 << 16 else np.uint32)


@dataclass(slots=True)
class Span:
    """The slices [start, stop) and their sum; `holders` counts the slices that hold each group."""

    start: int = 0
    stop: int = 0
    totals: Groups = field(default_factory=dict)
    holders: dict[Key, int] = field(default_factory=dict)

    def enter(self, groups: dict[Key, PackedSigned]) -> None:
        """Add a slice."""
        for key, packed in groups.items():
            self.holders[key] = self.holders.get(key, 0) + 1
            total = self.totals.get(key)
            if total is None:
                self.totals[key] = packed.unpack()
            else:
                total += packed.unpack()

    def leave(self, groups: dict[Key, PackedSigned]) -> None:
        """Take a slice back."""
        for key, packed in groups.items():
            self.holders[key] -= 1
            if self.holders[key]:
                self.totals[key] -= packed.unpack()
            else:
                del self.totals[key], self.holders[key]

    def change(self, key: Key, delta: IntArray, *, new: bool) -> None:
        """A slice inside changed; `new` where it did not hold the group before."""
        self.holders[key] = self.holders.get(key, 0) + new
        total = self.totals.get(key)
        if total is None:
            self.totals[key] = delta.copy()
        else:
            total += delta


@dataclass(slots=True)
class CohortRing:
    """The latest `length` slices of cohorts, group by group, and the sums of spans of them.

    Attributes:
        length: slices kept.
        newest: index of the newest slice there may be; -1 before the first `advance`.
        slices: slice index -> group -> counts.
        spans: by name, as `move` was asked.
        too_old: deltas that came for slices no longer kept.
    """

    length: int
    newest: int = -1
    slices: dict[int, dict[Key, PackedSigned]] = field(default_factory=dict)
    spans: dict[str, Span] = field(default_factory=dict)
    too_old: int = 0

    def __getstate__(self) -> tuple[None, dict[str, Any]]:
        """All but the sums: they follow from the slices, and are made again when a span is next asked for."""
        kept = ("length", "newest", "slices", "too_old")
        return None, {name: getattr(self, name) for name in kept} | {"spans": {}}

    @property
    def oldest(self) -> int:
        """Index of the oldest slice that is kept."""
        return self.newest - self.length + 1

    def advance(self, newest: int) -> None:
        """Let time go on: slices that are `length` or more older than `newest` are dropped.

        Raises:
            ValueError: time would go back.
        """
        if newest < self.newest:
            raise ValueError(f"slice {newest} after slice {self.newest}: a ring of cohorts only moves forward")
        self.newest = newest
        for index in [index for index in self.slices if index < self.oldest]:
            groups = self.slices.pop(index)
            for span in self.spans.values():
                if span.start <= index < span.stop:
                    span.leave(groups)

    def add(self, index: int, key: Key, delta: IntArray) -> bool:
        """Change a group of a slice; False when the slice is kept no more, which is counted.

        Args:
            index: of the slice.
            key: (version, segment).
            delta: int64[size], signed; not kept.
        """
        if index < self.oldest:
            self.too_old += 1
            return False
        groups = self.slices.setdefault(index, {})
        known = groups.get(key)
        groups[key] = pack_signed(delta if known is None else known.unpack() + delta)
        for span in self.spans.values():
            if span.start <= index < span.stop:
                span.change(key, delta, new=known is None)
        return True

    def move(self, name: str, start: int, stop: int) -> Groups:
        """Move the span of this name to the slices [start, stop) and give its sum, valid until the next call.

        Slices that are not kept count as empty.
        """
        span = self.spans.setdefault(name, Span(start, start))
        if start >= span.stop or stop <= span.start:
            span.totals.clear()
            span.holders.clear()
            leaving: list[int] = []
            entering = range(start, stop)
        else:
            leaving = [*range(span.start, min(start, span.stop)), *range(max(stop, span.start), span.stop)]
            entering = [*range(start, span.start), *range(span.stop, stop)]  # type: ignore[assignment]
        for index in leaving:
            if index in self.slices:
                span.leave(self.slices[index])
        for index in entering:
            if index in self.slices:
                span.enter(self.slices[index])
        span.start, span.stop = start, stop
        return span.totals

    def filled(self, start: int, stop: int) -> float:
        """Share of the slices [start, stop) that hold anything; 0 of none."""
        return sum(index in self.slices for index in range(start, stop)) / max(stop - start, 1)

    def sum_of(self, start: int, stop: int) -> Groups:
        """The sum of the slices [start, stop), without a span: for what is asked once."""
        span = Span(start, stop)
        for index in range(start, stop):
            if index in self.slices:
                span.enter(self.slices[index])
        return span.totals

    def groups(self) -> set[Key]:
        """Every group of any slice."""
        return {key for groups in self.slices.values() for key in groups}
