"""Act: what is asked for, when, and what stands against it."""

from __future__ import annotations

import pickle
import random
from typing import Any

import pytest
from acting import DAY, HOUR, MINUTE, PANE, START, Player, control, fact, plan, since

from operators.actions.act import Act
from operators.actions.inputs import AlertTick, ControlTick
from operators.actions.state import ActState
from operators.findings import Source
from operators.progress import Progress

LATER = {"drift": {"for": "1h"}, "cooldown": "24h"}


def test_drift_that_lasts_asks_for_a_retraining_once() -> None:
    """After an hour of it, at that very moment, with the alert as its cause; and not again while the alert stands."""
    player = Player(plan(retrain=LATER))
    events = player.run(20 * HOUR, fact(5 * MINUTE), step=MINUTE)
    (asked,) = events
    assert (asked.action, asked.state, asked.trigger, since(asked)) == ("retrain", "requested", "drift", 65 * MINUTE)
    assert asked.cause == "DataDrift-firing-300000"
    assert asked.complete_by - asked.requested_at == 4 * HOUR
    assert asked.data is not None
    assert asked.data.until - asked.data.since == 90 * DAY
    assert "DataDrift it is." in asked.reason


def test_drift_that_ends_before_asks_for_nothing() -> None:
    """Fifty-nine minutes are no hour, even if it comes back."""
    player = Player(plan(retrain=LATER))
    facts = [fact(0 + PANE), fact(59 * MINUTE, "resolved", started_at=PANE), fact(60 * MINUTE)]
    assert player.run(110 * MINUTE, *facts) == []


def test_only_the_features_named_count() -> None:
    """Drift of another feature asks for nothing; once a named one is among the causes its time begins."""
    player = Player(plan(retrain={"drift": {"for": "10m", "features": ["age"]}}))
    worse = fact(20 * MINUTE, "updated", started_at=PANE, features=("price", "age"))
    (asked,) = player.run(HOUR, fact(PANE), worse)
    assert since(asked) == 30 * MINUTE


@pytest.mark.parametrize("level", ["minor", "major"])
def test_the_level_asked_for_must_be_reached(level: str) -> None:
    """A minor alert asks only where minor is enough."""
    player = Player(plan(retrain={"drift": {"for": "0s", "level": level}}))
    assert len(player.run(HOUR, fact(PANE, level=1))) == (level == "minor")


@pytest.mark.parametrize("key", ["retrain", "on"])
def test_a_change_since_what_came_before_asks_for_no_retraining(key: str) -> None:
    """Whatever its level; once the distance from the reference is as high, its time begins."""
    asks = {
        "retrain": {"retrain": {"drift": {"for": "10m", "level": "major"}}},
        "on": {"on": [{"alert": "DataDrift", "action": "retrain", "for": "10m", "level": "major"}]},
    }
    player = Player(plan(**asks[key]))
    minor = fact(HOUR, "updated", started_at=PANE, apart=1)
    assert player.run(2 * HOUR, fact(PANE, apart=0), minor, step=MINUTE) == []
    (asked,) = player.run(3 * HOUR, fact(2 * HOUR + MINUTE, "updated", started_at=PANE, apart=2), step=MINUTE)
    assert (asked.action, since(asked)) == ("retrain", 2 * HOUR + 11 * MINUTE)


def test_a_change_since_what_came_before_may_ask_for_a_review() -> None:
    """Somebody to look at it does no harm."""
    player = Player(plan(on=[{"alert": "DataDrift", "action": "review"}]))
    (asked,) = player.run(HOUR, fact(PANE, apart=0), step=MINUTE)
    assert asked.action == "review"


@pytest.mark.parametrize(("mode", "reason"), [("live", "already_open"), ("dry_run", "cooldown")])
def test_flapping_for_a_day_is_one_retraining(mode: str, reason: str) -> None:
    """An alert that comes and goes every five minutes; each return is refused, and says so once."""
    player = Player(plan(mode, retrain={"drift": {"for": "0s"}, "cooldown": "24h", "complete_within": "4h"}))
    facts = []
    for minute in range(10, 24 * 60, 10):
        facts += [fact(minute * MINUTE), fact((minute + 5) * MINUTE, "resolved", started_at=minute * MINUTE)]
    player.run(DAY, *facts, step=MINUTE)
    assert player.steps() == [("retrain", "requested"), *[("retrain", reason)] * 142]


