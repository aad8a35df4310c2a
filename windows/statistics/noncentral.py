"""Bounds on the noncentrality of a chi-square: the shared core of the intervals of PSI, Jensen-Shannon and chi2.

Near equality those divergences are the same quadratic form, and a sampled one is about ``noise`` times a noncentral
chi-square, ``chi2(degrees, truth / noise)``. The quantiles of that are taken from Pearson's three-moment approximation,
a shifted and scaled central chi-square ("Note on an approximation to the distribution of non-central chi-square",
Biometrika 46, 1959), and the central ones from Wilson and Hilferty (PNAS 17, 1931): a few products and one square root.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtri

if TYPE_CHECKING:
    from windows.arrays import FloatArray, IntArray

HALVINGS = 16
"""Steps of bisection, whatever the level: leaves 1e-4 of a standard deviation, and that on the safe side."""


def quantile(noncentrality: FloatArray, degrees: FloatArray, z: FloatArray | float) -> FloatArray:
    """Quantile of a noncentral chi-square at a normal quantile; the shape is what the arguments broadcast to.

    Args:
        noncentrality: >= 0.
        degrees: degrees of freedom, >= 1.
        z: normal quantile of the probability; negative for the lower tail.
    """
    twice, thrice = degrees + 2 * noncentrality, degrees + 3 * noncentrality
    step = (2 / 9) * thrice * thrice / (twice * twice * twice)
    root = np.maximum(1 - step + z * np.sqrt(step), 0.0)
    # The central quantile is freedom x root^3 with freedom = 2 / (9 step), scaled by thrice / twice.
    point: FloatArray = twice * twice / thrice * (root * root * root) - noncentrality * noncentrality / thrice
    return point


def bounds(
    low_statistic: FloatArray, high_statistic: FloatArray, degrees: FloatArray, alpha: float
) -> tuple[FloatArray, FloatArray]:
    """Lower and upper bound of a noncentrality, each wrong with probability at most alpha, ``[F]`` each.

    Args:
        low_statistic: observed noncentral chi-square that the lower bound is taken from, ``[F]``, >= 0.
        high_statistic: the same for the upper bound; the two differ where a bias is known in direction only.
        degrees: degrees of freedom, ``[F]``, >= 1.
        alpha: probability of error per bound, in (0, 0.5].
    """
    z = -float(ndtri(alpha))
    # Except with probability alpha the noise is shorter than `reach`: by the triangle inequality a bracket of the root.
    reach = np.sqrt(quantile(np.zeros_like(degrees), degrees, z))
    statistic = np.stack((low_statistic, high_statistic))
    side = np.array([[z], [-z]])
    root = np.sqrt(statistic)
    low = np.stack((np.maximum(root[0] - reach, 0.0), np.zeros_like(reach)))
    high = np.stack((root[0], root[1] + reach))
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        below = quantile(middle * middle, degrees, side) <= statistic
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return low[0] ** 2, high[1] ** 2


def divergence_interval(
    low: FloatArray, high: FloatArray, variance: FloatArray, degrees: IntArray, noise: FloatArray, alpha: float
) -> tuple[FloatArray, FloatArray]:
    """Interval of a divergence that is ``noise x chi2(degrees, truth / noise)`` near equality, ``[F]`` each.

    The delta method's variance is ``4 value noise`` there. Where it is larger, further off or on rare slots, the noise
    is taken to be larger by as much: the interval becomes the delta method's on the scale of the square root.

    Args:
        low: sampled divergence from which the lower bound is taken; biased by ``degrees x noise`` or less.
        high: the same for the upper bound; biased by as much or more.
        variance: its variance by the delta method.
        degrees: degrees of freedom.
        noise: ``1/n + 1/m``.
        alpha: probability of error per bound.
    """
    low_unit, high_unit = (_unit(value, variance, noise) for value in (low, high))
    freedom = np.maximum(degrees, 1).astype(np.float64)
    lower, upper = bounds(low / low_unit, high / high_unit, freedom, alpha)
    return lower * low_unit, upper * high_unit


def at_least_noise(value: FloatArray, degrees: IntArray, noise: FloatArray) -> FloatArray:
    """A sampled divergence for an upper bound: no less than noise alone gives on average, ``[F]``.

    Where rows count for fewer than they are, for how they resemble each other is not known well, the shares are
    steadier than their effective size says: a statistic far below its expectation would exclude every truth, even none.
    """
    return np.maximum(value, np.maximum(degrees, 1) * noise)


def _unit(value: FloatArray, variance: FloatArray, noise: FloatArray) -> FloatArray:
    local = 4 * value * noise
    return noise * np.maximum(np.divide(variance, local, out=np.ones_like(local), where=local > 0), 1.0)
