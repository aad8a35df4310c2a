"""Reports that labels make."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from labelled import rows, ticks
from labels import HOUR, H, cohort_measures, compared, label_table, label_verdicts, window_measures

from operators.cohorts.curves import curves_of
from operators.join.ticks import NEVER, LabelTotals
from operators.judging.objectives import ObjectiveStanding
from stream.metrics.catalog import BY_NAME
from stream.metrics.label_exports import of_cohorts
from stream.metrics.registry import Registry
from stream.metrics.reports import GaugeBlock, Totals
from windows.outcomes.layout import TaskOptions, task_layout

if TYPE_CHECKING:
    from operators.judging.label_judge import LabelVerdicts
    from stream.metrics.reports import Report

WHOLE, GERMANY = ("1", ""), ("1", "country=de")
ACCURACY = label_table("accuracy", {WHOLE: (0.8, 0.9, 0.95), GERMANY: (math.nan,) * 3}, baseline=0.92)
COVERAGE = label_table("label_coverage", {WHOLE: (0.6, 0.7, 0.8), GERMANY: (0.1, 0.2, 0.3)})
DELAY = label_table("label_delay_p50_s", {WHOLE: (60, 90, 100)})
COUNT = label_table("predictions", {WHOLE: (60, 60, 60)})
WINDOW = window_measures(10 * H, ACCURACY, COVERAGE, DELAY, COUNT, comparisons=(compared(ACCURACY),))


def of(verdicts: LabelVerdicts, shortest: int = H) -> list[Report]:
    """The reports."""
    return list(of_cohorts(verdicts, shortest))


def gauges(reports: list[Report]) -> dict[str, dict[tuple[str, ...], float]]:
    """Metric -> labels -> value."""
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for report in reports:
        if isinstance(report, GaugeBlock):
            found.setdefault(report.metric, {}).update(zip(report.rows, report.values, strict=True))
    return found


def test_performance_with_its_interval_and_its_baselines() -> None:
    """Groups without a value and plain counts are no series."""
    shown = gauges(of(replace(label_verdicts(11 * H), measures=cohort_measures(11 * H, WINDOW))))
    key = ("click", "1", "", "accuracy", "1h")
    assert (shown["performance"][key], shown["performance_lower"][key], shown["performance_upper"][key]) == (
        0.9,
        0.8,
        0.95,
    )
    assert {row[3] for row in shown["performance"]} == {"accuracy", "label_coverage", "label_delay_p50_s"}
    assert shown["performance_baseline"][*key, "trailing_14d"] == 0.92
    assert ("click", "1", "country=de", "accuracy", "1h") not in shown["performance"]


def test_coverage_and_delay_are_of_the_shortest_window() -> None:
    """Of whole versions: their series carry no window and no segment."""
    verdicts = replace(label_verdicts(11 * H), measures=cohort_measures(11 * H, WINDOW))
    shown = gauges(of(verdicts))
    assert shown["label_coverage_ratio"] == {("click", "1"): 0.7}
    assert shown["label_delay_seconds"] == {("click", "1"): 90}
    assert "label_coverage_ratio" not in gauges(of(verdicts, shortest=7 * H))


def test_coverage_by_score() -> None:
    """A series a range of scores that had predictions."""
    layout = task_layout(TaskOptions("binary"), None)
    given = rows(np.arange(100), np.repeat([0.15, 0.95], 50), 1.0, np.where(np.arange(100) < 60, 0, -1))
    (tick,) = ticks(layout, 10_000, given, until=10_000)
    curves = curves_of(layout, "1", tick.deltas[0, "1", ""], 0.01, everything=False)
    measures = cohort_measures(11 * H, replace(WINDOW, curves=(curves,)))
    shown = gauges(of(replace(label_verdicts(11 * H), measures=measures)))["label_coverage_by_score_ratio"]
    assert shown == {("click", "1", "[0.1, 0.2)"): 1.0, ("click", "1", "[0.9, inf)"): 0.2}


def test_a_window_that_did_not_move_keeps_its_gauges() -> None:
    """There is no block for it; one without data removes what it had."""
    assert "performance" not in gauges(of(label_verdicts(11 * H)))
    empty = [
        report
        for report in of(replace(label_verdicts(11 * H), measures=cohort_measures(11 * H, window_measures(10 * H))))
        if isinstance(report, GaugeBlock) and report.metric == "performance"
    ]
    assert [(block.owner, block.rows) for block in empty] == [("click/1h/labels", ())]
    assert HOUR.label == "1h"


def test_counts_of_feedback() -> None:
    """Every record of feedback is in one of them."""
    totals = LabelTotals(
        feedback={"explicit": 7, "implicit": 3},
        matched=6,
        revised=2,
        duplicates=1,
        repeated=3,
        unmatched={"unknown": 1},
        waiting=4,
        negatives=5,
    )
    reports = of(replace(label_verdicts(11 * H), measures=cohort_measures(11 * H, totals=totals, too_old=8)))
    counts = {report.metric: report.rows for report in reports if isinstance(report, Totals)}
    assert counts == {
        "feedback_total": {("click", "explicit"): 7, ("click", "implicit"): 3},
        "labels_total": {("click", "matched"): 6, ("click", "revised"): 2, ("click", "assumed_negative"): 5},
        "duplicates_total": {("click", "feedback"): 1, ("click", "prediction"): 3},
        "unmatched_feedback_total": {("click", "unknown"): 1},
        "old_cohorts_total": {("click",): 8},
    }
    assert gauges(reports)["labels_waiting"] == {("click",): 4}


def test_the_age_of_labels() -> None:
    """Event time since the last one; no series before the first."""
    measures = cohort_measures(11 * H, last_feedback=10 * H)
    assert gauges(of(replace(label_verdicts(11 * H), measures=measures)))["label_age_seconds"] == {("click",): 3_600}
    never = cohort_measures(11 * H, last_feedback=NEVER)
    assert gauges(of(replace(label_verdicts(11 * H), measures=never)))["label_age_seconds"] == {}


def test_objectives_on_labels_stand_beside_those_on_predictions() -> None:
    """Their owner is another, so that neither removes the other's."""
    objective = ObjectiveStanding("1", "accuracy", 0.95, 0.9, violated=True)
    reports = of(replace(label_verdicts(11 * H), objectives=(objective,)))
    shown = gauges(reports)
    key = ("click", "1", "accuracy")
    assert (shown["sla_objective"][key], shown["sla_value"][key], shown["sla_violated"][key]) == (0.95, 0.9, 1)
    assert {report.owner for report in reports if isinstance(report, GaugeBlock) and report.metric == "sla_value"} == {
        "click/labels"
    }


def test_the_registry_takes_every_report() -> None:
    """All metrics are declared, with the labels given."""
    registry = Registry()
    for report in of(replace(label_verdicts(11 * H), measures=cohort_measures(11 * H, WINDOW))):
        assert isinstance(report, GaugeBlock | Totals)
        labels = BY_NAME[report.metric].labels
        assert all(len(row) == len(labels) for row in report.rows)
        registry.apply(report)
