"""What of an alert that goes on is told, how often at most, and that nothing is lost by its end."""

from __future__ import annotations

import math
import pickle
import random
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from verdicts import finding, verdicts

from operators.action_steps import tick_of
from operators.alerts.alert import AlertConfig, Alerts, AlertsState
from operators.alerts.news import GATHER, UPDATE_INTERVAL
from operators.former import completed
from operators.settings.alerting import AlertingSettings
from operators.settings.policy import severity_table

if TYPE_CHECKING:
    from operators.alerts.event import AlertEvent
    from operators.findings import Finding

PANE = 600_000
RESOLVE = 600_000
CONFIG = AlertConfig("digits", severity_table(AlertingSettings()), RESOLVE, "https://runbooks")
NOON = 500 * GATHER + GATHER // 2


def run(logic: Alerts, ticks: list[list[Finding]], start: int = NOON, pane: int = PANE) -> list[AlertEvent]:
    """The events of a tick every pane."""
    return [event for at, found in enumerate(ticks) for event in logic(verdicts(start + at * pane, *found))]


def pixels(count: int, first: int = 0, **more: object) -> list[Finding]:
    """As many drifted features of the same strength."""
    return [finding(feature=f"px{at:02}", **more) for at in range(first, first + count)]


def names(event: AlertEvent) -> set[str]:
    """Features of its causes."""
    return {cause.feature for cause in event.causes}


def test_sixty_four_features_that_join_one_by_one_are_six_updates_and_one_a_day() -> None:
    """Each doubles what is named, or is of midnight; the end names all."""
    joining = [pixels(at + 1) for at in range(64)]
    events = run(Alerts(CONFIG, AlertsState()), [*joining, *[joining[-1]] * 300, *[[]] * 3])
    first, *updates, last = events
    assert (first.state, last.state, {event.state for event in updates}) == ("firing", "resolved", {"updated"})
    assert [len(event.causes) for event in events] == [1, 2, 4, 8, 16, 32, 64, 64]
    assert names(last) == {f"px{at:02}" for at in range(64)}
    assert "and 60 more" in last.reason


def test_a_few_more_are_told_at_midnight() -> None:
    """Ten are named, then an eleventh and twelfth join: with the first tick of the next day, both at once."""
    logic = Alerts(CONFIG, AlertsState())
    ticks = [pixels(10), *[pixels(11)] * 30, *[pixels(12)] * 200]
    firing, update = run(logic, ticks)
    assert (len(firing.causes), len(update.causes), update.event_time) == (10, 12, 501 * GATHER)


def test_one_that_outweighs_all_others_is_told_at_once() -> None:
    """However many were named: the reason names another feature now."""
    strong = finding(feature="px99", lower=finding().lower * 11)
    _, update = run(Alerts(CONFIG, AlertsState()), [pixels(10), [*pixels(10), strong], [*pixels(10), strong]])
    assert (update.causes[0].feature, update.event_time) == ("px99", NOON + PANE)
    weak = finding(feature="px99", lower=finding().lower * 9)
    assert len(run(Alerts(CONFIG, AlertsState()), [pixels(10), *[[*pixels(10), weak]] * 9])) == 1


def test_what_leaves_or_comes_back_is_no_news() -> None:
    """For weeks features leave and return; the alert was told once, and its end names them with their strongest."""
    rng = random.Random(3)
    ticks = [rng.sample(pixels(20), rng.randint(1, 20)) for _ in range(2_000)]
    first, last = run(Alerts(CONFIG, AlertsState()), [pixels(20, lower=0.9), *ticks, [], []])
    assert (first.state, last.state) == ("firing", "resolved")
    assert names(last) == names(first)
    assert last.causes == first.causes


@pytest.mark.parametrize("seed", range(6))
def test_updates_are_few_and_nothing_is_lost(seed: int) -> None:
    """Against sets of what stood, over random weeks with restarts before every tick."""
    rng = random.Random(seed)
    chances = [rng.random() ** 4 for _ in range(70)]
    strengths = [rng.uniform(0.26, 5) for _ in chances]
    days, ticks, stood = rng.randint(1, 9), [], set()
    for _ in range(days * GATHER // PANE):
        found = [at for at, chance in enumerate(chances) if rng.random() < chance] or [0]
        ticks.append([finding(feature=f"px{at:02}", lower=strengths[at]) for at in found])
        stood.update(f"px{at:02}" for at in found)
    events, state = [], AlertsState()
    for at, found in enumerate([*ticks, [], []]):
        state = pickle.loads(pickle.dumps(state))
        events += run(Alerts(CONFIG, state), [found], NOON + at * PANE)
    assert events == run(Alerts(CONFIG, AlertsState()), [*ticks, [], []])
    updates = [event for event in events if event.state == "updated"]
    evidence = sum(strengths) / min(strengths)
    assert len(updates) <= math.ceil(math.log2(len(chances))) + math.ceil(math.log2(evidence)) + days + 1
    assert all(later.event_time - event.event_time >= UPDATE_INTERVAL for event, later in pairwise(events))
    last = events[-1]
    assert (last.state, names(last)) == ("resolved", stood)
    best = sorted(stood, key=lambda name: (-strengths[int(name[2:])], name))
    assert [cause.feature for cause in last.causes] == best
    midnights = [event for event in updates if event.event_time % GATHER == 0]
    for event in midnights:
        told = set().union(*(names(one) for one in events if one.event_time <= event.event_time))
        assert names(event) <= told


def test_of_more_than_an_event_names_the_strongest_are_kept() -> None:
    """A thousand features in a life: a hundred causes, and how many there were."""
    ticks = [[finding(feature=f"f{at:03}", lower=0.26 + at / 1_000)] for at in range(1_000)]
    last = run(Alerts(CONFIG, AlertsState()), [[one for tick in ticks for one in tick], *ticks, [], []])[-1]
    assert [cause.feature for cause in last.causes] == [f"f{at:03}" for at in range(999, 899, -1)]
    assert "and 996 more" in last.reason


def test_actions_hear_of_every_feature_within_five_minutes() -> None:
    """Also of one that is told to nobody else yet: with the id of the event that was told last."""
    logic = Alerts(CONFIG, AlertsState())
    (firing,) = run(logic, [pixels(10)])
    verdict = verdicts(NOON + PANE, *pixels(11))
    changes = logic.changes(verdict)
    assert [change.told for change in changes] == [False]
    (fact,) = tick_of(verdict, [change.event for change in changes], logic).facts
    assert (fact.id, fact.state, fact.started_at) == (firing.id, "updated", NOON)
    assert "px10" in fact.features
    assert logic.state.sent == {("DataDrift", "firing"): 1}
    worse = run(logic, [pixels(30)], NOON + 2 * PANE)
    again = logic.changes(verdicts(NOON + 3 * PANE, *pixels(31)))
    assert [(one.event.id, one.told) for one in again] == [(worse[0].id, False)]


def test_an_alert_of_a_former_release_goes_on() -> None:
    """Its life has no list of what was involved: what it blames is still no news, and what joins is."""
    state = AlertsState()
    logic = Alerts(CONFIG, state)
    run(logic, [pixels(10)])
    for lives in state.lives.values():
        for life in lives.values():
            for name in ("blamed", "heard_at", "involved"):
                delattr(life, name)
    logic = Alerts(CONFIG, completed(pickle.loads(pickle.dumps(state))))
    assert run(logic, [pixels(10)] * 3, NOON + PANE) == []
    (update,) = run(logic, [pixels(20)] * 3, NOON + 4 * PANE)
    assert len(update.causes) == 20