@pytest.mark.parametrize("alert", ["DataQuality", "FeatureStale", "NoData", "LabelStall"])
def test_nothing_is_trained_while_data_is_bad(alert: str) -> None:
    """Refused once, with the reason; asked for again at the moment at which the other alert ends."""
    settings = {"drift": {"for": "0s"}, "honours_exclude": True}
    player = Player(plan(retrain=settings))
    bad, over = fact(PANE, alert=alert), fact(3 * HOUR, "resolved", alert, started_at=PANE)
    events = player.run(5 * HOUR, bad, fact(MINUTE), over)
    assert player.steps() == [("retrain", "bad_data"), ("retrain", "requested")]
    assert [since(event) for event in events] == [MINUTE, 3 * HOUR]
    assert events[0].id == events[1].id
    assert events[0].event_id != events[1].event_id
    if alert == "DataQuality":
        assert events[1].data is not None
        (left_out,) = events[1].data.exclude
        assert (left_out.since, left_out.until) == (START + PANE - MINUTE, START + 3 * HOUR)


def test_bad_data_blocks_for_as_long_as_it_is_trained_on() -> None:
    """Where the training leaves nothing out: until the last bad row has left the training window, to the pane."""
    player = Player(plan(retrain={"drift": {"for": "0s"}, "training_window": "2d"}))
    bad, over = fact(PANE, alert="DataQuality"), fact(HOUR, "resolved", "DataQuality", started_at=PANE)
    events = player.run(3 * DAY, bad, over, fact(2 * HOUR), step=MINUTE)
    assert player.steps() == [("retrain", "bad_training_data"), ("retrain", "requested")]
    assert since(events[1]) == 2 * DAY + HOUR
    assert events[1].data is not None
    assert events[1].data.exclude == ()


def test_what_cannot_be_judged_is_no_bad_data() -> None:
    """DataQuality for blind streams says nothing against the rows."""
    player = Player(plan(retrain={"drift": {"for": "0s"}}))
    blind = fact(PANE, alert="DataQuality", metrics=("blind_ratio",), features=())
    assert [event.state for event in player.run(HOUR, blind, fact(MINUTE))] == ["requested"]


def test_at_most_so_many_in_thirty_days() -> None:
    """The third waits until the first is thirty days old."""
    settings = {"drift": {"for": "0s"}, "cooldown": "1h", "max_per_30d": 2, "complete_within": "1h"}
    player = Player(plan("dry_run", retrain=settings))
    facts = []
    for day in (1, 3, 5):
        facts += [fact(day * DAY)]
        facts += [fact(day * DAY + HOUR, "resolved", started_at=day * DAY)] if day < 5 else []
    events = player.run(40 * DAY, *facts, step=HOUR)
    assert player.steps() == [("retrain", step) for step in ("requested", "requested", "cap", "requested")]
    assert since(events[-1]) == 31 * DAY


def test_a_retraining_that_cured_nothing_is_not_repeated() -> None:
    """Completed by a new version, which drifts in the same feature: somebody has to look, once."""
    player = Player(plan(controlled=True, retrain={"drift": {"for": "0s"}, "cooldown": "0s"}))
    player.say(0, pane_floor=1 << 50)
    player.run(HOUR, fact(MINUTE))
    player.versions = {"7": -DAY, "8": HOUR + MINUTE}
    player.run(3 * HOUR, fact(2 * HOUR, version="8"))
    assert player.steps() == [
        ("retrain", "requested"),
        ("retrain", "completed"),
        ("retrain", "not_cured"),
        ("review", "requested"),
    ]
    completed, review = player.events[1], player.events[3]
    assert completed.outcome is not None
    assert completed.outcome.version == "8"
    assert "did not clear it" in review.reason


