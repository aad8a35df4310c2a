"""Kolmogorov-Smirnov distance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from windows.statistics.distances.row import Distance, Sides
from windows.statistics.effective import sizes
from windows.statistics.slots import cumulative

if TYPE_CHECKING:
    from windows.arrays import BoolArray, Counts, FloatArray
    from windows.statistics.distances.row import Measured
    from windows.statistics.intervals import Interval


def ks(cur: Counts, ref: Counts) -> FloatArray:
    """Kolmogorov-Smirnov distance ``max |F - G|`` over the slot edges, ``[F]``: the lower end of ``ks_bracket``."""
    gap: FloatArray = np.abs(cumulative(cur) - cumulative(ref)).max(axis=1)
    return gap


def ks_bracket(cur: Counts, ref: Counts, points: BoolArray | None = None) -> tuple[FloatArray, FloatArray]:
    """Bounds ``(low, high)``, ``[F]`` each, between which the Kolmogorov-Smirnov distance of the raw values lies.

    Inside a slot the order of the values is unknown: one side may come wholly before the other, which gives
    ``high = max_b max(F(b+1) - G(b), G(b+1) - F(b))``.

    Args:
        cur: current counts, ``[F, B]``.
        ref: reference counts, ``[F, B]``.
        points: True for slots, ``[F, B]``, that hold one single value: there nothing is unknown.
    """
    upper_cur, upper_ref = cumulative(cur), cumulative(ref)
    before_cur, before_ref = _shifted(upper_cur), _shifted(upper_ref)
    inside = np.maximum(upper_cur - before_ref, upper_ref - before_cur)
    if points is not None:
        inside = np.where(points & np.isfinite(inside), 0.0, inside)
    low: FloatArray = np.abs(upper_cur - upper_ref).max(axis=1)
    return low, np.maximum(inside.max(axis=1), low)


def _shifted(distribution: FloatArray) -> FloatArray:
    """The distribution function at the lower edge of each slot: 0 for the first."""
    shifted = np.zeros_like(distribution)
    shifted[:, 1:] = distribution[:, :-1]
    return shifted


def ks_interval(
    value: FloatArray, n_eff: FloatArray, m_eff: FloatArray, alpha: float, high: FloatArray | None = None
) -> Interval:
    """Interval of the Kolmogorov-Smirnov distance by one band around the difference of both sides, ``[F]`` each.

    Half-width ``sqrt(ln(e / alpha) / 2 x (1/n + 1/m))``: the two-sample form of the inequality of Dvoretzky, Kiefer and
    Wolfowitz, with the constant that is proved for every size where n = m (Wei and Dudley, "Two-sample
    Dvoretzky-Kiefer-Wolfowitz inequalities", Statistics and Probability Letters 82, 2012). With n far below m it is
    Massart's one-sample band. Where the sides differ, the variance of their difference is smaller at every point, and
    the bound is wrong only if the noise is largest where the distance is: measured in ``load_tests/``, also with a
    distance that is the same over the whole middle, where it is closest to its level.

    Args:
        value: observed distance over the slot edges, ``[F]``: the lower end of ``ks_bracket``.
        n_eff: effective size of the current side, ``[F]``.
        m_eff: effective size of the reference side, ``[F]``.
        alpha: probability of error per bound.
        high: upper end of the bracket; with it the upper bound holds for the raw values too, not only for the slots.
    """
    n, m = sizes(n_eff, m_eff)
    band = ks_band(n, m, alpha)
    return np.maximum(value - band, 0.0), np.minimum((value if high is None else high) + band, 1.0)


def ks_band(n: FloatArray, m: FloatArray, alpha: float) -> FloatArray:
    """How far the sampled distance may be from the true one, ``[F]``; see ``ks_interval``."""
    band: FloatArray = np.sqrt((1 - np.log(alpha)) / 2 * (1 / n + 1 / m))
    return band


def _ks(sides: Sides) -> Measured:
    value, high = ks_bracket(*sides.fine, np.tile(sides.points, (sides.groups, 1)))
    return value, ks_interval(value, *sides.values, sides.alpha, high)


ROW = Distance(
    _ks,
    "KS",
    "Kolmogorov-Smirnov: the largest difference of cumulative shares",
    "1/sqrt(n)",
    ordered=True,
    bounded=True,
)
