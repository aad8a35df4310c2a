"""Jensen-Shannon distance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import rel_entr

from windows.statistics.distances.quadratic import NATS, root_interval, where_defined
from windows.statistics.distances.row import Distance, of_counts
from windows.statistics.effective import pooled_shares, score_variance, sizes
from windows.statistics.slots import log_ratio, shares, used_slots

if TYPE_CHECKING:
    from windows.arrays import Counts, FloatArray
    from windows.statistics.intervals import Interval


def js(cur: Counts, ref: Counts) -> FloatArray:
    """Jensen-Shannon distance, base 2, ``[F]``: 0 for equal shares, 1 for disjoint ones; a metric.

    The square root of the divergence (Endres and Schindelin, 2003), as ``scipy.spatial.distance.jensenshannon`` has it.
    """
    q, p = shares(cur), shares(ref)
    middle = (q + p) / 2
    divergence: FloatArray = (rel_entr(q, middle) + rel_entr(p, middle)).sum(axis=1) / (2 * np.log(2))
    return np.sqrt(np.maximum(divergence, 0.0))


def js_interval(cur: Counts, ref: Counts, n_eff: FloatArray, m_eff: FloatArray, alpha: float) -> Interval:
    """Interval of the Jensen-Shannon distance (base 2), ``[F]`` each; arguments as for ``psi_interval``.

    Eight times the divergence (in nats) is the quadratic form that PSI is near equality, so the same construction
    holds. With few rows a slot the sampled divergence is biased further up. The lower bound is therefore taken after
    half a row a slot was added to both sides in the proportions of both together, which can only bring the two closer.
    """
    n, m = sizes(n_eff, m_eff)
    used = used_slots(cur, ref)
    slots = used.sum(axis=1)
    q, p = pooled_shares(cur, ref, n, m, slots)
    both = np.where(used, q + p, 1.0)
    logs, ref_logs = log_ratio(2 * q, both, used), log_ratio(2 * p, both, used)
    value = np.maximum(4 * ((q * logs).sum(axis=1) + (p * ref_logs).sum(axis=1)), 0.0)
    bias = 2 * ((p * (1 - q) / both).sum(axis=1) / n + (q * (1 - p) / both).sum(axis=1) / m)
    variance = 16 * (score_variance(logs, q) / n + score_variance(ref_logs, p) / m)
    bounds = root_interval(value, js(cur, ref), NATS, bias, variance, slots - 1, 1 / n + 1 / m, alpha)
    return where_defined(cur, ref, bounds)


ROW = Distance(
    of_counts(js, js_interval),
    "Jensen-Shannon",
    "Jensen-Shannon distance, base 2",
    "1/sqrt(n)",
    bounded=True,
)
