"""Measures of cohorts built by hand, for what judges, alerts and exports make of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from factories import click

from operators.cohorts.measures import CohortMeasures, Comparison, WindowMeasures
from operators.join.ticks import LabelTotals
from operators.judging.label_judge import LabelVerdicts
from operators.plans.classes import label_codes
from operators.plans.cohorts import plan_performance
from operators.plans.join import JoinPlan, families_of
from operators.plans.label_monitors import Against, performance_monitors
from operators.plans.labels import LabelPlan, counted_otherwise
from operators.tables import Kind, Table
from windows.outcomes.layout import TaskOptions, task_layout
from windows.panes import Window
from windows.predictions.layout import layout_of

if TYPE_CHECKING:
    from operators.findings import Finding
    from operators.plans.label_monitors import Form
    from operators.settings.model import ModelSettings
    from windows.outcomes.layout import TaskLayout
    from windows.references.reference import Reference

H = 3_600_000
HOUR = Window(H, 600_000)
TRAILING = Against("trailing", 14 * 24 * H)

BINARY = task_layout(TaskOptions("binary"), None)

Interval = tuple[float, float, float]
"""(lower, value, upper)."""


def label_plan(
    model: ModelSettings, layout: TaskLayout = BINARY, reference: Reference | None = None, pane: int = 600_000
) -> LabelPlan:
    """The plan of a model's labels, with outcomes laid out in this way, whatever the reference was built with."""
    performance, known = model.performance, click() if reference is None else reference
    assert performance is not None
    cohorts = plan_performance(model, pane)
    features = replace(layout_of(known, ()), model=model.name)
    join = JoinPlan(
        features,
        layout,
        label_codes(model, known),
        cohorts.tick,
        performance.kept_for,
        performance.wait,
        performance.negative_after,
        performance.sample,
        families_of(features, ()),
    )
    outcomes = None if counted_otherwise(known, layout.options) else known.outcomes
    return LabelPlan(performance, join, cohorts, performance_monitors(model), outcomes)


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
