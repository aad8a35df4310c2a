"""Guards: why an action that is wanted may not be, in the order of their weight."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from operators.actions.event import BlockReason, Excluded, TrainingData, Trigger
from operators.actions.state import MAX_OPEN, Spoiled
from operators.actions.triggers import RANK
from windows.panes import duration_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from operators.actions.state import Action, ActState, Plan, Standing
    from operators.actions.triggers import Want
    from operators.settings.actions import RetrainSettings

DAY = 86_400_000
MONTH = 30 * DAY


@dataclass(frozen=True, slots=True)
class Block:
    """Why not, in words, and when (ms) that may have changed of itself; None where only an event changes it."""

    reason: BlockReason
    words: str
    again_at: int | None = None


def guard(plan: Plan, state: ActState, want: Want, now: int) -> Block | None:
    """The first reason against an action; None where it may be."""
    return next(_reasons(plan, state, want, now), None)


def training_data(plan: Plan, state: ActState, retrain: RetrainSettings, now: int) -> TrainingData:
    """The period that can be trained on at a moment, and what to leave out of it."""
    until = now - plan.label_delay
    since = until - retrain.training_window
    periods = (Spoiled(max(one.since, since), min(one.until, until), one.why) for one in spoiled_periods(state, now))
    excluded = tuple(Excluded(one.since, one.until, one.why) for one in periods if one.since < one.until)
    return TrainingData(since, until, excluded)


def spoiled_periods(state: ActState, now: int) -> list[Spoiled]:
    """Periods of bad data in the order of time, those that go on until now included."""
    going_on = [Spoiled(one.fact.began, now, one.spoils) for one in state.alerts.values() if one.spoils]
    return sorted([*state.spoiled, *going_on], key=lambda one: (one.since, one.until, one.why))


def _reasons(plan: Plan, state: ActState, want: Want, now: int) -> Iterator[Block]:
    retrain = plan.retrain
    if want.action == "retrain" and retrain is not None:
        yield from _bad_data(state, retrain)
        yield from _bad_training_data(plan, state, retrain, now)
        if not state.enough_labels and not want.manual:
            yield Block(BlockReason.FEW_LABELS, f"too few of its predictions have a label ({retrain.min_coverage:.0%})")
    yield from _under_way(state, want)
    if want.manual:
        return
    if want.action == "retrain":
        yield from _not_cured(state, want, now)
    yield from _too_often(plan, state, want, now)


def _bad_data(state: ActState, retrain: RetrainSettings) -> Iterator[Block]:
    for one in _firing(state):
        if one.fact.alert in retrain.block_on and one.fact.metrics != ("blind_ratio",):
            yield Block(BlockReason.BAD_DATA, f"{one.fact.alert} fires: {one.fact.reason}")


def _bad_training_data(plan: Plan, state: ActState, retrain: RetrainSettings, now: int) -> Iterator[Block]:
    if retrain.honours_exclude:
        return
    excluded = training_data(plan, state, retrain, now).exclude
    if not excluded:
        return
    last = excluded[-1]
    gone = max(one.until for one in excluded) + plan.label_delay + retrain.training_window
    over = duration_text(retrain.training_window)
    words = f"there is bad data in the {over} that it would be trained on, the latest from {last.why}"
    yield Block(BlockReason.BAD_TRAINING_DATA, words, None if _goes_on(state) else gone)


def _goes_on(state: ActState) -> bool:
    return any(one.spoils for one in state.alerts.values())


def _firing(state: ActState) -> Iterable[Standing]:
    return sorted(state.alerts.values(), key=lambda one: (one.fact.started_at, one.fact.fingerprint))


def _under_way(state: ActState, want: Want) -> Iterator[Block]:
    for action in state.actions.values():
        if RANK[action.action] < RANK[want.action] and action.action != "promote":
            yield Block(BlockReason.OUTRANKED, f"its {action.action} {action.id} is under way")
    for action in state.actions.values():
        if action.action == want.action:
            yield Block(BlockReason.ALREADY_OPEN, f"{action.id} is under way")
    if len(state.actions) >= MAX_OPEN:
        yield Block(BlockReason.TOO_MANY, f"{MAX_OPEN} actions of it are open")


def _not_cured(state: ActState, want: Want, now: int) -> Iterator[Block]:
    if want.trigger == Trigger.SCHEDULED:
        return
    for past in reversed(state.past):
        cured = past.action == "retrain" and past.state == "completed" and past.closed_at > now - MONTH
        if cured and not past.themes.isdisjoint(want.themes):
            words = f"it was trained anew for this by {past.id}, which did not clear it"
            yield Block(BlockReason.NOT_CURED, words)
            return


def _too_often(plan: Plan, state: ActState, want: Want, now: int) -> Iterator[Block]:
    known = [one.requested_at for one in _of(state, want.action)]
    if known and max(known) + want.cooldown > now:
        again = max(known) + want.cooldown
        words = f"the last {want.action} was less than {duration_text(want.cooldown)} ago"
        yield Block(BlockReason.COOLDOWN, words, again)
    cap = None if plan.retrain is None or want.action != "retrain" else plan.retrain.max_per_30d
    recent = sorted(at for at in known if at > now - MONTH)
    if cap is not None and len(recent) >= cap:
        yield Block(BlockReason.CAP, f"there were {len(recent)} in 30 days", recent[-cap] + MONTH)


def _of(state: ActState, name: str) -> Iterator[Action]:
    return (one for one in (*state.past, *state.actions.values()) if one.action == name)
