"""Counts moved to other bins, as if each bin were uniform inside. Exact where no bin is cut."""

import numpy as np

from windows.arrays import FloatArray, IntArray
from windows.sketches.edges import single_valued
from windows.sketches.profiles import MAX_BINS


def common_edges(one: FloatArray, other: FloatArray, counts_one: IntArray, counts_other: IntArray) -> FloatArray:
    """Edges for the sum of two histograms: both sets together, without the least useful when they are too many.

    Args:
        one: float64[m+1], edges of the first.
        other: float64[k+1], edges of the second.
        counts_one: int64[m].
        counts_other: int64[k].

    Returns:
        At most MAX_BINS + 1 of the edges, the ends and those of single-value bins among them as far as they fit.
    """
    edges = np.unique(np.concatenate((one, other)))
    if len(edges) <= MAX_BINS + 1:
        return edges
    mass = spread(counts_one, one, edges) + spread(counts_other, other, edges)
    single = single_valued(edges)
    needed = np.concatenate(([True], single)) | np.concatenate((single, [True]))
    needed[0] = needed[-1] = True
    while len(edges) > MAX_BINS + 1:
        joined = mass[:-1] + mass[1:] + np.where(needed[1:-1], 2.0 * mass.sum(), 0.0)
        least = int(np.argmin(joined))
        edges, needed = np.delete(edges, least + 1), np.delete(needed, least + 1)
        mass[least] += mass[least + 1]
        mass = np.delete(mass, least + 1)
    return edges


def aligned(edges: FloatArray, onto: FloatArray) -> FloatArray:
    """The same edges, but where a bin holds a single value that `onto` has in another spelling, it has those ends.

    Args:
        edges: float64[m+1].
        onto: float64[k+1].

    Returns:
        float64[m+1], strictly increasing.
    """
    moved = edges.copy()
    targets = np.flatnonzero(single_valued(onto))
    for at in np.flatnonzero(single_valued(edges)).tolist():
        value = edges[at] / 2 + edges[at + 1] / 2
        near = targets[(onto[targets] <= value) & (value < onto[targets + 1])]
        if len(near):
            low, high = onto[near[0]], onto[near[0] + 1]
            if (at == 0 or moved[at - 1] < low) and (at + 2 == len(edges) or high < edges[at + 2]):
                moved[at], moved[at + 1] = low, high
    return moved


def spread(counts: IntArray, edges: FloatArray, onto: FloatArray) -> FloatArray:
    """Counts on other edges, fractions where a bin is cut.

    Args:
        counts: int64[m].
        edges: float64[m+1], of the counts.
        onto: float64[k+1], enclosing `edges`.

    Returns:
        float64[k]; it sums to the counts.
    """
    cumulative = np.concatenate(([0.0], np.cumsum(counts)))
    bins = np.searchsorted(edges, onto, side="right").clip(1, len(counts)) - 1
    left, right = edges[bins], edges[bins + 1]
    # halved, so that the width of a bin cannot overflow; points on an edge are exact, as the narrowest bins need
    width = np.maximum(right / 2 - left / 2, np.finfo(np.float64).tiny)
    within = (np.minimum(onto, right) / 2 - left / 2).clip(0.0) / width
    share = np.where(onto >= right, 1.0, np.where(onto <= left, 0.0, within))
    at = cumulative[bins] + share.clip(0.0, 1.0) * counts[bins]
    moved: FloatArray = np.diff(at)
    return moved


def whole(amounts: FloatArray) -> IntArray:
    """The nearest integers with the same (whole) sum: largest remainders are rounded up."""
    floors = np.floor(amounts)
    short = round(float(amounts.sum() - floors.sum()))
    result = floors.astype(np.int64)
    result[np.argsort(-(amounts - floors), kind="stable")[:short]] += 1
    return result


def cut_share(counts: IntArray, edges: FloatArray, onto: FloatArray) -> float:
    """The most that a cumulative share can be wrong after `spread`: the share of the largest bin that is cut."""
    total = int(counts.sum())
    if total == 0:
        return 0.0
    inside = onto[(onto > edges[0]) & (onto < edges[-1])]
    cutting = inside[~np.isin(inside, edges)]
    kept = np.isin(edges[1:-1], onto)
    if len(cutting) == 0 and kept.all():
        return 0.0
    cut = np.unique(np.searchsorted(edges, cutting, side="right") - 1)
    return float(counts[cut].max(initial=0) / total)
