"""What predictions used, as whole numbers: exact by version and segment, in any order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from windows.arrays import FloatArray, IntArray

RESOURCES = ("cpu_ms", "gpu_ms", "memory_mb_s", "cost")
"""In the order of the sums: CPU and GPU time, megabytes times seconds, money."""
STEPS = np.array([1e3, 1e3, 1e3, 1e9])
"""Steps of a unit: times to the microsecond, money to a billionth."""
LARGEST = 1 << 40
"""Steps of one prediction at most (twelve days of CPU, a thousand units of money); what says more says nothing."""
ABSENT = -1
SIZE = 2 * len(RESOURCES)
"""Slots: a sum of each, and how many predictions said it."""

HOUR_MS = 3.6e6
GIB_HOUR_MB_S = 3_600 * 2**30 / 1e6


@dataclass(frozen=True, slots=True)
class Prices:
    """What resources cost; 0 where one costs nothing."""

    cpu_hour: float = 0.0
    gpu_hour: float = 0.0
    memory_gib_hour: float = 0.0

    def of(self, used: FloatArray) -> FloatArray:
        """The cost of n predictions by the resources that have a price, float64[n]; NaN where one of them is not known.

        Args:
            used: float64[3 or more, n] in the order of RESOURCES.
        """
        each = np.array([self.cpu_hour / HOUR_MS, self.gpu_hour / HOUR_MS, self.memory_gib_hour / GIB_HOUR_MB_S])
        priced = each > 0
        if not priced.any():
            return np.full(used.shape[1], np.nan)
        found: FloatArray = (used[:3][priced] * each[priced, None]).sum(axis=0)
        return found


def steps_of(used: FloatArray, prices: Prices) -> IntArray:
    """Usage in steps, int64[4, n]; ABSENT where it is not said, is below 0, no number, or beyond LARGEST.

    Args:
        used: float64[4, n] in the order of RESOURCES, NaN where not said.
        prices: what a prediction costs that does not say it itself.
    """
    cost = np.where(np.isnan(used[3]), prices.of(used), used[3])
    with np.errstate(over="ignore", invalid="ignore"):
        steps = np.rint(np.vstack((used[:3], cost)) * STEPS[:, None])
        good = (steps >= 0) & (steps <= LARGEST)
    found: IntArray = np.where(good, steps, ABSENT).astype(np.int64)
    return found


def usage_sums(steps: IntArray, group_of: IntArray, groups: int) -> IntArray:
    """Sums and counts of each group, int64[groups, SIZE]."""
    found = np.zeros((groups, SIZE), dtype=np.int64)
    if steps.shape[1] == 0:
        return found
    order = np.argsort(group_of, kind="stable")
    present, starts = np.unique(group_of[order], return_index=True)
    said = steps >= 0
    table = np.vstack((np.where(said, steps, 0), said.astype(np.int64)))[:, order]
    found[present] = np.add.reduceat(table, starts, axis=1).T
    return found
