"""Distances between two histograms on the same slots: how far the current window lies from the reference.

Every function takes matrices over features, ``cur`` and ``ref`` of shape ``[F, B]`` (int64 counts in slot order, padded
with zeros on the right), and returns float64 of shape ``[F]``. A feature with no counts on either side has no distance:
its entry is NaN. Nothing here knows a threshold.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import rel_entr

from windows.arrays import BoolArray, FloatArray, IntArray

Counts = IntArray | FloatArray

PSEUDO_COUNT = 0.5
"""Added to each slot before a logarithm is taken (Jeffreys' prior): an empty slot is rare, not impossible."""


def shares(counts: Counts) -> FloatArray:
    """Share of the rows in each slot, ``[F, B]``; a row of NaN where the feature has no counts."""
    part: FloatArray = counts / _total(counts.sum(axis=1))
    return part


def cumulative(counts: Counts) -> FloatArray:
    """Distribution function at the upper edge of each slot, ``[F, B]``; NaN where the feature has no counts.

    Counts are summed as integers first, so the last slot and all padding behind it are exactly 1.
    """
    sums = np.cumsum(counts, axis=1)
    return np.asarray(sums / _total(sums[:, -1]), dtype=np.float64)


def _total(rows: npt.NDArray[np.number]) -> FloatArray:
    """Rows of each feature as a divisor, ``[F, 1]``; NaN instead of 0."""
    return np.where(rows > 0, rows, np.nan)[:, None]


def both_sides(cur: Counts, ref: Counts) -> BoolArray:
    """True for the features, ``[F]``, that have at least one row on each side."""
    sides: BoolArray = (cur.sum(axis=1) > 0) & (ref.sum(axis=1) > 0)
    return sides


def used_slots(cur: Counts, ref: Counts, mask: BoolArray | None = None) -> BoolArray:
    """Slots, ``[F, B]``, that exist and hold a row of either side; the others say nothing about a difference."""
    used: BoolArray = (cur > 0) | (ref > 0)
    return used if mask is None else used & mask


def smoothed_shares(counts: Counts, used: BoolArray) -> FloatArray:
    """Shares ``(c + 1/2) / (n + B/2)`` over the ``used`` slots, 0 in the others, ``[F, B]``."""
    raised = (counts + PSEUDO_COUNT) * used
    share: FloatArray = raised / np.maximum(raised.sum(axis=1, keepdims=True), PSEUDO_COUNT)
    return share


def log_ratio(q: FloatArray, p: FloatArray, used: BoolArray) -> FloatArray:
    """``ln(q / p)`` in the ``used`` slots, 0 in the others, ``[F, B]``."""
    ratio: FloatArray = np.where(used, q, 1.0) / np.where(used, p, 1.0)
    return np.log(ratio, out=ratio)


def within(counts: Counts, mask: BoolArray | None) -> Counts:
    """The counts of the slots that exist, 0 in the others, ``[F, B]``."""
    return counts if mask is None else counts * mask


def psi_bias(cur: Counts, ref: Counts, mask: BoolArray | None = None) -> FloatArray:
    """What PSI is expected to be without any drift, ``(B - 1) (1/n + 1/m)`` over the used slots, ``[F]``.

    Without drift PSI is about ``(1/n + 1/m) chi2(B - 1)`` (Yurdakul and Naranjo, "Statistical properties of the
    population stability index", Journal of Risk Model Validation, 2020). NaN where a side has no counts.
    """
    slots = used_slots(cur, ref, mask).sum(axis=1)
    n, m = _total(within(cur, mask).sum(axis=1)), _total(within(ref, mask).sum(axis=1))
    bias: FloatArray = np.maximum(slots - 1, 0) * (1 / n + 1 / m)[:, 0]
    return bias


def psi_raw(cur: Counts, ref: Counts, mask: BoolArray | None = None) -> FloatArray:
    """Population stability index ``sum (q - p) ln(q / p)`` on smoothed shares, ``[F]``, as sampled.

    A slot that is outside ``mask``, or empty on both sides, takes no part and gets no pseudo-count: otherwise an unused
    slot would look like a difference whenever the two sides differ in size.
    """
    used = used_slots(cur, ref, mask)
    q, p = smoothed_shares(cur, used), smoothed_shares(ref, used)
    value = ((q - p) * log_ratio(q, p, used)).sum(axis=1)
    return np.where(both_sides(within(cur, mask), within(ref, mask)), value, np.nan)


def psi(cur: Counts, ref: Counts, mask: BoolArray | None = None) -> FloatArray:
    """Population stability index less its expectation without drift (see ``psi_bias``), never below 0, ``[F]``."""
    return np.maximum(psi_raw(cur, ref, mask) - psi_bias(cur, ref, mask), 0.0)


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


def spacing(mids: FloatArray, scale: FloatArray) -> FloatArray:
    """Distance from each slot's mid to the next one in units of ``scale``, ``[F, B]``; 0 behind the last slot.

    Padding may hold any mids: a step that is not finite or not forward counts as 0.
    """
    steps = np.zeros(mids.shape)
    with np.errstate(invalid="ignore"):
        steps[:, :-1] = np.diff(mids, axis=1) / scale[:, None]
    steps[~(np.isfinite(steps) & (steps > 0))] = 0.0
    return steps


def wasserstein(cur: Counts, ref: Counts, mids: FloatArray, scale: FloatArray) -> FloatArray:
    """First Wasserstein distance ``integral |F - G|`` in units of the reference's standard deviation, ``[F]``.

    Args:
        cur: current counts, ``[F, B]``.
        ref: reference counts, ``[F, B]``.
        mids: the value that stands for each slot, ``[F, B]``, not decreasing along the slots that exist.
        scale: the reference's standard deviation, ``[F]``, > 0.
    """
    gaps = np.abs(cumulative(cur) - cumulative(ref))
    distance: FloatArray = (gaps * spacing(mids, scale)).sum(axis=1)
    return distance


def js(cur: Counts, ref: Counts) -> FloatArray:
    """Jensen-Shannon distance, base 2, ``[F]``: 0 for equal shares, 1 for disjoint ones; a metric.

    The square root of the divergence (Endres and Schindelin, 2003), as ``scipy.spatial.distance.jensenshannon`` has it.
    """
    q, p = shares(cur), shares(ref)
    middle = (q + p) / 2
    divergence: FloatArray = (rel_entr(q, middle) + rel_entr(p, middle)).sum(axis=1) / (2 * np.log(2))
    return np.sqrt(np.maximum(divergence, 0.0))


def hellinger(cur: Counts, ref: Counts) -> FloatArray:
    """Hellinger distance ``sqrt(1 - sum sqrt(q p))``, ``[F]``: 0 for equal shares, 1 for disjoint ones; a metric.

    Hellinger (1909). Taken from the squared differences of the roots, which lose nothing where the two are close.
    """
    gaps = np.sqrt(shares(cur)) - np.sqrt(shares(ref))
    distance: FloatArray = np.sqrt(np.minimum((gaps**2).sum(axis=1) / 2, 1.0))
    return distance


def tvd(cur: Counts, ref: Counts) -> FloatArray:
    """Total variation distance ``sum |q - p| / 2``, ``[F]``: the share of rows that would have to move."""
    distance: FloatArray = np.abs(shares(cur) - shares(ref)).sum(axis=1) / 2
    return distance


def chi2(cur: Counts, ref: Counts) -> FloatArray:
    """Pearson's statistic of homogeneity over the slots with any count, ``[F]``.

    As ``scipy.stats.chi2_contingency(correction=False)``; grows with the sizes of both sides.
    """
    n, m = _total(cur.sum(axis=1)), _total(ref.sum(axis=1))
    both = cur + ref
    terms = (cur / n - ref / m) ** 2 / np.where(both > 0, both, 1)
    statistic: FloatArray = terms.sum(axis=1) * (n * m)[:, 0]
    return statistic
