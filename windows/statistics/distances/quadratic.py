"""Intervals of distances that are, near equality, a quadratic form of the shares, as PSI is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from windows.statistics import noncentral
from windows.statistics.slots import both_sides

if TYPE_CHECKING:
    from windows.arrays import Counts, FloatArray, IntArray
    from windows.statistics.intervals import Interval

EIGHT = 8.0
"""Squared Hellinger distance to the quadratic form that PSI is near equality."""
NATS = EIGHT * np.log(2)
"""Squared Jensen-Shannon distance (base 2) to the same."""


def root_interval(
    value: FloatArray,
    sampled: FloatArray,
    unit: float,
    bias: FloatArray,
    variance: FloatArray,
    freedom: IntArray,
    noise: FloatArray,
    alpha: float,
) -> Interval:
    """Interval of a distance of at most 1 whose square, times `unit`, is PSI's quadratic form near equality.

    Args:
        value: that square times the unit, from shares that are safe on few rows a slot.
        sampled: the distance as it is shown.
        unit: what the square is multiplied by.
        bias: of `value`.
        variance: of `value`, from its derivatives.
        freedom: slots that can vary.
        noise: 1/n + 1/m.
        alpha: probability of error per bound.
    """
    excess = bias - freedom * noise
    low, _ = without_bias(value, excess)
    _, high = without_bias(unit * sampled**2, excess)
    high = noncentral.at_least_noise(high, freedom, noise)
    lower, upper = noncentral.divergence_interval(low, high, variance, freedom, noise, alpha)
    # The value shown is not corrected for its bias, which few rows can lift above any plausible truth.
    ceiling = np.maximum(np.minimum(np.sqrt(upper / unit), 1.0), sampled)
    return np.sqrt(lower / unit), ceiling


def without_bias(value: FloatArray, excess: FloatArray) -> Interval:
    """The sampled value less a bias that is only trusted where it makes a bound safer: for the lower, for the upper."""
    return np.maximum(value - np.maximum(excess, 0.0), 0.0), value - np.minimum(excess, 0.0)


def where_defined(cur: Counts, ref: Counts, interval: Interval) -> Interval:
    """The interval, NaN for features with an empty side."""
    defined = both_sides(cur, ref)
    return np.where(defined, interval[0], np.nan), np.where(defined, interval[1], np.nan)
