"""Measures of cohorts built by hand, for what judges, alerts and exports make of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from operators.cohorts.measures import CohortMeasures, Comparison, WindowMeasures
from operators.join.ticks import LabelTotals
from operators.judging.label_judge import LabelVerdicts
from operators.plans.label_monitors import Against
from operators.tables import Kind, Table
from windows.panes import Window

if TYPE_CHECKING:
    from operators.findings import Finding
    from operators.plans.label_monitors import Form

H = 3_600_000
HOUR = Window(H, 600_000)
TRAILING = Against("trailing", 14 * 24 * H)

Interval = tuple[float, float, float]
"""(lower, value, upper)."""


def label_table(
    metric: str,
    intervals: dict[tuple[str, str], Interval],
    *,
    samples: int = 1_000,
    baseline: float | None = None,
    kind: Kind = Kind.PERFORMANCE,
) -> Table:
    """A table with an interval for each group."""
    lower, value, upper = (np.array(column)[:, None] for column in zip(*intervals.values(), strict=True))
    count = np.full(value.shape, samples, dtype=np.int64)
    base = None if baseline is None else np.full(value.shape, baseline)
    return Table(kind, metric, tuple(intervals), ("",), value, lower, upper, count, base, count)


def compared(
    table: Table,
    against: Against = TRAILING,
    form: Form = "difference",
    versus: str = "",
    coverage: float = 0.92,
) -> Comparison:
    """The table as a comparison."""
    count = len(table.groups)
    shares = np.full(count, coverage)
    return Comparison(against, form, replace(table, kind=Kind.COMPARISON), (versus,) * count, shares)


def window_measures(
    end: int, *tables: Table, comparisons: tuple[Comparison, ...] = (), window: Window = HOUR, moved: bool = True
) -> WindowMeasures:
    """A window of mature cohorts."""
    return WindowMeasures(window, end, moved, tables, comparisons, None)


def cohort_measures(end: int, *windows: WindowMeasures, **changes: Any) -> CohortMeasures:
    """A tick at which labels and predictions have just come."""
    plain = CohortMeasures(
        model="click",
        end=end,
        started=0,
        windows=windows,
        curve=None,
        errors=(),
        versions=("1", "2"),
        totals=LabelTotals(),
        last_feedback=end,
        heard=0,
        last_prediction=end,
        too_old=0,
        ended=False,
    )
    return replace(plain, **changes)


def label_verdicts(end: int, *findings: Finding) -> LabelVerdicts:
    """What was found of labels at `end`."""
    return LabelVerdicts(end, cohort_measures(end), findings, (), ())
