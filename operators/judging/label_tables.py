"""Which measured table a label monitor reads."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from operators.settings.metrics import COMPLEMENT_OF

if TYPE_CHECKING:
    from operators.cohorts.measures import WindowMeasures
    from operators.plans.label_monitors import PerformanceMonitor
    from operators.tables import Table
    from windows.arrays import FloatArray
    from windows.ring import Key


@dataclass(frozen=True, slots=True)
class MonitorTable:
    """What a monitor reads.

    Attributes:
        table: of G groups.
        versus: the version that each group is compared with; "" where it is no version.
        coverage: float64[G], share of the predictions that have a label, in the group or its baseline, whichever is
            less; NaN where it is not known.
    """

    table: Table
    versus: tuple[str, ...]
    coverage: FloatArray


def table_of(one: PerformanceMonitor, window: WindowMeasures) -> MonitorTable | None:
    """The table that a monitor reads; None where it was not measured."""
    metric = one.monitor.metric
    if one.compares:
        for comparison in window.comparisons:
            if (comparison.against, comparison.form, comparison.table.metric) == (one.against, one.form, metric):
                return MonitorTable(comparison.table, comparison.versus, comparison.coverage)
        return None
    table = window.table(metric) or _complement(window, metric)
    if table is None:
        return None
    if one.against is not None:
        table = replace(table, baseline=np.full(table.value.shape, one.against.value))
    return MonitorTable(table, ("",) * len(table.groups), coverage_of(window, table.groups))


def coverage_of(window: WindowMeasures, groups: tuple[Key, ...]) -> FloatArray:
    """Share of the predictions of each group that have a label, float64[G]; NaN where it is not known."""
    table = window.table("label_coverage")
    known = {} if table is None else dict(zip(table.groups, table.value[:, 0].tolist(), strict=True))
    return np.array([known.get(key, np.nan) for key in groups])


def _complement(window: WindowMeasures, metric: str) -> Table | None:
    table = window.table(COMPLEMENT_OF.get(metric, ""))
    if table is None:
        return None
    return replace(table, metric=metric, value=1.0 - table.value, lower=1.0 - table.upper, upper=1.0 - table.lower)
