"""Rows by hour: what tells whose clocks they follow, and whether their times are local."""

from dataclasses import dataclass, field

import numpy as np

from windows.arrays import IntArray
from windows.references.pace import HOUR

MOST_DAYS = 4_000
"""Beyond it days are not told apart: rows with such times have wrong ones among them."""


@dataclass(slots=True)
class HourVolumes:
    """Rows per hour (UTC) since the epoch."""

    first: int = 0
    counts: IntArray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    def add(self, times: IntArray) -> None:
        """Take in times, ms, at least one."""
        hours = times // HOUR
        low, high = int(hours.min()) // 24 * 24, int(hours.max()) // 24 * 24 + 24
        if len(self.counts):
            low, high = min(low, self.first), max(high, self.first + len(self.counts))
        if high - low > MOST_DAYS * 24:
            return
        if (low, high) != (self.first, self.first + len(self.counts)):
            grown = np.zeros(high - low, dtype=np.int64)
            grown[self.first - low : self.first - low + len(self.counts)] = self.counts
            self.first, self.counts = low, grown
        within = hours - self.first
        self.counts += np.bincount(within, minlength=len(self.counts))

    @property
    def days(self) -> IntArray:
        """Rows per hour of each day, int64[D, 24]."""
        return self.counts.reshape(-1, 24)
