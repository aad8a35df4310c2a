"""Alerts that two sources feed, each with a clock of its own."""

from __future__ import annotations

import pickle
import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from labels import label_verdicts
from verdicts import finding, verdicts

from operators.alerts.alert import AlertConfig, Alerts, AlertsState
from operators.settings.alerting import AlertingSettings
from operators.settings.policy import severity_table

if TYPE_CHECKING:
    from operators.alerts.alert import Verdict
    from operators.alerts.event import AlertEvent

PANE = 10_000
RESOLVE = 100_000
CONFIG = AlertConfig("click", severity_table(AlertingSettings()), RESOLVE, "https://r", frozenset({"SlaBreach"}))
DRIFT, DROP = finding(), finding(alert="PerformanceDrop", feature="", metric="accuracy", monitor="performance.accuracy")
SLOW = finding(alert="SlaBreach", feature="", metric="latency_p99_ms", monitor="sla.latency_p99_ms")
WRONG = finding(alert="SlaBreach", feature="", metric="accuracy", monitor="sla.accuracy")


def alerts() -> Alerts:
    """The alerts of a model, from the start."""
    return Alerts(CONFIG, AlertsState())


def test_a_source_advances_only_what_it_feeds() -> None:
    """Ticks of predictions neither clear what labels found nor the other way round."""
    logic = alerts()
    assert [event.alert for event in logic(verdicts(PANE, DRIFT))] == ["DataDrift"]
    assert [event.alert for event in logic(label_verdicts(PANE, DROP))] == ["PerformanceDrop"]
    for at in range(2, 60):
        assert [event.state for event in logic(verdicts(at * PANE, DRIFT))] == []
    assert logic.active().rows == (("1", "", "DataDrift", "critical"), ("1", "", "PerformanceDrop", "critical"))
    ended = [event for at in range(2, 60) for event in logic(label_verdicts(at * PANE))]
    assert [(event.alert, event.state, event.ended_at) for event in ended] == [("PerformanceDrop", "resolved", 120_000)]


def run(ticks: list[Verdict], logic: Alerts | None = None) -> list[AlertEvent]:
    """The events of ticks."""
    logic = alerts() if logic is None else logic
    return [event for tick in ticks for event in logic(tick)]


def of_predictions(pattern: str) -> list[Verdict]:
    """A tick each pane, with a finding where the pattern has an x."""
    return [verdicts((at + 1) * PANE, *([SLOW] if mark == "x" else [])) for at, mark in enumerate(pattern)]


def of_labels(pattern: str, every: int = 3) -> list[Verdict]:
    """A tick of labels every few panes."""
    return [
        label_verdicts((at + 1) * PANE * every, *([WRONG] if mark == "x" else [])) for at, mark in enumerate(pattern)
    ]


def shown(events: list[AlertEvent]) -> list[tuple[str, str, int]]:
    """Metric, state, time."""
    return [(event.metric, event.state, event.event_time // PANE) for event in events]


def test_an_alert_of_both_ends_when_neither_stands() -> None:
    """Latency breaks and recovers while accuracy is below its objective: only the end of both is told."""
    ticks = [*of_predictions("x" + "." * 60), *of_labels("x" * 10 + "." * 20)]
    ticks.sort(key=lambda tick: (tick.end, tick.source))
    assert shown(run(ticks)) == [
        ("latency_p99_ms", "firing", 1),
        ("accuracy", "firing", 3),
        ("accuracy", "resolved", 45),
    ]


def test_an_end_waits_for_the_other_source_to_come_as_far() -> None:
    """Until the labels' clock has passed, nobody knows whether the alert stands; it is shown as active."""
    logic = alerts()
    logic(label_verdicts(PANE))
    assert shown(run(of_predictions("x" + "." * 60), logic)) == [("latency_p99_ms", "firing", 1)]
    assert logic.active().rows == (("1", "", "SlaBreach", "critical"),)
    assert shown(logic(label_verdicts(11 * PANE))) == []
    assert shown(logic(label_verdicts(13 * PANE))) == [("latency_p99_ms", "resolved", 12)]
    assert logic.active().rows == ()
    assert logic.active().sent == {("SlaBreach", "firing"): 1, ("SlaBreach", "resolved"): 1}


def test_without_the_other_source_nothing_waits() -> None:
    """A model whose labels never began is not held up."""
    assert shown(run(of_predictions("x" + "." * 60))) == [
        ("latency_p99_ms", "firing", 1),
        ("latency_p99_ms", "resolved", 12),
    ]


def test_of_two_that_end_together_one_tells() -> None:
    """The end is told exactly once."""
    both = [verdicts(PANE, SLOW), label_verdicts(PANE, WRONG)]
    clear = [make(at * PANE) for at in range(2, 40) for make in (verdicts, label_verdicts)]
    assert shown(run(both + clear))[2:] == [("accuracy", "resolved", 12)]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("x."), st.integers(1, 25)), max_size=6),
    st.lists(st.tuples(st.sampled_from("x."), st.integers(1, 12)), max_size=6),
    st.integers(0, 1_000_000),
)
def test_events_depend_on_event_time_alone(one: list, other: list, seed: int) -> None:
    """Whichever source is quicker, and whatever crashes in between: the same events with the same ids."""
    predictions = of_predictions("".join(mark * count for mark, count in one) + "." * 60)
    labels = of_labels("".join(mark * count for mark, count in other) + "." * 20)
    first = [label_verdicts(1), verdicts(1)]
    rng = random.Random(seed)
    expected: list[AlertEvent] | None = None
    for _ in range(4):
        mixed = list(predictions)
        places = sorted(rng.randrange(len(predictions) + 1) for _ in labels)
        for place, tick in zip(reversed(places), reversed(labels), strict=True):
            mixed.insert(place, tick)
        logic, events = alerts(), []
        for tick in [*first, *mixed, verdicts(10_000 * PANE), label_verdicts(10_000 * PANE)]:
            logic = Alerts(CONFIG, pickle.loads(pickle.dumps(logic.state)))
            events += logic(tick)
        assert logic.active().rows == ()
        assert not logic.state.past
        events.sort(key=lambda event: (event.event_time, event.id))
        expected = events if expected is None else expected
        assert events == expected
    assert expected is not None
    assert len({event.id for event in expected}) == len(expected)
    told = [(event.event_time, event.state == "resolved") for event in expected if event.state != "updated"]
    if told:
        assert max(told)[1]  # the last word is the end


def test_severity_is_that_of_the_worse_source() -> None:
    """A warning from one and a page from the other is a page."""
    logic = alerts()
    logic(verdicts(PANE, finding(alert="SlaBreach", level=1)))
    assert logic.active().rows[0][3] == "warning"
    logic(label_verdicts(PANE, WRONG))
    assert logic.active().rows[0][3] == "critical"


@pytest.mark.parametrize("segment", ["country=de"])
def test_a_segment_of_labels_is_news_only_when_the_whole_is_not(segment: str) -> None:
    """Whatever metric the whole drops in, its segments are not told again."""
    part = finding(alert="PerformanceDrop", feature="", metric="recall", segment=segment)
    assert [event.segment for event in alerts()(label_verdicts(PANE, DROP, part))] == [""]
    assert [event.segment for event in alerts()(label_verdicts(PANE, part))] == [segment]
