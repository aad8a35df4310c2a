"""Datadog: steps of actions as events. It is told, and does nothing; the key groups steps and drops no duplicate."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stream.connectors.base import RefusedError, Step, Word

if TYPE_CHECKING:
    from stream.connectors.client import Client

PATH = "/api/v1/events"
TYPES = {"failed": "error", "expired": "error", "completed": "success", "awaiting_approval": "warning"}
LONGEST = 4_000
"""Characters of an event's text that Datadog keeps."""


@dataclass(frozen=True, slots=True)
class Datadog:
    """An account.

    Attributes:
        client: of its API.
        states: steps that are told.
        tags: of every event.
    """

    client: Client
    states: frozenset[str]
    tags: tuple[str, ...] = ()
    poll: float | None = None

    def wants(self, step: Step) -> bool:
        """The states that it is to be told of."""
        return step["state"] in self.states

    def send(self, step: Step) -> Word | None:
        """Post an event."""
        answer = self.client.ask("POST", PATH, event_of(step, self.tags))
        if not 200 <= answer.status < 300:
            raise RefusedError(f"Datadog refuses: {answer.status}: {answer.text}")
        return None

    def look(self, step: Step) -> Word | None:  # noqa: ARG002 - there is nothing to look at
        """Nothing."""
        return None


def event_of(step: Step, tags: tuple[str, ...]) -> dict[str, object]:
    """The event, as its API has it."""
    return {
        "title": f"{step['action']} of {step['model']}: {step['state'].replace('_', ' ')}",
        "text": step["reason"][:LONGEST],
        "date_happened": int(dt.datetime.fromisoformat(step["event_time"]).timestamp()),
        "alert_type": TYPES.get(step["state"], "info"),
        "aggregation_key": step["id"],
        "source_type_name": "driftgauge",
        "tags": [
            *tags,
            f"model:{step['model']}",
            f"version:{step['version']}",
            f"action:{step['action']}",
            f"state:{step['state']}",
        ],
    }
