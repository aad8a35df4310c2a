"""What measured cohorts come to: findings, objectives, stalls and second opinions."""

from __future__ import annotations

import math
import pickle
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from factories import click
from labels import H, Interval, cohort_measures, compared, label_plan, label_table, window_measures

from operators.cohorts.measures import CurveMeasure, SliceError
from operators.join.ticks import NEVER
from operators.judging.label_judge import LabelJudge, LabelJudgeState
from operators.judging.opinions import WARM_UP, Detectors
from operators.model_steps import label_judge_config, label_judge_step, shared_alerts
from operators.plans.label_monitors import Against
from operators.plans.model import plan_models
from operators.settings.alerting import AlertingSettings
from operators.settings.event_time import TimeSettings
from operators.settings.model import ModelSettings
from operators.tables import Kind
from windows.panes import Window

if TYPE_CHECKING:
    from operators.cohorts.measures import CohortMeasures
    from operators.findings import Finding
    from operators.judging.label_judge import LabelVerdicts
    from operators.plans.model import ModelPlan

WHOLE = ("1", "")
GERMANY = ("1", "country=de")
TRAILING = {"baseline": "trailing", "max_drop": {"minor": 0.02, "major": 0.05}}
FINE, MINOR, MAJOR = (0.94, 0.945, 0.95), (0.91, 0.92, 0.929), (0.86, 0.88, 0.89)
UNSURE = (0.80, 0.87, 0.94)


def settings(task: str = "binary", sla: Any = None, **performance: Any) -> ModelSettings:
    """A model with a window of an hour."""
    given = {"windows": ["1h"], **performance}
    return ModelSettings.model_validate({"name": "click", "task": task, "performance": given, "sla": sla or {}})


def planned(model: ModelSettings) -> ModelPlan:
    """All that follows from a model's settings."""
    references = {model.name: click()}
    return plan_models([model], references, TimeSettings(), AlertingSettings(), everything=False)[model.name]


def judge(model: ModelSettings, *, evaluations: bool = False) -> LabelJudge:
    """The judge of a model, from the start."""
    return LabelJudge(label_judge_config(label_plan(model), evaluations=evaluations), LabelJudgeState())


def tick(number: int, interval: Interval, group: tuple[str, str] = WHOLE, **changes: Any) -> CohortMeasures:
    """An hour of cohorts whose accuracy is compared with a trailing baseline of 0.95."""
    end = number * 600_000 + 10 * H
    table = label_table("accuracy", {group: interval}, baseline=0.95)
    coverage = label_table("label_coverage", {group: (0.9, 0.92, 0.93)})
    window = window_measures(end, table, coverage, comparisons=(compared(table),))
    return cohort_measures(end + H, window, **changes)


def levels(logic: LabelJudge, *intervals: Interval) -> list[int]:
    """The level of the only finding after each tick; 0 without one."""
    return [
        next((finding.level for finding in logic(tick(at, interval)).findings), 0)
        for at, interval in enumerate(intervals)
    ]


def only(verdicts: LabelVerdicts) -> Finding:
    """The only finding."""
    (finding,) = verdicts.findings
    return finding


def test_a_drop_is_found_when_all_of_the_interval_is_past_the_limit() -> None:
    """A value past the limit on unsure evidence is no finding; two levels; both held for one full window."""
    logic = judge(settings(accuracy=TRAILING))
    assert levels(logic, FINE, UNSURE, MINOR, MAJOR, MINOR, *[FINE] * 8) == [0, 0, 1, *[2] * 7, 0, 0, 0]


def test_a_finding_tells_all() -> None:
    """Value and interval on the metric's own scale, its limit, baseline, cohorts and coverage."""
    finding = only(judge(settings(accuracy=TRAILING))(tick(0, MAJOR)))
    assert (finding.alert, finding.monitor, finding.metric) == ("PerformanceDrop", "performance.accuracy", "accuracy")
    assert (finding.lower, finding.value, finding.upper) == pytest.approx(MAJOR)
    assert (finding.threshold, finding.baseline) == pytest.approx((0.9, 0.95))
    assert (finding.falling, finding.level, finding.samples) == (True, 2, 1_000)
    assert (finding.against, finding.coverage) == ("the 14d before", 0.92)
    assert (finding.window.size, finding.window.start, finding.window.end) == (H, 9 * H, 10 * H)


