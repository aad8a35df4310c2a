"""The scenarios' configs on simulated labels: what must fire, and what must not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from factories import click
from labels import label_plan
from scipy.stats import expon, norm
from unit_traffic import Kinds, Stream, unit_ticks

from operators.alerts.alert import AlertConfig, Alerts, AlertsState
from operators.judging.label_judge import LabelJudge, LabelJudgeState
from operators.model_steps import cohort_step, cohorts_config, label_judge_config
from operators.plans.cohorts import plan_performance
from operators.plans.label_monitors import performance_looks
from operators.settings.policy import severity_table
from stream.config.load import load
from windows.outcomes.layout import TaskOptions, task_layout
from windows.statistics.confidence import level

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import numpy.typing as npt

    from operators.alerts.event import AlertEvent
    from operators.join.ticks import CohortTick
    from operators.settings.model import ModelSettings
    from windows.outcomes.layout import TaskLayout
    from windows.references.reference import Reference

EXAMPLES = Path(__file__).resolve().parents[2] / "deploy" / "examples"
M, H, DAY = 60_000, 3_600_000, 86_400_000
T0 = 1_790_000_000_000 // (28 * DAY) * 28 * DAY
SEGMENTS = 20
"""Segments that the promise on false pages is divided among: more than are simulated."""


@dataclass(frozen=True)
class Scenario:
    """A model of an example, ready to run."""

    model: ModelSettings
    layout: TaskLayout
    tick: int

    def run(self, ticks: Iterable[CohortTick], reference: Reference | None = None) -> list[AlertEvent]:
        """Everything that is announced."""
        plan = label_plan(self.model, self.layout, reference, pane=10_000)
        alpha = level(1.0, 1, performance_looks(plan.monitors, plan.cohorts, SEGMENTS, 2))
        step = cohort_step(cohorts_config(plan, alpha, evaluations=False), None)
        judge = LabelJudge(label_judge_config(plan, evaluations=False), LabelJudgeState())
        config = load(EXAMPLES / "click.yaml", {})
        alerts = Alerts(AlertConfig(self.model.name, severity_table(config.alerting), H, "https://r"), AlertsState())
        return [event for tick in ticks for measures in step([tick]) for event in alerts(judge(measures))]


@cache
def scenario(example: str, name: str, classes: tuple[str, ...] = ()) -> Scenario:
    """The model of this name in an example."""
    config = load(EXAMPLES / f"{example}.yaml", {})
    model = next(model for model in config.models if model.name == name)
    performance = model.performance
    assert performance is not None
    options = TaskOptions(model.task, performance.threshold, classes, performance.k, performance.tolerance)
    return Scenario(model, task_layout(options, None), plan_performance(model, config.time.pane).tick)


def fired(events: list[AlertEvent]) -> set[tuple[str, str, str]]:
    """(alert, metric, segment) of everything that began."""
    return {(event.alert, event.metric, event.segment) for event in events if event.state == "firing"}


# --- a click model: scores that are calibrated, labels within the hour.

CLICK = scenario("click", "click")
CLICK_KINDS = Kinds(np.tile([0.03, 0.97], 2), np.repeat([0.0, 1.0], 2), np.full(4, np.nan))


def outcomes(wrong: float) -> npt.NDArray[np.float64]:
    """Shares of low and high scores among negatives and positives, of which so many are on the wrong side."""
    return np.array([1 - wrong, wrong, wrong, 1 - wrong]) / 2


def clicked(wrong: float) -> list[AlertEvent]:
    """What is announced when 3 % wrong predictions, as in the reference, become another share after an hour."""
    rows = np.round(10_000 * outcomes(0.03)).astype(np.int64)
    labelled = replace(click(), task=CLICK.layout.options, outcomes=rows @ CLICK_KINDS.outcomes(CLICK.layout, 0))

    def served(at: int) -> list[Stream]:
        return [Stream("1", "country=de", 15_000, outcomes(0.03 if at < T0 + H else wrong))]

    ticks = unit_ticks(CLICK.layout, CLICK.tick, CLICK_KINDS, served, (T0, T0 + 5 * H), lags=[(2, 0.5), (20, 0.4)])
    return CLICK.run(ticks, labelled)


def test_a_click_model_as_usual_is_quiet() -> None:
    """Also when it errs a little more often than in the reference."""
    assert clicked(0.032) == []


def test_a_click_model_whose_accuracy_falls() -> None:
    """Eight points down: below 95 % less five points, an error of more than 1.2 times the reference's, and the SLA."""
    events = clicked(0.11)
    assert {(alert, metric) for alert, metric, _ in fired(events)} == {
        ("PerformanceDrop", "calibration_gap"),
        ("SlaBreach", "accuracy"),
    }
    drop = next(event for event in events if event.alert == "PerformanceDrop")
    assert drop.event_time < T0 + 3 * H  # an hour for the labels, and well within the next
    assert "(0.058" in drop.reason
    assert "in the reference)" in drop.reason


