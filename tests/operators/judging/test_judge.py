import pickle
import random
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from verdicts import MINUTE, header, measures, table

from operators.judging.freshness import FreshnessConfig
from operators.judging.judge import Judge, JudgeConfig, JudgeState, Verdicts
from operators.judging.patience import SilenceConfig
from operators.plans.monitors import Monitor
from operators.predictions.slices import Header
from operators.tables import Kind, Measures
from windows.panes import Window

HOUR = Window(3_600_000, 60_000)
PSI = Monitor("drift.psi", "DataDrift", Kind.FEATURE, "psi", (MINUTE.size, HOUR.size), 0.1, 0.25)
MISSING = Monitor(
    "quality.missing", "DataQuality", Kind.QUALITY, "missing_ratio", (MINUTE.size,), None, 0.01, relative=True
)
AVAILABLE = Monitor(
    "sla.availability",
    "SlaBreach",
    Kind.SERVICE,
    "availability",
    (MINUTE.size,),
    None,
    0.99,
    True,
    whole_only=True,
    objective="availability",
)
RATE = Monitor(
    "sla.throughput",
    "SlaBreach",
    Kind.SERVICE,
    "throughput",
    (MINUTE.size,),
    None,
    10.0,
    True,
    whole_only=True,
    objective="throughput",
)
WORST = Monitor(
    "sla.drift",
    "SlaBreach",
    Kind.FEATURE,
    "psi",
    (MINUTE.size,),
    None,
    0.2,
    whole_only=True,
    worst_only=True,
    objective="drift",
)
FRESH = FreshnessConfig(("f0", "f1", "f2"), 1_800_000, SilenceConfig(120_000))
GROUPS = (("1", ""), ("1", "country=de"), ("2", ""))


def judge(*monitors: Monitor, state: JudgeState | None = None, evaluations: bool = False) -> Judge:
    """A fresh judge of the model."""
    return Judge(JudgeConfig("click", monitors, FRESH, evaluations), JudgeState() if state is None else state)


def tick(index: int, *lowers: float) -> list[Header | Measures]:
    """A tick of the minute window, with these lower bounds of three features."""
    return [header((index + 1) * 10_000, ((MINUTE.size, index),)), measures(index, table(list(lowers)))]


