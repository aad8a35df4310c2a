"""What predictions used and cost, as tables. These are sums of what was said, not estimates: they have no interval."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from operators.tables import Kind, Table
from windows.usage import RESOURCES, STEPS

if TYPE_CHECKING:
    from operators.predictions.stack import Stack
    from windows.arrays import FloatArray, IntArray
    from windows.predictions.layout import UsageSpan

LEAST_COVERAGE = 0.9
"""Below it there is no cost of a prediction: what is not known is not nothing."""

METRICS = {"cpu_ms": ("cpu_seconds_per_prediction", 1e3), "gpu_ms": ("gpu_seconds_per_prediction", 1e3)}
"""Resource -> the metric shown, and how many of its units make one of the metric's."""


def usage_tables(span: UsageSpan, stack: Stack, total: IntArray) -> list[Table]:
    """Cost and seconds a prediction, and the share of predictions that said what they cost.

    Args:
        span: where the sums stand.
        stack: G groups.
        total: int64[G], predictions, failed ones too: these cost as well.
    """
    sums = np.stack([vector[span.start : span.stop] for vector in stack.vectors])
    used, said = sums[:, : len(RESOURCES)] / STEPS, sums[:, len(RESOURCES) :]
    with np.errstate(invalid="ignore", divide="ignore"):
        each = np.where(said > 0, used / said, np.nan)
        coverage = np.where(total > 0, said[:, -1] / total, np.nan)
    cost = np.where(coverage >= LEAST_COVERAGE, each[:, -1], np.nan)
    found = [_table(stack, "cost_per_prediction", cost, said[:, -1]), _table(stack, "cost_coverage", coverage, total)]
    for at, resource in enumerate(RESOURCES):
        if resource in METRICS:
            metric, units = METRICS[resource]
            found.append(_table(stack, metric, each[:, at] / units, said[:, at]))
    return found


def _table(stack: Stack, metric: str, value: FloatArray, samples: IntArray) -> Table:
    column = value[:, None]
    none = np.zeros(column.shape, dtype=np.int64)
    return Table(Kind.SERVICE, metric, stack.keys, ("",), column, column, column, samples[:, None], None, none)
