"""Where the bins of a numeric column go: fine ones at quantiles of the reference, coarse ones for PSI.

Edges come from a sample (windows cannot hold ten million values), counts from all rows: so an edge that is a little off
its quantile costs nothing in exactness. Ties keep a bin of their own, whatever the distribution looks like around them.

One value comes in many spellings: 0.1 is 0.10000000149011612 once it went through a float32, 0.30000000000000004 as a
sum, and has six digits in some logs. Two numbers that differ by no more than TOLERANCE of their size are therefore one
value wherever that can be told from two: no edge comes nearer to a value of the reference than that, unless the next
value of the reference is nearer than twice that (then the edge is half-way), and spellings of the reference itself are
taken together, whole numbers excepted.
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
TOLERANCE = 1e-6
"""Numbers this share of their size apart are one value: a float32 is off by 6e-8, six digits by up to 5e-6 / 10."""
HALF_TOLERANCE = 2.0**-11 + TOLERANCE
"""... in a column of 16-bit floats: 0.1 is 0.0999755859375 there, and 1024.5 is 1024."""
NOISE = 1e-12
"""... and of a zero, this share of the median of the column's other values: what sums leave where nothing should be."""
SPELLINGS = (NOISE, 1e-9, 1e-7, TOLERANCE)
"""Tried one after the other: values that lie denser than one of them can still be told from rounding by a finer one."""
_LARGEST = float(np.finfo(np.float64).max)


def fine_edges(sample: FloatArray, low: float, high: float) -> FloatArray:
    """Edges of the fine bins.

    Args:
        sample: float64[n], finite values drawn evenly from the column, n >= 1, in any order.
        low: the column's least finite value.
        high: its greatest.

    Returns:
        float64[m+1], strictly increasing, 1 <= m <= MAX_BINS, from just below `low` to just above `high`.
    """
    values, repeats = np.unique(np.concatenate((sample, [low, high])), return_counts=True)
    repeats[0] -= 1
    repeats[-1] -= 1
    reach_of_zero = _reach_of_zero(values, repeats)
    values, repeats = _spelt_once(values, repeats, reach_of_zero)
    tied = _ties(repeats, len(sample))
    chosen = ~tied
    if 2 * int(tied.sum()) + int(chosen.sum()) + 2 > MAX_BINS:
        chosen = _quantiles(repeats, tied, min(QUANTILE_BINS, MAX_BINS - 6 - 2 * int(tied.sum())))
    before, after = _cuts(values, reach_of_zero, HALF_TOLERANCE if of_halves(values) else TOLERANCE)
    ends = np.array([min(before[0], low), max(after[-1], float(_after(high)))])
    if ends[0] == ends[1]:  # a constant that is the largest float
        ends[0] = np.nextafter(low, -np.inf)
    edges: FloatArray = np.unique(np.concatenate((ends, before[tied], after[tied], before[chosen])).clip(*ends))
    return edges


def single_valued(edges: FloatArray) -> BoolArray:
    """bool[m]: the bins that hold one value of the reference, in whatever spelling, and could hold no other.

    Where two values are so near that their bins meet half-way, the bins are not known to hold but one.
    """
    low, high = edges[:-1], edges[1:]
    middle = np.abs(low / 2 + high / 2)
    with np.errstate(over="ignore", invalid="ignore"):
        wide = (high - low)[:, None] / np.array([2 * TOLERANCE, 2 * HALF_TOLERANCE])
        around = (np.abs(wide - middle[:, None]) <= 1e-3 * middle[:, None]).any(axis=1)
    at_zero = (low == -high) & ((high <= NOISE * np.abs(edges).max()) | (len(low) == 1))
    found: BoolArray = around & (middle > 0) | at_zero | (high <= np.nextafter(low, np.inf))
    return found


def spelt_alike(edges: FloatArray, cut: float, least: float) -> float:
    """The edge that a cut needs so that spellings of it lie on one side: on it or above.

    Args:
        edges: float64[m+1], of the reference's bins.
        cut: where somebody decides, such as a threshold.
        least: share of its size that the edge lies below the cut at least.

    Returns:
        The lower end of the single-valued bin that the cut is in, if it is in one; else just below the cut.
    """
    at = int(np.searchsorted(edges, cut, side="right")) - 1
    if 0 <= at < len(edges) - 1 and single_valued(edges)[at]:
        return float(edges[at])
    return cut - least * abs(cut)


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


