"""Slots of two histograms: shares of rows in them, and which of them say something.

Every function takes matrices over features, ``cur`` and ``ref`` of shape ``[F, B]`` (int64 counts in slot order, padded
with zeros on the right). A feature with no counts on either side has no distance: its entry is NaN.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from windows.arrays import BoolArray, Counts, FloatArray

PSEUDO_COUNT = 0.5
"""Added to each slot before a logarithm is taken (Jeffreys' prior): an empty slot is rare, not impossible."""


def shares(counts: Counts) -> FloatArray:
    """Share of the rows in each slot, ``[F, B]``; a row of NaN where the feature has no counts."""
    part: FloatArray = counts / total(counts.sum(axis=1))
    return part


def cumulative(counts: Counts) -> FloatArray:
    """Distribution function at the upper edge of each slot, ``[F, B]``; NaN where the feature has no counts.

    Counts are summed as integers first, so the last slot and all padding behind it are exactly 1.
    """
    sums = np.cumsum(counts, axis=1)
    return np.asarray(sums / total(sums[:, -1]), dtype=np.float64)


def total(rows: npt.NDArray[np.number]) -> FloatArray:
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


def spacing(mids: FloatArray, scale: FloatArray) -> FloatArray:
    """Distance from each slot's mid to the next one in units of ``scale``, ``[F, B]``; 0 behind the last slot.

    Padding may hold any mids: a step that is not finite or not forward counts as 0.
    """
    steps = np.zeros(mids.shape)
    with np.errstate(invalid="ignore"):
        steps[:, :-1] = np.diff(mids, axis=1) / scale[:, None]
    steps[~(np.isfinite(steps) & (steps > 0))] = 0.0
    return steps