@pytest.mark.parametrize(
    ("metric", "rule", "interval", "limit", "level"),
    [
        ("mae", {"baseline": 10, "max_ratio": 1.2}, (11.9, 12.5, 13), 12, 0),
        ("mae", {"baseline": 10, "max_ratio": 1.2}, (12.1, 12.5, 13), 12, 2),
        ("mae", {"baseline": 10, "max_rise": 2}, (12.1, 12.5, 13), 12, 2),
        ("r2", {"baseline": 0.8, "max_drop_ratio": 0.1}, (0.5, 0.6, 0.71), 0.72, 2),
        ("r2", {"baseline": 0.8, "max_drop_ratio": 0.1}, (0.5, 0.6, 0.73), 0.72, 0),
        ("bias", {"baseline": 0, "max_change": 2}, (2.1, 3, 4), 2, 2),
        ("bias", {"baseline": 0, "max_change": 2}, (-4, -3, -2.1), -2, 2),
        ("bias", {"baseline": 0, "max_change": 2}, (-4, -3, -1.9), -2, 0),
        ("value_mean", {"baseline": 1.5, "max_drop": 0.5}, (0.8, 0.9, 0.99), 1.0, 2),
        ("value_mean", {"baseline": 1.5, "max_drop": 0.5}, (1.1, 1.2, 1.3), 1.0, 0),
        ("label_coverage", {"baseline": 0.9, "max_drop": 0.2}, (0.6, 0.65, 0.69), 0.7, 2),
    ],
)
def test_limits_of_every_form(metric: str, rule: dict[str, Any], interval: Interval, limit: float, level: int) -> None:
    """Absolute and relative, rising, falling and both ways, against a constant."""
    model = settings("regression", **{metric: rule})
    verdicts = judge(model)(cohort_measures(11 * H, window_measures(10 * H, label_table(metric, {WHOLE: interval}))))
    assert [finding.level for finding in verdicts.findings] == ([level] if level else [])
    for finding in verdicts.findings:
        assert finding.threshold == pytest.approx(limit)
        assert (finding.lower, finding.value, finding.upper) == pytest.approx(interval)
        assert finding.against == "the config"


def test_only_windows_that_moved_are_judged() -> None:
    """A window measured again over the same cohorts decides nothing: neither fires nor clears."""
    logic = judge(settings(accuracy=TRAILING))
    still = tick(0, MAJOR)
    assert not logic(replace(still, windows=(replace(still.windows[0], moved=False),))).findings
    logic(tick(1, MAJOR))
    for at in range(2, 30):
        assert len(logic(replace(tick(at, FINE), windows=())).findings) == 1


def test_no_more_labels_clear_nothing() -> None:
    """A finding stands while its windows have no labels, and while they have less than half of those it stands on."""
    logic = judge(settings(accuracy=TRAILING))
    silent = (math.nan, math.nan, math.nan)
    assert levels(logic, MAJOR, *[silent] * 20) == [2] * 21
    thin = [tick(at, FINE) for at in range(21, 40)]
    for one in thin:
        (window,) = one.windows
        table = replace(window.comparisons[0].table, samples=np.full((1, 1), 400, dtype=np.int64))
        measured = replace(window, comparisons=(compared(table),))
        assert len(logic(replace(one, windows=(measured,))).findings) == 1


def test_a_window_with_too_few_labels_is_not_judged() -> None:
    """Below min_coverage nothing fires, in the whole or a segment; what fires neither clears nor moves."""
    model = settings(accuracy=TRAILING, min_coverage=0.05)
    thin, enough = judge(model), judge(model)
    for group in (WHOLE, GERMANY):
        assert not thin(with_coverage(tick(0, MAJOR, group), 0.049)).findings
        assert enough(with_coverage(tick(0, MAJOR, group), 0.05)).findings
    (before, _) = enough(with_coverage(tick(1, MAJOR), 0.9)).findings
    for at in range(2, 30):
        assert enough(with_coverage(tick(at, FINE), 0.01)).findings[0] == before
    after = [enough(with_coverage(tick(at, FINE), 0.9)).findings for at in range(30, 50)]
    assert before in after[0]
    assert before not in after[-1]