def test_the_stronger_action_goes_first() -> None:
    """One alert that asks for a fallback and for a review gets a fallback; no retraining begins while that is open."""
    rules = [
        {"alert": "Anomaly", "action": "review"},
        {"alert": "Anomaly", "action": "fallback", "complete_within": "5m"},
    ]
    player = Player(plan(retrain={"drift": {"for": "0s"}, "honours_exclude": True}, on=rules))
    player.run(MINUTE, fact(PANE, alert="Anomaly"), fact(2 * PANE))
    assert player.steps() == [("fallback", "requested"), ("retrain", "outranked")]


def test_a_rule_can_ask_for_a_metric() -> None:
    """A breach of another objective is none of its business."""
    rules = [{"alert": "SlaBreach", "metric": "fpr", "action": "rollback", "approval": "always"}]
    player = Player(plan(on=rules))
    assert player.run(MINUTE, fact(PANE, alert="SlaBreach", metrics=("recall",))) == []
    also = fact(2 * MINUTE, "updated", "SlaBreach", started_at=PANE, metrics=("recall", "fpr"))
    (asked,) = player.run(HOUR, also)
    assert (asked.action, asked.state, asked.trigger) == ("rollback", "awaiting_approval", "sla")


def test_a_rollback_goes_to_the_last_good_version() -> None:
    """Not to a newer one, one that fires, or the one that it leaves."""
    player = Player(plan(on=[{"alert": "PerformanceDrop", "action": "rollback"}]))
    player.versions = {"4": -4 * DAY, "5": -3 * DAY, "6": -2 * DAY, "7": -DAY, "8": -HOUR}
    firing = fact(PANE, alert="SlaBreach", version="6")
    (asked,) = player.run(HOUR, firing, fact(MINUTE, alert="PerformanceDrop"))
    assert (asked.version, asked.target_version) == ("7", "5")


def test_the_schedule_comes_at_its_time() -> None:
    """Mondays at two in Berlin: within the pane in which that is, and once a week."""
    schedule = {"schedule": {"cron": "0 2 * * 1", "timezone": "Europe/Berlin"}, "drift": None, "cooldown": "0s"}
    player = Player(plan("dry_run", retrain=schedule))
    events = player.run(15 * DAY, step=HOUR)
    assert [event.trigger for event in events] == ["scheduled", "scheduled"]
    first = 1_790_553_600_000  # 2026-09-28T00:00:00Z
    assert [event.event_time for event in events] == [first, first + 7 * DAY]
    assert player.decided[-1].next_retrain == first + 14 * DAY


def test_a_blocked_schedule_is_met_later() -> None:
    """Refused is not lost: it comes when the reason is over."""
    schedule = {"schedule": {"cron": "0 2 * * 1"}, "drift": None}
    player = Player(plan("dry_run", retrain=schedule))
    gone, back = 6 * DAY, 8 * DAY
    player.run(9 * DAY, fact(gone, alert="NoData"), fact(back, "resolved", "NoData", started_at=gone), step=HOUR)
    assert player.steps() == [("retrain", "bad_data"), ("retrain", "requested")]
    assert since(player.events[-1]) == back


def test_ids_tell_trying_out_from_earnest() -> None:
    """And are the same for the same."""
    ids = [Player(plan(mode, retrain=LATER)).run(2 * HOUR, fact(PANE))[0].id for mode in ("dry_run", "live", "live")]
    assert ids[0] != ids[1] == ids[2]


def test_overdue_is_told_at_its_deadline_and_given_up_a_day_later() -> None:
    """In the silence of an alert that stands."""
    player = Player(plan(retrain={"drift": {"for": "0s"}, "complete_within": "4h"}))
    player.run(40 * HOUR, fact(PANE), step=MINUTE)
    late = [one.at - START for one in player.decided if one.findings]
    assert (late[0], late[-1]) == (4 * HOUR + PANE, 28 * HOUR)
    assert {finding.alert for one in player.decided for _, finding in one.findings} == {"ActionOverdue"}
    assert player.steps() == [("retrain", "requested"), ("retrain", "expired")]


