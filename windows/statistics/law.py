"""The law of what a metric may truly be, by its first three moments, and the bounds that follow.

A bound of a share by Clopper and Pearson is a quantile of a Beta law, that of a mean a quantile of the mean under
random weights (`windows.statistics.skewed_mean`). Laws of independent parts are added moment by moment, so that a mean
over classes or a difference between two versions has bounds as good as those of its parts. The quantile is that of the
Pearson III law with the same mean, variance and skew: exact for gamma and normal laws. Only the long tail of the skew
is believed: the short one may be a mixture of something narrow and something rare, so there the normal law stands in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import gammainccinv, ndtri

if TYPE_CHECKING:
    from windows.arrays import FloatArray, IntArray
    from windows.statistics.intervals import Interval

NO_SKEW = 1e-5
"""Below this the Pearson III law is the normal one to all digits that matter."""
MOST_SKEW = 20.0
"""A skew beyond that of a gamma law with the shape 1/100 is taken for it."""


@dataclass(frozen=True, slots=True, eq=False)
class Law:
    """Mean, variance and third central moment, float64[G] each."""

    mean: FloatArray
    variance: FloatArray
    third: FloatArray

    def __add__(self, other: Law) -> Law:
        """The law of the sum of independent parts."""
        return Law(self.mean + other.mean, self.variance + other.variance, self.third + other.third)

    def __neg__(self) -> Law:
        """The law of the negative."""
        return Law(-self.mean, self.variance, -self.third)

    def times(self, factor: float | FloatArray) -> Law:
        """The law of a multiple."""
        return Law(self.mean * factor, self.variance * factor**2, self.third * factor**3)

    def long(self) -> Law:
        """The same without a skew to the left, which `above` would not believe."""
        return Law(self.mean, self.variance, np.maximum(self.third, 0.0))

    def above(self, alpha: float) -> FloatArray:
        """The 1 - alpha quantile, for alpha up to 1/2; infinite where the variance is."""
        spread = np.sqrt(self.variance)
        bounded = np.isfinite(spread) & (spread**3 > 0)
        skew = np.clip(np.divide(self.third, spread**3, out=np.zeros_like(spread), where=bounded), 0.0, MOST_SKEW)
        skewed = skew > NO_SKEW
        shape = 4.0 / np.square(np.where(skewed, skew, 1.0))
        deviations = np.where(skewed, (gammainccinv(shape, alpha) - shape) / np.sqrt(shape), -ndtri(alpha))
        quantile: FloatArray = self.mean + spread * deviations
        return quantile


@dataclass(frozen=True, slots=True, eq=False)
class Laws:
    """The law the lower bound is a quantile of, and that of the upper bound."""

    lower: Law
    upper: Law

    def bounds(self, alpha: float) -> Interval:
        """P(lower > truth) <= alpha and P(upper < truth) <= alpha."""
        return -(-self.lower).above(alpha), self.upper.above(alpha)

    def __sub__(self, other: Laws) -> Laws:
        """The laws of the difference of independent metrics.

        A long tail of one side is not made shorter by the skew of the other.
        """
        return Laws(-((-self.lower).long() + other.upper.long()), self.upper.long() + (-other.lower).long())

    def times(self, factor: float | FloatArray) -> Laws:
        """The laws of a positive multiple."""
        return Laws(self.lower.times(factor), self.upper.times(factor))


def share_laws(successes: FloatArray | IntArray, trials: FloatArray | IntArray) -> Laws:
    """The Beta laws behind Clopper and Pearson's bounds of a share; one point where there is no bound.

    Args:
        successes: any shape.
        trials: the same shape, at least as many.
    """
    hits, misses = successes.astype(np.float64), (trials - successes).astype(np.float64)
    return Laws(_beta(hits, misses + 1.0), _beta(hits + 1.0, misses))


def _beta(a: FloatArray, b: FloatArray) -> Law:
    size = a + b
    return Law(
        a / size,
        a * b / (size**2 * (size + 1)),
        2 * a * b * (b - a) / (size**3 * (size + 1) * (size + 2)),
    )
