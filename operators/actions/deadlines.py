"""Deadlines: what is overdue, what has failed, and what is given up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from operators.actions.guards import DAY
from operators.actions.hearing import close
from operators.findings import Finding, WindowSpan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from operators.actions.event import ActionEvent
    from operators.actions.state import Action, ActState, Plan

GIVEN_UP = DAY
"""So long (ms) after its deadline an action that nothing is heard of is given up."""

FAILED_FOR = DAY
"""A failure is told for so long (ms), or until the same is asked for again."""


def deadlines(state: ActState) -> Iterator[int]:
    """When (ms) something becomes overdue, is given up, or is told no more."""
    for action in state.actions.values():
        yield action.complete_by
        yield action.complete_by + GIVEN_UP
    for action in state.failed.values():
        yield action.closed_at + FAILED_FOR


def close_late(plan: Plan, state: ActState, now: int) -> Iterator[ActionEvent]:
    """Give up what is long overdue."""
    for action in list(state.actions.values()):
        if action.complete_by + GIVEN_UP <= now:
            yield close(plan, state, action, "expired", now)
    for name, action in list(state.failed.items()):
        if action.closed_at + FAILED_FOR <= now:
            del state.failed[name]


def faults(plan: Plan, state: ActState, now: int) -> tuple[tuple[str, Finding], ...]:
    """What is wrong with the actions of a model at a moment: (id of the action, finding)."""
    late = [one for one in state.actions.values() if one.complete_by <= now]
    found = [(one.id, _finding(plan, one, "ActionOverdue", now)) for one in late]
    found += [(one.id, _finding(plan, one, "ActionFailed", one.closed_at)) for one in state.failed.values()]
    return tuple(sorted(found, key=lambda one: (one[1].alert, one[0])))


def _finding(plan: Plan, action: Action, alert: str, now: int) -> Finding:
    took, allowed = now - action.requested_at, action.complete_by - action.requested_at
    detail = "" if action.outcome is None or action.outcome.detail is None else f" ({action.outcome.detail})"
    return Finding(
        alert=alert,
        monitor=f"actions.{action.action}",
        version="",
        segment="",
        level=2,
        feature="",
        metric=action.action,
        value=took / 1e3,
        lower=took / 1e3,
        upper=took / 1e3,
        threshold=allowed / 1e3,
        falling=False,
        samples=1,
        window=WindowSpan(max(took, plan.pane), action.requested_at, now),
        against=f"{action.id}, {action.state}{detail}. It was requested because: {action.reason}",
    )
