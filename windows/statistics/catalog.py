"""The distances that are measured: one row each.

A new distance is a function in distances.py, one in intervals.py, and a row here: what is measured, the template and
thresholds of the config, checks, evaluations, series and what pages call it follow.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from windows.statistics import distances, intervals

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from windows.arrays import BoolArray, FloatArray, IntArray
    from windows.statistics.distances import Counts as HistogramCounts
    from windows.statistics.intervals import Interval

    Measured = tuple[FloatArray, Interval]


@dataclass(frozen=True, slots=True)
class Sides:
    """Both sides of G groups of F columns each, and the confidence level of a bound.

    Attributes:
        fine: int64[G * F, B] counts of the window, and of the reference (float64 where it is a mixture).
        coarse: the same in the few bins of PSI.
        values: float64[G * F], effective rows of the window, and of the reference.
        mask: bool[F, bins of PSI], which of them exist.
        points: bool[F, B], where the distribution function is known; see `ks_bracket`.
        mids: float64[F, B], the middle of each bin.
        scale: float64[F], what a Wasserstein distance is divided by.
        alpha: probability of error per bound.
    """

    fine: tuple[IntArray, HistogramCounts]
    coarse: tuple[IntArray, HistogramCounts]
    values: tuple[FloatArray, FloatArray]
    mask: BoolArray
    points: BoolArray
    mids: FloatArray
    scale: FloatArray
    alpha: float

    @property
    def groups(self) -> int:
        """G."""
        return len(self.values[0]) // max(len(self.scale), 1)


@dataclass(frozen=True, slots=True)
class Distance:
    """What is known of a distance.

    Attributes:
        measure: its values with their interval, float64[G * F] each.
        title: what it is called where people read.
        words: what it is, for the config; empty where it may have no thresholds.
        width: how its interval shrinks with n rows near 0, where nothing has moved: as 1 / sqrt(n), as distances of
            shares do, or as 1 / n, as squares and divergences do. It says how many rows a verdict needs.
        ordered: means nothing for categories, which have no order.
        bounded: never exceeds 1, so that no threshold of 1 can be crossed.
        judged: may have thresholds. Pearson's statistic grows with the rows, so it has none.
    """

    measure: Callable[[Sides], Measured]
    title: str
    words: str
    width: Literal["1/sqrt(n)", "1/n"]
    ordered: bool = False
    bounded: bool = False
    judged: bool = True


def _plain(
    distance: Callable[[HistogramCounts, HistogramCounts], FloatArray],
    interval: Callable[[HistogramCounts, HistogramCounts, FloatArray, FloatArray, float], Interval],
) -> Callable[[Sides], Measured]:
    """A distance of the fine counts alone."""
    return lambda sides: (distance(*sides.fine), interval(*sides.fine, *sides.values, sides.alpha))


def _psi(sides: Sides) -> Measured:
    mask = np.tile(sides.mask, (sides.groups, 1))
    bounds = intervals.psi_interval(*sides.coarse, mask, *sides.values, sides.alpha)
    return distances.psi(*sides.coarse, mask), bounds


def _ks(sides: Sides) -> Measured:
    value, high = distances.ks_bracket(*sides.fine, np.tile(sides.points, (sides.groups, 1)))
    return value, intervals.ks_interval(value, *sides.values, sides.alpha, high)


def _wasserstein(sides: Sides) -> Measured:
    mids, scale = np.tile(sides.mids, (sides.groups, 1)), np.tile(sides.scale, sides.groups)
    bounds = intervals.wasserstein_interval(*sides.fine, mids, scale, *sides.values, sides.alpha)
    return distances.wasserstein(*sides.fine, mids, scale), bounds


_ROOT: Literal["1/sqrt(n)"] = "1/sqrt(n)"

DISTANCES: Mapping[str, Distance] = {
    "psi": Distance(_psi, "PSI", "population stability index, on 10 bins", "1/n"),
    "ks": Distance(
        _ks,
        "KS",
        "Kolmogorov-Smirnov: the largest difference of cumulative shares",
        _ROOT,
        ordered=True,
        bounded=True,
    ),
    "js": Distance(
        _plain(distances.js, intervals.js_interval),
        "Jensen-Shannon",
        "Jensen-Shannon distance, base 2",
        _ROOT,
        bounded=True,
    ),
    "hellinger": Distance(
        _plain(distances.hellinger, intervals.hellinger_interval),
        "Hellinger",
        "Hellinger distance",
        _ROOT,
        bounded=True,
    ),
    "tvd": Distance(
        _plain(distances.tvd, intervals.tvd_interval),
        "Total variation",
        "total variation distance",
        _ROOT,
        bounded=True,
    ),
    "wasserstein": Distance(
        _wasserstein, "Wasserstein", "in standard deviations of the reference", _ROOT, ordered=True
    ),
    "chi2": Distance(_plain(distances.chi2, intervals.chi2_interval), "Chi²", "", "1/n", judged=False),
}

JUDGED = tuple(name for name, distance in DISTANCES.items() if distance.judged)
"""Distances that a config may name, in the order of its explanation."""
