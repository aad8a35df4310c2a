"""Overdispersion found live, from the differences between neighbouring panes.

A reference whose rows carry no time cannot say how much traffic varies from pane to pane. Then the first hour of
traffic says it: each pair of neighbouring panes is compared, so that one step in the data (the very drift to be found)
spoils one pair and not the estimate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import chdtri

from windows.overdispersion import accumulate, cumulative_factor, slot_factor

if TYPE_CHECKING:
    from windows.arrays import FloatArray, IntArray
    from windows.overdispersion import PaneVariance

FEWEST_PAIRS = 6
"""Below this many pairs nothing is known: the factor is infinite, so that no row counts as evidence yet."""

RISK = 0.01
"""Probability that few pairs make a factor look smaller than it is."""


@dataclass(slots=True)
class Dispersion:
    """Variance ratios of neighbouring panes so far: their sums over slots and over cumulative counts, float64[2, F].

    And how many pairs there were, and the last pane.
    """

    total: FloatArray
    pairs: int = 0
    last: PaneVariance | None = None

    def see(self, counts: IntArray) -> None:
        """Take the next pane: int64[F, B] rows per slot."""
        pane = accumulate(counts)
        if self.last is not None:
            both = self.last + pane
            self.total = self.total + np.stack((slot_factor(both), cumulative_factor(both)))
            self.pairs += 1
        self.last = pane

    def factors(self) -> FloatArray:
        """float64[F], >= 1: an upper bound that comes down to the mean as pairs are added (1.2 times it after 360).

        A pair's ratio is about a chi-square over its degrees of freedom: a slow wave moves the slots together, which
        leaves two or three degrees, and neighbouring pairs share a pane, so each is counted as one. Traffic that has
        shown six pairs may vary far more than those did.
        """
        if self.pairs < FEWEST_PAIRS:
            return np.full(self.total.shape[1], np.inf)
        bound: FloatArray = self.total.max(axis=0) / chdtri(self.pairs, 1 - RISK)
        return np.maximum(bound, 1.0)


def nothing_seen(features: int) -> Dispersion:
    """The start of an estimate."""
    return Dispersion(np.zeros((2, features)))
