"""Govern: limits over all models, in whatever order these come."""

from __future__ import annotations

import pickle
import random
from typing import TYPE_CHECKING

import msgspec
import pytest

from operators.actions.event import ActionEvent, action_id, event_id_of
from operators.actions.govern import Govern, GovernConfig, Governed, GovernState
from operators.actions.state import Counts, Decided
from operators.settings.actions import Storm

if TYPE_CHECKING:
    from collections.abc import Iterable

HOUR, PANE = 3_600_000, 10_000
T = 1_790_000_000_000


def _config(models: Iterable[str], max_open: int = 5, storm: int | None = 5, settle: str = "10m") -> GovernConfig:
    found = None if storm is None else Storm.model_validate({"models": storm, "within": "1h", "settle": settle})
    return GovernConfig(frozenset(models), max_open, found)


def event(
    model: str, at: int, state: str = "requested", action: str = "retrain", trigger: str = "drift"
) -> ActionEvent:
    """A step of an action of a model, the only one of its kind."""
    number = action_id(model, action, "key", dry_run=False)
    sequence = 0 if state == "requested" else 1
    return ActionEvent(
        id=number,
        event_id=event_id_of(number, state, sequence),
        action=action,
        state=state,  # type: ignore[arg-type]
        sequence=sequence,
        model=model,
        version="7",
        target_version=None,
        trigger=trigger,
        cause=None,
        causes=(),
        reason=f"{model} drifts",
        block_reason=None,
        requested_at=T + at,
        complete_by=T + at + HOUR,
        event_time=T + at,
        emitted_at=None,
        dry_run=False,
    )


def decided(model: str, at: int) -> Decided:
    """That a model has decided up to a moment."""
    return Decided(model, T + at, (), (), None, Counts())


def steps(out: Iterable[ActionEvent | Governed]) -> list[tuple[str, str, str]]:
    """(model, action, state or reason) of the events."""
    found = [one for one in out if isinstance(one, ActionEvent)]
    return [(one.model, one.action, one.block_reason or one.state) for one in found]


MODELS = [f"m{number:02}" for number in range(50)]


@pytest.mark.parametrize("seed", range(3))
def test_fifty_models_with_one_feature_are_one_review(seed: int) -> None:
    """All drift at one moment: one review that names them, no retraining, in whatever order they come."""
    govern = Govern(_config(MODELS), GovernState())
    shuffled = random.Random(seed).sample(MODELS, len(MODELS))
    out = [one for model in shuffled for one in govern([event(model, 0), decided(model, 0)])]
    found = steps(out)
    assert found[0] == ("*", "review", "requested")
    assert sorted(found[1:]) == [(model, "retrain", "storm") for model in MODELS]
    (review,) = [one for one in out if isinstance(one, ActionEvent) and one.action == "review"]
    assert "50 models" in review.reason
    assert "m00, m01" in review.reason
    assert "40 more" in review.reason


def _drift(models: Iterable[str], apart: int, settle: str, order: random.Random) -> list[ActionEvent]:
    """What goes out when models want to be retrained one after the other, and each tells in panes of ten seconds."""
    names = list(models)
    govern = Govern(_config(names, settle=settle), GovernState())
    out: list[ActionEvent | Governed] = []
    for at in range(0, len(names) * apart + 2 * HOUR, PANE):
        for index in order.sample(range(len(names)), len(names)):
            items: list[ActionEvent | Decided] = [event(names[index], at)] if at == index * apart else []
            out += govern([*items, decided(names[index], at)])
    return [one for one in out if isinstance(one, ActionEvent)]


@pytest.mark.parametrize("seed", range(2))
def test_fifty_models_that_notice_one_after_the_other_are_one_review(seed: int) -> None:
    """Ten seconds apart: the review comes with the fifth, those before it are not retrained either."""
    out = _drift(MODELS, PANE, "10m", random.Random(seed))
    assert steps(out)[0] == ("*", "review", "requested")
    assert out[0].event_time == T + 4 * PANE
    assert [step for step in steps(out) if step[1:] == ("retrain", "requested")] == []
    assert sorted(steps(out)[1:]) == [(model, "retrain", "storm") for model in MODELS]


def test_without_settling_the_first_four_are_retrained() -> None:
    """So much a storm costs that is noticed too late."""
    out = _drift(MODELS, PANE, "0s", random.Random(1))
    assert steps(out)[:5] == [(model, "retrain", "requested") for model in MODELS[:4]] + [("*", "review", "requested")]


@pytest.mark.parametrize(("others", "delay"), [(3, 0), (4, 600_000)])
def test_a_lone_drift_waits_only_where_a_storm_could_come(others: int, delay: int) -> None:
    """Where there are five models it goes out ten minutes later, to the pane; with four, at once."""
    names = MODELS[: others + 1]
    govern = Govern(_config(names), GovernState())
    out: list[ActionEvent | Governed] = []
    for at in range(0, HOUR, PANE):
        for name in names:
            items: list[ActionEvent | Decided] = [event(name, 0)] if (at, name) == (0, names[0]) else []
            out += govern([*items, decided(name, at)])
    (one,) = [one for one in out if isinstance(one, ActionEvent)]
    assert (one.state, one.requested_at, one.event_time) == ("requested", T, T + delay)


