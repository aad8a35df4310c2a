"""Recent: the last minutes in memory, bounded by bytes; what pages show when nothing is on disk yet."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from typing import TYPE_CHECKING

from stream.history.frame import frame_of
from stream.metrics.reports import AlertTold, Looked, Sketched

if TYPE_CHECKING:
    from collections.abc import Iterable

    from operators.alerts.event import AlertEvent
    from operators.predictions.sketch import Sketch
    from stream.history.frame import Frame, Source
    from stream.metrics.reports import Report

    Key = tuple[str, Source, int]

MOST_BYTES = 96 << 20
"""Of all frames together."""

MOST_FRAMES = 360
"""Of one window: an hour of panes of ten seconds."""

LEAST_FRAMES = 30
"""Of one window, however many models there are."""

MOST_EVENTS = 2_000
"""Alert events kept in memory."""


class Recent:
    """Thread-safe. `revision` grows with everything that is taken in."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._lock = threading.Lock()
        self._most = most_bytes
        self._latest: dict[Key, Frame] = {}
        self._frames: dict[Key, deque[Frame]] = {}
        self._bytes = 0
        self._sketches: dict[tuple[str, int], Sketch] = {}
        self._events: OrderedDict[str, AlertEvent] = OrderedDict()
        self._revisions: dict[str, int] = {}
        self.revision = 0

    def take(self, report: Report) -> None:
        """Take what pages show; other reports are left alone."""
        match report:
            case Looked():
                self.look(frame_of(report))
            case Sketched():
                self._sketch(report.sketch)
            case AlertTold():
                self.tell(report.event)
            case _:
                return

    def tell(self, event: AlertEvent) -> None:
        """Keep an alert event; one that is known is not news."""
        with self._lock:
            self._events[event.id] = event
            while len(self._events) > MOST_EVENTS:
                self._events.popitem(last=False)
            self._moved(event.model)

    def look(self, frame: Frame) -> None:
        """Keep what a window was found to be."""
        key = (frame.model, frame.source, frame.size)
        whole = frame.whole
        with self._lock:
            self._latest[key] = frame
            kept = self._frames.setdefault(key, deque())
            if kept and kept[-1].end >= whole.end:  # an older state came back after a crash
                self._bytes -= sum(one.values.nbytes for one in kept)
                kept.clear()
            kept.append(whole)
            self._bytes += whole.values.nbytes
            while len(kept) > MOST_FRAMES or (self._bytes > self._most and len(kept) > LEAST_FRAMES):
                self._bytes -= kept.popleft().values.nbytes
            self._moved(frame.model)

    def _sketch(self, sketch: Sketch) -> None:
        with self._lock:
            self._sketches[sketch.model, sketch.window.size] = sketch
            self._moved(sketch.model)

    def _moved(self, model: str) -> None:
        self.revision += 1
        self._revisions[model] = self.revision

    def revise(self) -> None:
        """Have everything that was made of what is known made again."""
        with self._lock:
            self.revision += 1

    def revision_of(self, model: str) -> int:
        """Grows with everything that is taken in of a model."""
        with self._lock:
            return self._revisions.get(model, 0)

    def latest(self, model: str) -> tuple[Frame, ...]:
        """The latest frame of each window of a model, segments and all; smallest windows first."""
        with self._lock:
            found = [(key, frame) for key, frame in self._latest.items() if key[0] == model]
        return tuple(frame for _, frame in sorted(found, key=lambda item: (item[0][1] != "predictions", item[0][2])))

    def frames(self, model: str, source: Source, size: int) -> tuple[Frame, ...]:
        """What is kept of a window (ms), oldest first, without segments."""
        with self._lock:
            return tuple(self._frames.get((model, source, size), ()))

    def sketch(self, model: str, size: int) -> Sketch | None:
        """What a window (ms) of a model held when it last changed."""
        with self._lock:
            return self._sketches.get((model, size))

    def events(self) -> tuple[AlertEvent, ...]:
        """Alert events as they came."""
        with self._lock:
            return tuple(self._events.values())

    def put_events(self, events: Iterable[AlertEvent]) -> None:
        """Alert events of the past, before those that came by now."""
        with self._lock:
            news = list(self._events.items())
            self._events = OrderedDict((event.id, event) for event in events)
            self._events.update(news)
            self.revision += 1
