import pickle
import random
from dataclasses import replace

from labels import label_verdicts
from verdicts import finding, verdicts

from operators.alerts.alert import AlertConfig, Alerts, AlertsState
from operators.alerts.event import AlertEvent
from operators.alerts.news import UPDATE_INTERVAL
from operators.findings import Finding
from operators.settings.alerting import AlertingSettings
from operators.settings.policy import severity_table

PANE = 10_000
RESOLVE = 600_000
CONFIG = AlertConfig("click", severity_table(AlertingSettings()), RESOLVE, "https://runbooks")


def alerts(state: AlertsState | None = None) -> Alerts:
    """The alerts of a model, from the start."""
    return Alerts(CONFIG, AlertsState() if state is None else state)


def run(logic: Alerts, *ticks: list[Finding], start: int = 0) -> list[tuple[int, AlertEvent]]:
    """The events of a tick every pane, each with the number of its tick."""
    return [(at, event) for at, found in enumerate(ticks, start) for event in logic(verdicts((at + 1) * PANE, *found))]


def states(events: list[tuple[int, AlertEvent]]) -> list[tuple[int, str]]:
    """Which tick, which state."""
    return [(at, event.state) for at, event in events]


FORTY = [finding(feature=f"f{at:02}", lower=0.26 + at / 100) for at in range(40)]


def test_events_link_to_the_dashboard_of_what_they_are_about() -> None:
    """From an hour before the alert until now, or until its end."""
    logic = Alerts(replace(CONFIG, dashboards="https://grafana/"), AlertsState())
    events = [event for _, event in run(logic, [finding()], *[[]] * 200)]
    first, last = events[0], events[-1]
    start = (
        f"https://grafana/d/driftgauge-model?var-model=click&var-version=1&var-segment=$__all&from={PANE - 3_600_000}"
    )
    assert first.dashboard_url == f"{start}&to=now"
    assert (last.state, last.dashboard_url) == ("resolved", f"{start}&to={last.ended_at}")


def test_forty_drifted_features_are_one_alert() -> None:
    """With ranked causes, headed by the strongest."""
    ((_, event),) = run(alerts(), FORTY)
    assert (event.alert, event.state, event.severity) == ("DataDrift", "firing", "critical")
    assert [cause.feature for cause in event.causes] == [f"f{at:02}" for at in range(39, -1, -1)]
    assert (event.metric, event.lower, event.threshold, event.samples) == ("psi", 0.65, 0.25, 12_345)
    assert "and 36 more" in event.reason
    assert event.runbook_url == "https://runbooks/DataDrift.md"
    assert event.dashboard_url == ""
    assert event.window.size == "1m"


def test_an_alert_that_goes_on_says_nothing_more() -> None:
    """The same findings are no news."""
    assert states(run(alerts(), *[[finding()]] * 200)) == [(0, "firing")]


def test_an_alert_resolves_when_nothing_stands_for_the_time_set() -> None:
    """Ten minutes after the first tick without a finding, with what it was about."""
    events = run(alerts(), [finding()], *[[]] * 62)
    assert states(events) == [(0, "firing"), (61, "resolved")]
    first, last = events[0][1], events[1][1]
    assert last.reason.startswith("Back to normal for 10m. It was: Feature age of click")
    assert (last.started_at, last.ended_at, last.event_time) == (10_000, 620_000, 620_000)
    assert (first.started_at, first.ended_at) == (10_000, None)
    assert last.fingerprint == first.fingerprint
    assert last.id != first.id


def test_an_alert_of_what_vanished_does_not_say_that_it_is_well() -> None:
    """Its end tells that nothing was left to measure; if it comes back and is well, that is what it says."""
    logic = alerts()
    run(logic, [finding(segment="country=de")])
    logic(replace(verdicts(20_000), silent=frozenset({("1", "country=de", "DataDrift")})))
    ((_, last),) = run(logic, *[[]] * 62, start=2)
    assert last.reason.startswith("For a day there was nothing to measure")
    logic = alerts()
    run(logic, [finding(segment="country=de")])
    logic(replace(verdicts(20_000), silent=frozenset({("1", "country=de", "DataDrift")})))
    ((_, last),) = run(logic, [finding(segment="country=de")], *[[]] * 62, start=2)
    assert last.reason.startswith("Back to normal")


