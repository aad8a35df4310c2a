"""Hearing: what changes with an alert, with a version that appears, and by what people and other systems say."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from operators.actions.event import Result
from operators.actions.guards import DAY, MONTH
from operators.actions.state import MAX_SEEN, MAX_SPOILED, Action, Spoiled, Standing, event_of
from operators.actions.triggers import conditions
from operators.settings.actions import ActionName
from operators.settings.alerts import SPOILING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from operators.actions.event import ActionEvent, ActionState
    from operators.actions.inputs import Control, Fact
    from operators.actions.state import ActState, Plan

STALE = 7 * DAY
"""A word that was said so long (ms) before it comes is a repetition of an old one, and its id may be forgotten."""

ORDER: dict[str, int] = {"awaiting_approval": 0, "requested": 1, "dispatched": 2, "running": 3}
BECOMES: dict[str, ActionState] = {
    "cancel": "cancelled",
    "done": "completed",
    "fail": "failed",
    "dispatched": "dispatched",
    "running": "running",
}


def hear(plan: Plan, state: ActState, fact: Fact) -> None:
    """Take a change of an alert."""
    known = state.alerts.get(fact.fingerprint)
    if fact.state == "resolved":
        if known is not None:
            _resolve(plan, state, known, fact.at)
        return
    if known is None:
        spoils = f"{fact.alert}: {', '.join(name for name in fact.features if name)}" if _spoils(fact) else ""
        known = state.alerts[fact.fingerprint] = Standing(fact, fact.id, spoils=spoils)
    elif fact.started_at == known.fact.started_at:
        known.fact = fact
    for name, met in conditions(plan).items():
        if not met(known.fact):
            known.since.pop(name, None)
        else:
            known.since.setdefault(name, fact.at)


def _spoils(fact: Fact) -> bool:
    return fact.alert in SPOILING and fact.metrics != ("blind_ratio",)


def _resolve(plan: Plan, state: ActState, known: Standing, at: int) -> None:
    del state.alerts[known.fact.fingerprint]
    if not known.spoils:
        return
    kept = MONTH if plan.retrain is None else plan.retrain.training_window + plan.label_delay
    periods = [*state.spoiled, Spoiled(known.fact.began, at, known.spoils)]
    periods = sorted((one for one in periods if one.until > at - kept), key=lambda one: (one.since, one.until))
    while len(periods) > MAX_SPOILED:
        _merge_closest(periods)
    state.spoiled = periods


def _merge_closest(periods: list[Spoiled]) -> None:
    """Make one of the two neighbours with the least time between them: what is left out grows, never shrinks."""
    at = min(range(len(periods) - 1), key=lambda one: periods[one + 1].since - periods[one].until)
    first, second = periods[at], periods[at + 1]
    periods[at : at + 2] = [Spoiled(first.since, max(first.until, second.until), f"{first.why}; {second.why}"[:200])]


def take_versions(plan: Plan, state: ActState, versions: dict[str, int], now: int) -> Iterator[ActionEvent]:
    """Take which versions serve: the first pane of a new one completes what was to bring it."""
    # A model that starts anew has forgotten when its versions came; they are no new ones.
    new = sorted(versions.keys() - state.versions.keys())
    state.versions = {name: min(first, state.versions.get(name, first)) for name, first in versions.items()}
    for name in new:
        for action in list(state.actions.values()):
            brings = action.action == "retrain" or action.target == name
            if brings and name != action.version and versions[name] > action.requested_at:
                action.outcome = Result(version=name, detail=f"version {name} has served its first pane")
                yield close(plan, state, action, "completed", now)


def heed(plan: Plan, state: ActState, control: Control, now: int) -> Iterator[ActionEvent]:
    """Take what is said on the control topic; once for each id, never what is old or makes no sense any more."""
    if control.id in state.seen:
        state.counts.add(state.counts.control, (control.kind, "known"))
        return
    if control.said_at is not None and control.said_at < now - STALE:
        state.counts.add(state.counts.control, (control.kind, "old"))
        return
    state.seen[control.id] = None
    for old in list(state.seen)[:-MAX_SEEN]:
        del state.seen[old]
    event = _request(state, control) if control.kind == "request" else _about(plan, state, control, now)
    taken = event is not None
    state.counts.add(state.counts.control, (control.kind, "taken" if taken else "refused"))
    if event is not None and not isinstance(event, bool):
        yield event


def _request(state: ActState, control: Control) -> bool | None:
    if control.action not in get_args(ActionName):
        return None
    state.manual.append(control)
    return True


def _about(plan: Plan, state: ActState, control: Control, now: int) -> ActionEvent | None:
    action = state.actions.get(control.action)
    if action is None:
        return None
    if control.kind == "approve":
        return _approve(plan, state, action, control, now)
    if control.outcome is not None:
        action.outcome = control.outcome
    elif control.reason and control.kind in {"done", "fail", "cancel"}:
        action.outcome = Result(detail=control.reason)
    becomes = BECOMES[control.kind]
    if control.kind in {"dispatched", "running"}:
        return _progress(plan, state, action, becomes, now)
    return close(plan, state, action, becomes, now)


def _approve(plan: Plan, state: ActState, action: Action, control: Control, now: int) -> ActionEvent | None:
    """Agreed in time; what was decided on has changed by then otherwise."""
    if action.state != "awaiting_approval" or now > action.complete_by:
        return None
    action.approved_by = control.by or None
    return _step(plan, state, action, "requested", now)


def _progress(plan: Plan, state: ActState, action: Action, becomes: ActionState, now: int) -> ActionEvent | None:
    if ORDER[becomes] <= ORDER[action.state] or action.state == "awaiting_approval":
        return None
    return _step(plan, state, action, becomes, now)


def close(plan: Plan, state: ActState, action: Action, becomes: ActionState, now: int) -> ActionEvent:
    """End an action."""
    action.closed_at = now
    del state.actions[action.id]
    state.past.append(action)
    if becomes == "failed":
        state.failed[action.action] = action
    elif becomes == "completed":
        state.failed.pop(action.action, None)
        if action.action == "retrain":
            state.counts.last_retrain = now
    return _step(plan, state, action, becomes, now)


def _step(plan: Plan, state: ActState, action: Action, becomes: ActionState, now: int) -> ActionEvent:
    action.state = becomes
    action.sequence += 1
    state.counts.add(state.counts.steps, (action.action, becomes))
    return event_of(plan, action, now)
