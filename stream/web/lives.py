"""Lives of alerts: the events of one firing, from its start to its end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from operators.alerts.event import AlertEvent

SEVERITIES = ("info", "warning", "critical")


@dataclass(frozen=True, slots=True)
class AlertLife:
    """One firing of an alert; at least one event, oldest first."""

    events: tuple[AlertEvent, ...]

    @property
    def key(self) -> str:
        """Names it in addresses."""
        return f"{self.last.fingerprint}-{self.last.started_at}"

    @property
    def last(self) -> AlertEvent:
        """Its latest event."""
        return self.events[-1]

    @property
    def ended_at(self) -> int | None:
        """When it ended, ms; None while it fires."""
        return self.last.event_time if self.last.state == "resolved" else None

    @property
    def severity(self) -> str:
        """The highest that it has reached."""
        return max((event.severity for event in self.events), key=SEVERITIES.index)

    @property
    def name(self) -> str:
        """Its kind, with the segment if it is of one."""
        return f"{self.last.alert} {self.last.segment}".strip()


def lives_of(events: Iterable[AlertEvent]) -> list[AlertLife]:
    """The lives in events of any order; the one that began last comes first."""
    found: dict[tuple[str, int], dict[str, AlertEvent]] = {}
    for event in events:
        found.setdefault((event.fingerprint, event.started_at), {})[event.id] = event
    lives = [
        AlertLife(tuple(sorted(mine.values(), key=lambda event: (event.event_time, event.state == "resolved"))))
        for mine in found.values()
    ]
    return sorted(lives, key=lambda life: (-life.last.started_at, life.key))
