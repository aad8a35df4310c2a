"""Overdispersion found live, from the differences between neighbouring panes.

A reference whose rows carry no time cannot say how much traffic varies from pane to pane. Then the first hour of
traffic says it: each pair of neighbouring panes gives one estimate, and their median counts. A step in the data (the
very drift to be found) spoils the one or two pairs it falls into and not the median, from a dozen pairs on.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import bdtrc

from windows.statistics.overdispersion import accumulate, cumulative_factor, slot_factor

if TYPE_CHECKING:
    from windows.arrays import FloatArray, IntArray
    from windows.statistics.overdispersion import PaneVariance

FEWEST_PAIRS = 7
"""Below this many pairs nothing is known: the factor is infinite, so that no row counts as evidence yet."""

RISK = 0.01
"""Probability that the bound on the median is below the median: 7 pairs are the fewest that allow it."""

MEDIAN = float(np.log(2.0))
"""Median of a chi-square of two degrees over its mean: what a slow wave, which moves all slots together, leaves."""


@dataclass(slots=True)
class Dispersion:
    """Variance ratios of neighbouring panes, float64[2, F] a pair: over slots and over cumulative counts.

    Attributes:
        features: F.
        ratios: one entry a pair.
        last: the last pane, as evidence.
        settled: float64[F], the factors once the estimate is done; None before.
    """

    features: int
    ratios: list[FloatArray] = field(default_factory=list)
    last: PaneVariance | None = None
    settled: FloatArray | None = None

    @property
    def pairs(self) -> int:
        """Pairs seen while learning."""
        return len(self.ratios)

    def see(self, counts: IntArray) -> None:
        """Take the next pane: int64[F, B] rows per slot."""
        pane = accumulate(counts)
        if self.last is not None:
            both = self.last + pane
            self.ratios.append(np.stack((slot_factor(both), cumulative_factor(both))))
        self.last = pane

    def settle(self) -> None:
        """End the estimate: keep the factors, drop what they came from."""
        self.settled = self.factors()
        self.ratios = []
        self.last = None

    def factors(self) -> FloatArray:
        """float64[F], >= 1: an upper bound of the median ratio, as a mean; it comes down as pairs are added.

        The bound is an order statistic (David and Nagaraja, Order Statistics, 2003, 7.1), so it holds for any
        distribution of the ratios. From median to mean a pair is taken to have two degrees of freedom, the fewest
        that were seen; more degrees make the factor larger than need be, by at most 1.44.
        """
        if self.settled is not None:
            return self.settled
        if self.pairs < FEWEST_PAIRS:
            return np.full(self.features, np.inf)
        ordered = np.sort(np.stack(self.ratios), axis=0)
        bound: FloatArray = ordered[_rank(self.pairs) - 1].max(axis=0) / MEDIAN
        return np.maximum(bound, 1.0)


def _rank(pairs: int) -> int:
    """Smallest rank whose order statistic is below the median with a probability of at most RISK."""
    ranks = np.arange(1, pairs + 1)
    # The r-th smallest is below the median when at least r ratios are: P(binomial(pairs, 1/2) >= r).
    return int(ranks[bdtrc(ranks - 1, pairs, 0.5) <= RISK][0])


def nothing_seen(features: int) -> Dispersion:
    """The start of an estimate."""
    return Dispersion(features)
