"""What the demo's monitor asked for: read from the actions topic once the traffic is over."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stream.kafka.action_log import steps_of

if TYPE_CHECKING:
    from stream.config.load import Config


@dataclass(frozen=True, slots=True)
class Asked:
    """An action that was asked for: when (event time, ms), what, its state or why it was refused, and its reason."""

    at: int
    action: str
    state: str
    trigger: str
    dry_run: bool
    reason: str


def asked_for(config: Config) -> tuple[Asked, ...]:
    """Every step in the actions topic.

    Raises:
        UsageError: it cannot be read.
    """
    return tuple(
        Asked(
            round(dt.datetime.fromisoformat(step["event_time"]).timestamp() * 1e3),
            step["action"],
            step["block_reason"] or step["state"],
            step["trigger"],
            step["dry_run"],
            step["reason"],
        )
        for step in steps_of(config.kafka, config.topics.actions)
    )
