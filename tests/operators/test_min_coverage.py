"""`performance.min_coverage`, from labels to findings: windows of few labels are not judged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from factories import START
from labelled import Rows, joined, rows, ticks
from labels import label_plan

from operators.judging.label_judge import LabelJudge, LabelJudgeState
from operators.model_steps import cohort_step, cohorts_config, label_judge_config
from operators.settings.model import ModelSettings
from windows.outcomes.layout import TaskOptions, task_layout

if TYPE_CHECKING:
    from operators.judging.label_judge import LabelVerdicts

M, H, DAY = 60_000, 3_600_000, 86_400_000
T0 = START // DAY * DAY
LAYOUT = task_layout(TaskOptions("binary"), None)
FALLS = {"baseline": 0.95, "max_drop": 0.05}


def hour(number: int, labels: int, *, wrong: float, version: str = "1") -> Rows:
    """1,000 positive predictions of an hour, half of them in a segment; so many get a label, a share of them wrong."""
    at = T0 + number * H + np.arange(1_000) * (H // 1_000)
    late = np.full(1_000, -1)
    late[np.linspace(0, 999, labels).astype(int)] = M
    segments = [("c=de", "")[place % 2] for place in range(1_000)]
    label = np.random.default_rng(number).random(1_000) >= wrong
    return rows(at, 0.9, label, late, version=version, segment=segments)


def verdicts(given: Rows, hours: int = 2, **performance: Any) -> list[LabelVerdicts]:
    """What is found at every tick until some hours have passed."""
    settings = {"windows": ["1h"], "label_delay": "30m", **performance}
    model = ModelSettings.model_validate({"name": "m", "task": "binary", "performance": settings})
    config = cohorts_config(label_plan(model, LAYOUT), 1e-3, evaluations=True)
    step = cohort_step(config, None)
    judge = LabelJudge(label_judge_config(label_plan(model, LAYOUT), evaluations=True), LabelJudgeState())
    every = ticks(LAYOUT, config.plan.tick, given, until=T0 + hours * H)
    return [judge(measures) for tick in every for measures in step([tick])]


def fired(found: list[LabelVerdicts]) -> set[tuple[str, str, str]]:
    """(alert, version, segment) of every finding on the model's quality."""
    all_of_them = {(one.alert, one.version, one.segment) for at in found for one in at.findings}
    return {one for one in all_of_them if one[0] != "LabelStall"}


@pytest.mark.parametrize(
    ("labels", "floor", "fires"), [(9, None, True), (9, 0.05, False), (100, 0.05, True), (100, 0.2, False)]
)
def test_a_drop_needs_so_many_labels(labels: int, floor: float | None, fires: bool) -> None:
    """Nine labels of a thousand, all wrong, are an alert; not where a twentieth must be labelled; a tenth is enough."""
    asked = {} if floor is None else {"min_coverage": floor}
    found = verdicts(hour(0, labels, wrong=1.0), accuracy={**FALLS, "segments": True}, **asked)
    assert (("PerformanceDrop", "1", "") in fired(found)) == fires
    assert (("PerformanceDrop", "1", "c=de") in fired(found)) == fires
    judged = [row for at in found for row in at.evaluations if row.metric == "accuracy" and row.against == "constant"]
    assert any(row.status == "major" for row in judged) == fires
    assert any("is below min_coverage" in row.reason for row in judged) != fires or floor is None


def test_a_version_is_not_compared_on_few_labels_of_either() -> None:
    """Neither one with few labels with another, nor with one that has few."""
    rule = {"baseline": "version", "max_drop": 0.05, "segments": False}
    for old, new in ((500, 20), (20, 500), (500, 500)):
        given = joined(*(hour(at, old, wrong=0.0) for at in (0, 1)), hour(1, new, wrong=1.0, version="2"))
        assert fired(verdicts(given, 3, accuracy=rule))
        judged = fired(verdicts(given, 3, accuracy=rule, min_coverage=0.05))
        assert judged == ({("PerformanceDrop", "2", "")} if old == new else set())


def test_what_fires_stays_while_labels_are_few() -> None:
    """Hours of few labels, all right, do not clear it; an hour of many does."""
    few = [hour(at, 40, wrong=0.0) for at in range(1, 6)]
    many = [hour(at, 600, wrong=0.0) for at in range(6, 9)]
    found = verdicts(joined(hour(0, 60, wrong=1.0), *few, *many), 10, accuracy=FALLS, min_coverage=0.05)
    firing = [(at.end - T0) / H for at in found if any(one.alert == "PerformanceDrop" for one in at.findings)]
    assert min(firing) < 1.7
    assert 6.5 < max(firing) < 9
    without = verdicts(joined(hour(0, 60, wrong=1.0), *few, *many), 10, accuracy=FALLS)
    assert max((at.end - T0) / H for at in without if fired([at])) < 6


def test_second_opinions_hear_of_no_slice_with_few_labels() -> None:
    """The detectors are told the errors of slices that are labelled enough, and only those."""
    given = joined(hour(0, 1_000, wrong=0.0), hour(1, 300, wrong=1.0), hour(2, 1_000, wrong=0.0))
    told = [error for at in verdicts(given, 4, min_coverage=0.5) for error in at.measures.errors]
    assert {error.error for error in told} == {0.0}
    assert {error.error for at in verdicts(given, 4) for error in at.measures.errors} > {0.0}


def test_the_curve_is_not_judged_on_few_labels_of_either_period() -> None:
    """A shift between periods of which one is hardly labelled is shown, and is no concept drift."""
    before = [hour(at, 1_000, wrong=0.3) for at in range(8)]
    recent = [hour(at, 30, wrong=1.0) for at in range(8, 12)]
    curve = {"curve": {"recent": "4h", "before": "8h", "max_shift": 0.05}}
    found = verdicts(joined(*before, *recent), 13, concept=curve)
    assert ("ConceptDrift", "", "") in fired(found)
    floored = verdicts(joined(*before, *recent), 13, concept=curve, min_coverage=0.9)
    assert not fired(floored)
    reasons = {row.reason for at in floored for row in at.evaluations if row.metric == "curve_shift"}
    assert any("is below min_coverage (90 %)" in reason for reason in reasons)
