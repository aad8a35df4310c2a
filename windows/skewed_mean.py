"""Bounds of a mean from the sums of the first three powers, for skewed and bounded values and at any level.

Student's interval knows no skew: of rare large losses its upper bound is far too low at deep levels. Here the weights
of the rows are Dirichlet distributed (the Bayesian bootstrap, Rubin 1981), and the end of the range joins the sample as
a row of its own (Gaffke, "Three test statistics for a nonparametric one-sided hypothesis on the mean of a nonnegative
variable", 2005): the bound is the quantile of the weighted mean. For rows of 0 and 1 that is Clopper and Pearson's
bound. The quantile is that of the Pearson III law with the same mean, variance and skew, so three sums are enough.

Where the range is open nothing stands for what was never seen: the bound is Student's, made wider on the side of a tail
by the tail that was seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import gammainccinv, gammaincinv, ndtri, stdtrit

if TYPE_CHECKING:
    from windows.arrays import FloatArray
    from windows.intervals import Interval

NO_SKEW = 1e-5
"""Below this the Pearson III law is the normal one to all digits that matter."""


@dataclass(frozen=True, slots=True)
class Moments:
    """Size, mean, variance (divisor n) and third central moment of some values; float64[G] each."""

    n: FloatArray
    mean: FloatArray
    variance: FloatArray
    third: FloatArray

    @classmethod
    def of_sums(cls, n: FloatArray, first: FloatArray, second: FloatArray, third: FloatArray) -> Moments:
        """From the sums of the values, their squares and their cubes."""
        size = np.where(n > 0, n, np.nan)
        mean, square, cube = first / size, second / size, third / size
        return cls(
            n, mean, np.maximum(square - mean * mean, 0.0), cube - 3.0 * mean * square + 2.0 * mean * mean * mean
        )

    def with_row(self, at: float | FloatArray) -> Moments:
        """The moments when one more row of this value is there."""
        n, off = self.n + 1.0, at - self.mean
        shift = off / n
        square = (self.n * self.variance + off * off) / n
        cube = (self.n * self.third + off**3) / n
        return Moments(n, self.mean + shift, square - shift * shift, cube - 3.0 * shift * square + 2.0 * shift**3)

    def weighted(self) -> tuple[FloatArray, FloatArray]:
        """Variance and third central moment of the mean under Dirichlet(1, ..., 1) weights."""
        return self.variance / (self.n + 1.0), 2.0 * self.third / ((self.n + 1.0) * (self.n + 2.0))


def mean_bounds(moments: Moments, low: float, high: float | FloatArray, alpha: float) -> Interval:
    """Bounds of the mean, P(lower > truth) <= alpha and P(upper < truth) <= alpha.

    Args:
        moments: of G samples.
        low: least possible value, -inf for none.
        high: greatest possible value, inf for none; one for all or float64[G], all finite or none.
        alpha: probability of error per bound.

    Returns:
        float64[G] each; NaN without rows, infinite (or the end) where the range is open and there are fewer than two.
    """
    mirrored = Moments(moments.n, -moments.mean, moments.variance, -moments.third)
    if np.all(np.isfinite(high)) and np.isfinite(low):
        lower, upper = -_closed(mirrored, -low, alpha), _closed(moments, high, alpha)
    else:
        lower, upper = -_open(mirrored, alpha), _open(moments, alpha)
    return np.maximum(lower, low), np.minimum(upper, high)


def _closed(moments: Moments, end: float | FloatArray, alpha: float) -> FloatArray:
    joined = moments.with_row(end)
    above: FloatArray = joined.mean + deviation(*joined.weighted(), alpha)
    return np.where(moments.n > 0, np.maximum(above, moments.mean), np.nan)


def _open(moments: Moments, alpha: float) -> FloatArray:
    """Student's bound where there is no skew; a tail on this side is made heavier, one on the other side is no comfort.

    The row that joins stands where the tail seems to be: the third moment over the variance is the size of the values
    that make the skew, and 0 for a symmetric sample.
    """
    enough = moments.n >= 2
    n = np.where(enough, moments.n, 2.0)
    tail = np.divide(moments.third, moments.variance, out=np.zeros_like(n), where=moments.variance > 0)
    joined = moments.with_row(moments.mean + np.maximum(tail, 0.0))
    variance, third = joined.weighted()
    widened = stdtrit(n - 1.0, alpha) / ndtri(alpha) * np.sqrt((n + 1.0) * (n + 2.0) / (n * (n - 1.0)))
    bound = joined.mean + widened * deviation(variance, np.maximum(third, 0.0), alpha)
    return np.where(moments.n > 0, np.where(enough, bound, np.inf), np.nan)


def deviation(variance: FloatArray, third: FloatArray, alpha: float) -> FloatArray:
    """How far above its mean the 1 - alpha quantile of a Pearson III law lies, float64[G].

    Args:
        variance: of the law.
        third: its third central moment.
        alpha: probability above the quantile.
    """
    spread = np.sqrt(np.maximum(variance, 0.0))
    # A sampled skew cannot be told from a shape of 1/100 (skew 20) on.
    skew = np.clip(np.divide(third, spread**3, out=np.zeros_like(spread), where=spread**3 > 0), -20.0, 20.0)
    skewed = np.abs(skew) > NO_SKEW
    shape = 4.0 / np.square(np.where(skewed, skew, 1.0))
    right, left = gammainccinv(shape, alpha) - shape, shape - gammaincinv(shape, alpha)
    scaled = np.where(skew > 0, right, left) / np.sqrt(shape)
    return spread * np.where(skewed, scaled, -ndtri(alpha))
