"""Logarithmic bins over any range: quantiles of delays and of errors within a stated relative error.

The mapping of DDSketch (Masson, Rim and Lee, PVLDB 12(12), 2019), as in `windows.sketches.quantiles`, but with a range
and an accuracy of one's own, and over many histograms at once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import betaincc

if TYPE_CHECKING:
    from windows.arrays import FloatArray, IntArray


@dataclass(frozen=True)
class LogBins:
    """Slots 0: up to `low`; 1..: logarithmic; last: beyond `high`.

    Attributes:
        low: largest value of the first slot, > 0.
        high: values beyond share the last slot.
        accuracy: relative error of a quantile between the two.
    """

    low: float
    high: float
    accuracy: float

    @cached_property
    def log_gamma(self) -> float:
        """Logarithm of the ratio of neighbouring edges."""
        return math.log((1 + self.accuracy) / (1 - self.accuracy))

    @cached_property
    def count(self) -> int:
        """Number of slots."""
        return math.ceil(math.log(self.high / self.low) / self.log_gamma - 1e-9) + 2

    @cached_property
    def upper(self) -> FloatArray:
        """Upper end of each slot, float64[count]; infinite for the last."""
        edges = self.low * np.exp(self.log_gamma * np.arange(self.count, dtype=np.float64))
        edges[-2:] = self.high, np.inf
        return edges

    @cached_property
    def answers(self) -> FloatArray:
        """What each slot answers, float64[count]: the point within `accuracy` of every value in it."""
        answers = self.low * np.exp(self.log_gamma * np.arange(self.count, dtype=np.float64)) * (1 - self.accuracy)
        answers[0], answers[-1] = self.low, self.high
        return answers

    def slots(self, values: FloatArray) -> IntArray:
        """The slot of each value, int64[n]; NaN is the caller's business, infinity belongs to the last."""
        index = np.ceil(np.log(np.clip(values, self.low, 2 * self.high) / self.low) / self.log_gamma).astype(np.int64)
        return np.where(values > self.high, self.count - 1, np.minimum(index, self.count - 2))

    def quantile(self, counts: IntArray, q: float) -> FloatArray:
        """The order statistic of rank floor(q (n - 1)) within `accuracy`, float64[G]; NaN without counts.

        Args:
            counts: int64[G, count].
            q: probability.
        """
        total = counts.sum(axis=1)
        answer = self.answers[_slot_of_rank(counts, np.floor(q * np.maximum(total - 1, 0)))]
        return np.where(total > 0, answer, np.nan)

    def quantile_bounds(self, counts: IntArray, q: float, alpha: float) -> tuple[FloatArray, FloatArray]:
        """Bounds of the true quantile from order statistics, float64[G] each, for any distribution.

        The number of rows up to the q-quantile is binomial(n, q) (David and Nagaraja, Order Statistics, 2003, 7.1). The
        outer ends of the slots are given: 0 or infinity where there are too few rows for the level.
        """
        total = counts.sum(axis=1).astype(np.float64)
        below, above = lower_rank(total, q, alpha), total + 1 - lower_rank(total, 1 - q, alpha)
        low = np.concatenate(([0.0], self.upper[:-1]))[_slot_of_rank(counts, np.maximum(below - 1, 0))]
        high = self.upper[_slot_of_rank(counts, np.minimum(above, total) - 1)]
        return np.where(below >= 1, low, 0.0), np.where(above <= total, high, np.inf)


def lower_rank(n: FloatArray, q: float, alpha: float) -> FloatArray:
    """Largest rank r (from 1) with P(binomial(n, q) <= r - 1) <= alpha, float64[G] as n; 0 where there is none."""
    low, high = np.full(n.shape, -1.0), n.copy()
    # The cumulative probability grows with k: halve [low, high) until low is the last k that is rare enough.
    for _ in range(int(np.ceil(np.log2(np.max(n, initial=0.0) + 2))) + 1):
        middle = np.floor((low + high) / 2)
        inside = (middle > low) & (middle < n)
        k = np.where(inside, middle, 0.0)
        rare = inside & (betaincc(k + 1, np.maximum(n - k, 1.0), q) <= alpha)
        low, high = np.where(rare, middle, low), np.where(inside & ~rare, middle, high)
    return low + 1


def _slot_of_rank(counts: IntArray, rank: FloatArray) -> IntArray:
    """Slot that holds the row of this rank (from 0), int64[G]."""
    cumulative = np.cumsum(counts, axis=1)
    slots = (cumulative <= np.maximum(rank, 0)[:, None]).sum(axis=1)
    found: IntArray = np.minimum(slots, counts.shape[1] - 1).astype(np.int64)
    return found