def test_flapping_is_one_alert() -> None:
    """A condition that comes back before the time is over goes on as the same alert; the time starts anew."""
    flapping = ([[finding()]] + [[]] * 50) * 3
    events = run(alerts(), *flapping, *[[]] * 15)
    assert states(events) == [(0, "firing"), (2 * 51 + 61, "resolved")]


def test_an_alert_that_comes_back_later_is_a_new_one() -> None:
    """With the same fingerprint and ids of its own."""
    events = run(alerts(), [finding()], *[[]] * 62, [finding()])
    assert states(events) == [(0, "firing"), (61, "resolved"), (63, "firing")]
    assert events[2][1].fingerprint == events[0][1].fingerprint
    assert events[2][1].id != events[0][1].id
    assert events[2][1].started_at == 640_000


def test_a_higher_level_is_news_at_once() -> None:
    """Info becomes critical with the next tick; going back is no news."""
    minor = finding(level=1, threshold=0.1, lower=0.2)
    events = run(alerts(), [minor], [finding()], [minor], [finding()])
    assert states(events) == [(0, "firing"), (1, "updated")]
    assert [event.severity for _, event in events] == ["info", "critical"]


def test_other_features_are_news_after_five_minutes_while_they_are_as_many_as_were_named() -> None:
    """A cause that is another one with every tick is told once more, with the cause of that moment."""
    events = run(alerts(), *[[finding(feature=f"f{at}")] for at in range(100)])
    assert states(events) == [(0, "firing"), (UPDATE_INTERVAL // PANE, "updated")]
    assert [event.causes[0].feature for _, event in events] == ["f0", "f30"]


def test_a_second_metric_is_another_cause_and_news() -> None:
    """AUC falls, then accuracy, too: both are causes, the stronger first. Of the predictions all metrics are one."""
    auc = finding(alert="PerformanceDrop", feature="", metric="auc", coverage=0.9, lower=0.3)
    accuracy = finding(alert="PerformanceDrop", feature="", metric="accuracy", coverage=0.9, lower=0.5)
    ticks = [[auc], *[[auc, accuracy]] * 40]
    (_, first), (at, second) = run(alerts(), *ticks)
    assert [cause.metric for cause in first.causes] == ["auc"]
    assert (at, second.state) == (30, "updated")
    assert [(cause.feature, cause.metric) for cause in second.causes] == [("", "accuracy"), ("", "auc")]
    assert second.reason.startswith("Accuracy of click")
    assert "; also auc." in second.reason
    both = [finding(alert="PredictionDrift", feature="", metric=metric) for metric in ("psi", "ks")]
    ((_, event),) = run(alerts(), both[:1], *[both] * 40)
    assert len(event.causes) == 1


def test_versions_segments_and_kinds_are_alerts_of_their_own() -> None:
    """One for each, in one order whatever order the findings have."""
    found = [
        finding(version="2"),
        finding(alert="DataQuality", metric="missing_ratio", monitor="quality.missing"),
        finding(segment="country=de", feature="other"),
        finding(),
    ]
    events = run(alerts(), found)
    assert [(e.version, e.segment, e.alert) for _, e in events] == [
        ("1", "", "DataDrift"),
        ("1", "", "DataQuality"),
        ("1", "country=de", "DataDrift"),
        ("2", "", "DataDrift"),
    ]
    assert [e.id for _, e in run(alerts(), found[::-1])] == [e.id for _, e in events]


def test_what_the_whole_shows_is_not_told_again_for_a_segment() -> None:
    """A feature that drifts everywhere is one alert; a segment's alert names only what is its own."""
    segment = [finding(segment="country=de", feature=name) for name in ("age", "income")]
    events = run(alerts(), [finding(), *segment])
    assert [(e.segment, [cause.feature for cause in e.causes]) for _, e in events] == [
        ("", ["age"]),
        ("country=de", ["income"]),
    ]
    assert states(run(alerts(), [finding(), segment[0]])) == [(0, "firing")]


def test_another_kind_or_version_of_the_whole_does_not_hide_a_segment() -> None:
    """Only the same alert of the same version tells the same."""
    whole = finding(version="2"), finding(alert="DataQuality", metric="missing_ratio")
    events = run(alerts(), [*whole, finding(segment="country=de")])
    assert ("1", "country=de", "DataDrift") in [(e.version, e.segment, e.alert) for _, e in events]


def test_a_segment_that_fires_goes_on_when_the_whole_joins() -> None:
    """An alert that was sent is not resolved because another tells the same."""
    segment = finding(segment="country=de")
    events = run(alerts(), [segment], *[[segment, finding()]] * 100)
    assert [(at, e.segment, e.state) for at, e in events] == [(0, "country=de", "firing"), (1, "", "firing")]


def test_a_segment_stays_hidden_while_the_whole_s_alert_lives() -> None:
    """Also in the minutes in which the whole has cleared and has not resolved yet."""
    segment = finding(segment="country=de")
    events = run(alerts(), [finding(), segment], *[[segment]] * 61)
    assert [(at, e.segment, e.state) for at, e in events][:2] == [(0, "", "firing"), (61, "", "resolved")]


def test_active_alerts_are_those_that_fire() -> None:
    """With their severity, until resolved; and the count of events by kind and state."""
    logic = alerts()
    run(logic, [finding(), finding(version="2", level=1)])
    assert logic.active().rows == (("1", "", "DataDrift", "critical"), ("2", "", "DataDrift", "info"))
    run(logic, *[[]] * 62, start=1)
    assert logic.active().rows == ()
    assert logic.active().sent == {("DataDrift", "firing"): 2, ("DataDrift", "resolved"): 2}


def test_the_last_word_of_a_model_ends_every_alert_of_both_sources_once() -> None:
    """Each with the fingerprint and start of its life; afterwards nothing fires, and there is nothing more to say."""
    logic = alerts()
    fired = [event for _, event in run(logic, [finding(), finding(version="2", level=1)])]
    fired += logic(label_verdicts(PANE, finding(alert="PerformanceDrop")))
    ended = logic.end("Gone")
    assert sorted((one.fingerprint, one.started_at) for one in ended) == sorted(
        (one.fingerprint, one.started_at) for one in fired
    )
    assert {one.state for one in ended} == {"resolved"}
    assert all(one.reason.startswith("Gone. It was: ") for one in ended)
    assert len({one.id for one in [*fired, *ended]}) == 6
    assert logic.active().rows == ()
    assert logic.active().sent["DataDrift", "resolved"] == 2
    assert logic.end("Gone") == []


def test_ids_are_unique_and_the_same_after_every_crash() -> None:
    """A run restarted from its pickled state before every tick sends the same events to the last byte."""
    rng = random.Random(1)
    known = (finding(), finding(feature="b"), finding(version="2", level=1), finding(version="2"))
    ticks = [[one for one in known if rng.random() < 0.01] for _ in range(1_000)]
    expected = [event for _, event in run(alerts(), *ticks)]
    assert len({event.id for event in expected}) == len(expected) > 5
    state, events = AlertsState(), list[AlertEvent]()
    for at, found in enumerate(ticks):
        state = pickle.loads(pickle.dumps(state))
        events += [event for _, event in run(alerts(state), found, start=at)]
    assert events == expected


def test_a_gap_in_event_time_counts_as_time() -> None:
    """Findings gone before and after a jump of an hour: more than ten minutes have passed."""
    logic = alerts()
    logic(verdicts(10_000, finding()))
    logic(verdicts(20_000))
    assert [event.state for event in logic(verdicts(3_620_000))] == ["resolved"]
