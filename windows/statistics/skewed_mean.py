"""Laws of a mean from the sums of the first three powers, for skewed and bounded values and at any level.

Student's interval knows no skew: of rare large losses its upper bound is far too low at deep levels. Here the weights
of the rows are Dirichlet distributed (the Bayesian bootstrap, Rubin 1981), and the end of the range joins the sample as
a row of its own (Gaffke, "Three test statistics for a nonparametric one-sided hypothesis on the mean of a nonnegative
variable", 2005): the bound is a quantile of the weighted mean. For rows of 0 and 1 that is Clopper and Pearson's bound.

Where the range is open nothing stands for what was never seen: the bound is Student's, made wider on the side of a tail
by the tail that was seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtri, stdtrit

from windows.statistics.law import Law, Laws

if TYPE_CHECKING:
    from windows.arrays import FloatArray, IntArray


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Size, mean, variance (divisor n) and third central moment of some values; float64[G] each, NaN without rows."""

    n: FloatArray
    mean: FloatArray
    variance: FloatArray
    third: FloatArray

    @classmethod
    def of_sums(cls, n: FloatArray | IntArray, first: FloatArray, second: FloatArray, third: FloatArray) -> Moments:
        """From the sums of the values, their squares and their cubes."""
        size = np.where(n > 0, n, np.nan)
        mean, square, cube = first / size, second / size, third / size
        variance = np.maximum(square - mean * mean, 0.0)
        return cls(size, mean, variance, cube - 3.0 * mean * square + 2.0 * mean * mean * mean)

    def with_row(self, at: float | FloatArray) -> Moments:
        """The moments when one more row of this value is there."""
        n, off = self.n + 1.0, at - self.mean
        shift = off / n
        square = (self.n * self.variance + off * off) / n
        cube = (self.n * self.third + off**3) / n
        return Moments(n, self.mean + shift, square - shift * shift, cube - 3.0 * shift * square + 2.0 * shift**3)

    def widened(self, other: Moments) -> Moments:
        """With the larger variance of the two and the heavier tail to the right."""
        return Moments(self.n, self.mean, np.fmax(self.variance, other.variance), np.fmax(self.third, other.third))

    def weighted(self) -> Law:
        """The law of the mean under Dirichlet(1, ..., 1) weights."""
        n = self.n
        return Law(self.mean, self.variance / (n + 1.0), 2.0 * self.third / ((n + 1.0) * (n + 2.0)))

    def __neg__(self) -> Moments:
        """The moments of the negatives."""
        return Moments(self.n, -self.mean, self.variance, -self.third)


def mean_laws(
    moments: Moments, low: float, high: float | FloatArray, alpha: float, beside: Moments | None = None
) -> Laws:
    """The laws of the mean.

    Args:
        moments: of G samples.
        low: least possible value, -inf for none.
        high: greatest possible value, inf for none; one for all or float64[G], all finite or none.
        alpha: the level Student's law is to be met at, where the range is open.
        beside: samples the means are compared with. Few rows that missed the rare far values look narrower than their
            population is, so that the wider sample speaks for both: larger variance, heavier tail.

    Returns:
        NaN without rows; a variance of infinity where the range is open and there are fewer than two.
    """
    mirrored = -moments
    if beside is not None:
        moments, mirrored = moments.widened(beside), mirrored.widened(-beside)
    return Laws(-_law(mirrored, -low, alpha), _law(moments, high, alpha))


def _law(moments: Moments, end: float | FloatArray, alpha: float) -> Law:
    if np.all(np.isfinite(end)):
        return moments.with_row(end).weighted()
    # The row that joins stands where the tail seems to be: the third moment over the variance is the size of the values
    # that make the skew, and 0 for a symmetric sample.
    tail = np.divide(moments.third, moments.variance, out=np.zeros_like(moments.third), where=moments.variance > 0)
    law = moments.with_row(moments.mean + np.maximum(tail, 0.0)).weighted()
    n = np.maximum(moments.n, 2.0)
    # Exactly Student's bound where there is no skew.
    normal = ndtri(alpha)
    # At a level of one half both bounds are the mean, and the width does not matter.
    student = stdtrit(n - 1.0, alpha) / normal if normal else np.ones_like(n)
    widened = student * np.sqrt((n + 1.0) * (n + 2.0) / (n * (n - 1.0)))
    variance = np.where(moments.n < 2, np.inf, law.variance * widened**2)
    return Law(law.mean, variance, np.maximum(law.third, 0.0) * widened**3)
