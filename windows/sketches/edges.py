"""Where the bins of a numeric column go: fine ones at quantiles of the reference, coarse ones for PSI.

Edges come from a sample (windows cannot hold ten million values), counts from all rows: so an edge that is a little off
its quantile costs nothing in exactness. Ties keep a bin of their own, whatever the distribution looks like around them.
"""

import numpy as np

from windows.arrays import BoolArray, FloatArray, IntArray
from windows.sketches.profiles import COARSE_BINS, MAX_BINS

TIE_SHARE = 1 / 128
"""Share of the rows from which a single value gets a bin of its own."""
MAX_TIES = 110
"""Values with a bin of their own; there cannot be more than 128 anyway, and each needs two edges."""
QUANTILE_BINS = 144
"""Bins spread over the rest; duplicates merge, at least 128 stay where there are as many distinct values."""
FEWEST_REPEATS = 5
"""A value seen less often is no tie: in 50 rows every value holds a 50th."""
LEAST_COARSE_SHARE = 0.5 / COARSE_BINS
_LARGEST = float(np.finfo(np.float64).max)


def fine_edges(sample: FloatArray, low: float, high: float) -> FloatArray:
    """Edges of the fine bins.

    Args:
        sample: float64[n], finite values drawn evenly from the column, n >= 1, in any order.
        low: the column's least finite value.
        high: its greatest.

    Returns:
        float64[m+1], strictly increasing, 1 <= m <= MAX_BINS, from `low` to the float after `high`.
    """
    values, repeats = np.unique(sample, return_counts=True)
    tied = _ties(repeats, len(sample))
    ties, rest = values[tied], ~tied
    if 2 * len(ties) + int(rest.sum()) + 2 <= MAX_BINS:
        inner = values[rest]
    else:
        inner = _quantile_edges(values, repeats, tied, min(QUANTILE_BINS, MAX_BINS - 6 - 2 * len(ties)))
    ends = np.array([low, float(_after(high))])
    if ends[0] == ends[1]:  # a constant that is the largest float
        ends[0] = np.nextafter(low, -np.inf)
    edges: FloatArray = np.unique(np.concatenate((ends, ties, _after(ties), inner)).clip(*ends))
    return edges


def coarse_bins(counts: IntArray) -> IntArray:
    """The coarse bin of each fine bin: adjacent fine bins together, about equal shares, none empty.

    Args:
        counts: int64[m], rows per fine bin.

    Returns:
        int64[m], from 0 rising by 0 or 1, below COARSE_BINS; all 0 without rows.
    """
    total = int(counts.sum())
    if total == 0:
        return np.zeros(len(counts), dtype=np.int64)
    middles = (np.cumsum(counts) - counts / 2) / total
    coarse = np.minimum((middles * COARSE_BINS).astype(np.int64), COARSE_BINS - 1)
    coarse = _ranks(coarse)
    while (light := _lightest(counts, coarse, total)) is not None:
        coarse = _ranks(np.where(coarse == light[0], light[1], coarse))
    return coarse


def _ties(repeats: IntArray, rows: int) -> BoolArray:
    """bool[d]: the values whose share is TIE_SHARE, less three standard deviations of the sampling."""
    floor = rows * TIE_SHARE - 3 * np.sqrt(rows * TIE_SHARE)
    least = max(floor, 0.75 * rows * TIE_SHARE, FEWEST_REPEATS)
    tied: BoolArray = repeats >= least
    if int(tied.sum()) > MAX_TIES:
        order = np.argsort(-repeats, kind="stable")
        tied = np.zeros(len(repeats), dtype=bool)
        tied[order[:MAX_TIES]] = True
    return tied


def _quantile_edges(values: FloatArray, repeats: IntArray, tied: BoolArray, bins: int) -> FloatArray:
    """Values that cut what lies outside the ties into about `bins` equal shares."""
    mass = np.where(tied, 0, repeats)
    before = np.cumsum(mass) - mass
    total = int(mass.sum())
    ranks = np.arange(1, bins) * total / bins
    at = np.searchsorted(before[~tied], ranks, side="left").clip(max=int((~tied).sum()) - 1)
    edges: FloatArray = values[~tied][at]
    return edges


def _ranks(labels: IntArray) -> IntArray:
    """The same non-decreasing labels without gaps."""
    return np.concatenate(([0], np.cumsum(np.diff(labels) != 0))).astype(np.int64)


def _lightest(counts: IntArray, coarse: IntArray, total: int) -> tuple[int, int] | None:
    """The coarse bin too light to stand alone and the lighter neighbour to join; None when all may stay."""
    mass = np.bincount(coarse, weights=counts)
    lightest = int(np.argmin(mass))
    groups = len(mass)
    if groups == 1 or mass[lightest] >= LEAST_COARSE_SHARE * total or (groups == 2 and mass[lightest] > 0):
        return None
    neighbours = [index for index in (lightest - 1, lightest + 1) if 0 <= index < groups]
    return lightest, min(neighbours, key=lambda index: float(mass[index]))


def _after(value: float | FloatArray) -> FloatArray:
    """The next float, never infinite."""
    with np.errstate(over="ignore"):
        return np.asarray(np.minimum(np.nextafter(value, np.inf), _LARGEST), dtype=np.float64)
