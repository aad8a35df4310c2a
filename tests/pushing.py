"""Parts for tests of direct push: an alert event, a board without memory, and a quick policy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from operators.alerts.event import AlertEvent, Cause, EventWindow, fingerprint_of
from stream.backoff import BackoffPolicy
from stream.metrics.reports import AlertsFiring, AlertTold
from stream.push.board import Board, View
from stream.push.body import Texts
from stream.push.replicas import Policy

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stream.push.board import Entry

START = 1_790_000_000_000
CRITICAL = ("click", "7", "", "DataDrift", "critical")
INFO = ("click", "7", "", "DataDrift", "info")
SEGMENT = ("click", "7", "country=DE", "DataDrift", "critical")
TEXTS = Texts("https://books", "https://grafana", "driftgauge.alerts")
POLICY = Policy(resend_every=1.0, expires_after=3_600_000, texts=TEXTS, backoff=BackoffPolicy(first=0.05, longest=0.2))


def event(labels: tuple[str, ...] = CRITICAL, **changed: Any) -> AlertEvent:
    """An event of the alert with these labels."""
    model, version, segment, alert, severity = labels
    given: dict[str, Any] = {
        "id": "a" * 32,
        "fingerprint": fingerprint_of(model, version, segment, alert),
        "alert": alert,
        "state": "firing",
        "severity": severity,
        "model": model,
        "version": version,
        "segment": segment,
        "monitor": "drift.ks",
        "metric": "ks",
        "value": 0.3125,
        "lower": 0.22,
        "upper": 0.4,
        "threshold": 0.1,
        "samples": 812,
        "window": EventWindow("1m", START, START + 60_000),
        "causes": [Cause("age", "ks", 0.3125, 0.75), Cause("price", "ks", 0.125, 0.25)],
        "reason": "Feature age of click version 7 moved away.",
        "started_at": START + 60_000,
        "ended_at": None,
        "event_time": START + 60_000,
        "emitted_at": None,
        "runbook_url": "https://books/DataDrift.md",
    }
    return AlertEvent(**{**given, **changed})


def told(given: AlertEvent) -> AlertTold:
    """The report of an event."""
    return AlertTold(given)


def active(*rows: tuple[str, ...], model: str = "click", clock: int = START) -> AlertsFiring:
    """The report that exactly these alerts of a model fire at a time."""
    return AlertsFiring(model, rows, {"predictions": clock})


class Kept:
    """What a board asked to be kept, in order."""

    def __init__(self) -> None:
        self.views: list[View] = []

    def __call__(self, view: View) -> None:
        """Keep a view."""
        self.views.append(view)

    @property
    def last(self) -> list[Entry]:
        """Everything of the latest view."""
        return [*self.views[-1].firing, *self.views[-1].ended]


def board(remembered: Iterable[Entry] = (), kept: Kept | None = None, now: int = START + 100_000) -> Board:
    """A board on which the time stands still."""
    given = tuple(remembered)
    firing = tuple(entry for entry in given if entry.ended_at is None)
    view = View(0, firing, tuple(entry for entry in given if entry.ended_at is not None))
    return Board(view, {"click"}, kept or Kept(), 3_600_000, lambda: now)
