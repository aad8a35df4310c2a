"""A metric of several groups with its interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from windows.statistics.intervals import proportion_interval
from windows.statistics.law import Laws, share_laws

if TYPE_CHECKING:
    from windows.arrays import BoolArray, FloatArray, IntArray
    from windows.statistics.intervals import Interval


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """A metric of G groups; NaN where it is undefined.

    Attributes:
        value: float64[G].
        lower: float64[G], P(lower > truth) <= alpha.
        upper: float64[G], P(upper < truth) <= alpha.
        samples: int64[G], rows behind it.
        laws: what the bounds are quantiles of, for differences; None where there is no such law.
    """

    value: FloatArray
    lower: FloatArray
    upper: FloatArray
    samples: IntArray
    laws: Laws | None = None


def measured(value: FloatArray, interval: Interval, samples: IntArray, laws: Laws | None = None) -> Measured:
    """A metric from its parts; all NaN where there are no samples or the value is NaN."""
    defined = (samples > 0) & ~np.isnan(value)
    value, lower, upper = (np.where(defined, part, np.nan) for part in (value, *interval))
    # Rounding must not put a value outside its own interval.
    return Measured(value, np.minimum(lower, value), np.maximum(upper, value), samples.astype(np.int64), laws)


def by_laws(value: FloatArray, laws: Laws, low: float, high: float, samples: IntArray, alpha: float) -> Measured:
    """A metric whose bounds are those of its laws, held within [low, high]."""
    lower, upper = laws.bounds(alpha)
    return measured(value, (np.maximum(lower, low), np.minimum(upper, high)), samples, laws)


def without(found: Measured, rows: BoolArray) -> Measured:
    """The same metric without a value in some groups, bool[G]."""
    value, lower, upper = (np.where(rows, np.nan, part) for part in (found.value, found.lower, found.upper))
    return Measured(value, lower, upper, found.samples, found.laws)


def share(successes: IntArray, trials: IntArray, alpha: float) -> Measured:
    """A share with Clopper and Pearson's bounds."""
    value = successes / np.maximum(trials, 1)
    return measured(value, proportion_interval(successes, trials, alpha), trials, share_laws(successes, trials))


def exact(value: IntArray) -> Measured:
    """A count: known, not estimated."""
    known = value.astype(np.float64)
    return Measured(known, known.copy(), known.copy(), value.astype(np.int64))
