"""The worker's end of the pipe to its parent: reports go up, without ever holding up the dataflow."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stream.metrics import catalog
from stream.metrics.reports import (
    AlertsFiring,
    AlertTold,
    Beat,
    Concern,
    GaugeBlock,
    Increments,
    Looked,
    Observation,
    OwnerGone,
    Report,
    Sketched,
    Status,
    Totals,
)
from stream.workers.wire import Speaker

if TYPE_CHECKING:
    from collections.abc import Hashable
    from multiprocessing.connection import Connection

    from stream.workers.wire import Sent

_LOG = logging.getLogger("driftgauge.pipe")
_PACE = 0.1  # seconds between two messages: what comes in between is coalesced
_MAX_OBSERVATIONS = 10_000
STOP = b"stop"
WHERE = b"where"
"""Asks a process that does not move what its threads are doing."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Last words of a worker that cannot work however often it is started: the user has to mend something."""

    exit_code: int
    message: str


class Mailbox:
    """Reports that wait to be sent, coalesced so that they take bounded room and nothing that counts is lost.

    A gauge block replaces the one of its owner and metric, a status that of its process, an event that of its alert;
    totals keep the larger, increments are added up. Observations beyond `_MAX_OBSERVATIONS` are dropped, and counted.
    """

    def __init__(self) -> None:
        self._reports: dict[Hashable, Report] = {}
        self._observations: list[Report] = []

    def __bool__(self) -> bool:
        return bool(self._reports or self._observations)

    def put(self, report: Report) -> None:
        """Take a report in."""
        place = _place(report)
        if place is not None:
            self._reports[place] = report
            return
        match report:
            case OwnerGone():
                self._forget(report)
            case Totals():
                self._raise(report)
            case Increments():
                self._add(report)
            case Observation() if len(self._observations) < _MAX_OBSERVATIONS:
                self._observations.append(report)
            case _:
                self._add(Increments(catalog.REPORTS_DROPPED_TOTAL.name, {("backlog",): 1.0}))

    def take(self) -> list[Report]:
        """Everything, in an order that means the same as the order in which it came; the mailbox is empty then."""
        batch = [*self._reports.values(), *self._observations]
        self._reports, self._observations = {}, []
        return batch

    def _forget(self, report: OwnerGone) -> None:
        # Removed rather than overwritten, so that a later block of the owner comes after this.
        for key in [key for key, held in self._reports.items() if _owner(held) == report.owner]:
            del self._reports[key]
        self._reports["gone", report.owner] = report

    def _raise(self, report: Totals) -> None:
        key = ("totals", report.owner, report.metric)
        held = self._reports.get(key)
        former = held.rows if isinstance(held, Totals) else {}
        raised = {row: max(value, former.get(row, value)) for row, value in report.rows.items()}
        self._reports[key] = Totals(report.metric, former | raised, report.owner)

    def _add(self, report: Increments) -> None:
        key = ("increments", report.metric)
        held = self._reports.get(key)
        former = held.rows if isinstance(held, Increments) else {}
        added = {row: value + former.get(row, 0.0) for row, value in report.rows.items()}
        self._reports[key] = Increments(report.metric, former | added)


def _place(report: Report) -> Hashable | None:
    """Of the reports with one place only the last one counts; None for a report of which all do."""
    match report:
        case GaugeBlock():
            place: Hashable = "gauge", report.owner, report.metric
        case Status() | Beat():
            place = type(report), report.process
        case Concern():
            place = "concern", report.process, report.subject
        case AlertTold():
            place = "told", report.event.fingerprint
        case AlertsFiring():
            place = "firing", report.model, report.of_actions
        case Looked():
            place = "looked", report.source, report.model, report.size
        case Sketched():
            place = "sketched", report.sketch.model, report.sketch.window.size
        case _:
            place = None
    return place


def _owner(report: Report) -> str | None:
    return report.owner if isinstance(report, GaugeBlock | OwnerGone) else None


class PipeReporter:
    """Sends reports from a thread of its own; `send` only puts them in the mailbox."""

    def __init__(self, channel: Connection[Any, Any]) -> None:
        self._channel = channel
        self._mailbox = Mailbox()
        self._speaker = Speaker()
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="reports", daemon=True)
        self._thread.start()

    def send(self, report: Report) -> None:
        """Put the report in the mailbox; never waits for the parent."""
        with self._changed:
            waits = bool(self._mailbox)
            self._mailbox.put(report)
            if not waits:
                self._changed.notify()

    def close(self, patience: float, failure: Failure | None = None) -> None:
        """Send what is left, then the failure if there is one; gives up after `patience` seconds."""
        self._closing.set()
        with self._changed:
            self._changed.notify()
        self._thread.join(patience)
        if failure is not None and not self._thread.is_alive():
            self._deliver(failure)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._mailbox or self._closing.is_set())
                batch = self._mailbox.take()
            if not batch or not self._deliver(self._speaker(batch)):
                return
            self._closing.wait(_PACE)

    def _deliver(self, message: list[Sent] | Failure) -> bool:
        try:
            self._channel.send(message)
        except OSError:
            _LOG.debug("the parent is gone; its end is noticed by the control thread")
            return False
        return True