def _reach_of_zero(values: FloatArray, repeats: IntArray) -> float:
    """How far from 0 a number is still a spelling of it, where 0 is a value at all; else 0."""
    if not (values == 0).any():
        return 0.0
    others = np.repeat(np.abs(values), repeats)
    others = others[others > 0]
    return NOISE if len(others) == 0 else NOISE * float(np.median(others))


def _spelt_once(values: FloatArray, repeats: IntArray, reach_of_zero: float) -> tuple[FloatArray, IntArray]:
    """The values with the rows of all their spellings, each as it is spelt most often."""
    if reach_of_zero > 0:
        near = np.abs(values) <= reach_of_zero
        rows = int(repeats[near].sum())
        values, repeats = np.where(near, 0.0, values)[~near | (values == 0)], repeats[~near | (values == 0)]
        repeats[values == 0] = rows
    for share in SPELLINGS:
        values, repeats = _joined(values, repeats, share)
    return values, repeats


def _joined(values: FloatArray, repeats: IntArray, share: float) -> tuple[FloatArray, IntArray]:
    """Runs of values, each within `share` of the next, as one value, where the whole run is no wider than that."""
    size = np.abs(values)
    with np.errstate(over="ignore"):  # a gap may be beyond the largest float
        near = np.diff(values) <= share * np.minimum(size[:-1], size[1:])
    if not near.any():
        return values, repeats
    run = np.concatenate(([0], np.cumsum(~near)))
    first = np.flatnonzero(np.diff(run, prepend=-1))
    last = np.concatenate((first[1:], [len(values)])) - 1
    with np.errstate(over="ignore"):
        narrow = values[last] - values[first] <= share * np.minimum(size[first], size[last])
    narrow &= np.add.reduceat(values != np.rint(values), first) > 0
    run = np.concatenate(([0], np.cumsum(~(near & narrow[run[1:]]))))
    order = np.lexsort((-repeats, run))
    most = order[np.flatnonzero(np.diff(run[order], prepend=-1))]
    return values[most], np.bincount(run, weights=repeats).astype(np.int64)


def of_halves(values: FloatArray) -> bool:
    """Whether numbers went through 16-bit floats: all are some, and one of them is no short decimal by itself."""
    with np.errstate(over="ignore", under="ignore"):
        halves = values.astype(np.float16)
    if not np.array_equal(halves.astype(np.float64), values):
        return False
    return any(float(str(half)) != value for half, value in zip(halves, values.tolist(), strict=True))


def _cuts(values: FloatArray, reach_of_zero: float, tolerance: float) -> tuple[FloatArray, FloatArray]:
    """The edges just before and just after each value: a tolerance away, or half-way to a neighbour that is nearer."""
    with np.errstate(over="ignore"):
        reach = np.where(values == 0, reach_of_zero, tolerance * np.abs(values))
        half_way = values[:-1] + (values[1:] / 2 - values[:-1] / 2)
        before = np.maximum(values - reach, np.concatenate(([-np.inf], half_way)))
        after = np.minimum(values + reach, np.concatenate((half_way, [np.inf])))
    after = np.maximum(after, _after(values))
    # Between neighbouring floats there is no half-way: the edge after one is the other.
    after[:-1] = np.minimum(after[:-1], values[1:])
    before[1:] = np.where(before[1:] <= values[:-1], values[1:], before[1:])
    return before.clip(-_LARGEST, _LARGEST), after.clip(-_LARGEST, _LARGEST)


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


def _quantiles(repeats: IntArray, tied: BoolArray, bins: int) -> BoolArray:
    """bool[d]: values that cut what lies outside the ties into about `bins` equal shares."""
    mass = np.where(tied, 0, repeats)
    before = np.cumsum(mass) - mass
    total = int(mass.sum())
    ranks = np.arange(1, bins) * total / bins
    free = np.flatnonzero(~tied)
    chosen = np.zeros(len(repeats), dtype=bool)
    chosen[free[np.searchsorted(before[free], ranks, side="left").clip(max=len(free) - 1)]] = True
    return chosen


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
