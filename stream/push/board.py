"""The board: what Alertmanager has to be told, as the parent process knows it from the reports of the workers.

What fires is told after each judged tick; the alert events give it words. Nothing ends by silence, and nothing by a
crash, after which the dataflow begins a little before where it was: only a judged tick that is no older than what was
known ends an alert, or a config without its model.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from operators.findings import Source
from stream.metrics.reports import AlertsFiring, AlertTold, flat

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from operators.alerts.event import AlertEvent
    from stream.metrics.reports import Labels, Report

Clocks = dict[str, dict[str, int]]

WORDS_WITHIN = 2.0
"""Seconds that an alert waits for the event that describes it. One that fired before a restart may have none."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One alert as Alertmanager is told of it.

    Attributes:
        labels: those of `alert_active`: model, version, segment, alert, severity; then name and value of each that the
            config gives to the model. With other labels it is another alert.
        started_at: ms.
        ended_at: ms; None while it fires.
        event: the latest that described it; None when none is known.
    """

    labels: Labels
    started_at: int
    ended_at: int | None = None
    event: AlertEvent | None = None


@dataclass(frozen=True, slots=True)
class View:
    """The board at one moment: how often it had changed, what fires, and what has ended and is still to be told.

    `clocks`: model -> source -> event time (ms) as of which that is.
    """

    number: int
    firing: tuple[Entry, ...]
    ended: tuple[Entry, ...]
    clocks: Clocks = field(default_factory=dict)


class Board:
    """Thread-safe.

    Args:
        remembered: the board as it was when the former process ended.
        models: those that are watched; what fired of another has ended.
        keep: told everything whenever it changes.
        expires_after: ms after which an end need not be told any more: the alert has expired by itself.
        now: gives ms since the epoch.
    """

    def __init__(
        self,
        remembered: View,
        models: Collection[str],
        keep: Callable[[View], None],
        expires_after: int,
        now: Callable[[], int] = lambda: int(time.time() * 1e3),
    ) -> None:
        self._keep, self._expires_after, self._now = keep, expires_after, now
        self._changed = threading.Condition()
        self._number = 0
        self._firing: dict[Labels, Entry] = {}
        self._ended: dict[Labels, Entry] = {}
        self._words: dict[Labels, AlertEvent] = {}
        self._ripe: set[Labels] = set()
        self._clocks = {model: dict(clocks) for model, clocks in remembered.clocks.items()}
        for entry in (*remembered.firing, *remembered.ended):
            if entry.ended_at is not None or entry.labels[0] not in models:
                self._end(replace(entry, ended_at=None), entry.ended_at)
            else:
                self._firing[entry.labels] = entry
                self._ripe.add(entry.labels)
                if entry.event is not None:
                    self._words[entry.labels[:4]] = entry.event

    def hear(self, report: Report) -> None:
        """Take in what concerns it of the reports."""
        match report:
            case AlertTold():
                self._tell(report.event)
            case AlertsFiring():
                self._replace(report)

    def wait(self, seen: int, seconds: float) -> View:
        """The board once it is another than at this number, or when the time is over."""
        with self._changed:
            self._changed.wait_for(lambda: self._number != seen, seconds)
            return self._view()

    def forget(self, told: Iterable[Entry]) -> None:
        """These ends are known to everybody."""
        with self._changed:
            known = [entry for entry in told if self._ended.get(entry.labels) == entry]
            for entry in known:
                del self._ended[entry.labels]
            if known:
                self._keep(self._everything())

    def wake(self) -> None:
        """End every wait."""
        with self._changed:
            self._turn()

    def _tell(self, event: AlertEvent) -> None:
        what = (event.model, event.version, event.segment, event.alert)
        labels = (*what, event.severity, *flat(event.labels))
        with self._changed:
            if event.state == "resolved":
                return
            self._words[what] = event
            held = self._firing.get(labels)
            if held is not None and held.event != event:
                self._put(labels, event)
                self._turn()

    def _replace(self, report: AlertsFiring) -> None:
        """These alerts of a model fire, and, unless the report is old, no others."""
        model = report.model
        with self._changed:
            before = {
                labels for labels in self._firing if labels[0] == model and _of_actions(labels) == report.of_actions
            }
            after = set(report.rows) if self._is_news(report) else before | set(report.rows)
            if before == after:
                return
            for labels in sorted(after - before):
                self._put(labels, self._words.get(labels[:4]))
            for labels in sorted(before - after):
                self._end(self._firing.pop(labels), None)
            alive = {labels[:4] for labels in self._firing}
            self._words = {
                what: event
                for what, event in self._words.items()
                if what[0] != model or what in alive or _of_actions(what) != report.of_actions
            }
            self._turn()

    def _is_news(self, report: AlertsFiring) -> bool:
        """Whether no source is behind where it was."""
        known = self._clocks.setdefault(report.model, {})
        mine = {source: clock for source, clock in known.items() if (source == Source.ACTIONS) == report.of_actions}
        news = all(report.clocks.get(source, 0) >= clock for source, clock in mine.items())
        if news:
            known.update(report.clocks)
        return news

    def _put(self, labels: Labels, event: AlertEvent | None) -> None:
        held = self._firing.get(labels)
        started = self._now() if event is None else event.started_at
        if event is not None:
            self._ripe.add(labels)
        else:
            timer = threading.Timer(WORDS_WITHIN, self._ripen, (labels,))
            timer.daemon = True
            timer.start()
        self._ended.pop(labels, None)
        self._firing[labels] = Entry(labels, started if held is None else min(started, held.started_at), None, event)

    def _ripen(self, labels: Labels) -> None:
        """No event came in time: it is told without."""
        with self._changed:
            if labels in self._firing and labels not in self._ripe:
                self._ripe.add(labels)
                self._turn()

    def _end(self, entry: Entry, at: int | None) -> None:
        # Alertmanager refuses an end before the beginning.
        self._ended[entry.labels] = replace(entry, ended_at=max(at or self._now(), entry.started_at + 1))
        self._ripe.discard(entry.labels)

    def _turn(self) -> None:
        oldest = self._now() - self._expires_after
        self._ended = {labels: entry for labels, entry in self._ended.items() if (entry.ended_at or 0) > oldest}
        self._number += 1
        self._changed.notify_all()
        self._keep(self._everything())

    def _view(self) -> View:
        ripe = tuple(entry for labels, entry in self._firing.items() if labels in self._ripe)
        return View(self._number, ripe, tuple(self._ended.values()), self._clocks)

    def _everything(self) -> View:
        return View(self._number, tuple(self._firing.values()), tuple(self._ended.values()), self._clocks)


def _of_actions(labels: tuple[str, ...]) -> bool:
    """Whether an alert, known by its labels, is on an action."""
    return labels[3].startswith("Action")