# --- fraud: 300,000 payments a day, one in a thousand is fraud, chargebacks come 5 to 30 days later.

FRAUD = scenario("fraud", "fraud")
SCORES = (np.arange(20) + 0.5) / 20
CHARGEBACKS = [(lag, 0.9 / 25) for lag in range(30, 180, 6)]
PAYMENTS = 300_000 / 6
FRAUD_KINDS = Kinds(np.tile(SCORES, 2), np.repeat([0.0, 1.0], 20), np.full(40, np.nan))


def payments(fpr: float = 0.0005, recall: float = 0.98, tilt: float = 0.0) -> npt.NDArray[np.float64]:
    """Shares of scores among harmless payments and frauds; `tilt` moves frauds towards the threshold, not past it."""
    harmless, fraud = np.zeros(20), np.zeros(20)
    harmless[:10], harmless[10:] = (1 - fpr) / 10, fpr / 10
    fraud[:10], fraud[10:] = (1 - recall) / 10, recall * (1 - tilt) / 10
    fraud[10:13] += recall * tilt / 3
    return np.concatenate((0.99 * harmless, 0.01 * fraud))


def fraud(since: dict[int, npt.NDArray[np.float64]], days: int, **changes: Any) -> list[AlertEvent]:
    """What is announced when payments change from some days on."""

    def served(at: int) -> list[Stream]:
        day = (at - T0) // DAY
        return [Stream("1", "", PAYMENTS, since[max(begin for begin in since if begin <= day)])]

    ticks = unit_ticks(
        FRAUD.layout, FRAUD.tick, FRAUD_KINDS, served, (T0, T0 + days * DAY), lags=CHARGEBACKS, **changes
    )
    return FRAUD.run(ticks)


def test_fraud_as_usual_is_quiet() -> None:
    """Three months of the same: nothing is announced."""
    assert fraud({0: payments()}, days=100) == []


def test_a_spike_of_false_alarms_is_a_page() -> None:
    """Six times as many for a day: told a day after its cohort is mature; a doubling for a day is not."""
    assert fraud({0: payments(), 34: payments(fpr=0.001), 35: payments()}, days=68) == []
    events = fraud({0: payments(), 34: payments(fpr=0.003), 35: payments()}, days=68)
    (first,) = [event for event in events if event.state == "firing"]
    assert (first.alert, first.metric, first.severity) == ("PerformanceDrop", "fpr", "critical")
    assert T0 + 64 * DAY < first.event_time <= T0 + 65 * DAY
    assert "False positive rate of fraud version 1 is" in first.reason


def test_fewer_frauds_found_break_the_objective() -> None:
    """Recall of 90 % where 95 % is promised; ConceptDrift may say the same, the false alarms do not."""
    events = fraud({0: payments(), 20: payments(recall=0.9)}, days=60)
    assert ("SlaBreach", "recall", "") in fired(events)
    assert not any(metric == "fpr" for _, metric, _ in fired(events))


def test_frauds_that_look_different_are_concept_drift() -> None:
    """Frauds score lower, all still above the threshold: the curve shifts, while recall and false alarms stay."""
    events = fraud({0: payments(), 40: payments(tilt=0.5)}, days=105)
    assert fired(events) == {("ConceptDrift", "curve_shift", "")}


def test_chargebacks_that_stop_are_a_label_stall() -> None:
    """Two days without any: told then, and nothing of the model's quality is."""
    events = fraud({0: payments()}, days=50, labels_until=T0 + 40 * DAY)
    assert [(event.alert, event.state) for event in events][:1] == [("LabelStall", "firing")]
    assert events[0].event_time - (T0 + 40 * DAY) <= 2 * DAY + FRAUD.tick
    assert not any(event.state == "resolved" for event in events)


# --- rides

ARRIVAL = scenario("rides", "arrival")
ERRORS = 80 * norm.ppf((np.arange(40) + 0.5) / 40)
ARRIVAL_START = T0 // (14 * H) * 14 * H


def arrivals(factor: float) -> list[AlertEvent]:
    """Two weeks and an hour of errors of 80 s, then four hours in which they are `factor` times as large."""
    kinds = Kinds(np.tile(ERRORS, 2) * np.repeat([1.0, factor], 40) + 600, np.full(80, 600.0), np.full(80, np.nan))
    usual, worse = np.repeat([1 / 40, 0.0], 40), np.repeat([0.0, 1 / 40], 40)

    def served(at: int) -> list[Stream]:
        if at < ARRIVAL_START and at % (2 * H):
            return []
        return [Stream("1", "", 2_000, usual if at < ARRIVAL_START + H else worse)]

    span = (ARRIVAL_START - 15 * DAY, ARRIVAL_START + 7 * H)
    lags = [(4, 0.5), (24, 0.5)]
    given = unit_ticks(ARRIVAL.layout, ARRIVAL.tick, kinds, served, span, lags=lags, sparse_until=ARRIVAL_START)
    return ARRIVAL.run(given)


