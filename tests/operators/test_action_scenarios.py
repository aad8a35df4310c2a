"""The scenarios of deploy/examples: what is asked for of other systems, and what is not, from simulated labels."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import test_label_scenarios as worlds
from acting import DAY, HOUR, MINUTE, Player, fact, since
from acting import START as T

from operators.actions.act import Act
from operators.actions.event import ActionEvent
from operators.actions.inputs import AlertTick, Fact
from operators.actions.plan import plan_of
from operators.actions.state import ActState
from operators.findings import Source
from operators.settings.actions import ActionsSettings
from stream.config.load import load

if TYPE_CHECKING:
    from operators.actions.state import Plan
    from operators.alerts.event import AlertEvent


def plan(example: str, name: str, source: Source = Source.LABELS) -> Plan:
    """The plan of a model of an example, in earnest."""
    config = load(worlds.EXAMPLES / f"{example}.yaml", {})
    model = next(model for model in config.models if model.name == name)
    settings = ActionsSettings.model_validate({"mode": "live"})
    made = plan_of(settings, model, config.time.pane, 600_000, labels=False, controlled=False)
    return replace(made, sources=frozenset({source}))


def asked(example: str, name: str, events: list[AlertEvent]) -> list[ActionEvent]:
    """What the alerts of a model ask for; not what its calendar does, nor that nobody here carries anything out."""
    act = Act(plan(example, name), ActState())
    out: list[Any] = []
    for event in events:
        out += act([AlertTick(Source.LABELS, event.event_time, (_fact(event),))])
    out += act.finish()
    found = [one for one in out if isinstance(one, ActionEvent) and one.trigger != "scheduled"]
    return [one for one in found if one.state not in {"blocked", "expired"}]


def _fact(event: AlertEvent) -> Fact:
    return Fact(
        at=event.event_time,
        id=event.id,
        fingerprint=event.fingerprint,
        alert=event.alert,
        state=event.state,
        level=2 if event.severity == "critical" else 1,
        version=event.version,
        segment=event.segment,
        features=(),
        metrics=tuple(cause.metric for cause in event.causes),
        began=event.window.start,
        started_at=event.started_at,
        reason=event.reason,
        monitors=(event.monitor,),
    )


def told(actions: list[ActionEvent]) -> list[tuple[str, str, str]]:
    """(action, state, version) of each."""
    return [(one.action, one.state, one.version) for one in actions]


def test_arrival_times_that_are_off_ask_for_a_retraining() -> None:
    """RMSE past two minutes: within four hours, at the moment of the alert; as usual, nothing is asked for."""
    events = worlds.arrivals(1.7)
    (action,) = asked("rides", "arrival", events)
    breach = next(event for event in events if event.alert == "SlaBreach")
    assert (action.action, action.trigger, action.cause) == ("retrain", "sla", breach.id)
    assert action.complete_by - action.requested_at == 4 * HOUR
    assert action.requested_at == breach.event_time
    assert asked("rides", "arrival", worlds.arrivals(1.1)) == []


def test_too_many_false_alarms_ask_for_a_rollback_that_somebody_agrees_to() -> None:
    """Past the objective for good: a rollback within the hour. A spike of a day is a page, and asks for nothing."""
    bad = {0: worlds.payments(), 34: worlds.payments(fpr=0.003)}
    actions = asked("fraud", "fraud", worlds.fraud(bad, days=75))
    assert told(actions) == [("rollback", "awaiting_approval", "1")]
    assert actions[0].complete_by - actions[0].requested_at == HOUR
    spike = {**bad, 35: worlds.payments()}
    assert asked("fraud", "fraud", worlds.fraud(spike, days=68)) == []


def test_fewer_frauds_found_ask_for_nothing() -> None:
    """Recall below its objective is an alert: going back would not help for sure."""
    assert asked("fraud", "fraud", worlds.fraud({0: worlds.payments(), 20: worlds.payments(recall=0.9)}, days=60)) == []


def test_fraud_is_retrained_weekly_and_told_when_it_is_not() -> None:
    """Every Monday at three; nobody does it, so it is overdue a day later, and given up a day after that."""
    player = Player(plan("fraud", "fraud", Source.PREDICTIONS))
    player.run(9 * DAY, step=HOUR)
    assert player.steps() == [("retrain", "requested"), ("retrain", "expired")]
    asked_at = since(player.events[0])
    assert (T + asked_at) % (7 * DAY) == 4 * DAY + 3 * HOUR  # the epoch was a Thursday
    overdue = [one.at - T for one in player.decided if one.findings]
    assert overdue[0] == asked_at + DAY
    assert {finding.alert for one in player.decided for _, finding in one.findings} == {"ActionOverdue"}


def test_fewer_clicks_ask_for_a_retraining_within_two_hours() -> None:
    """A tenth fewer over 14 days."""
    events = worlds.feed(lambda day: [worlds.Stream("1", "", 60_000, worlds.clicks(0.027 if day > 28 else 0.03))])
    actions = asked("feed", "feed", events)
    assert ("retrain", "requested", "1") in told(actions)
    assert actions[0].complete_by - actions[0].requested_at == 2 * HOUR


def test_a_new_version_that_ranks_worse_asks_for_its_rollback() -> None:
    """Within an hour, of the new version; a worse country of the old one asks for none."""

    def new(day: float) -> list[worlds.Stream]:
        arm = [worlds.Stream("2", "", 20_000, worlds.clicks(0.03, 0.95))] if day > 20 else []
        return [worlds.Stream("1", "", 60_000, worlds.clicks()), *arm]

    actions = asked("feed", "feed", worlds.feed(new))
    assert ("rollback", "requested", "2") in told(actions)
    assert all(one.version == "2" for one in actions)
    (rollback,) = [one for one in actions if one.action == "rollback"]
    assert rollback.complete_by - rollback.requested_at == HOUR


def test_hours_that_fall_within_a_month_ask_for_a_retraining() -> None:
    """Against the four weeks before; against last year alone nothing is asked for."""

    def falling(_version: str, day: float) -> float:
        return 1.0 if day < 42 else 1.08 if day < 364 + 42 else 1.036

    assert told(asked("video", "video", worlds.video(falling, {"1": 1.0})))[:1] == [("retrain", "requested", "1")]
    lower = worlds.video(lambda _version, day: 1.0 if day < 42 else 0.95, {"1": 1.0})
    assert asked("video", "video", lower) == []


def test_an_arm_that_makes_people_watch_less_asks_for_its_rollback() -> None:
    """7 % fewer hours in 8 % of the traffic: within four hours."""
    arms = {"1": 0.92, "2": 0.08}
    events = worlds.video(lambda version, _day: 0.93 if version == "2" else 1.0, arms, since=14)
    actions = asked("video", "video", events)
    assert ("rollback", "requested", "2") in told(actions)
    assert next(one for one in actions if one.action == "rollback").complete_by - actions[0].requested_at >= 4 * HOUR


def test_a_safety_model_is_looked_at_and_never_retrained() -> None:
    """Its predictions moved: a review. An anomaly: a fallback within five minutes. Whatever drifts besides: nothing."""
    player = Player(plan("rides", "safety", Source.PREDICTIONS))
    facts = [
        fact(HOUR, alert="PredictionDrift", features=()),
        fact(2 * HOUR, alert="DataDrift"),
        fact(3 * HOUR, alert="PerformanceDrop"),
        fact(4 * HOUR, alert="Anomaly"),
    ]
    player.run(DAY, *facts, step=MINUTE)
    requested = [one for one in player.events if one.state == "requested"]
    assert [(one.action, since(one)) for one in requested] == [("review", HOUR), ("fallback", 4 * HOUR)]
    assert requested[1].complete_by - requested[1].requested_at == 5 * MINUTE


def test_only_features_that_matter_ask_for_a_retraining() -> None:
    """Of the arrival times: distance does, the colour of the car is for people to look at."""
    for feature, expected in (("distance_km", ["retrain"]), ("colour", [])):
        player = Player(plan("rides", "arrival", Source.PREDICTIONS))
        player.run(3 * HOUR, fact(HOUR, features=(feature,)), step=MINUTE)
        assert [one.action for one in player.events] == expected
