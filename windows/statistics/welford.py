"""Mean and standard deviation of a stream, one value at a time: Welford, Technometrics 4 (1962)."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(slots=True)
class Welford:
    """Count, mean and sum of squared deviations."""

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0

    def add(self, value: float) -> None:
        """Take a value."""
        self.count += 1
        apart = value - self.mean
        self.mean += apart / self.count
        self.squares += apart * (value - self.mean)

    @property
    def deviation(self) -> float:
        """The standard deviation, n - 1; 0 of fewer than two values."""
        return math.sqrt(self.squares / (self.count - 1)) if self.count > 1 else 0.0
