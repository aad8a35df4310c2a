"""Pearson's statistic of homogeneity."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from windows.statistics import noncentral
from windows.statistics.distances.quadratic import where_defined, without_bias
from windows.statistics.distances.row import Distance, of_counts
from windows.statistics.effective import pooled_shares, score_variance, sizes
from windows.statistics.slots import total, used_slots

if TYPE_CHECKING:
    from windows.arrays import Counts, FloatArray
    from windows.statistics.intervals import Interval


def chi2(cur: Counts, ref: Counts) -> FloatArray:
    """Pearson's statistic of homogeneity over the slots with any count, ``[F]``.

    As ``scipy.stats.chi2_contingency(correction=False)``; grows with the sizes of both sides.
    """
    n, m = total(cur.sum(axis=1)), total(ref.sum(axis=1))
    both = cur + ref
    terms = (cur / n - ref / m) ** 2 / np.where(both > 0, both, 1)
    statistic: FloatArray = terms.sum(axis=1) * (n * m)[:, 0]
    return statistic


def chi2_interval(cur: Counts, ref: Counts, n_eff: FloatArray, m_eff: FloatArray, alpha: float) -> Interval:
    """Interval of the noncentrality of the homogeneity statistic at the counted sizes, ``[F]`` each.

    The noncentrality is what drift adds to the statistic: ``sum (q - p)^2 / pooled / (1/n + 1/m)`` of the populations,
    0 without drift, growing with the sizes; divided by ``n m / (n + m)`` it is an effect size. The lower bound is made
    safe on few rows a slot as for ``js_interval``. Arguments as for ``psi_interval``.
    """
    n, m = sizes(n_eff, m_eff)
    used = used_slots(cur, ref)
    slots = used.sum(axis=1)
    rows, ref_rows = np.maximum(cur.sum(axis=1), 1), np.maximum(ref.sum(axis=1), 1)
    weight = (rows / (rows + ref_rows))[:, None]
    q, p = pooled_shares(cur, ref, n, m, slots)
    pooled = np.where(used, weight * q + (1 - weight) * p, 1.0)
    gap = (q - p) / pooled
    variance = score_variance(2 * gap - weight * gap**2, q) / n + score_variance(2 * gap + (1 - weight) * gap**2, p) / m
    counted, noise = 1 / rows + 1 / ref_rows, 1 / n + 1 / m
    bias = (q * (1 - q) / pooled).sum(axis=1) / n + (p * (1 - p) / pooled).sum(axis=1) / m
    excess = bias - (slots - 1) * noise
    low, _ = without_bias((gap**2 * pooled).sum(axis=1), excess)
    _, high = without_bias(chi2(cur, ref) * counted, excess)
    high = noncentral.at_least_noise(high, slots - 1, noise)
    lower, upper = noncentral.divergence_interval(low, high, variance, slots - 1, noise, alpha)
    return where_defined(cur, ref, (lower / counted, upper / counted))


ROW = Distance(of_counts(chi2, chi2_interval), "Chi²", "", "1/n", judged=False)
