"""Panes (the smallest slices of event time), the windows made of them, and which records come too late for theirs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from windows.arrays import BoolArray, IntArray

MAX_SLICES = 60
"""A window is kept as at most this many slices: the cost of a 90-day window is that of a one-hour window."""


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """A sliding window: `slices` slices of `slide` ms each.

    All slices start at multiples of `slide` since the epoch.
    """

    size: int
    slide: int

    @property
    def slices(self) -> int:
        """How many slices make the window."""
        return self.size // self.slide

    @property
    def label(self) -> str:
        """The size as a person writes it: "10s", "1m", "7d"."""
        return duration_text(self.size)


def plan(size: int, pane: int) -> Window:
    """The window of `size` ms over panes of `pane` ms, with the finest slide that needs at most MAX_SLICES slices.

    Raises:
        ValueError: `size` is no positive multiple of `pane`.
    """
    if size < pane or size % pane:
        raise ValueError(f"window of {size} ms is no multiple of the pane of {pane} ms")
    panes = size // pane
    least = -(-panes // MAX_SLICES)
    per_slice = next(count for count in range(least, panes + 1) if panes % count == 0)
    return Window(size, per_slice * pane)


def duration_text(ms: int) -> str:
    """`ms` in the largest unit that divides it: 90_000 -> "90s", 3_600_000 -> "1h"."""
    for unit, length in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)):
        if ms % length == 0 and ms >= length:
            return f"{ms // length}{unit}"
    return f"{ms}ms"


def floor_of(newest: int, lateness: int, pane: int) -> int:
    """The first pane still open once `newest` (ms) has been seen: every pane before it has ended `lateness` ago."""
    return (newest - lateness) // pane


def gone_through(begin: int, mark: int, held: Iterable[int], most: int) -> list[int]:
    """Panes of [begin, mark) to be gone through one by one.

    All that are held, the first `most` of the empty ones before each of them, and the last.
    """
    if mark - begin <= most:
        return list(range(begin, mark))
    due: list[int] = []
    at = begin
    for pane in sorted({*(pane for pane in held if begin <= pane < mark), mark - 1}):
        due += (*range(at, min(pane, at + most)), pane)
        at = pane + 1
    return due


def late_in_order(
    timestamps: IntArray, lateness: int, pane: int, proven: IntArray | None = None
) -> tuple[IntArray, BoolArray | None, int]:
    """Pane of each record, which records come after an earlier record closed their pane, and the floor after all.

    A record is late when a record *before* it in the same partition had already moved the floor past its pane. That
    depends only on the order within the partition, so every reading of the partition gives the same answer.

    Args:
        timestamps: int64[n], ms, in arrival order, n >= 1.
        lateness: how far (ms) a record may lag behind the newest one.
        pane: pane length, ms.
        proven: int64[n], ms, the time that each record proves to have come, where that is not its timestamp.

    Returns:
        panes int64[n]; late bool[n], or None when no record is late; the floor (a pane index) after the batch.
    """
    panes = timestamps // pane
    moving = timestamps if proven is None else proven
    floor = floor_of(int(moving.max()), lateness, pane)
    if int(panes.min()) >= floor:
        return panes, None, floor
    newest_before = np.maximum.accumulate(moving)[:-1]
    late = np.zeros(len(timestamps), dtype=bool)
    late[1:] = panes[1:] < (newest_before - lateness) // pane
    return panes, (late if late.any() else None), floor


def effective_times(timestamps: IntArray, proven: IntArray, lateness: int, pane: int) -> IntArray:
    """When each record counts as known, ms: its own time, or the start of the first pane still open when it came.

    Args:
        timestamps: int64[n], ms, in arrival order, n >= 1.
        proven: int64[n], as for `late_in_order`.
        lateness: the same.
        pane: the same.
    """
    known = timestamps.copy()
    floors = (np.maximum.accumulate(proven)[:-1] - lateness) // pane
    np.maximum(known[1:], floors * pane, out=known[1:])
    return known