def test_min_coverage_spares_what_is_known_without_labels() -> None:
    """A rule on coverage itself or on a business value is judged; a rule's own floor is used before the model's."""
    falls = {"label_coverage": {"baseline": 0.9, "max_drop": 0.2}, "value_mean": {"baseline": 1.5, "max_drop": 0.5}}
    own = {"baseline": 0.95, "max_drop": 0.05, "min_coverage": 0.005}
    model = settings(
        sla={"recall": ">= 0.95"}, accuracy=own, f1={"baseline": 0.95, "max_drop": 0.05}, min_coverage=0.05, **falls
    )
    tables = [label_table(metric, {WHOLE: MAJOR}) for metric in ("accuracy", "f1", "recall", "value_mean")]
    tables.append(label_table("label_coverage", {WHOLE: (0.008, 0.009, 0.01)}))
    verdicts = judge(model)(cohort_measures(11 * H, window_measures(10 * H, *tables)))
    assert {finding.metric for finding in verdicts.findings} == {"accuracy", "label_coverage", "value_mean"}
    assert not verdicts.objectives


def with_coverage(measures: CohortMeasures, share: float) -> CohortMeasures:
    """The same where only this share of the predictions has a label."""
    (window,) = measures.windows
    (comparison,) = window.comparisons
    comparison = replace(comparison, coverage=np.full(len(comparison.table.groups), share))
    return replace(measures, windows=(replace(window, comparisons=(comparison,)),))


def test_segments_are_judged_where_the_rule_says_so() -> None:
    """A trailing baseline is a segment's own; a constant is the whole's, unless the config says otherwise."""
    for rule, found in (
        (TRAILING, True),
        ({**TRAILING, "segments": False}, False),
        ({"baseline": 0.95, "max_drop": 0.05}, False),
        ({"baseline": 0.95, "max_drop": 0.05, "segments": True}, True),
    ):
        verdicts = judge(settings(accuracy=rule))(tick(0, MAJOR, GERMANY))
        assert [finding.segment for finding in verdicts.findings] == (["country=de"] if found else [])


def test_a_version_is_compared_with_another() -> None:
    """The finding names which."""
    table = label_table("auc", {("2", ""): (0.7, 0.72, 0.74)}, baseline=0.8)
    comparison = compared(table, Against("version"), versus="1")
    logic = judge(settings(auc={"baseline": "version", "max_drop": 0.05}))
    finding = only(logic(cohort_measures(11 * H, window_measures(10 * H, comparisons=(comparison,)))))
    assert (finding.version, finding.against, finding.threshold) == ("2", "version 1", pytest.approx(0.75))


def test_a_segment_that_vanishes_is_given_up_after_a_day() -> None:
    """Not while anything of it is measured, were it too little to judge, nor while nothing of the whole is."""
    logic = judge(settings(accuracy=TRAILING, min_coverage=0.05))
    logic(tick(0, MAJOR, GERMANY))
    for at in range(1, 200):
        done = logic(with_coverage(tick(at, FINE, GERMANY), 0.01))
    assert ([one.segment for one in done.findings], done.silent) == (["country=de"], frozenset())
    done = logic(cohort_measures(tick(600, FINE).end))
    assert [one.segment for one in done.findings] == ["country=de"]
    held = [bool(logic(tick(at, FINE)).findings) for at in range(600, 800)]
    # The first look may count for an hour, the window; each of the others for ten minutes.
    assert held == [True] * (23 * 6 + 1) + [False] * (200 - 23 * 6 - 1)


def test_what_is_forgotten() -> None:
    """Streams of a version without cohorts end, and those of a rule that the config has no more."""
    logic = judge(settings(accuracy=TRAILING))
    logic(tick(0, MAJOR))
    assert not logic(cohort_measures(20 * H, versions=("2",))).findings
    logic(tick(1, MAJOR))
    other = LabelJudge(label_judge_config(label_plan(settings()), evaluations=False), logic.state)
    assert not other(cohort_measures(20 * H)).findings


