"""Exports of labels: how good predictions are, and what became of feedback, as reports for the metrics. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from operators.join.ticks import NEVER
from operators.join.unmatched import why_unmatched
from stream.metrics.looks import looked_at
from stream.metrics.reports import GaugeBlock, Totals, Unmatched
from windows.segments import WHOLE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from operators.cohorts.measures import CohortMeasures, WindowMeasures
    from operators.judging.label_judge import LabelVerdicts
    from operators.tables import Table
    from stream.metrics.reports import Looked, Report

COUNTS = frozenset({"labelled", "predictions"})
"""Measured beside the metrics, and counters already."""

PERFORMANCE = ("performance", "performance_lower", "performance_upper")


@dataclass(frozen=True, slots=True)
class LabelExports:
    """The exports of every model's labels.

    Attributes:
        shortest: model -> size (ms) of the window that coverage and delay are shown of.
        looks: whether pages are to be told what was measured.
    """

    shortest: dict[str, int]
    looks: bool = False

    def __call__(self, item: tuple[str, LabelVerdicts]) -> Iterator[Report]:
        """The gauges and totals of one tick of a model's labels."""
        model, verdicts = item
        yield from of_cohorts(verdicts, self.shortest[model])
        if verdicts.measures.ended:
            yield Unmatched(model, why_unmatched(verdicts.measures.totals))
        if self.looks:
            yield from of_looks(verdicts.measures)


def of_looks(measures: CohortMeasures) -> Iterator[Looked]:
    """What pages show of the windows of cohorts that moved."""
    for found in measures.windows:
        tables = (*found.tables, *(one.table for one in found.comparisons))
        yield looked_at(measures.model, "labels", found.window.label, found.window.size, found.end, tables)


def of_cohorts(verdicts: LabelVerdicts, shortest: int) -> Iterator[Report]:
    """The gauges and totals of one tick of a model's labels.

    Args:
        verdicts: of the tick; windows that did not move keep the gauges they have.
        shortest: size (ms) of the window that coverage and delay are shown of: their series carry no window.
    """
    measures = verdicts.measures
    model = measures.model
    for window in measures.windows:
        yield from _performance(model, window)
        if window.window.size == shortest:
            yield from _coverage(model, window)
    yield from _counts(measures)
    yield GaugeBlock(model, "labels_timestamp_seconds", ((model,),), (measures.end / 1e3,))
    yield GaugeBlock(model, "labels_waiting", ((model,),), (float(measures.totals.waiting),))
    came = measures.last_feedback != NEVER
    age = ((measures.end - measures.last_feedback) / 1e3,) if came else ()
    yield GaugeBlock(model, "label_age_seconds", ((model,),) if came else (), age)
    for name, pick in (("sla_objective", "target"), ("sla_value", "value"), ("sla_violated", "violated")):
        rows = tuple((model, objective.version, objective.sla) for objective in verdicts.objectives)
        values = tuple(float(getattr(objective, pick)) for objective in verdicts.objectives)
        yield GaugeBlock(f"{model}/labels", name, rows, values)


def _performance(model: str, window: WindowMeasures) -> Iterator[GaugeBlock]:
    """Every metric of every group with its bounds, and the baselines that rules compare it with."""
    label = window.window.label
    owner = f"{model}/{label}/labels"
    rows: list[tuple[str, ...]] = []
    values: tuple[list[float], list[float], list[float]] = ([], [], [])
    for table in window.tables:
        if table.metric in COUNTS:
            continue
        for at, (version, segment) in enumerate(table.groups):
            if np.isnan(table.value[at, 0]):
                continue
            rows.append((model, version, segment, table.metric, label))
            for column, found in zip(values, (table.value, table.lower, table.upper), strict=True):
                column.append(float(found[at, 0]))
    for name, column in zip(PERFORMANCE, values, strict=True):
        yield GaugeBlock(owner, name, tuple(rows), tuple(column))
    bases = {
        (model, version, segment, one.table.metric, label, one.against.label): float(one.table.baseline[at, 0])
        for one in window.comparisons
        if one.table.baseline is not None
        for at, (version, segment) in enumerate(one.table.groups)
        if not np.isnan(one.table.baseline[at, 0])
    }
    yield GaugeBlock(owner, "performance_baseline", tuple(bases), tuple(bases.values()))


def _coverage(model: str, window: WindowMeasures) -> Iterator[GaugeBlock]:
    for metric, name in (("label_coverage", "label_coverage_ratio"), ("label_delay_p50_s", "label_delay_seconds")):
        shown = _whole(model, window.table(metric))
        yield GaugeBlock(f"{model}/labels", name, tuple(shown), tuple(shown.values()))
    by_score = {
        (model, curves.version, name): ratio
        for curves in window.curves
        for name, ratio in zip(curves.coverage.names, curves.coverage.ratio.tolist(), strict=True)
        if not np.isnan(ratio)
    }
    yield GaugeBlock(f"{model}/labels", "label_coverage_by_score_ratio", tuple(by_score), tuple(by_score.values()))


def _whole(model: str, table: Table | None) -> dict[tuple[str, ...], float]:
    if table is None:
        return {}
    return {
        (model, version): float(table.value[at, 0])
        for at, (version, segment) in enumerate(table.groups)
        if segment == WHOLE and not np.isnan(table.value[at, 0])
    }


def _counts(measures: CohortMeasures) -> Iterator[Totals]:
    model, totals = measures.model, measures.totals
    yield Totals("feedback_total", {(model, kind): float(count) for kind, count in totals.feedback.items()})
    events = {"matched": totals.matched, "revised": totals.revised, "assumed_negative": totals.negatives}
    yield Totals("labels_total", {(model, event): float(count) for event, count in events.items()})
    again = {"feedback": totals.duplicates, "prediction": totals.repeated}
    yield Totals("duplicates_total", {(model, reason): float(count) for reason, count in again.items()})
    yield Totals("unmatched_feedback_total", {(model, why): float(count) for why, count in totals.unmatched.items()})
    yield Totals("old_cohorts_total", {(model,): float(measures.too_old)})
