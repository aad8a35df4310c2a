"""The journal: what an operator reads in the log."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from operators.alerts.event import AlertEvent, EventWindow
from operators.dead_letters import DeadLetter, Reason
from stream.workers.journal import DeadLetterJournal, log_alert

if TYPE_CHECKING:
    import pytest

    from operators.alerts.event import AlertState


def alert(state: AlertState, severity: str) -> AlertEvent:
    """An alert event."""
    return AlertEvent(
        id="i",
        fingerprint="f",
        alert="DataDrift",
        state=state,
        severity=severity,
        model="click",
        version="2",
        segment="country=DE",
        monitor="drift.ks",
        metric="ks",
        value=0.3,
        lower=0.2,
        upper=0.4,
        threshold=0.1,
        samples=812,
        window=EventWindow("1m", 0, 60_000),
        causes=[],
        reason="Feature age moved.",
        started_at=0,
        ended_at=None,
        event_time=0,
        emitted_at=None,
        runbook_url="",
    )


def letter(reason: Reason) -> DeadLetter:
    """A dead letter."""
    return DeadLetter(None, None, (), reason, "", "predictions", 0, 0, None)


def test_an_alert_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    """Who, what and why; a warning when it pages somebody."""
    with caplog.at_level(logging.INFO):
        log_alert(alert("firing", "critical"))
        log_alert(alert("firing", "warning"))
        log_alert(alert("resolved", "critical"))
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO", "INFO"]
    about = "DataDrift model=click version=2 segment=country=DE: Feature age moved."
    assert caplog.messages[0] == f"alert firing: critical {about}"
    assert caplog.messages[2] == f"alert resolved: critical {about}"


def test_dead_letters_are_counted_by_reason_and_told_seldom(caplog: pytest.LogCaptureFixture) -> None:
    """The first at once, the next in the next line; at the end what is left, and nothing when nothing is."""
    journal = DeadLetterJournal()
    journal.tell()
    for reason in (Reason.UNKNOWN_MODEL, Reason.EMPTY, Reason.UNKNOWN_MODEL):
        journal.count(letter(reason), 0)
    journal.tell()
    journal.count(letter(Reason.EMPTY), 0)
    journal.tell()
    assert caplog.messages == ["dead letters since the last such line: empty 1, unknown_model 2"]
    journal.tell_all()
    journal.tell_all()
    assert caplog.messages[1:] == ["dead letters since the last such line: empty 1"]
