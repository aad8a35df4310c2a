"""Which measured table a label monitor reads."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from operators.cohort_measures import WindowMeasures
    from operators.performance_monitors import PerformanceMonitor
    from operators.tables import Table

COMPLEMENT_OF = {"error_rate": "accuracy", "ndcg_loss": "ndcg"}
"""Errors that are 1 minus a metric that is measured."""


def table_of(one: PerformanceMonitor, window: WindowMeasures) -> tuple[Table, tuple[str, ...]] | None:
    """The table that a monitor reads, and the version each group is compared with; None where it was not measured."""
    metric = one.monitor.metric
    if one.compares:
        for comparison in window.comparisons:
            if (comparison.against, comparison.form, comparison.table.metric) == (one.against, one.form, metric):
                return comparison.table, comparison.versus
        return None
    table = window.table(metric) or _complement(window, metric)
    if table is None:
        return None
    versus = ("",) * len(table.groups)
    if one.against is None:
        return table, versus
    return replace(table, baseline=np.full(table.value.shape, one.against.value)), versus


def _complement(window: WindowMeasures, metric: str) -> Table | None:
    table = window.table(COMPLEMENT_OF.get(metric, ""))
    if table is None:
        return None
    return replace(table, metric=metric, value=1.0 - table.value, lower=1.0 - table.upper, upper=1.0 - table.lower)
