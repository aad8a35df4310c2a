"""Hellinger distance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from windows.statistics.distances.quadratic import EIGHT, root_interval, where_defined
from windows.statistics.distances.row import Distance, of_counts
from windows.statistics.effective import pooled_shares, score_variance, sizes
from windows.statistics.slots import shares, used_slots

if TYPE_CHECKING:
    from windows.arrays import Counts, FloatArray
    from windows.statistics.intervals import Interval


def hellinger(cur: Counts, ref: Counts) -> FloatArray:
    """Hellinger distance ``sqrt(1 - sum sqrt(q p))``, ``[F]``: 0 for equal shares, 1 for disjoint ones; a metric.

    Hellinger (1909). Taken from the squared differences of the roots, which lose nothing where the two are close.
    """
    gaps = np.sqrt(shares(cur)) - np.sqrt(shares(ref))
    distance: FloatArray = np.sqrt(np.minimum((gaps**2).sum(axis=1) / 2, 1.0))
    return distance


def hellinger_interval(cur: Counts, ref: Counts, n_eff: FloatArray, m_eff: FloatArray, alpha: float) -> Interval:
    """Interval of the Hellinger distance, ``[F]`` each; arguments as for ``psi_interval``.

    Eight times its square is the quadratic form that PSI is near equality, so the construction is that of
    ``js_interval``.
    """
    n, m = sizes(n_eff, m_eff)
    used = used_slots(cur, ref)
    slots = used.sum(axis=1)
    q, p = pooled_shares(cur, ref, n, m, slots)
    ratio = np.sqrt(np.where(used, p, 1.0) / np.where(used, q, 1.0))
    value = np.maximum(EIGHT * (1 - np.sqrt(q * p).sum(axis=1)), 0.0)
    bias = (used * ratio * (1 - q)).sum(axis=1) / n + (used / ratio * (1 - p)).sum(axis=1) / m
    variance = 16 * (score_variance(ratio, q) / n + score_variance(1 / ratio, p) / m)
    bounds = root_interval(value, hellinger(cur, ref), EIGHT, bias, variance, slots - 1, 1 / n + 1 / m, alpha)
    return where_defined(cur, ref, bounds)


ROW = Distance(
    of_counts(hellinger, hellinger_interval),
    "Hellinger",
    "Hellinger distance",
    "1/sqrt(n)",
    bounded=True,
)