def test_objectives_on_labels() -> None:
    """Where each stands, and a breach when all of the interval misses it; of whole versions only."""
    model = settings(sla={"accuracy": ">= 0.95", "fpr": "< 0.001"})
    tables = (
        label_table("accuracy", {WHOLE: (0.96, 0.97, 0.98), GERMANY: (0.1, 0.2, 0.3)}),
        label_table("fpr", {WHOLE: (0.002, 0.003, 0.004), ("2", ""): (0.0005, 0.003, 0.004)}),
    )
    verdicts = judge(model)(cohort_measures(11 * H, window_measures(10 * H, *tables)))
    assert [(one.version, one.sla, one.target, one.value, one.violated) for one in verdicts.objectives] == [
        ("1", "accuracy", 0.95, pytest.approx(0.97), False),
        ("1", "fpr", 0.001, 0.003, True),
        ("2", "fpr", 0.001, 0.003, False),
    ]
    finding = only(verdicts)
    assert (finding.alert, finding.metric, finding.threshold) == ("SlaBreach", "fpr", 0.001)
    assert math.isnan(finding.baseline)
    assert shared_alerts(planned(model)) == frozenset()
    assert shared_alerts(planned(settings(sla={"accuracy": "> 0.9", "drift": "< 0.1"}))) == {"SlaBreach"}


def test_the_error_of_a_task() -> None:
    """1 - accuracy, where the rule is against a constant: concept drift, not a drop."""
    logic = judge(settings(concept={"error": {"baseline": 0.05, "max_ratio": 2}}))
    finding = only(logic(tick(0, MAJOR)))
    assert (finding.alert, finding.metric, finding.value) == ("ConceptDrift", "error_rate", pytest.approx(0.12))
    assert (finding.lower, finding.upper, finding.threshold) == pytest.approx((0.11, 0.14, 0.1))


def test_the_curve() -> None:
    """A shift past its limit is concept drift of the model as such."""
    logic = judge(settings(label_delay="1h", concept={"curve": {"recent": "2d", "before": "4d"}}))
    table = label_table("curve_shift", {("", ""): (0.06, 0.08, 0.12)}, kind=Kind.CONCEPT)
    curve = CurveMeasure(Window(48 * H, 2 * H), 100 * H, table, 0.9)
    finding = only(logic(cohort_measures(101 * H, curve=curve)))
    assert (finding.alert, finding.version, finding.level, finding.threshold) == ("ConceptDrift", "", 1, 0.05)
    assert (finding.window.start, finding.window.end) == (52 * H, 100 * H)
    assert len(logic(cohort_measures(102 * H)).findings) == 1


STALL = {"label_delay": "1h", "label_stall_after": "30m"}


def stalls(*times: tuple[int, int, int], **performance: Any) -> list[bool]:
    """Whether labels have stopped, at ticks of (end, last feedback, last prediction), minutes from the start."""
    logic = judge(settings(**{**STALL, **performance}))
    minutes = [[-1 if one == NEVER else one * 60_000 for one in at] for at in times]
    return [
        any(
            finding.alert == "LabelStall"
            for finding in logic(cohort_measures(end, last_feedback=fed, last_prediction=served)).findings
        )
        for end, fed, served in minutes
    ]


def test_labels_that_stop_are_a_stall() -> None:
    """Half an hour after the last label, while predictions go on; over with the next label."""
    assert stalls((60, 60, 60), (89, 60, 89), (90, 60, 90), (120, 60, 120), (121, 121, 121)) == [
        False,
        False,
        True,
        True,
        False,
    ]


def test_labels_that_never_came_are_awaited_for_a_label_delay() -> None:
    """Until then none could have come; half an hour later it is a stall."""
    assert stalls((59, NEVER, 59), (89, NEVER, 89), (90, NEVER, 90)) == [False, False, True]


def test_without_predictions_there_is_no_stall_to_begin_and_none_ends() -> None:
    """NoData tells that; a stall that stands goes on when predictions stop too."""
    assert stalls((60, 60, 60), (200, 60, 60)) == [False, False]
    assert stalls((60, 60, 60), (90, 60, 90), (300, 60, 90), (301, 301, 90)) == [False, True, True, False]


def test_after_a_pause_labels_are_awaited_for_a_label_delay() -> None:
    """Predictions that begin anew have no labels yet: the time counts from a label delay after that."""
    assert stalls((60, 60, 60), (900, 60, 60), (901, 60, 901), (990, 60, 990), (991, 60, 991)) == [
        False,
        False,
        False,
        False,
        True,
    ]


def test_a_stall_tells_how_long_and_how_much_feedback_was_of_no_use() -> None:
    """In seconds, beside the limit; feedback that came since a label last found its prediction matches nothing."""
    logic = judge(settings(**STALL))
    logic(cohort_measures(8 * H, last_feedback=8 * H, heard=40))
    finding = only(logic(cohort_measures(10 * H, last_feedback=8 * H, heard=47)))
    assert (finding.metric, finding.value, finding.threshold, finding.samples) == ("label_age_s", 7_200, 1_800, 7)


