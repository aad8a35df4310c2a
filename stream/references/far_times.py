"""Times that are no times of their rows: the first and the last day that a database knows, among those of one year."""

import datetime as dt
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from windows.arrays import BoolArray, IntArray
from windows.references.pace import DAY

FEW = 0.01
"""Share of the rows that may bear such times."""

FEWEST = 100
"""Rows of which one may be told from the others."""

FAR, APART = 10, 400
"""Times are far where they are so many times the span of the others away from them, and at least so many days."""


@dataclass(slots=True)
class DayVolumes:
    """Rows by day since the epoch."""

    days: Counter[int] = field(default_factory=Counter)

    def add(self, times: IntArray) -> None:
        """Take in times, ms."""
        days, counts = np.unique(times // DAY, return_counts=True)
        self.days.update(dict(zip(days.tolist(), counts.tolist(), strict=True)))

    def usual(self) -> tuple[int, int] | None:
        """First and last moment (ms) that rows may bear, where a few bear one far from all others; else None."""
        days = np.array(sorted(self.days), dtype=np.int64)
        counts = np.array([self.days[day] for day in days.tolist()], dtype=np.int64)
        rows = int(counts.sum())
        if rows < FEWEST:
            return None
        before = np.cumsum(counts)
        most = int(FEW * rows)
        low, high = (
            int(days[np.searchsorted(before, most, side="right")]),
            int(days[np.searchsorted(before, rows - most)]),
        )
        room = max(FAR * (high - low + 1), APART)
        near = (days >= low - room) & (days <= high + room)
        if near.all() or int(counts[~near].sum()) > most:
            return None
        return (low - room) * DAY, (high + room + 1) * DAY - 1


def within(times: tuple[IntArray, BoolArray], usual: tuple[int, int] | None) -> tuple[IntArray, BoolArray]:
    """The times of rows, where those that are far from all others are none."""
    if usual is None:
        return times
    found, known = times
    return found, known & (found >= usual[0]) & (found <= usual[1])


def far_note(days: DayVolumes, usual: tuple[int, int], column: str) -> str:
    """What to say of the times that are far from all others."""
    low, high = usual[0] // DAY, usual[1] // DAY
    far = {day: count for day, count in sorted(days.days.items()) if not low <= day <= high}
    total, rows = sum(far.values()), sum(days.days.values())
    return (
        f"{total:,} of {rows:,} rows bear a time far from those of all others ({_shown(far)}), and count as rows"
        f" without one; where that stands for no time, leave `{column}` empty"
    )


def _shown(days: Iterable[int]) -> str:
    names = [str(dt.date(1970, 1, 1) + dt.timedelta(days=day)) for day in days]
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
