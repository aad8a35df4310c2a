"""Population stability index."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from windows.statistics import noncentral
from windows.statistics.distances.quadratic import where_defined, without_bias
from windows.statistics.distances.row import Distance, Sides
from windows.statistics.effective import resized, score_variance, sizes
from windows.statistics.slots import (
    PSEUDO_COUNT,
    both_sides,
    log_ratio,
    smoothed_shares,
    total,
    used_slots,
    within,
)

if TYPE_CHECKING:
    from windows.arrays import BoolArray, Counts, FloatArray
    from windows.statistics.distances.row import Measured
    from windows.statistics.intervals import Interval


def psi_bias(cur: Counts, ref: Counts, mask: BoolArray | None = None) -> FloatArray:
    """What PSI is expected to be without any drift, ``(B - 1) (1/n + 1/m)`` over the used slots, ``[F]``.

    Without drift PSI is about ``(1/n + 1/m) chi2(B - 1)`` (Yurdakul and Naranjo, "Statistical properties of the
    population stability index", Journal of Risk Model Validation, 2020). NaN where a side has no counts.
    """
    slots = used_slots(cur, ref, mask).sum(axis=1)
    n, m = total(within(cur, mask).sum(axis=1)), total(within(ref, mask).sum(axis=1))
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


def psi_interval(
    cur: Counts,
    ref: Counts,
    mask: BoolArray | None,
    n_eff: FloatArray,
    m_eff: FloatArray,
    alpha: float,
) -> Interval:
    """Interval of the population stability index, ``[F]`` each.

    Smoothed PSI is about ``noise x chi2(B - 1, PSI / noise)``, ``noise = 1/n + 1/m``: exact near 0, where the delta
    method degenerates. Further off its variance is the delta method's; where that is larger (rare slots with a large
    gradient) ``noise`` is raised until the two agree. What smoothing adds beyond ``(B - 1) noise`` is taken off first.

    The upper bound is as good where every slot expects some five rows on each side; a slot that one side never fills
    has no upper bound at all, there it is that of the smoothed index.

    Args:
        cur: current counts, ``[F, B]``.
        ref: reference counts, ``[F, B]``.
        mask: True for the slots that exist, ``[F, B]``; None: all.
        n_eff: effective size of the current side, ``[F]``.
        m_eff: effective size of the reference side, ``[F]``.
        alpha: probability of error per bound.
    """
    n, m = sizes(n_eff, m_eff)
    cur, ref = within(cur, mask), within(ref, mask)
    used = used_slots(cur, ref)
    q, p = smoothed_shares(resized(cur, n), used), smoothed_shares(resized(ref, m), used)
    logs = log_ratio(q, p, used)
    forward, backward = (q * logs).sum(axis=1), -(p * logs).sum(axis=1)
    slots, drift = used.sum(axis=1), logs.sum(axis=1)
    # Second-order bias of the smoothed estimate less its value without drift; it vanishes when q = p.
    excess = (drift - slots * forward) / (2 * n) - (drift + slots * backward) / (2 * m)
    odds = np.where(used, p, 1.0) / np.where(used, q, 1.0)
    variance = score_variance(logs + 1 - odds, q) / n + score_variance(1 / odds + logs - 1, p) / m
    low, high = without_bias(forward + backward, excess)
    high = np.maximum(high, _sharp_psi(resized(cur, n), resized(ref, m), used))
    high = noncentral.at_least_noise(high, slots - 1, 1 / n + 1 / m)
    return where_defined(cur, ref, noncentral.divergence_interval(low, high, variance, slots - 1, 1 / n + 1 / m, alpha))


def _sharp_psi(cur: FloatArray, ref: FloatArray, used: BoolArray) -> FloatArray:
    """PSI with a tenth of the pseudo-count, ``[F]``: an empty slot may be far rarer than half a row."""
    q = (cur + PSEUDO_COUNT / 10) / np.maximum(cur.sum(axis=1, keepdims=True), 1)
    p = (ref + PSEUDO_COUNT / 10) / np.maximum(ref.sum(axis=1, keepdims=True), 1)
    index: FloatArray = ((q - p) * log_ratio(q, p, used)).sum(axis=1)
    return index


def _psi(sides: Sides) -> Measured:
    mask = np.tile(sides.mask, (sides.groups, 1))
    bounds = psi_interval(*sides.coarse, mask, *sides.values, sides.alpha)
    return psi(*sides.coarse, mask), bounds


ROW = Distance(_psi, "PSI", "population stability index, on 10 bins", "1/n")
