"""Means and variances from sums of fixed-point integers, so that merging is exact in any order.

A value x of a column with reference mean c and unit s enters as d = (x - c) / s. What is within +-256 is kept as
round(d * 2^24) and round(d^2 * 2^16); sums of up to 2^31 such terms fit 64 bits. What lies beyond is cut: d into a
multiple of 256 and a rest, d^2 into multiples of 2^48 and 2^16 and a rest; the rests join the terms above, the
multiples have sums of their own. That reaches to 2^40 units; values beyond it (sentinels such as 1e300, mostly) are
counted, and a group with one has no mean. The rounding error of the mean is under 2^-24 s, that of the variance under
2^-16 s^2, as long as it is not tiny beside the square of the mean's distance from c (see BLUR).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from windows.arrays import BoolArray, FloatArray, IntArray

LIMIT = 256.0
FIRST = float(1 << 24)
SECOND = float(1 << 16)
FARTHEST = float(1 << 40)
"""Values further out than this many units are counted, not summed."""
TOP = float(1 << 48)
PARTS = 6
"""Sums of a column: of d, of d^2, of the multiples of 256 in d, of those of 2^16 and 2^48 in d^2, of far values."""
NEAR = 2
"""The first of them, that every value has a share in; the others are those of far values, mostly 0."""
FINEST = 2.0**-29
"""A unit is at least this share of the mean's size: less is beyond what floats near the mean tell apart."""
BLUR = 1e-3
"""A variance whose rounding error may be more than this share of it is none."""


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """float64[..., F] each, in the columns' units.

    Attributes:
        mean: NaN where there is no value, or one that is too far to be summed.
        variance: with divisor n - 1; NaN where there are fewer than two values or it is lost in rounding.
        highest: the most that it can be: the variance and its rounding error. NaN below two values.
        far: int64[..., F], values too far to be summed.
    """

    mean: FloatArray
    variance: FloatArray
    highest: FloatArray
    far: IntArray


def units_of(centers: FloatArray, scales: FloatArray, constant: BoolArray) -> FloatArray:
    """The unit of each column, float64[F]: its deviation, but that of a constant is its size."""
    size = np.abs(centers)
    return np.where(constant, np.where(size > 0, size, 1.0), np.maximum(scales, FINEST * size))


def moment_sums(values: FloatArray, centers: FloatArray, units: FloatArray, groups: BoolArray | None) -> IntArray:
    """The sums of each column for each group.

    Args:
        values: float64[F, n], NaN or infinite where there is no value.
        centers: float64[F], reference means.
        units: float64[F], see `units_of`, > 0.
        groups: bool[G, n], which records are in which group; None for one group of all.

    Returns:
        int64[G, PARTS * F]: F sums of each part, in the order of PARTS. Exact: each partial sum is an integer below
        2^53.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        deviations = (values - centers[:, None]) / units[:, None]
    if not np.isfinite(values).all():
        deviations[~np.isfinite(values)] = 0.0
    highest, lowest = deviations.max(axis=1, initial=0.0), deviations.min(axis=1, initial=0.0)
    wide = np.flatnonzero(~((highest <= LIMIT) & (lowest >= -LIMIT)))
    rests = _cut(deviations, wide)
    first = np.rint(deviations * FIRST)
    square = np.square(deviations, out=deviations)
    if len(wide):
        square[wide] = rests.square
    second = np.rint(np.multiply(square, SECOND, out=square))
    member = None if groups is None else groups.astype(np.float64)
    columns = len(values)
    found = np.zeros((1 if groups is None else len(groups), PARTS * columns), dtype=np.int64)
    found[:, :columns], found[:, columns : 2 * columns] = _summed(first, member), _summed(second, member)
    for part, terms in enumerate(rests.multiples, start=2):
        found[:, part * columns + wide] = _summed(terms, member)
    return found


def _summed(terms: FloatArray, member: FloatArray | None) -> FloatArray:
    """Sums of whole numbers [F, n] in each group, float64[G, F]."""
    sums: FloatArray = terms.sum(axis=1)[None, :] if member is None else member @ terms.T
    return sums


@dataclass(frozen=True, slots=True, eq=False)
class _Rests:
    """Of columns with a value beyond LIMIT: what is left of d^2, and the multiples that were taken out, [W, n] each."""

    square: FloatArray
    multiples: tuple[FloatArray, ...]


def _cut(deviations: FloatArray, wide: IntArray) -> _Rests:
    """Take the multiples out of these columns; their rest of d stays in `deviations`."""
    if not len(wide):
        return _Rests(deviations[wide], ())
    given = deviations[wide]
    far = ~(np.abs(given) <= FARTHEST)  # a range beyond the largest float gives NaN
    held = np.where(far, 0.0, given)
    near = np.abs(held) <= LIMIT
    multiple = np.where(near, 0.0, np.rint(held / LIMIT))
    square = np.square(held)
    top = np.floor(square / TOP)
    square -= top * TOP
    middle = np.where(near, 0.0, np.floor(square / SECOND))
    deviations[wide] = held - multiple * LIMIT
    return _Rests(square - middle * SECOND, (multiple, middle, top, far.astype(np.float64)))


def moments_of(sums: IntArray, counts: IntArray, centers: FloatArray, units: FloatArray) -> Moments:
    """Mean and variance of each column from its sums.

    Args:
        sums: int64[..., PARTS * F] as `moment_sums` gives them.
        counts: int64[..., F], finite values behind the sums.
        centers: float64[F].
        units: float64[F].
    """
    columns = len(centers)
    first, second, multiple, middle, top, far = (
        sums[..., part * columns : (part + 1) * columns].astype(np.float64) for part in range(PARTS)
    )
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        known = np.where(far > 0, np.nan, counts)
        mean = (first / FIRST + multiple * LIMIT) / known
        square = (second / SECOND + middle * SECOND + top * TOP) / known
        bessel = known / np.where(known > 1, known - 1, np.nan)
        variance = np.maximum(square - np.square(mean), 0.0) * bessel
        # Of a sum of squares of floats each is off by 2^-53 of itself, and so is that of the mean.
        error = (square * 2.0**-50 * (np.abs(mean) > LIMIT) + 2.0**-16) * bessel
        blurred = (error > BLUR * variance) & (np.abs(mean) > LIMIT)
        area = np.square(units)
        return Moments(
            centers + units * mean,
            np.where(blurred, np.nan, area * variance),
            area * np.where(np.abs(mean) > LIMIT, variance + error, variance),
            far.astype(np.int64),
        )
