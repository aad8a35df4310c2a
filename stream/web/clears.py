"""What would clear an alert, in a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from operators.judging.decision import ENOUGH, NEAR
from operators.settings.alerts import ALERTS
from operators.settings.durations import show_duration

if TYPE_CHECKING:
    from operators.alerts.event import AlertEvent


def clears(event: AlertEvent, resolve_after: int) -> str:
    """What must be so, and for how long, until this alert ends; `resolve_after` in ms."""
    held = f"and that holds for alerting.resolve_after ({show_duration(resolve_after)})"
    row = ALERTS.get(event.alert)  # an event may be of a kind that is gone
    if row is not None and row.ends_when:
        return f"{row.ends_when}, {held}"
    falling = event.value < event.threshold
    side = "above" if falling else "below"
    return (
        f"when {event.metric} is back {side} {event.threshold:.4g} and its interval reaches past that by"
        f" {NEAR - 1:.0%} of the limit at most (on thin traffic, whose intervals are wide: when no evidence is left),"
        f" on at least {ENOUGH:.0%} of the rows, for a whole window"
        f" ({event.window.size}), {held}; silence and too few rows clear nothing"
    )