def test_what_ends_while_it_settles_is_not_asked_for() -> None:
    """A cancelled one says so, and nothing follows."""
    names = MODELS[:5]
    govern = Govern(_config(names), GovernState())
    govern([event(names[0], 0), *(decided(name, 0) for name in names)])
    out = govern([event(names[0], PANE, "cancelled"), *(decided(name, PANE) for name in names)])
    out += govern([decided(name, HOUR) for name in names])
    assert steps(out) == [(names[0], "retrain", "cancelled")]


def test_settling_goes_on_after_a_restart() -> None:
    """What is held back is in the state: it goes out at the same moment."""
    names = MODELS[:5]
    govern = Govern(_config(names), GovernState())
    govern([event(names[0], 0), *(decided(name, 0) for name in names)])
    again = Govern(_config(names), pickle.loads(pickle.dumps(govern.state)))
    out = again([decided(name, HOUR) for name in names])
    assert [(one.model, one.event_time) for one in out if isinstance(one, ActionEvent)] == [(names[0], T + 600_000)]


def test_the_end_of_all_time_lets_go_of_what_settles() -> None:
    """A replay that ends within the ten minutes tells all the same what would have been asked for."""
    names = MODELS[:5]
    govern = Govern(_config(names), GovernState())
    govern([event(names[0], 0), *(decided(name, 0) for name in names)])
    assert steps(govern.finish()) == [(names[0], "retrain", "requested")]


def test_what_a_storm_swallowed_is_not_overdue_later() -> None:
    """Its later steps and what would be wrong with it are nobody's business any more."""
    govern = Govern(_config(["a", "b"], storm=2), GovernState())
    govern([event("a", 0), event("b", 0), decided("a", 0), decided("b", 0)])
    expired = event("a", HOUR, "expired")
    assert steps(govern([expired, decided("a", HOUR), decided("b", HOUR)])) == []


def test_schedules_are_no_storm() -> None:
    """Fifty models with one calendar: they take turns."""
    govern = Govern(_config(MODELS, max_open=50), GovernState())
    out = [one for model in MODELS for one in govern([event(model, 0, trigger="scheduled"), decided(model, 0)])]
    assert steps(out) == [(model, "retrain", "requested") for model in MODELS]


def _turns(models: list[str], order: random.Random) -> list[tuple[str, str, str]]:
    """What goes out when three models want to be trained at once and one may be; they come in any order."""
    govern = Govern(_config(models, max_open=1, storm=None), GovernState())
    out: list[ActionEvent | Governed] = []
    for at, wave in ((0, [event(model, 0) for model in models]), (HOUR, [event("a", HOUR, "completed")])):
        items = [[one for one in wave if one.model == model] + [decided(model, at)] for model in models]
        order.shuffle(items)
        out += [one for mine in items for one in govern(mine)]
    return steps(out)


def test_who_waits_gets_a_turn() -> None:
    """As soon as another is over, the first by name and whatever the order in which models come."""
    expected = [
        ("a", "retrain", "requested"),
        ("b", "retrain", "max_open"),
        ("c", "retrain", "max_open"),
        ("a", "retrain", "completed"),
        ("b", "retrain", "requested"),
    ]
    for seed in range(6):
        assert _turns(["a", "b", "c"], random.Random(seed)) == expected


def test_a_fallback_waits_for_nobody() -> None:
    """Neither for other models' clocks nor for a turn."""
    govern = Govern(_config(["a", "b"], max_open=1), GovernState())
    assert steps(govern([event("a", 0, action="fallback")])) == [("a", "fallback", "requested")]


def _one_moment(*steps_of: ActionEvent) -> list[tuple[str, str]]:
    """(model, state) of what goes out when all of this is of one moment, with room for one action only."""
    govern = Govern(_config(["a", "b"], max_open=1), GovernState())
    out = govern([*steps_of, decided("a", PANE), decided("b", PANE)])
    return [(model, state) for model, _, state in steps(out)]


def test_steps_of_one_action_stay_in_their_order_though_it_ends_at_once() -> None:
    """What was dispatched and completed within one moment was so in that order, whoever reads of it."""
    ends = msgspec.structs.replace(event("a", 0, "completed"), sequence=2)
    assert _one_moment(event("a", 0, "dispatched"), ends) == [("a", "dispatched"), ("a", "completed")]


def test_what_is_cancelled_in_the_moment_it_is_asked_for_takes_no_room() -> None:
    """Asked for, then cancelled: not the other way round, and the next one has its turn."""
    asked, cancelled = event("a", 0, trigger="manual"), event("a", 0, "cancelled", trigger="manual")
    told = _one_moment(asked, cancelled, event("b", 0, trigger="manual"))
    assert told == [("a", "requested"), ("a", "cancelled"), ("b", "requested")]


def test_what_a_drift_asked_for_and_somebody_cancelled_at_once_is_not_asked_for_later() -> None:
    """It is over before it could settle."""
    govern = Govern(_config(["a", "b"], storm=2), GovernState())
    out = govern([event("a", 0), event("a", 0, "cancelled"), decided("a", HOUR), decided("b", HOUR)])
    assert [state for *_, state in steps(out)] == ["requested", "cancelled"]
    assert not govern.state.held
    assert not govern.state.open