def errors(values: list[float], start: int = 0) -> tuple[SliceError, ...]:
    """Errors of slices of ten minutes, one after the other."""
    return tuple(
        SliceError("1", (start + at) * 600_000, (start + at + 1) * 600_000, one, 500) for at, one in enumerate(values)
    )


def test_second_opinions_are_evaluations_and_no_findings() -> None:
    """Both detectors see an error that doubles; by default nobody is told but the evaluations topic."""
    rng = np.random.default_rng(3)
    steady, doubled = rng.binomial(500, 0.1, 100) / 500, rng.binomial(500, 0.2, 60) / 500
    model = settings()
    logic = judge(model, evaluations=True)
    said = []
    for at, one in enumerate([*steady, *doubled]):
        verdicts = logic(cohort_measures((at + 8) * 600_000, errors=errors([one], at)))
        assert not verdicts.findings
        said += [(at, row.metric, row.status) for row in verdicts.evaluations]
        assert all("slices on average" in row.reason for row in verdicts.evaluations if at >= WARM_UP)
    assert {status for at, _, status in said if at < WARM_UP} == {"insufficient_data"}
    alarms = {
        name: [at for at, metric, status in said if (metric, status) == (name, "minor")]
        for name in ("adwin", "page_hinkley")
    }
    assert all(found and 100 <= found[0] < 125 for found in alarms.values()), alarms
    assert not judge(model).config.detectors  # nobody would hear them


def test_second_opinions_alert_where_the_config_asks() -> None:
    """At the minor level, for one window; a restart in between changes nothing."""
    model = settings(label_delay="0s", concept={"detectors": "alert"})
    rng = np.random.default_rng(3)
    values = [*(rng.binomial(500, 0.1, 100) / 500), *(rng.binomial(500, 0.3, 12) / 500)]
    given = [cohort_measures((at + 1) * 600_000, errors=errors([one], at)) for at, one in enumerate(values)]
    given += [cohort_measures((len(values) + at) * 600_000) for at in range(20)]
    step = label_judge_step(label_judge_config(label_plan(model), evaluations=False), None)
    found = []
    for measures in given:
        step = label_judge_step(
            label_judge_config(label_plan(model), evaluations=False), pickle.loads(pickle.dumps(step.state))
        )
        (verdicts,) = step([measures])
        found.append(tuple(finding.metric for finding in verdicts.findings))
    steady = judge(model)
    assert found == [tuple(finding.metric for finding in steady(one).findings) for one in given]
    assert not any(found[:100])
    assert "adwin" in found[112]
    assert not any(found[-5:])


def test_detectors_start_anew_after_a_change_and_never_divide_by_zero() -> None:
    """An error that never varies is no change; after an alarm the mean is that of what came since."""
    constant = Detectors()
    assert not any(opinion.changed for _ in range(200) for opinion in constant.see(0.25))
    detectors = Detectors()
    for _ in range(20):
        detectors.see(0.1)
        detectors.see(0.12)
    changes = [detectors.see(0.5) for _ in range(40)]
    assert any(opinion.changed for opinions in changes for opinion in opinions)
    assert changes[-1][1].error == pytest.approx(0.5)


def test_a_restart_before_every_tick_changes_nothing() -> None:
    """Findings, evaluations and objectives are those of an undisturbed judge."""
    rng = np.random.default_rng(1)
    model = settings(accuracy=TRAILING, sla={"accuracy": ">= 0.9"}, **STALL)
    steady = judge(model, evaluations=True)
    state = LabelJudgeState()
    for at in range(300):
        interval = (FINE, UNSURE, MINOR, MAJOR)[int(rng.integers(4))]
        given = tick(at, interval, last_feedback=10 * H + at // 9 * 9 * 600_000)
        (found,) = label_judge_step(
            label_judge_config(label_plan(model), evaluations=True), pickle.loads(pickle.dumps(state))
        )([given])
        step = label_judge_step(label_judge_config(label_plan(model), evaluations=True), state)
        step([given])
        state = step.state
        expected = steady(given)
        for name in ("findings", "evaluations", "objectives"):
            assert repr(getattr(found, name)) == repr(getattr(expected, name))
