"""From the sums of a window to ratios with intervals: how much larger errors are than those of the reference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from windows.joint.reconstruct import BINS, MOST, Joint
from windows.statistics.intervals import mean_interval, proportion_interval
from windows.statistics.ratios import ratio_interval

if TYPE_CHECKING:
    from windows.arrays import FloatArray, IntArray
    from windows.statistics.intervals import Interval


@dataclass(frozen=True, slots=True)
class Ratios:
    """G groups of d columns and the row as such, which is last.

    Attributes:
        value: float64[G, d + 1], mean error over that of the reference; NaN without rows.
        lower: float64[G, d + 1].
        upper: float64[G, d + 1].
        anomalous: share of anomalous rows, float64[G].
        bounds: of it.
        rows: int64[G].
    """

    value: FloatArray
    lower: FloatArray
    upper: FloatArray
    anomalous: FloatArray
    bounds: Interval
    rows: IntArray


def ratios(joint: Joint, sums: IntArray, factor: FloatArray, alpha: float, hours: IntArray | None = None) -> Ratios:
    """Measure G groups.

    Args:
        joint: what is normal.
        sums: int64[G, size_of(d)].
        factor: float64[G, d + 1], overdispersion: so many rows are worth an independent one; the last is that of rows.
        alpha: probability of error per bound.
        hours: int64[G, K], rows of each group in each class of hours; None where the model has none.
    """
    mean, bounds = _means(joint, sums, factor, alpha)
    if joint.classes and hours is not None:
        base, base_bounds = _mixed(joint, hours, alpha)
    else:
        base, base_bounds = _means(joint, joint.held[None, :], np.ones((1, joint.width + 1)), alpha)
    shape = mean.shape
    base, low, high = (np.broadcast_to(part, shape).ravel() for part in (base, *base_bounds))
    lower, upper = ratio_interval(mean.ravel(), (bounds[0].ravel(), bounds[1].ravel()), base, (low, high))
    rows = sums[:, -1]
    odd = sums[:, -1 - BINS + joint.threshold : -1].sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        value = np.where(rows[:, None] > 0, mean / base.reshape(shape), np.nan)
        share = np.where(rows > 0, odd / rows, np.nan)
    return Ratios(
        value,
        np.where(np.isnan(value), np.nan, lower.reshape(shape)),
        np.where(np.isnan(value), np.nan, upper.reshape(shape)),
        share,
        proportion_interval(odd / factor[:, -1], rows / factor[:, -1], alpha),
        rows,
    )


def _means(joint: Joint, sums: IntArray, factor: FloatArray, alpha: float) -> tuple[FloatArray, Interval]:
    """Mean errors and their bounds, float64[G, d + 1], no bound beyond what an error may be."""
    mean, variance, rows = _moments(joint, sums)
    return mean, _bounds(mean, variance, np.broadcast_to(rows / factor, mean.shape), alpha)


def _mixed(joint: Joint, hours: IntArray, alpha: float) -> tuple[FloatArray, Interval]:
    """The reference's mean errors in the hours that each group holds, and their bounds, float64[G, d + 1].

    A mean of classes with shares w is worth 1 / sum(w^2 / m) rows, as `windows.predictions.mixture` says. Summed class
    by class, so that no group knows with which others it is measured.
    """
    means, variances, rows = _moments(joint, np.stack([one.held for one in joint.classes]))
    shares = hours / np.maximum(hours.sum(axis=1, keepdims=True), 1)
    mean, noise = np.zeros((len(hours), joint.width + 1)), np.zeros((len(hours), joint.width + 1))
    spread = np.zeros((len(hours), 1))
    for number in np.flatnonzero(shares.any(axis=0)).tolist():
        share = shares[:, number, None]
        mean += share * means[number]
        noise += share * share * variances[number] / rows[number]
        spread += share * share / rows[number]
    worth = np.divide(1.0, spread, out=np.zeros_like(spread), where=spread > 0)
    return mean, _bounds(mean, noise * worth, np.broadcast_to(worth, mean.shape), alpha)


def _bounds(mean: FloatArray, variance: FloatArray, rows: FloatArray, alpha: float) -> Interval:
    lower, upper = mean_interval(mean, variance, rows, alpha)
    return np.maximum(lower, 0.0), np.minimum(upper, float(MOST))


def _moments(joint: Joint, sums: IntArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Means and variances of the errors, float64[G, d + 1], and rows, float64[G, 1]."""
    width = joint.width
    rows = sums[:, -1:].astype(np.float64)
    first = np.hstack((sums[:, :width], sums[:, 2 * width : 2 * width + 1])).astype(np.float64)
    second = np.hstack((sums[:, width : 2 * width], sums[:, 2 * width + 1 : 2 * width + 2])).astype(np.float64)
    count = np.maximum(rows, 1.0)
    mean = first / count
    return mean, np.maximum(second / count - mean**2, 0.0) * count / np.maximum(count - 1.0, 1.0), rows
