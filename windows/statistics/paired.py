"""The mean of paired differences with its interval: two models on the same rows.

Student's interval for the mean of independent differences: by the central limit theorem right for a few hundred rows of
any law with a variance, exact for normal ones (Student, 1908).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.special import stdtrit


@dataclass(slots=True)
class Paired:
    """Sums of differences so far; additive."""

    rows: int = 0
    total: float = 0.0
    squares: float = 0.0

    def add(self, rows: int, total: float, squares: float) -> None:
        """Take the count, sum and sum of squares of more differences."""
        self.rows += rows
        self.total += total
        self.squares += squares

    @property
    def mean(self) -> float:
        """The mean difference; NaN of no rows."""
        return self.total / self.rows if self.rows else math.nan

    def interval(self, alpha: float) -> tuple[float, float]:
        """Bounds that hold the true mean with probability 1 - alpha; infinite of fewer than two rows."""
        if self.rows < 2:
            return -math.inf, math.inf
        variance = max(self.squares - self.rows * self.mean**2, 0.0) / (self.rows - 1)
        half = float(stdtrit(self.rows - 1, 1 - alpha / 2)) * math.sqrt(variance / self.rows)
        return self.mean - half, self.mean + half
