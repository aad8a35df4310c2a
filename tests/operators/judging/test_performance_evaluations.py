"""Evaluations of labels: what the topic shows of cohorts."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from labelled import rows as labelled_rows
from labelled import ticks
from labels import HOUR, H, cohort_measures, compared, label_plan, label_table, window_measures

from operators.cohorts.curves import curves_of
from operators.cohorts.measures import CurveMeasure, Newest, WindowMeasures
from operators.judging.label_judge import LabelJudge, LabelJudgeState
from operators.model_steps import label_judge_config
from operators.settings.model import ModelSettings
from operators.tables import Kind
from windows.outcomes.layout import TaskOptions, task_layout
from windows.panes import Window

if TYPE_CHECKING:
    from operators.judging.evaluations import Evaluation

WHOLE, GERMANY = ("1", ""), ("1", "country=de")


def rows(window: WindowMeasures, sla: Any = None, **performance: Any) -> list[Evaluation]:
    """The evaluations of a window."""
    given = {"windows": ["1h"], **performance}
    model = ModelSettings.model_validate({"name": "click", "task": "binary", "performance": given, "sla": sla or {}})
    judge = LabelJudge(label_judge_config(label_plan(model), evaluations=True), LabelJudgeState())
    return list(judge(cohort_measures(11 * H, window)).evaluations)


def test_every_metric_is_a_row() -> None:
    """Measured values without a rule have no threshold; groups without a value are told."""
    table = label_table("accuracy", {WHOLE: (0.8, 0.9, 0.95), GERMANY: (math.nan,) * 3}, samples=0)
    first, second = rows(window_measures(10 * H, table))
    assert (first.kind, first.metric, first.value, first.status, first.threshold) == (
        "performance",
        "accuracy",
        0.9,
        "ok",
        None,
    )
    assert (first.window.size, first.window.start, first.window.end) == ("1h", 9 * H, 10 * H)
    assert (second.segment, second.value, second.status) == ("country=de", None, "insufficient_data")


@pytest.mark.parametrize(
    ("interval", "status", "threshold"),
    [
        ((0.94, 0.945, 0.95), "ok", 0.93),
        ((0.91, 0.92, 0.925), "minor", 0.93),
        ((0.85, 0.86, 0.87), "major", 0.9),
        ((0.90, 0.92, 0.94), "insufficient_data", 0.93),
    ],
)
def test_a_comparison_is_a_row_with_its_baseline(
    interval: tuple[float, float, float], status: str, threshold: float
) -> None:
    """Its status is what the interval says of the limit; both levels, and too little evidence, are told apart."""
    comparison = compared(label_table("accuracy", {WHOLE: interval}, baseline=0.95))
    rule = {"baseline": "trailing", "max_drop": {"minor": 0.02, "major": 0.05}}
    (row,) = rows(window_measures(10 * H, comparisons=(comparison,)), accuracy=rule)
    assert (row.kind, row.status, row.against, row.baseline) == ("comparison", status, "trailing_14d", 0.95)
    assert row.threshold == pytest.approx(threshold)


def test_constants_and_objectives_are_judged_rows() -> None:
    """Each rule is a row of its own; segments that no rule looks at are measured only."""
    table = label_table("accuracy", {WHOLE: (0.8, 0.81, 0.82), GERMANY: (0.8, 0.81, 0.82)})
    found = rows(window_measures(10 * H, table), {"accuracy": ">= 0.9"}, accuracy={"baseline": 0.95, "max_drop": 0.2})
    assert [(row.segment, row.against, row.baseline, row.status, row.threshold) for row in found] == [
        ("", "constant", 0.95, "ok", pytest.approx(0.75)),
        ("country=de", "", 0.95, "ok", None),
        ("", "", None, "major", 0.9),
        ("country=de", "", None, "ok", None),
    ]


def test_a_window_with_too_few_labels_says_so() -> None:
    """Insufficient data with the coverage, judged or not; but coverage and counts themselves are as sure as ever."""
    tables = (
        label_table("accuracy", {WHOLE: (0.1, 0.2, 0.3), GERMANY: (0.1, 0.2, 0.3)}),
        label_table("f1", {WHOLE: (0.1, 0.2, 0.3)}),
        label_table("label_coverage", {WHOLE: (0.008, 0.009, 0.01), GERMANY: (0.05, 0.06, 0.07)}),
        label_table("labelled", {WHOLE: (9, 9, 9)}),
    )
    comparison = compared(label_table("accuracy", {WHOLE: (0.1, 0.2, 0.3)}, baseline=0.95), coverage=0.009)
    rules = [{"baseline": 0.9, "max_drop": 0.05, "segments": True}, {"baseline": "trailing", "max_drop": 0.05}]
    window = window_measures(10 * H, *tables, comparisons=(comparison,))
    found = rows(window, accuracy=rules, min_coverage=0.05)
    status = {(row.metric, row.segment, row.against): row.status for row in found}
    assert status == {
        ("accuracy", "", "constant"): "insufficient_data",
        ("accuracy", "country=de", "constant"): "major",
        ("accuracy", "", "trailing_14d"): "insufficient_data",
        ("f1", "", ""): "insufficient_data",
        ("label_coverage", "", ""): "ok",
        ("label_coverage", "country=de", ""): "ok",
        ("labelled", "", ""): "ok",
    }
    reasons = {row.against: row.reason for row in found if row.status == "insufficient_data"}
    assert reasons["constant"].startswith("label coverage of 0.9 % is below min_coverage (5 %): ")
    assert "what it is compared with" in reasons["trailing_14d"]


def test_the_newest_window_is_told_to_be_immature() -> None:
    """Insufficient data, with how many labels have come: fast labels are no fair sample."""
    tables = (
        label_table("accuracy", {WHOLE: (0.2, 0.3, 0.4)}),
        label_table("labelled", {WHOLE: (10, 10, 10)}),
        label_table("predictions", {WHOLE: (2_000, 2_000, 2_000)}),
    )
    window = WindowMeasures(HOUR, 10 * H, moved=True, tables=(), comparisons=(), newest=Newest(12 * H, tables))
    found = {row.metric: row for row in rows(window, {"accuracy": "> 0.9"})}
    assert found["accuracy"].status == "insufficient_data"
    assert found["accuracy"].reason.startswith("immature: 10 of 2,000 predictions have a label yet")
    assert (found["accuracy"].window.start, found["accuracy"].window.end) == (11 * H, 12 * H)


def test_the_curve_is_a_row() -> None:
    """With the recent period as its window."""
    model = ModelSettings.model_validate(
        {"name": "click", "task": "binary", "performance": {"concept": {"curve": {"recent": "2d", "before": "4d"}}}}
    )
    judge = LabelJudge(label_judge_config(label_plan(model), evaluations=True), LabelJudgeState())
    curve = CurveMeasure(
        Window(48 * H, 2 * H), 100 * H, label_table("curve_shift", {("", ""): (0.2, 0.3, 0.4)}, kind=Kind.CONCEPT), 0.9
    )
    (row,) = judge(cohort_measures(101 * H, curve=curve)).evaluations
    assert (row.kind, row.metric, row.status, row.threshold, row.window.size) == (
        "concept",
        "curve_shift",
        "major",
        0.1,
        "2d",
    )


def test_selective_labels_are_visible() -> None:
    """Coverage by score, reliability, precision and recall by threshold and confusion, against plain counts."""
    rng = np.random.default_rng(2)
    score = rng.random(4_000)
    label = (rng.random(4_000) < score).astype(float)
    labelled = rng.random(4_000) < np.where(score > 0.7, 0.9, 0.1)
    layout = task_layout(TaskOptions("binary"), None)
    given = labelled_rows(np.arange(4_000), score, label, np.where(labelled, 0, -1))
    (tick,) = ticks(layout, 10_000, given, until=10_000)
    curves = curves_of(layout, "1", tick.deltas[0, "1", ""], 0.01, everything=True)
    window = replace(window_measures(10 * H), curves=(curves,))
    found = {(row.metric, row.feature): row for row in rows(window)}
    high, low = found["label_coverage", "[0.8, 0.9)"], found["label_coverage", "[0.2, 0.3)"]
    for row, least, most in ((high, 0.8, 0.9), (low, 0.2, 0.3)):
        inside = (score >= least) & (score < most)
        assert (row.value, row.samples) == (pytest.approx(labelled[inside].mean()), inside.sum())
    assert high.lower is not None
    assert low.upper is not None
    assert high.lower > low.upper
    inside = labelled & (score >= 0.8) & (score < 0.9)
    reliable = found["reliability", "[0.8, 0.9)"]
    assert (reliable.value, reliable.baseline) == pytest.approx((label[inside].mean(), score[inside].mean()))
    alarms = labelled & (score >= 0.7)
    assert found["precision_at", "0.7"].value == pytest.approx(label[alarms].mean())
    assert found["recall_at", "0.7"].value == pytest.approx(label[alarms].sum() / label[labelled].sum())
    assert found["confusion", "1 predicted as 0"].value == (labelled & (label == 1) & (score < 0.5)).sum()


def test_curves_of_other_tasks() -> None:
    """Only coverage for regression and ranking, and where nobody reads evaluations."""
    for task in ("regression", "ranking"):
        layout = task_layout(TaskOptions(task), None)  # type: ignore[arg-type]
        curves = curves_of(layout, "1", layout.empty(), 0.01, everything=True)
        assert (curves.reliability, curves.confusion, curves.precision_recall) == (None, None, None)
    layout = task_layout(TaskOptions("multiclass", classes=("a", "b")), None)
    assert curves_of(layout, "1", layout.empty(), 0.01, everything=False).confusion is None
    assert curves_of(layout, "1", layout.empty(), 0.01, everything=True).confusion is not None
