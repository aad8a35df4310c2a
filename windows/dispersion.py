"""Overdispersion found live, from the differences between neighbouring panes.

A reference whose rows carry no time cannot say how much traffic varies from pane to pane. Then the first hour of
traffic says it: each pair of
neighbouring panes is compared, so that one step in the data (the very drift to be found) spoils one pair and not the
estimate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from windows.overdispersion import accumulate, factor

if TYPE_CHECKING:
    from windows.arrays import FloatArray, IntArray
    from windows.overdispersion import PaneVariance

FEWEST_PAIRS = 6
"""Below this many pairs nothing is said (factor 1)."""


@dataclass(slots=True)
class Dispersion:
    """Factors of neighbouring panes so far: their sum per feature, how many, and the last pane."""

    total: FloatArray
    pairs: int = 0
    last: PaneVariance | None = None

    def see(self, counts: IntArray) -> None:
        """Take the next pane: int64[F, B] rows per slot."""
        pane = accumulate(counts)
        if self.last is not None:
            self.total = self.total + factor(self.last + pane)
            self.pairs += 1
        self.last = pane

    def factors(self) -> FloatArray:
        """float64[F], >= 1.

        Each pair's factor is clamped at 1 from below, which lifts the mean of independent traffic above 1:
        conservative.
        """
        if self.pairs < FEWEST_PAIRS:
            return np.ones(len(self.total))
        return np.maximum(self.total / self.pairs, 1.0)


def nothing_seen(features: int) -> Dispersion:
    """The start of an estimate."""
    return Dispersion(np.zeros(features))
