"""Total variation distance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from windows.statistics.distances.row import Distance, of_counts
from windows.statistics.effective import sizes, slot_variance
from windows.statistics.intervals import MEAN_DEVIATION
from windows.statistics.slots import shares, used_slots

if TYPE_CHECKING:
    from windows.arrays import Counts, FloatArray
    from windows.statistics.intervals import Interval


def tvd(cur: Counts, ref: Counts) -> FloatArray:
    """Total variation distance ``sum |q - p| / 2``, ``[F]``: the share of rows that would have to move."""
    distance: FloatArray = np.abs(shares(cur) - shares(ref)).sum(axis=1) / 2
    return distance


def tvd_interval(cur: Counts, ref: Counts, n_eff: FloatArray, m_eff: FloatArray, alpha: float) -> Interval:
    """Interval of the total variation distance, ``[F]`` each; arguments as for ``psi_interval``.

    One row moves the distance by 1/n or 1/m at most, so McDiarmid's inequality bounds its fluctuation by
    ``sqrt(ln(1 / alpha) (1/n + 1/m) / 2)`` at any level. Its expectation is never below the truth (Jensen) and above it
    by no more than half the sum of the mean absolute deviations of the slots, which the lower bound gives away.
    """
    n, m = sizes(n_eff, m_eff)
    used = used_slots(cur, ref)
    slack = np.sqrt(np.log(1 / alpha) / 2 * (1 / n + 1 / m))
    bias = MEAN_DEVIATION * np.sqrt(slot_variance(cur, n, used) + slot_variance(ref, m, used)).sum(axis=1) / 2
    value = tvd(cur, ref)
    return np.maximum(value - bias - slack, 0.0), np.minimum(value + slack, 1.0)


ROW = Distance(
    of_counts(tvd, tvd_interval),
    "Total variation",
    "total variation distance",
    "1/sqrt(n)",
    bounded=True,
)
