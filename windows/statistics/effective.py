"""Shares of histograms whose rows are worth an effective number of independent ones, and the variances of such shares.

Counts are ``[F, B]`` as in ``distances``, sizes float64 ``[F]``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from windows.statistics.slots import PSEUDO_COUNT

if TYPE_CHECKING:
    from windows.arrays import BoolArray, Counts, FloatArray, IntArray


def pooled_shares(
    cur: Counts, ref: Counts, n: FloatArray, m: FloatArray, slots: IntArray
) -> tuple[FloatArray, FloatArray]:
    """Shares of both sides, half a row a slot added in the proportions of the two together, ``[F, B]`` each."""
    both = cur + ref
    pooled = both / np.maximum(both.sum(axis=1, keepdims=True), 1)
    added = (PSEUDO_COUNT * slots)[:, None]
    q = (resized(cur, n) + added * pooled) / (n[:, None] + added)
    p = (resized(ref, m) + added * pooled) / (m[:, None] + added)
    return q, p


def score_variance(score: FloatArray, weights: FloatArray) -> FloatArray:
    """Variance, ``[F]``, of a score per slot where the slots have these shares."""
    weighted = weights * score
    variance: FloatArray = (weighted * score).sum(axis=1) - weighted.sum(axis=1) ** 2
    return np.maximum(variance, 0.0)


def sizes(n_eff: FloatArray, m_eff: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Effective sizes, never below one row."""
    return np.maximum(n_eff, 1.0), np.maximum(m_eff, 1.0)


def resized(counts: Counts, size: FloatArray) -> FloatArray:
    """The counts in the same proportions, adding up to the effective size, ``[F, B]``."""
    scaled: FloatArray = counts * (size / np.maximum(counts.sum(axis=1), 1))[:, None]
    return scaled


def slot_variance(counts: Counts, size: FloatArray, used: BoolArray) -> FloatArray:
    """Variance of the share of each slot, ``[F, B]``, half a row added so that an empty slot is not a certain one."""
    share = np.minimum((resized(counts, size) + PSEUDO_COUNT) / size[:, None], 1.0)
    return np.where(used, share * (1 - share) / size[:, None], 0.0)


def edge_variance(distribution: FloatArray, size: FloatArray) -> FloatArray:
    """Variance of the distribution function at each edge, ``[F, B]``, half a row kept on either side of it."""
    least = PSEUDO_COUNT / size[:, None]
    share = np.clip(distribution, np.minimum(least, 0.5), np.maximum(1 - least, 0.5))
    return share * (1 - share) / size[:, None]
