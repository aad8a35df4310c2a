"""The demo: normal traffic, one feature that shifts, and the monitor of `driftgauge run`, on an embedded broker."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from stream.demo.actions import asked_for
from stream.demo.click_model import MODEL
from stream.demo.scenario import RATE, SHIFT, SHIFT_TEXT, SHOWN_METRIC, SHOWN_WINDOW, VERSION, WATCHED
from stream.demo.summary import Foreseen, Played
from stream.errors import UsageError
from stream.simulate.clock import Progress, simulate
from stream.view.state import AlertLine, View, read

if TYPE_CHECKING:
    import threading

    from operators.settings.parts import Levels
    from stream.demo.alerts import Announced
    from stream.demo.parts import Parts
    from stream.view.display import Display
    from stream.view.state import Stage

FRAME_SECONDS = 0.25
LAST_SECONDS = 8.0
"""How long the monitor may take to come to the end of the traffic."""
THINNEST = 500.0
"""ms before the end of the traffic in which each partition surely got a record."""
START_SECONDS = 60.0
"""How long the monitor may take to come up."""


class Demo:
    """Plays the demo on running parts.

    Args:
        parts: what runs.
        duration: seconds of traffic; None: until `stop` is set.
        stop: ends it.
        begun: when the program started, seconds of time.monotonic().

    Attributes:
        picture: the latest frame of the traffic in which an alert was firing; the first frame until there is one.
    """

    def __init__(self, parts: Parts, duration: float | None, stop: threading.Event, begun: float) -> None:
        self._parts, self._duration, self._stop, self._begun = parts, duration, stop, begun
        self._progress = Progress()
        self._alerts: tuple[Announced, ...] = ()
        self._foreseen: Foreseen | None = None
        self._over = False
        self.picture: View | None = None

    def play(self, display: Display) -> Played:
        """Play it to its end.

        Raises:
            UsageError: the monitor did not come up, or ended.
        """
        self._await_monitor(display)
        ready = time.monotonic() - self._begun
        self._write(display)
        interrupted = self._stop.is_set()
        self._over = True
        if not interrupted:
            self._catch_up(display)
        view = self._show(display)
        traffic, registry = self._parts.traffic, self._parts.registry
        return Played(
            began=traffic.began or 0,
            seconds=self._progress.seconds,
            written=self._progress.written,
            changes=traffic.changes,
            alerts=self._alerts,
            asked=asked_for(self._parts.config),
            foreseen=self._foreseen,
            readings=view.readings,
            features=self._parts.features,
            restarts=int(sum(registry.values("worker_restarts_total").values())),
            interrupted=interrupted,
            ready_seconds=ready,
            metrics=self._parts.metrics,
        )

    def _await_monitor(self, display: Display) -> None:
        deadline = time.monotonic() + START_SECONDS
        while any(status.state != "running" for status in self._parts.registry.statuses()):
            self._check_monitor()
            if time.monotonic() > deadline:
                raise UsageError(f"the monitor did not come up within {START_SECONDS:.0f} s")
            self._show(display, "starting", "starting the monitor")
            if self._stop.wait(FRAME_SECONDS / 2):
                return

    def _write(self, display: Display) -> None:
        """Write traffic and show what comes of it, until it is over."""
        parts = self._parts
        traffic = parts.pool.submit(
            simulate,
            parts.traffic,
            parts.writer.write,
            rate=RATE,
            duration=self._duration,
            stop=self._stop,
            watch=self._watch,
            feedback=parts.feedback,
        )
        while not traffic.done():
            self._check_monitor()
            self._alerts += tuple(parts.feed.take(FRAME_SECONDS))
            self._show(display)
        self._progress = traffic.result()
        self._alerts += tuple(parts.feed.take(FRAME_SECONDS))

    def _catch_up(self, display: Display) -> None:
        """Wait until the monitor has closed the last pane that it can, so that a slow machine misses no alert."""
        traffic, time_ = self._parts.traffic, self._parts.config.time
        ended = (traffic.began or 0) + 1e3 * self._progress.seconds
        last = (ended - THINNEST - time_.lateness) // time_.pane * time_.pane / 1e3
        deadline = time.monotonic() + LAST_SECONDS
        while time.monotonic() < deadline and not self._stop.is_set():
            self._check_monitor()
            view = self._show(display)
            reached = [view.readings.watermark, view.readings.quality.watermark]
            if all(at is not None and at >= last for at in reached):
                break
            self._alerts += tuple(self._parts.feed.take(FRAME_SECONDS))
        self._alerts += tuple(self._parts.feed.take(2 * FRAME_SECONDS))

    def _check_monitor(self) -> None:
        """The monitor runs for as long as the demo."""
        monitor = self._parts.monitor
        if monitor.done():
            raise UsageError(monitor.result().message or "the monitor ended by itself")

    def _watch(self, progress: Progress) -> None:
        self._progress = progress

    def _story(self) -> tuple[Stage, str]:
        seconds, schedule, changes = self._progress.seconds, self._parts.traffic.schedule, self._parts.traffic.changes
        if not changes:
            return "normal", f"normal traffic; at {schedule.first:.0f} s {SHIFT.feature} will shift"
        if changes[-1][1]:
            return "shifted", f"shifted: {SHIFT.feature} {SHIFT_TEXT}"
        again = f"; it shifts again at {schedule.next_change(seconds):.0f} s" if self._duration is None else ""
        return "recovering", f"{SHIFT.feature} is back to normal{again}"

    def _show(self, display: Display, stage: Stage | None = None, story: str = "") -> View:
        parts = self._parts
        present, told = (stage, story) if stage is not None else self._story()
        view = View(
            model=f"{MODEL} v{VERSION}",
            stage=present,
            story=told,
            elapsed=self._progress.seconds,
            rate=self._progress.rate,
            now=time.time(),
            readings=read(parts.registry, MODEL, SHOWN_METRIC, SHOWN_WINDOW, WATCHED),
            metric=SHOWN_METRIC,
            window=SHOWN_WINDOW,
            levels=self._levels(),
            watched=WATCHED,
            alerts=tuple(self._line(event) for event in self._alerts),
            broker=parts.broker,
            metrics=parts.metrics,
        )
        if self.picture is None or (view.readings.active and not self._over):
            self.picture = view
        self._foresee(view)
        display.frame(view)
        return view

    def _foresee(self, view: View) -> None:
        """Note when the estimate first was surely below the limit while the labels said nothing yet."""
        quality, began = view.readings.quality, self._parts.traffic.began
        limit, estimated = quality.limit(WATCHED), quality.estimated
        if self._foreseen is not None or limit is None or estimated is None or began is None:
            return
        if estimated.upper < limit:
            self._foreseen = Foreseen(int(view.now * 1e3), estimated, quality.realised)

    def _levels(self) -> Levels:
        levels: Levels = getattr(self._parts.config.models[0].drift, SHOWN_METRIC)
        return levels

    def _line(self, event: Announced) -> AlertLine:
        seconds = (event.at - (self._parts.traffic.began or event.at)) / 1e3
        return AlertLine(seconds, event.alert, event.state, event.severity, event.reason)
