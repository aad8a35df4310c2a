"""What is known of a distance, and what it is measured from.

A distance knows no threshold. Its function returns float64 ``[F]``, its interval ``(lower, upper)``, ``[F]`` each, two
one-sided bounds: ``P(lower > truth) <= alpha`` and ``P(upper < truth) <= alpha``, where the truth is the distance
between the two populations. A monitor fires on the lower bound, so where an exact one is out of reach the lower bound
errs to the safe side. ``n_eff`` and ``m_eff`` are effective sizes, ``[F]``, at most the row counts; the counts are
taken as that many independent rows. NaN where a side is empty.

Measured coverage, at the thresholds and without drift: ``load_tests/interval_coverage.py``; at levels down to 1e-9:
``load_tests/deep_levels.py``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from windows.arrays import BoolArray, Counts, FloatArray, IntArray
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
        mids: float64[F, B], the middle of each bin; 0 for categories.
        scale: float64[F], the reference's standard deviation: the unit of distances between numbers; 1 for categories.
        alpha: probability of error per bound.
    """

    fine: tuple[IntArray, Counts]
    coarse: tuple[IntArray, Counts]
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


def of_counts(
    distance: Callable[[Counts, Counts], FloatArray],
    interval: Callable[[Counts, Counts, FloatArray, FloatArray, float], Interval],
) -> Callable[[Sides], Measured]:
    """A distance of the fine counts alone: of any feature."""
    return lambda sides: (distance(*sides.fine), interval(*sides.fine, *sides.values, sides.alpha))


def of_numbers(
    distance: Callable[[Counts, Counts, FloatArray, FloatArray], FloatArray],
    interval: Callable[[Counts, Counts, FloatArray, FloatArray, FloatArray, FloatArray, float], Interval],
) -> Callable[[Sides], Measured]:
    """A distance of the fine counts and of where they stand, in standard deviations: its row is `ordered`."""

    def measure(sides: Sides) -> Measured:
        places = np.tile(sides.mids, (sides.groups, 1)), np.tile(sides.scale, sides.groups)
        return distance(*sides.fine, *places), interval(*sides.fine, *places, *sides.values, sides.alpha)

    return measure
