"""How many rows a bound needs to be as narrow as a threshold, from how wide it is now.

``width^power`` is about proportional to ``1/n + 1/m`` (power 2: bands of distribution functions and of means; power 1:
divergences, and shares of what hardly ever happens), so a reading tells how many rows a window would need: an estimate
to be told to people, no bound.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from windows.allowed import METRICS
from windows.shares import OF_METRIC
from windows.statistics.catalog import DISTANCES

if TYPE_CHECKING:
    from windows.arrays import BoolArray, FloatArray, IntArray

POWER_ONE = frozenset(
    {
        *(name for name, distance in DISTANCES.items() if distance.width == "1/n"),
        "availability",
        *OF_METRIC,
        *METRICS,
    }
)
"""Metrics whose uncertainty shrinks as 1 / n near the values that are normal for them."""


def rows_needed(
    metric: str | BoolArray, width: FloatArray, limit: FloatArray, rows: IntArray, reference_rows: IntArray
) -> FloatArray:
    """Rows of a window whose bound would be `limit` away from the value, shape of the arguments, float64.

    Args:
        metric: its name; of several metrics, for each element whether the square of its width shrinks as 1 / n.
        width: how far the bound is from the value now, > 0.
        limit: how far it should be, > 0.
        rows: behind the value now.
        reference_rows: of the reference; 0 where there is none in the comparison.

    Returns:
        infinite where the reference alone is too small, NaN where the width is not known.
    """
    squared = metric not in POWER_ONE if isinstance(metric, str) else metric
    with np.errstate(divide="ignore", invalid="ignore"):
        own = np.where(reference_rows > 0, 1.0 / np.maximum(reference_rows, 1), 0.0)
        ratio = limit / width
        left = np.where(squared, ratio * ratio, ratio) * (1.0 / np.maximum(rows, 1) + own) - own
        needed: FloatArray = np.where(left > 0, 1.0 / left, np.inf)
    return np.where(np.isfinite(width) & (rows > 0), needed, np.nan)
