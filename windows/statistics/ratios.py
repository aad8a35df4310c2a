"""The interval of a ratio of two independent estimates, from the interval of each.

Method of variance estimates recovery: Donner and Zou, Closed-form confidence intervals for functions of the normal mean
and standard deviation, Statistical Methods in Medical Research 21 (2012). A ratio r is inside when a - r b could be
zero, where the uncertainty of the difference is the root of the summed squares of the two one-sided uncertainties. It
takes asymmetric intervals as they are, so that a share near zero keeps its Clopper-Pearson bounds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from windows.arrays import FloatArray
    from windows.statistics.intervals import Interval


def ratio_interval(a: FloatArray, a_bounds: Interval, b: FloatArray, b_bounds: Interval) -> Interval:
    """Bounds of a / b, each at the level of the bounds given.

    Args:
        a: float64[n], estimates >= 0.
        a_bounds: (lower, upper) of them, float64[n] each; lower bounds below 0 are taken as 0.
        b: as a, of the denominators.
        b_bounds: as a_bounds.

    Returns:
        (lower, upper), float64[n] each; upper is inf where the denominator may be 0; NaN where any input is, or where
        an estimate is negative: a ratio of values of unlike signs says nothing.
    """
    a_low, a_high = np.maximum(a_bounds[0], 0.0), a_bounds[1]
    b_low, b_high = np.maximum(b_bounds[0], 0.0), b_bounds[1]
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        product = a * b
        # The roots of A r^2 - 2 a b r + C, in the form that also holds for A <= 0 (a bound beyond twice the estimate).
        numerator = a_low * (2.0 * a - a_low)
        root = np.sqrt(np.maximum(product**2 - b_high * (2.0 * b - b_high) * numerator, 0.0))
        lower = np.where(a_low > 0, numerator / (product + root), 0.0)
        leading = b_low * (2.0 * b - b_low)
        root = np.sqrt(np.maximum(product**2 - leading * a_high * (2.0 * a - a_high), 0.0))
        upper = np.where(leading > 0, (product + root) / leading, np.inf)
        unknown = ~((a >= 0) & (b >= 0)) | np.isnan(a_low + a_high + b_low + b_high)
    return np.where(unknown, np.nan, lower), np.where(unknown, np.nan, upper)