def story(seed: int) -> list[Header | Measures]:
    """Sixty ticks over two windows with three groups, some of them drifting for a while."""
    rng = random.Random(seed)
    items: list[Header | Measures] = []
    for index in range(60):
        end, due = (index + 1) * 10_000, [(MINUTE.size, index)]
        lowers = [rng.choice([0.0, 0.12, 0.3]) if 10 < index < 40 else 0.0 for _ in range(3)]
        held = tuple(group for group in GROUPS if rng.random() < 0.9)
        items.append(measures(index, table(lowers, groups=held)))
        if end % HOUR.slide == 0:
            due.append((HOUR.size, index // 6))
            items.append(measures(index // 6, table(lowers, groups=GROUPS), window=HOUR))
        items.append(header(end, tuple(due), versions=("1", "2")))
    return items


def essence(done: list[Verdicts]) -> list[tuple[Any, ...]]:
    """What of verdicts can be compared."""
    return [(one.end, one.findings, one.evaluations, one.objectives) for one in done]


@pytest.mark.parametrize("seed", range(5))
def test_the_order_in_which_measures_come_does_not_matter(seed: int) -> None:
    """Headers come in order, measures whenever they are done, alone or together: the same verdicts."""
    items = story(seed)
    expected = essence(judge(PSI, evaluations=True)(items))
    assert sum(len(one[1]) for one in expected) > 0
    rng = random.Random(seed)
    headers = [item for item in items if isinstance(item, Header)]
    for _ in range(5):
        others = [item for item in items if not isinstance(item, Header)]
        rng.shuffle(others)
        order: list[Header | Measures] = list(others)
        for place, one in zip(sorted(rng.sample(range(len(items)), len(headers))), headers, strict=True):
            order.insert(place, one)
        logic, done = judge(PSI, evaluations=True), []
        while order:
            size = rng.randint(1, 5)
            done += logic(order[:size])
            order = order[size:]
        assert essence(done) == expected
        assert not logic.state.headers
        assert not logic.state.waiting


def test_a_tick_waits_for_every_slice_that_its_header_announced() -> None:
    """And a later tick that is complete waits for an earlier one that is not."""
    logic = judge(PSI)
    first, second = tick(0, 0.0), tick(1, 0.0)
    assert logic([first[0], *second]) == []
    assert [one.end for one in logic([first[1]])] == [10_000, 20_000]


def test_a_tick_without_slices_is_judged_at_once() -> None:
    """Silence is judged too: freshness needs no measures."""
    (done,) = judge(PSI)([header(500_000, last_data=300_000)])
    assert [one.alert for one in done.findings] == ["NoData"]


def test_a_breach_names_feature_window_and_evidence() -> None:
    """Everything a person needs to check the verdict."""
    (done,) = judge(PSI)(tick(9, 0.05, 0.12, 0.3))
    assert [(one.feature, one.level, one.threshold) for one in done.findings] == [("f1", 1, 0.1), ("f2", 2, 0.25)]
    found = done.findings[1]
    assert (found.lower, found.value, found.upper) == pytest.approx((0.3, 0.31, 0.32))
    assert (found.samples, found.metric, found.monitor, found.alert) == (1_000, "psi", "drift.psi", "DataDrift")
    assert (found.window.size, found.window.start, found.window.end) == (60_000, 40_000, 100_000)


def test_a_breach_stands_through_silence_and_ends_after_a_full_window() -> None:
    """Ticks without the version do not clear it; six good looks at ten seconds do, and the seventh shows it."""
    logic = judge(PSI)
    logic(tick(0, 0.3))
    for index in range(1, 20):
        (done,) = logic([header((index + 1) * 10_000, ((MINUTE.size, index),)), measures(index)])
        assert len(done.findings) == 1
    standing = [len(logic(tick(index, 0.0))[0].findings) for index in range(20, 28)]
    assert standing == [1] * 6 + [0, 0]
    assert logic.state.streams == {}, "nothing is kept of a stream in which nothing fires"


def test_versions_segments_and_windows_are_judged_apart() -> None:
    """A breach in one group is none in another."""
    (done,) = judge(PSI)(
        [
            header(60_000, ((MINUTE.size, 5), (HOUR.size, 0))),
            measures(5, table([0.3], groups=(("1", "country=de"),)), table([0.0], groups=(("1", ""),))),
            measures(0, table([0.12], groups=(("1", ""),)), window=HOUR),
        ]
    )
    assert {(one.segment, one.window.size, one.level) for one in done.findings} == {
        ("country=de", MINUTE.size, 2),
        ("", HOUR.size, 1),
    }


def test_a_version_that_is_forgotten_has_no_findings() -> None:
    """When the header no longer knows it, its streams are over."""
    logic = judge(PSI)
    logic(tick(0, 0.3))
    (done,) = logic([header(20_000, versions=("2",))])
    assert done.findings == ()
    assert logic.state.streams == {}


def test_a_segment_that_vanishes_is_given_up_after_a_day() -> None:
    """A day in which the whole of its version was measured and the segment was not; a pause of both is no such time."""

    def minute(number: int, *groups: tuple[str, str]) -> Verdicts:
        index = 6 * number + 5
        breach = table([0.3], groups=groups)
        (done,) = logic([header((index + 1) * 10_000, ((MINUTE.size, index),)), measures(index, breach)])
        return done

    logic = judge(PSI)
    minute(0, ("1", ""), ("1", "country=de"))
    day = 1_440
    for number in [*range(1, day // 2), *range(5 * day, 5 * day + day // 2)]:
        done = minute(number, ("1", ""))
        assert ({one.segment for one in done.findings}, done.silent) == ({"", "country=de"}, frozenset())
    minute(5 * day + day // 2, ("1", ""))
    done = minute(5 * day + day // 2 + 1, ("1", ""))
    assert {one.segment for one in done.findings} == {""}
    assert done.silent == {("1", "country=de", "DataDrift")}


def test_the_threshold_of_a_share_is_on_top_of_the_reference_s_own() -> None:
    """Where the reference misses 20 %, 30 % breaches a limit of 21 %, and that is what the finding says."""
    quality = table([0.3, 0.205], metric="missing_ratio", kind=Kind.QUALITY, baseline=0.2)
    (done,) = judge(MISSING, evaluations=True)([header(10_000, ((MINUTE.size, 0),)), measures(0, quality)])
    (found,) = done.findings
    assert found.threshold == pytest.approx(0.21)
    assert found.lower == 0.3
    assert [row.threshold for row in done.evaluations] == [pytest.approx(0.21)] * 2
    assert [row.status for row in done.evaluations] == ["major", "insufficient_data"]


def test_a_limit_on_means_names_the_feature_though_only_numbers_have_one() -> None:
    """The table of means has the numeric features alone; what is found is told of them, not of their neighbours."""
    mean = Monitor("quality.mean", "DataQuality", Kind.FEATURE, "mean", (MINUTE.size,), 0.5, 2.0, relative=True)
    logic = Judge(JudgeConfig("click", (mean,), FRESH, evaluations=False, numeric=("f1", "f2")), JudgeState())
    got = replace(table([20.1, 22.5], metric="mean", baseline=20.0), columns=("f1", "f2"))
    (done,) = logic([header(10_000, ((MINUTE.size, 0),)), measures(0, got)])
    assert [(one.feature, one.level, one.threshold) for one in done.findings] == [("f2", 2, 22.0)]


def test_objectives_are_told_at_every_tick_with_their_direction() -> None:
    """Availability below its target is violated, above it is met; the value is as measured."""
    logic = judge(AVAILABLE)
    for index, (lower, violated) in enumerate(((0.995, False), (0.9, True))):
        got = table([lower], metric="availability", kind=Kind.SERVICE, width=0.004)
        (done,) = logic([header((index + 1) * 10_000, ((MINUTE.size, index),)), measures(index, got)])
        (objective,) = done.objectives
        assert (objective.sla, objective.target, objective.violated) == ("availability", 0.99, violated)
        assert objective.value == pytest.approx(lower + 0.002)
    (found,) = done.findings
    assert (found.falling, found.threshold, found.feature) == (True, 0.99, "")
    assert (found.lower, found.upper) == pytest.approx((0.9, 0.904))


def test_an_objective_stands_until_measured_again_or_its_version_is_forgotten() -> None:
    """A tick that measures nothing of it shows what the last one said; a forgotten version has no objectives."""
    logic = judge(AVAILABLE)
    got = table([0.9], metric="availability", kind=Kind.SERVICE, width=0.004)
    (measured,) = logic([header(10_000, ((MINUTE.size, 0),)), measures(0, got)])
    (later,) = logic([header(20_000, ())])
    assert later.objectives == measured.objectives != ()
    gone = header(30_000, ())
    gone.seen.clear()
    (last,) = logic([gone])
    assert last.objectives == ()


def test_an_objective_on_drift_is_violated_by_any_feature() -> None:
    """It names no feature, and segments do not count."""
    (done,) = judge(WORST)(
        [header(10_000, ((MINUTE.size, 0),)), measures(0, table([0.0, 0.3, np.nan], groups=GROUPS[:2]))]
    )
    (found,) = done.findings
    assert (found.alert, found.metric, found.feature, found.segment) == ("SlaBreach", "drift", "", "")
    assert found.value == pytest.approx(0.31)
    assert [one.violated for one in done.objectives] == [True]


def test_a_rate_is_not_judged_before_its_version_filled_the_window() -> None:
    """A version that began ten seconds ago cannot have served a minute's worth."""
    logic, found = judge(RATE), []
    for index in range(9):
        rate = table([1.0], metric="throughput", kind=Kind.SERVICE, width=0.0)
        first = header((index + 1) * 10_000, ((MINUTE.size, index),))
        first.seen["1"].first = 10_000
        (done,) = logic([first, measures(index, rate)])
        found.append(len(done.findings))
    assert found == [0] * 6 + [1] * 3


def test_evaluations_are_rows_only_when_wanted() -> None:
    """They cost time."""
    assert judge(PSI)(tick(0, 0.3))[0].evaluations == ()
    assert len(judge(PSI, evaluations=True)(tick(0, 0.3, 0.0))[0].evaluations) == 2


@pytest.mark.parametrize("seed", range(3))
def test_a_judge_continues_from_its_pickled_state(seed: int) -> None:
    """Restarted before every batch, it says what it would have said."""
    items = story(seed)
    expected = essence(judge(PSI)(items))
    state, done = JudgeState(), []
    for item in items:
        state = pickle.loads(pickle.dumps(state))
        done += judge(PSI, state=state)([item])
    assert essence(done) == expected
