"""The pace of a reference: how many predictions come at which hour of the week, and how long it was silent."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from windows.arrays import FloatArray

HOUR = 3_600_000
DAY = 24 * HOUR
WEEK = 168
"""Hours."""

MONDAY = 72
"""The epoch began on a Thursday: so many hours later it was Monday."""

WEEKLY = 14 * DAY
"""A span (ms) from which on every hour of the week was seen twice, and counts as one of its own."""

DAILY = 2 * DAY
"""The same for the hours of the day."""

UNSEEN = 0.5
"""Rows that are added to each hour (Jeffreys' prior): one in which none came by chance is not one without traffic."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How the rows of a reference were spread over time.

    Attributes:
        hours: rows in each hour of the week, UTC, from Monday midnight: 168 counts.
        span: how long (ms) they were collected.
        quiet: the longest silences, longest first, each as the rows that were to be expected meanwhile.
        lacking: feature -> most predictions in a row without a value; empty where the rows were not in order of time.
    """

    hours: tuple[int, ...]
    span: int
    quiet: tuple[float, ...] = ()
    lacking: dict[str, int] = field(default_factory=dict)

    @property
    def per_day(self) -> float:
        """Predictions a day."""
        return sum(self.hours) * DAY / max(self.span, 1)

    def __add__(self, other: Pace) -> Pace:
        """Of both references together: the longer silences of either."""
        hours = tuple(one + another for one, another in zip(self.hours, other.hours, strict=True))
        quiet = tuple(sorted((*self.quiet, *other.quiet), reverse=True)[: max(len(self.quiet), len(other.quiet))])
        both = self.lacking.keys() & other.lacking.keys()
        lacking = {name: max(self.lacking[name], other.lacking[name]) for name in both}
        return Pace(hours, self.span + other.span, quiet, lacking)


class Rhythm:
    """Predictions to be expected between two moments, by hour of the week as far as the span tells them apart."""

    def __init__(self, pace: Pace) -> None:
        """Rates of each hour; of short spans those of the hours of the day, or one for all."""
        counts = np.array(pace.hours, dtype=np.float64)
        weeks = pace.span / (WEEK * HOUR)
        if pace.span < DAILY:
            counts = np.full(WEEK, counts.mean())
        elif pace.span < WEEKLY:
            counts = np.tile(counts.reshape(7, 24).mean(axis=0), 7)
        scale = counts.mean() / (counts.mean() + UNSEEN)
        self.rates: FloatArray = (counts + UNSEEN) * scale / max(weeks, 1e-9)
        """float64[168], rows an hour of each week."""
        self._hourly: list[float] = self.rates.tolist()
        self._sums = np.concatenate(([0.0], np.cumsum(self.rates)))

    def upto(self, times: FloatArray) -> FloatArray:
        """Rows to be expected from the epoch to these times (ms)."""
        hours = np.asarray(times, dtype=np.float64) / HOUR + MONDAY
        weeks, within = np.divmod(hours, WEEK)
        whole = np.minimum(within.astype(np.int64), WEEK - 1)
        found: FloatArray = weeks * self._sums[-1] + self._sums[whole] + (within - whole) * self.rates[whole]
        return found

    def expected(self, begin: int, end: int) -> float:
        """Rows to be expected in [begin, end), ms."""
        return float(np.diff(self.upto(np.array([begin, end], dtype=np.float64)))[0])

    def until(self, begin: int, rows: float) -> float:
        """When (ms) so many rows were to be expected since `begin`; infinite where none are at any time."""
        if self._sums[-1] <= 0 or not math.isfinite(rows):
            return math.inf
        weeks, rest = divmod(rows, float(self._sums[-1]))
        at = begin + weeks * WEEK * HOUR
        hour = int(begin // HOUR + MONDAY) % WEEK
        left = 1 - (begin % HOUR) / HOUR
        rates = self._hourly
        while rest > rates[hour] * left:
            rest -= rates[hour] * left
            at += left * HOUR
            hour, left = (hour + 1) % WEEK, 1.0
        return at + rest / max(rates[hour], 1e-300) * HOUR
