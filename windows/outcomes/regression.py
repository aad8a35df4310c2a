"""Metrics of a regression model; an error is prediction - label. Pairs that are not finite are left out.

- mae, rmse, bias (mean error): `windows.statistics.skewed_mean`; errors have no greatest value, so the upper bounds
trust the tail
  that was seen.
- r2: one less the ratio of the mean squared error to the variance of the labels. The bounds of the two, the second by
  the delta method on the logarithm, are joined by square and add (Donner and Zou, "Closed-form confidence intervals for
  functions of the normal mean and standard deviation", 2012); that they go up together only makes it wider.
- within_tolerance: a share. abs_error_p50, p90, p99: order statistics, within 2.5 % (5 % without a reference).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import stdtrit

from windows.outcomes.metric import Metric
from windows.statistics.measured import Measured, by_laws, measured, share
from windows.statistics.skewed_mean import Moments, mean_laws

if TYPE_CHECKING:
    from collections.abc import Callable

    from windows.arrays import FloatArray, IntArray
    from windows.outcomes.layout import TaskLayout
    from windows.statistics.intervals import Interval
    from windows.statistics.law import Laws


ROUNDING = 1e-13
"""Of a mean of squares, in units of the layout's scale."""


def _rows(layout: TaskLayout, vectors: IntArray) -> IntArray:
    rows: IntArray = vectors[:, layout.spans["errors"]].sum(axis=1)
    return rows


def _sum(layout: TaskLayout, vectors: IntArray, name: str) -> FloatArray:
    block = "squares" if name in layout.blocks["squares"].names else "powers"
    return layout.blocks[block].read(vectors, name)


def _moments(layout: TaskLayout, vectors: IntArray, names: tuple[str, str, str]) -> Moments:
    return Moments.of_sums(_rows(layout, vectors), *(_sum(layout, vectors, name) for name in names))


def _laws(
    layout: TaskLayout,
    vectors: IntArray,
    alpha: float,
    beside: IntArray | None,
    names: tuple[str, str, str],
    low: float,
) -> tuple[FloatArray, Laws]:
    """Mean of some powers of the error, in units of the scale, with its laws."""
    moments = _moments(layout, vectors, names)
    other = None if beside is None else _moments(layout, beside, names)
    return moments.mean, mean_laws(moments, low, np.inf, alpha, other)


def _mae(layout: TaskLayout, vectors: IntArray, alpha: float, beside: IntArray | None = None) -> Measured:
    mean, laws = _laws(layout, vectors, alpha, beside, ("abs", "error_2", "abs_3"), 0.0)
    rows = _rows(layout, vectors)
    return by_laws(mean * layout.scale, laws.times(layout.scale), 0.0, np.inf, rows, alpha)


def _bias(layout: TaskLayout, vectors: IntArray, alpha: float, beside: IntArray | None = None) -> Measured:
    mean, laws = _laws(layout, vectors, alpha, beside, ("error", "error_2", "error_3"), -np.inf)
    rows = _rows(layout, vectors)
    return by_laws(mean * layout.scale, laws.times(layout.scale), -np.inf, np.inf, rows, alpha)


def _rmse(layout: TaskLayout, vectors: IntArray, alpha: float, beside: IntArray | None = None) -> Measured:
    mean, (low, high) = _mean_square(layout, vectors, alpha, beside)
    value, low, high = (np.sqrt(part) * layout.scale for part in (mean, low, high))
    return measured(value, (low, high), _rows(layout, vectors))


def _mean_square(
    layout: TaskLayout, vectors: IntArray, alpha: float, beside: IntArray | None
) -> tuple[FloatArray, Interval]:
    """Mean squared error with its bounds, in units of the scale."""
    mean, laws = _laws(layout, vectors, alpha, beside, ("error_2", "error_4", "error_6"), 0.0)
    low, high = laws.bounds(alpha)
    return mean, (np.maximum(low, 0.0), high)


def _r2(layout: TaskLayout, vectors: IntArray, alpha: float, beside: IntArray | None = None) -> Measured:
    square, (low, high) = _mean_square(layout, vectors, alpha, beside)
    variance, logarithm = _variance(layout, vectors, alpha)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratio = np.where(variance > 0, square / variance, np.nan)
        down = np.where(low > 0, np.exp(-np.hypot(np.log(square / low), logarithm)), 0.0)
        # Without any error the ratio is 0, whatever the labels; the upper bound is that of the error.
        up = np.where(
            square > 0,
            ratio * np.exp(np.hypot(np.log(high / square), logarithm)),
            np.where(high > 0, high / variance * np.exp(logarithm), 0.0),
        )
    return measured(1 - ratio, (1 - up, 1 - ratio * down), _rows(layout, vectors))


def _variance(layout: TaskLayout, vectors: IntArray, alpha: float) -> Interval:
    """Variance of the labels (divisor n) and the half-width of its interval on the logarithm."""
    rows = _rows(layout, vectors).astype(np.float64)
    n = np.where(rows > 0, rows, np.nan)
    raw = [_sum(layout, vectors, name) / n for name in ("label", "label_2", "label_3", "label_4")]
    mean = raw[0]
    variance = np.maximum(raw[1] - mean**2, 0.0)
    # Labels that are all the same differ by the rounding of the sums at most: they have no variance.
    variance = np.where(variance > ROUNDING * (1.0 + np.abs(raw[1])), variance, 0.0)
    fourth = raw[3] - 4 * mean * raw[2] + 6 * mean**2 * raw[1] - 3 * mean**4
    with np.errstate(divide="ignore", invalid="ignore"):
        tail = np.maximum(fourth / variance**2, 1.0) - 1.0 + 2.0 / np.maximum(n - 1, 1)
        half = np.where(n >= 2, -stdtrit(np.maximum(n - 1, 1), alpha) * np.sqrt(tail / n), np.inf)
    return variance, half


def _within(layout: TaskLayout, vectors: IntArray, alpha: float) -> Measured:
    return share(vectors[:, layout.slot("within")], _rows(layout, vectors), alpha)


def _error_quantile(q: float) -> Callable[[TaskLayout, IntArray, float], Measured]:
    def quantile(layout: TaskLayout, vectors: IntArray, alpha: float) -> Measured:
        if layout.errors is None:
            raise TypeError(f"a {layout.options.task} model has no errors to order")
        counts = vectors[:, layout.spans["errors"]]
        low, high = layout.errors.quantile_bounds(counts, q, alpha)
        value = layout.errors.quantile(counts, q) * layout.scale
        return measured(value, (low * layout.scale, high * layout.scale), counts.sum(axis=1))

    return quantile


METRICS = {
    "mae": Metric(_mae, beside=_mae),
    "rmse": Metric(_rmse, beside=_rmse),
    "bias": Metric(_bias, beside=_bias),
    "r2": Metric(_r2, lack="all the same, so there is no variance to explain", beside=_r2),
    "within_tolerance": Metric(_within),
    "abs_error_p50": Metric(_error_quantile(0.5), added=True),
    "abs_error_p90": Metric(_error_quantile(0.9), added=True),
    "abs_error_p99": Metric(_error_quantile(0.99), added=True),
}