def test_arrival_times_as_usual_are_quiet() -> None:
    """Also when errors grow by a tenth, half of what is allowed."""
    assert arrivals(1.1) == []


def test_arrival_times_that_are_off_break_both_limits() -> None:
    """Errors of 1.7 times the usual: past 1.2 times the baseline, and past two minutes."""
    assert {(alert, metric) for alert, metric, _ in fired(arrivals(1.7))} == {
        ("PerformanceDrop", "mae"),
        ("SlaBreach", "rmse"),
    }


@pytest.mark.parametrize(
    ("accuracy", "severities"), [(0.70, []), (0.69, []), (0.66, ["warning"]), (0.60, ["critical"])]
)
def test_ratings_that_are_guessed_worse(accuracy: float, severities: list[str]) -> None:
    """Four points down are a warning, ten a page, one is neither; ratings come one to two days late."""
    rating = scenario("rides", "rating", ("1", "2", "3", "4", "5"))
    kinds = Kinds(np.zeros(2), np.array([0.0, 1.0]), np.full(2, np.nan))

    def served(at: int) -> list[Stream]:
        if at < T0 + 14 * DAY and at % (6 * H):
            return []
        right = 0.7 if at < T0 + 16 * DAY else accuracy
        return [Stream("1", "", 4_000, [right, 1 - right])]

    ticks = unit_ticks(rating.layout, rating.tick, kinds, served, (T0, T0 + 20 * DAY), lags=[(24, 0.3), (40, 0.3)])
    events = rating.run(ticks)
    assert [event.severity for event in events][-1:] == severities
    assert {event.alert for event in events} <= {"PerformanceDrop"}


# --- feed: lists of ten, at most one click.

FEED = scenario("feed", "feed")
ITEMS = [f"i{place}" for place in range(10)]
FEED_KINDS = Kinds(
    np.full(11, np.nan), np.full(11, np.nan), np.full(11, np.nan), [ITEMS] * 11, [[], *([item] for item in ITEMS)]
)
PLACES = 0.8 ** np.arange(10)


def clicks(ctr: float = 0.03, depth: float = 0.8) -> npt.NDArray[np.float64]:
    """Shares of lists by the place of their click: `ctr` a shown item; deeper clicks where `depth` is larger."""
    places = depth ** np.arange(10)
    return np.concatenate(([1 - 10 * ctr], 10 * ctr * places / places.sum()))


def feed(served: Callable[[float], list[Stream]], days: int = 56) -> list[AlertEvent]:
    """What is announced of a feed; `served` is told the day."""
    ticks = unit_ticks(
        FEED.layout,
        FEED.tick,
        FEED_KINDS,
        lambda at: served((at - T0) / DAY),
        (T0, T0 + days * DAY),
        lags=[(0, 0.7), (4, 0.3)],
    )
    return FEED.run(ticks)


def weekly(day: float) -> float:
    """Engagement over the week: a sixth more at the weekend."""
    return 1.1 if day % 7 >= 5 else 0.96


def test_a_feed_with_a_weekly_rhythm_is_quiet() -> None:
    """Every weekend is better than every Monday: whole weeks are compared with whole weeks."""
    assert feed(lambda day: [Stream("1", "country=us", 60_000, clicks(0.03 * weekly(day)))]) == []


def test_fewer_clicks_are_a_drop() -> None:
    """A tenth fewer over 14 days is past 5 %; two hundredths fewer are not."""
    for factor, expected in ((0.9, {("PerformanceDrop", "ctr", "")}), (0.98, set())):
        events = feed(lambda day, f=factor: [Stream("1", "", 60_000, clicks(0.03 * (f if day > 28 else 1)))])
        assert {one for one in fired(events) if one[1] == "ctr"} == expected


def test_a_ranking_that_is_worse_in_one_country_is_that_country_s_alert() -> None:
    """Clicks come from deeper places there, the whole hardly changes: a segment alert, and only that."""

    def served(day: float) -> list[Stream]:
        worse = clicks(0.03, 0.98) if day > 28 else clicks()
        return [Stream("1", "country=us", 80_000, clicks()), Stream("1", "country=nz", 8_000, worse)]

    assert fired(feed(served)) == {("PerformanceDrop", "ndcg", "country=nz")}


