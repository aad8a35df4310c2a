"""Wasserstein distance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from windows.statistics.distances.row import Distance, of_numbers
from windows.statistics.effective import edge_variance, score_variance, sizes
from windows.statistics.intervals import MEAN_DEVIATION
from windows.statistics.slots import cumulative, shares, spacing

if TYPE_CHECKING:
    from windows.arrays import Counts, FloatArray
    from windows.statistics.intervals import Interval


def wasserstein(cur: Counts, ref: Counts, mids: FloatArray, scale: FloatArray) -> FloatArray:
    """First Wasserstein distance ``integral |F - G|`` in units of the reference's standard deviation, ``[F]``.

    Args:
        cur: current counts, ``[F, B]``.
        ref: reference counts, ``[F, B]``.
        mids: the value that stands for each slot, ``[F, B]``, not decreasing along the slots that exist.
        scale: the reference's standard deviation, ``[F]``, > 0.
    """
    gaps = np.abs(cumulative(cur) - cumulative(ref))
    distance: FloatArray = (gaps * spacing(mids, scale)).sum(axis=1)
    return distance


def wasserstein_interval(
    cur: Counts,
    ref: Counts,
    mids: FloatArray,
    scale: FloatArray,
    n_eff: FloatArray,
    m_eff: FloatArray,
    alpha: float,
) -> Interval:
    """Interval of the Wasserstein distance in units of the reference's standard deviation, ``[F]`` each.

    Moving one row by x moves the distance by x/n at most, so its variance is at most ``var/n + var/m`` (Efron and
    Stein, 1981); Bernstein's inequality turns that and the range of the slots into a bound on the fluctuation. The
    expectation exceeds the truth by no more than the integral of the mean absolute deviations of F - G.

    Args:
        cur: current counts, ``[F, B]``.
        ref: reference counts, ``[F, B]``.
        mids: the value that stands for each slot, ``[F, B]``.
        scale: the reference's standard deviation, ``[F]``, > 0.
        n_eff: effective size of the current side, ``[F]``.
        m_eff: effective size of the reference side, ``[F]``.
        alpha: probability of error per bound.
    """
    n, m = sizes(n_eff, m_eff)
    below_cur, below_ref = cumulative(cur), cumulative(ref)
    steps = spacing(mids, scale)
    place = np.zeros_like(steps)
    np.cumsum(steps[:, :-1], axis=1, out=place[:, 1:])
    # A window that missed the rare far values looks narrower than its population: the wider side speaks for both.
    variance = np.maximum(score_variance(place, shares(cur)), score_variance(place, shares(ref))) * (1 / n + 1 / m)
    exponent = np.log(1 / alpha)
    jump = steps.sum(axis=1) * np.maximum(1 / n, 1 / m)
    slack = np.sqrt(2 * variance * exponent) + jump * exponent / 3
    spread = edge_variance(below_cur, n) + edge_variance(below_ref, m)
    bias = MEAN_DEVIATION * (np.sqrt(spread) * steps).sum(axis=1)
    value = (np.abs(below_cur - below_ref) * steps).sum(axis=1)
    return np.maximum(value - bias - slack, 0.0), value + slack


ROW = Distance(
    of_numbers(wasserstein, wasserstein_interval),
    "Wasserstein",
    "in standard deviations of the reference",
    "1/sqrt(n)",
    ordered=True,
)
