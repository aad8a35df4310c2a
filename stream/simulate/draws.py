"""Drawing values of a column from its reference profile, by inverse CDF over the bins, and changing them by a shift."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from windows.sketches.edges import single_valued
from windows.sketches.profiles import CategoricalProfile, NumericProfile, slots
from windows.sketches.quantiles import LATENCY_BINS, quantile

if TYPE_CHECKING:
    from collections.abc import Callable

    from stream.simulate.shifts import Shift
    from windows.arrays import BoolArray, FloatArray, IntArray
    from windows.sketches.profiles import Profile

    Column: TypeAlias = FloatArray | IntArray
    """float64[n] with NaN for null, or int64[n] slots: K for an unlisted category, K + 1 for null."""

    Draw: TypeAlias = Callable[[np.random.Generator, int], Column]


def pick(rng: np.random.Generator, cumulative: IntArray, n: int) -> IntArray:
    """Return int64[n] indices drawn in proportion to the counts whose cumulative sum is given."""
    return np.searchsorted(cumulative, rng.integers(0, cumulative[-1], n), side="right").astype(np.int64)


def draw_of(profile: Profile) -> Draw:
    """Return the function that draws n values of this column.

    The slots of the values are a multinomial sample of the reference's counts, exactly; within a numeric bin values
    are uniform, but one that holds a single value gives that. Non-finite values have no JSON and are not drawn.
    """
    return _numeric(profile) if isinstance(profile, NumericProfile) else _categorical(profile)


def _numeric(profile: NumericProfile) -> Draw:
    left_end, right_end = profile.edges[:-1], np.nextafter(profile.edges[1:], -np.inf)
    single = single_valued(profile.edges)
    middle = np.array([float(f"{one:.12g}") for one in left_end / 2 + right_end / 2])
    low = np.append(np.where(single, middle, left_end), np.nan)  # the last one stands for null
    high = np.append(np.where(single, middle, right_end), np.nan)
    cumulative = np.cumsum(np.append(profile.counts, profile.missing))

    def draw(rng: np.random.Generator, n: int) -> FloatArray:
        bins = pick(rng, cumulative, n)
        share = rng.random(n)
        left, right = low[bins], high[bins]
        # The sum of products may round past the bin, which matters where it is one float wide.
        values: FloatArray = np.clip(left * (1 - share) + right * share, left, right)
        return values

    return draw


def _categorical(profile: CategoricalProfile) -> Draw:
    cumulative = np.cumsum(slots(profile))
    return lambda rng, n: pick(rng, cumulative, n)


def latency_draw(counts: IntArray) -> Callable[[np.random.Generator, int], FloatArray]:
    """Return the function that draws n latencies, ms: a value of each log bin in proportion to its count."""
    used = np.flatnonzero(counts)
    values = np.array([float(quantile(row, 0.5)) for row in np.eye(LATENCY_BINS, dtype=np.int64)[used]])
    cumulative = np.cumsum(counts[used])

    def draw(rng: np.random.Generator, n: int) -> FloatArray:
        picked: FloatArray = values[pick(rng, cumulative, n)]
        return picked

    return draw


def shifted(column: Column, profile: Profile, shift: Shift, rows: BoolArray) -> Column:
    """Return the column with the rows changed as the shift says; the column given is left as it is.

    Args:
        column: as drawn from the profile.
        profile: of the column.
        shift: one that `stream.simulate.shifts.check` accepts for the profile.
        rows: bool[n], where it applies. For `missing` and `category` the shift's share is already drawn.
    """
    if isinstance(profile, CategoricalProfile):
        unlisted = len(profile.categories)
        return np.where(rows, unlisted if shift.kind == "category" else unlisted + 1, column)
    match shift.kind:
        case "mean":
            changed = column + shift.amount * profile.scale
        case "scale":
            changed = profile.center + (column - profile.center) * shift.amount
        case "constant":
            changed = np.where(np.isnan(column), column, shift.amount)
        case _:
            changed = np.full(len(column), np.nan)
    return np.where(rows, changed, column)