def test_a_new_version_that_ranks_worse_is_told_from_the_old_one() -> None:
    """Both serve the same weeks: the new one is compared with the old one, which stays out of it."""

    def served(day: float) -> list[Stream]:
        new = [Stream("2", "", 20_000, clicks(0.03, 0.95))] if day > 20 else []
        return [Stream("1", "", 60_000, clicks()), *new]

    events = [event for event in feed(served) if event.state == "firing"]
    assert {(event.alert, event.version) for event in events} == {("PerformanceDrop", "2")}
    assert any("in version 1" in event.reason for event in events)


# --- video: hours watched, by day of the week and year.

VIDEO = scenario("video", "video")
HOURS = expon.ppf((np.arange(30) + 0.5) / 30)
YEAR = 364 * DAY


def video(level_at: Callable[[str, float], float], arms: dict[str, float], since: int = 0) -> list[AlertEvent]:
    """What is announced of six weeks a year ago and nine weeks now; `level_at` is told the version and the day.

    A list is watched or not: the share watched moves the mean.
    """
    nothing = Kinds(np.full(31, np.nan), np.full(31, np.nan), np.append(HOURS, 0.0), [ITEMS] * 31, [[ITEMS[0]]] * 31)

    def served(at: int) -> list[Stream]:
        day = (at - T0) / DAY
        if 42 <= day < 364:
            return []
        now = [(version, share) for version, share in arms.items() if version == "1" or day >= 364 + since]
        streams = []
        for version, share in now:
            watched = 0.5 * weekly(day) * level_at(version, day)
            streams.append(Stream(version, "", 60_000 * share, np.append(np.full(30, watched / 30), 1 - watched)))
        return streams

    span = (T0, T0 + YEAR + 63 * DAY)
    return VIDEO.run(unit_ticks(VIDEO.layout, VIDEO.tick, nothing, served, span, lags=[(2, 0.5), (8, 0.4)]))


def test_video_with_weekends_is_quiet() -> None:
    """Against four weeks, and against last year: nothing."""
    assert video(lambda _version, _day: 1.0, {"1": 1.0}) == []


def test_hours_that_fall_within_a_month_warn_and_do_not_page() -> None:
    """4 % below the four weeks before, in a year that began above the last one."""

    def falling(_version: str, day: float) -> float:
        return 1.0 if day < 42 else 1.08 if day < 364 + 42 else 1.036

    events = video(falling, {"1": 1.0})
    assert {(event.alert, event.metric, event.severity) for event in events if event.state == "firing"} == {
        ("PerformanceDrop", "value_mean", "warning")
    }
    assert any("in the 28d before" in event.reason for event in events)


def test_hours_below_last_year_page() -> None:
    """5 % below the same weeks of last year, without any change within the year."""
    events = video(lambda _version, day: 1.0 if day < 42 else 0.95, {"1": 1.0})
    assert {(event.severity, event.metric) for event in events if event.state == "firing"} == {
        ("critical", "value_mean")
    }
    assert any("364d earlier" in event.reason for event in events)


def test_an_arm_that_makes_people_watch_less_is_told_by_its_version() -> None:
    """8 % of the traffic, 7 % fewer hours, from its first weeks on."""
    events = video(lambda version, _day: 0.93 if version == "2" else 1.0, {"1": 0.92, "2": 0.08}, since=14)
    assert {(event.version, event.metric) for event in events if event.state == "firing"} == {("2", "value_mean")}
    assert any("in version 1" in event.reason for event in events)


@pytest.mark.parametrize(
    ("name", "metric", "usual", "worse"),
    [("video", "ndcg", 0.8, 0.98), ("discovery", "value_mean", 0.2, 0.17), ("churn", "value_mean", 0.97, 0.94)],
)
def test_ranks_discoveries_and_churn_are_told_by_country(name: str, metric: str, usual: float, worse: float) -> None:
    """What is worse in one country of two, four weeks on, is that country's alert alone; as usual, there is none."""
    one = scenario("video", name)
    if metric == "ndcg":
        kinds, shares = FEED_KINDS, lambda level: clicks(0.03, level)
    else:
        kinds = Kinds(np.full(2, np.nan), np.full(2, np.nan), np.array([0.0, 1.0]), [ITEMS] * 2, [[ITEMS[0]]] * 2)
        shares = lambda level: np.array([1 - level, level])  # noqa: E731 - beside the other

    def told(country: float) -> set[tuple[str, str, str]]:
        def served(at: int) -> list[Stream]:
            level_now = country if at >= T0 + 42 * DAY else usual
            return [
                Stream("1", "country=us", 60_000, shares(usual)),
                Stream("1", "country=nz", 6_000, shares(level_now)),
            ]

        ticks = unit_ticks(one.layout, one.tick, kinds, served, (T0, T0 + 63 * DAY), lags=[(2, 0.5), (8, 0.4)])
        return fired(one.run(ticks))

    assert told(usual) == set()
    assert told(worse) == {("PerformanceDrop", metric, "country=nz")}
