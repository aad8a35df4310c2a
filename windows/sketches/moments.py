"""Means and variances from sums of fixed-point integers, so that merging is exact in any order.

A value x of a column with reference mean c and deviation s enters as d = (x - c) / s, held within +-256 (values
further out are counted below or above
the reference's range anyway), and is kept as round(d * 2^24) and round(d^2 * 2^16). Sums of up to 2^31 such terms fit
64 bits. The rounding error
of the mean is under 2^-24 s; that of the variance under 2^-16 s^2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from windows.arrays import BoolArray, FloatArray, IntArray

LIMIT = 256.0
FIRST = float(1 << 24)
SECOND = float(1 << 16)


def moment_sums(values: FloatArray, centers: FloatArray, scales: FloatArray, groups: BoolArray | None) -> IntArray:
    """The two sums of each column for each group.

    Args:
        values: float64[F, n], NaN or infinite where there is no value.
        centers: float64[F], reference means.
        scales: float64[F], reference deviations, > 0.
        groups: bool[G, n], which records are in which group; None for one group of all.

    Returns:
        int64[G, 2F]: first the F sums of d * 2^24, then the F sums of d^2 * 2^16. Exact: each partial sum is an
        integer below 2^53.
    """
    with np.errstate(over="ignore"):  # a value near the end of floats is held at LIMIT like any other far one
        deviations = (values - centers[:, None]) / scales[:, None]
    np.clip(deviations, -LIMIT, LIMIT, out=deviations)
    if not np.isfinite(values).all():
        deviations[~np.isfinite(values)] = 0.0
    first = np.rint(deviations * FIRST)
    second = np.rint(np.square(deviations, out=deviations) * SECOND)
    if groups is None:
        return np.concatenate((first.sum(axis=1), second.sum(axis=1))).astype(np.int64)[None, :]
    member = groups.astype(np.float64)
    return np.concatenate((member @ first.T, member @ second.T), axis=1).astype(np.int64)


def mean_and_variance(
    sums: IntArray, counts: IntArray, centers: FloatArray, scales: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Mean and (n-1) variance of each column from its two sums.

    Args:
        sums: int64[..., 2F] as `moment_sums` gives them.
        counts: int64[..., F], finite values behind the sums.
        centers: float64[F].
        scales: float64[F].

    Returns:
        mean float64[..., F] and variance float64[..., F] in the column's units; NaN where there are too few values (1
        and 2).
    """
    columns = len(centers)
    with np.errstate(invalid="ignore", divide="ignore"):
        first = sums[..., :columns] / FIRST / counts
        second = sums[..., columns:] / SECOND / counts
        spread = np.maximum(second - np.square(first), 0.0) * counts / np.where(counts > 1, counts - 1, np.nan)
    return centers + scales * first, np.square(scales) * spread