def _approved(at: int) -> list[tuple[str, str]]:
    """What becomes of a retraining that is asked for at PANE and agreed to at a time."""
    player = Player(
        plan(controlled=True, retrain={"drift": {"for": "0s"}, "approval": "drift", "complete_within": "1h"})
    )
    player.say(0, pane_floor=(START + MINUTE) // PANE)
    player.run(MINUTE, fact(PANE))
    (asked,) = player.events
    player.say(at, control("approve", asked.id, by="ann"))
    player.say(2 * DAY)
    player.run(at + MINUTE, step=MINUTE)
    return player.steps()


def test_approval_in_time_lets_it_go() -> None:
    """It waits for it, and then is requested; approval after the deadline comes too late."""
    assert _approved(30 * MINUTE) == [("retrain", "awaiting_approval"), ("retrain", "requested")]
    assert _approved(90 * MINUTE) == [("retrain", "awaiting_approval")]


@pytest.mark.parametrize(("kind", "state"), [("done", "completed"), ("fail", "failed"), ("cancel", "cancelled")])
def test_people_can_end_an_action(kind: str, state: str) -> None:
    """At the time of their word, once, however often it is repeated; a failure is told for a day."""
    player = Player(plan(controlled=True, retrain={"drift": {"for": "0s"}}))
    player.say(0, pane_floor=(START + MINUTE) // PANE)
    player.run(MINUTE, fact(PANE))
    word = control(kind, player.events[0].id, reason="so it is")
    player.say(HOUR, word)
    player.say(2 * HOUR, word)
    player.say(3 * DAY)
    player.run(2 * DAY, step=MINUTE)
    assert player.steps() == [("retrain", "requested"), ("retrain", state)]
    assert since(player.events[1]) == HOUR + PANE
    told = [one.at - START for one in player.decided if one.findings]
    assert (min(told, default=0), max(told, default=0)) == ((HOUR + PANE, 25 * HOUR) if kind == "fail" else (0, 0))
    assert player.decided[-1].counts.control == {(kind, "taken"): 1, (kind, "known"): 1}


def test_a_word_of_long_ago_is_a_repetition() -> None:
    """Its id may be forgotten by now: what was said more than seven days before it comes is not heard again."""
    player = Player(plan(controlled=True, retrain={"cooldown": "0s"}))
    player.say(0, pane_floor=START // PANE)
    for number, age in enumerate((7 * DAY + PANE, 6 * DAY)):
        player.say(MINUTE, control("request", "retrain", id=f"r{number}", said_at=START - age))
    player.say(3 * HOUR)
    player.run(2 * HOUR)
    assert player.steps() == [("retrain", "requested")]
    assert player.decided[-1].counts.control == {("request", "old"): 1, ("request", "taken"): 1}


def test_people_can_ask() -> None:
    """Whatever the cooldown says; not for what is under way."""
    player = Player(plan(controlled=True, retrain={"cooldown": "24h"}))
    player.say(0, pane_floor=START // PANE)
    player.say(MINUTE, control("request", "retrain", id="a", by="ann", reason="new labels"))
    player.say(HOUR, control("request", "retrain", id="b"), control("request", "dance", id="c"))
    player.say(3 * HOUR)
    player.run(2 * HOUR)
    assert player.steps() == [("retrain", "requested"), ("retrain", "already_open")]
    assert player.events[0].trigger == "manual"
    assert player.events[0].reason == "ann asks for a retrain of click: new labels"
    assert player.decided[-1].counts.control == {("request", "taken"): 2, ("request", "refused"): 1}


def _story() -> list[AlertTick | ControlTick]:
    """Two sources and the control topic, each in its own order: a day with all kinds of things."""
    ticks: list[AlertTick | ControlTick] = []
    facts = {
        HOUR: fact(HOUR),
        2 * HOUR: fact(2 * HOUR, alert="DataQuality"),
        6 * HOUR: fact(6 * HOUR, "resolved", "DataQuality", started_at=2 * HOUR),
        9 * HOUR: fact(9 * HOUR, "resolved", started_at=HOUR),
    }
    for at in range(0, DAY, MINUTE):
        versions = (("7", START - DAY), ("8", START + 10 * HOUR)) if at > 10 * HOUR else (("7", START - DAY),)
        ticks.append(AlertTick(Source.PREDICTIONS, START + at, (facts[at],) if at in facts else (), versions))
    return ticks


def _labels() -> list[AlertTick]:
    dropped = fact(8 * HOUR, alert="PerformanceDrop", metrics=("accuracy",), features=())
    return [
        AlertTick(Source.LABELS, START + at, (dropped,) if at == 8 * HOUR else ()) for at in range(0, DAY, 10 * MINUTE)
    ]


def _words() -> list[ControlTick]:
    said = {3 * HOUR: control("request", "review", id="r", by="ann"), 12 * HOUR: control("request", "retrain", id="q")}
    return [
        ControlTick(
            Progress(0, 1, (START + at) // PANE, None, ended=False), ((START + at, said[at]),) if at in said else ()
        )
        for at in range(0, DAY, 30 * MINUTE)
    ]


@pytest.mark.parametrize("seed", range(5))
def test_the_order_in_which_sources_come_changes_nothing(seed: int) -> None:
    """Nor do batches, nor a crash after which all begins again at the last snapshot."""
    settings: dict[str, Any] = {"drift": {"for": "30m"}, "performance": {}, "cooldown": "1h", "honours_exclude": True}
    one = plan(labels=True, controlled=True, retrain={**settings, "schedule": {"cron": "0 */6 * * *"}})
    expected = _play(one, [*_story(), *_labels(), *_words()], None)
    assert {event.state for event in expected} >= {"requested", "completed", "blocked"}
    rng = random.Random(seed)
    lanes = [list(_story()), list(_labels()), list(_words())]
    mixed: list[Any] = []
    while any(lanes):
        lane = rng.choice([lane for lane in lanes if lane])
        count = rng.randint(1, 40)
        mixed += lane[:count]
        del lane[:count]
    assert _play(one, mixed, rng) == expected


@pytest.mark.parametrize("is_said", [False, True])
@pytest.mark.parametrize("early", [1, 5, 60])
def test_a_clock_that_is_known_before_the_first_prediction_begins_nothing(early: int, is_said: bool) -> None:
    """Whether the other clocks are behind predictions when these begin or far ahead: the schedule begins with them.

    A control topic that is empty tells how far the clock on the wall is: behind traffic that is read as it comes, and
    ahead of traffic that is read again.
    """
    one = plan(labels=True, controlled=True, retrain={"schedule": {"cron": "0 * * * *"}, "cooldown": "1m"})
    begin = HOUR + 10 * MINUTE
    story = [tick for tick in _story() if tick.end >= START + begin]

    def silence(at: int, *said: tuple[int, Any]) -> ControlTick:
        return ControlTick(Progress(0, 1, (START + at) // PANE, None, ended=False), said)

    before = begin - early * MINUTE
    said = ((START + before, control("request", "review", id="r", by="ann")),) if is_said else ()
    fell = (fact(before, alert="PerformanceDrop", metrics=("accuracy",)),) if is_said else ()
    words = [silence(before, *said), silence(DAY)]
    labels = [AlertTick(Source.LABELS, START + before, fell), AlertTick(Source.LABELS, START + DAY, ())]
    behind = _play(one, [words[0], labels[0], *story, words[1], labels[1]], None)
    assert behind == _play(one, [*words, *labels, *story], None)
    assert behind == _play(one, [*story, *words, *labels], None)
    whole_hour = -(-(START + begin) // HOUR) * HOUR
    expected = [("review", START + begin)] if is_said else []
    expected.append(("retrain", one.ceil(whole_hour)))
    assert [(event.action, event.event_time) for event in behind[: len(expected)]] == expected


def _play(one: Any, items: list[Any], rng: random.Random | None) -> list[Any]:
    """The events and what was wrong at their ends; with `rng`, in batches, and from a pickled state now and then."""
    act, out = Act(one, ActState()), []
    at = 0
    while at < len(items):
        size = 1 if rng is None else rng.randint(1, 50)
        out += act(items[at : at + size])
        at += size
        if rng is not None and rng.random() < 0.2:
            act = Act(one, pickle.loads(pickle.dumps(act.state)))
    return [item for item in out if hasattr(item, "event_id")]
