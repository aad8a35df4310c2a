"""Recorder: what the dataflow reports becomes history, in a thread of its own that nobody waits for."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
import time
from collections import deque
from typing import TYPE_CHECKING

from stream.history.archive import LATEST, Slot, Stored
from stream.history.frame import Frame, frame_of, merged
from stream.history.tiers import tiers_of
from stream.metrics.reports import AlertTold, Looked, Sketched
from stream.throttle import Throttle

if TYPE_CHECKING:
    from collections.abc import Mapping

    from operators.alerts.event import AlertEvent
    from stream.history.archive import Archive
    from stream.history.recent import Recent
    from stream.history.tiles import Kept
    from stream.metrics.reports import Report

_LOG = logging.getLogger("driftgauge.history")

WAITING = 20_000
"""Reports that may wait to be written; beyond it the oldest are lost, and counted."""

EVERY = 5.0
"""Seconds between two transactions."""

PRUNED_EVERY = 600.0
"""Seconds between two looks at what is too old; then spans that are not over yet are written, too."""


class Recorder:
    """Hears every report.

    Args:
        recent: takes all of them at once; None where nobody looks meanwhile.
        archive: is written to by and by; None for no history on disk.
        layouts: what is kept of each model; of others, nothing on disk.
    """

    def __init__(self, recent: Recent | None, archive: Archive | None, layouts: Mapping[str, Kept]) -> None:
        self._recent = recent
        self._archive = archive
        self.layouts = layouts
        self._waiting: deque[Frame | Sketched | AlertTold] = deque(maxlen=WAITING)
        self._open: dict[tuple[object, ...], Slot] = {}
        self._stored: dict[str, int] = {}
        self._latest: dict[tuple[object, ...], Slot] = {}
        self._last: dict[tuple[str, int], list[Stored]] = {}
        self._closing = threading.Event()
        self._throttle = Throttle()
        self.lost = 0
        self.problem = ""
        self._thread = threading.Thread(target=self._run, name="history", daemon=True)

    def __call__(self, report: Report) -> None:
        """Take a report; returns at once."""
        match report:
            case Looked():
                frame = frame_of(report)
                if self._recent is not None:
                    self._recent.look(frame)
                self._wait(frame)
            case Sketched() | AlertTold():
                if self._recent is not None:
                    self._recent.take(report)
                self._wait(report)

    def _wait(self, item: Frame | Sketched | AlertTold) -> None:
        """Have it written by and by."""
        if self._archive is not None:
            if len(self._waiting) == WAITING:
                self.lost += 1
            self._waiting.append(item)

    @property
    def waiting(self) -> int:
        """Reports that are not written yet."""
        return len(self._waiting)

    def start(self) -> None:
        """Begin to write; what was written before is known again."""
        if self._archive is not None:
            if self._recent is not None:
                self._recent.put_events(self._archive.events(MOST_TOLD))
            self._thread.start()

    def close(self) -> None:
        """Write what there is, and end."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join(LAST_WRITES)

    def _run(self) -> None:
        pruned = time.monotonic()
        while not self._closing.wait(EVERY):
            due = time.monotonic() - pruned > PRUNED_EVERY
            self.flush(everything=due)
            if due:
                pruned = time.monotonic()
        self.flush(everything=True)
        if self._archive is not None:
            self._archive.close()

    def flush(self, *, everything: bool = False) -> None:
        """Write what waits; `everything`: spans that are not over yet, too, and forget what is too old."""
        archive = self._archive
        if archive is None:
            return
        done, sketches, events = self._drain()
        last: list[Stored] = []
        if everything:
            done += [*self._open.values(), *self._latest.values()]
            last = [one for each in self._last.values() for one in each]
        try:
            if done or sketches or events:
                archive.write(done, sketches, events, last)
            if everything and archive.path.exists():
                archive.prune()
            self.problem = ""
        except (OSError, sqlite3.Error) as error:
            self.problem = f"the history cannot be written: {error}"
            if self._throttle.due():
                _LOG.warning("%s; the monitor goes on without", self.problem)
            archive.close()

    def _drain(self) -> tuple[list[Slot], list[Stored], list[AlertEvent]]:
        done: list[Slot] = []
        sketches: list[Stored] = []
        events: list[AlertEvent] = []
        with contextlib.suppress(IndexError):
            while True:
                match self._waiting.popleft():
                    case Frame() as frame:
                        self._latest[frame.model, frame.source, frame.size] = Slot(LATEST, 0, frame)
                        done += self._passed(frame.whole)
                    case Sketched() as sketched:
                        sketches += self._kept(sketched)
                    case AlertTold() as told:
                        events.append(told.event)
        return done, sketches, events

    def _passed(self, frame: Frame) -> list[Slot]:
        """Let the frame into the open span of every tier; the spans that are over by it."""
        done = []
        known = self.layouts.get(frame.model)
        for tier in () if known is None else tiers_of(known.pane):
            key = (tier.number, frame.model, frame.source, frame.size)
            slot, held = (frame.end - 1) // tier.step, self._open.get(key)
            if held is not None and held.slot == slot:
                frame_held = merged(held.frame, frame)
            else:
                frame_held = frame
                if held is not None:
                    done.append(held)
            self._open[key] = Slot(tier.number, slot, frame_held)
        return done

    def _kept(self, sketched: Sketched) -> list[Stored]:
        """What is kept of a sketch: those of one window of a model that cover its time, each moment once."""
        sketch = sketched.sketch
        known = self.layouts.get(sketch.model)
        if known is None:
            return []
        start = sketch.end - sketch.window.size
        found = [
            Stored(sketch.model, version, start, sketch.end, known.layout, counts)
            for version, counts in sketch.counts.items()
        ]
        self._last[sketch.model, sketch.window.size] = found
        if sketch.window.size != known.tile or start < self._stored.get(sketch.model, 0):
            return []
        self._stored[sketch.model] = sketch.end
        return found


MOST_TOLD = 2_000
"""Alert events of former runs that are known again after a start."""

LAST_WRITES = 2.0
"""Seconds that a stop waits for the last transaction."""
