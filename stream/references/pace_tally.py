"""The second pass of a build, over time: rows by hour of the week, silences, and runs of rows without a value."""

import numpy as np

from windows.arrays import BoolArray, IntArray
from windows.references.pace import HOUR, MONDAY, WEEK, Pace, Rhythm
from windows.statistics.gaps import longest_of

CELLS = 1 << 20
"""The span is cut into at most so many cells: a year is seen by the half minute. Rows may come in any order."""

FINEST = 1_000
"""Shortest cell, ms. Rows of less time have no pace: an export's date on all rows is no storm."""


class PaceTally:
    """Memory: CELLS bytes, and a few numbers a feature."""

    def __init__(self, start: int, end: int) -> None:
        """Over the span of the first pass, ms."""
        self._start = start
        self._span = end - start + 1
        self._cell = max(FINEST, -(-self._span // CELLS))
        self._held = np.zeros(-(-self._span // self._cell), dtype=bool)
        self._hours = np.zeros(WEEK, dtype=np.int64)
        self._last = start
        self._ordered = True
        self._running: dict[str, int] = {}
        self._longest: dict[str, int] = {}

    def add(self, times: IntArray, known: BoolArray, missing: dict[str, BoolArray]) -> None:
        """Take in a batch.

        Args:
            times: int64[n], ms.
            known: bool[n], whether they are.
            missing: feature -> bool[n], whether it has no value.
        """
        timed = times[known]
        if len(timed) == 0:
            return
        self._ordered &= bool(len(timed) == len(times) and timed[0] >= self._last and (np.diff(timed) >= 0).all())
        self._last = int(timed[-1])
        self._held[(timed - self._start) // self._cell] = True
        self._hours += np.bincount((timed // HOUR + MONDAY) % WEEK, minlength=WEEK)
        if self._ordered:
            for name, absent in missing.items():
                self._run(name, absent)

    def _run(self, name: str, absent: BoolArray) -> None:
        """The longest run of rows without a value, over the bounds of batches."""
        present = np.flatnonzero(~absent)
        running = self._running.get(name, 0)
        if len(present) == 0:
            self._running[name] = running + len(absent)
            runs = self._running[name]
        else:
            inner = int(np.diff(present).max(initial=1)) - 1
            self._running[name] = len(absent) - 1 - int(present[-1])
            runs = max(running + int(present[0]), inner, self._running[name])
        self._longest[name] = max(self._longest.get(name, 0), runs)

    def pace(self) -> Pace:
        """What was found."""
        pace = Pace(tuple(self._hours.tolist()), self._span)
        held = np.flatnonzero(self._held).astype(np.float64)
        ends, starts = (held[:-1] + 1) * self._cell + self._start, held[1:] * self._cell + self._start
        rhythm = Rhythm(pace)
        quiet = longest_of(np.maximum(rhythm.upto(starts) - rhythm.upto(ends), 0.0))
        lacking = self._longest if self._ordered else {}
        return Pace(pace.hours, pace.span, tuple(round(rows, 6) for rows in quiet), dict(lacking))
