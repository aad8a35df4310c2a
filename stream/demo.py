"""The demo: an embedded broker, simulated traffic with a known shift, and the monitor as `driftgauge run` runs it."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

from typing import TYPE_CHECKING

from stream.cli_run import build_info
from stream.click_model import MODEL
from stream.config import load, load_references
from stream.demo_alerts import AlertFeed, Announced
from stream.demo_reference import click_reference
from stream.demo_scenario import (
    PANE,
    RATE,
    SHIFT,
    SHIFT_TEXT,
    SHOWN_METRIC,
    SHOWN_WINDOW,
    VERSION,
    DemoTraffic,
    Schedule,
    config_text,
)
from stream.demo_summary import Played
from stream.embedded import EmbeddedBroker
from stream.errors import Unreachable, UsageError
from stream.http import Server
from stream.init import write_atomically
from stream.registry import Registry
from stream.simulate import Progress, TopicWriter, simulate
from stream.supervisor import Policy, Supervisor
from stream.view_state import AlertLine, Readings, View, read
from stream.worker import MonitorFlow
from windows.reference import to_json

if TYPE_CHECKING:
    from concurrent.futures import Future
    from pathlib import Path

    from operators.settings import Levels
    from stream.config import Config
    from stream.supervisor import Outcome
    from stream.view_display import Display
    from stream.view_state import Stage

FRAME_SECONDS = 0.25
START_SECONDS = 60.0
"""How long the monitor may take to come up."""


@dataclass(frozen=True, slots=True)
class Options:
    """What a user says to the demo: seconds of traffic (None: until stopped), where metrics are wanted."""

    duration: float | None = 30.0
    listen: str = "127.0.0.1:9108"


class Demo:
    """One demo, with all its parts running inside the `with` block.

    Args:
        options: see Options.
        stop: ends it.
        directory: for the config, the reference and the state; exists and is empty.

    Attributes:
        notes: what the user should know.
        last: the last frame in which an alert was firing, else the last frame.
    """

    def __init__(self, options: Options, stop: threading.Event, directory: Path) -> None:
        self._stop, self._duration = stop, options.duration
        self._begun = time.monotonic()
        self._parts = ExitStack()
        self.notes: tuple[str, ...] = ()
        self.last: View | None = None
        with ExitStack() as parts:
            self._broker = parts.enter_context(EmbeddedBroker())
            self._registry = Registry()
            self._registry.apply(build_info())
            self._server = self._listen(options.listen)
            parts.callback(self._server.close)
            config = self._config(directory)
            self._levels = _levels(config)
            references = load_references(config)
            partitions = {
                topic: self._broker.create(topic)
                for topic in (config.topics.predictions, config.topics.alerts, config.topics.dead_letters)
            }
            pool = parts.enter_context(ThreadPoolExecutor(2, "demo"))
            self._supervisor = Supervisor(
                MonitorFlow(config, references), 1, self._registry, Policy(log_level="warning")
            )
            self._monitor = pool.submit(self._supervisor.run)
            parts.callback(self._supervisor.stop)
            self._feed = parts.enter_context(
                AlertFeed(self._broker.bootstrap, config.topics.alerts, partitions[config.topics.alerts])
            )
            self._server.start()
            self._traffic = DemoTraffic(references[MODEL], Schedule.within(options.duration))
            writer = TopicWriter({"bootstrap.servers": self._broker.bootstrap}, config.topics.predictions)
            self._parts = parts.pop_all()
        self._pool, self._writer = pool, writer
        self._features = len(references[MODEL].features)
        self._progress = Progress()
        self._alerts: tuple[Announced, ...] = ()

    def __enter__(self) -> Demo:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._parts.close()

    @property
    def metrics(self) -> str:
        """Where metrics are."""
        host, port = self._server.address
        return f"http://{host}:{port}/metrics"

    def play(self, display: Display) -> Played:
        """Play it to its end.

        Raises:
            UsageError: the monitor refused to run.
        """
        self._await_monitor(display)
        ready = time.monotonic() - self._begun
        traffic = self._pool.submit(
            simulate,
            self._traffic,
            self._writer.write,
            rate=RATE,
            duration=self._duration,
            stop=self._stop,
            watch=self._watch,
        )
        while not traffic.done():
            self._check(self._monitor)
            self._alerts += tuple(self._feed.take(FRAME_SECONDS))
            self._show(display, *self._story())
        self._progress = traffic.result()
        interrupted = self._stop.is_set()
        self._alerts += tuple(self._feed.take(FRAME_SECONDS))
        readings = self._show(display, *self._story())
        return Played(
            began=self._traffic.began or 0,
            seconds=self._progress.seconds,
            written=self._progress.written,
            changes=self._traffic.changes,
            alerts=self._alerts,
            readings=readings,
            features=self._features,
            restarts=int(sum(self._registry.values("worker_restarts_total").values())),
            interrupted=interrupted,
            ready_seconds=ready,
            metrics=self.metrics,
            notes=self.notes,
        )

    def _listen(self, listen: str) -> Server:
        """The wanted address, or a free one of the loopback when it is taken."""
        try:
            return Server(listen, self._registry)
        except Unreachable:
            server = Server("127.0.0.1:0", self._registry)
            host, port = server.address
            self.notes = (f"{listen} is taken by another program: metrics were on {host}:{port} instead",)
            return server

    def _config(self, directory: Path) -> Config:
        """The config and its reference, written and read as those of a user are."""
        host, port = self._server.address
        write_atomically(directory / f"{MODEL}.reference.json", to_json(click_reference(PANE)))
        path = directory / "driftgauge.yaml"
        write_atomically(path, config_text(self._broker.bootstrap, f"{host}:{port}").encode())
        return load(path, env={})

    def _await_monitor(self, display: Display) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not all(status.state == "running" for status in self._registry.statuses()):
            self._check(self._monitor)
            if time.monotonic() > deadline:
                raise UsageError(f"the monitor did not come up within {START_SECONDS:.0f} s")
            self._show(display, "starting", "starting the monitor")
            if self._stop.wait(0.05):
                return

    def _check(self, monitor: Future[Outcome]) -> None:
        """The monitor runs for as long as the demo."""
        if monitor.done() and not self._stop.is_set():
            raise UsageError(monitor.result().message or "the monitor ended by itself")

    def _watch(self, progress: Progress) -> None:
        self._progress = progress

    def _story(self) -> tuple[Stage, str]:
        seconds, schedule, changes = self._progress.seconds, self._traffic.schedule, self._traffic.changes
        if not changes:
            return "normal", f"normal traffic; at {schedule.first:.0f} s {SHIFT.feature} will shift"
        if changes[-1][1]:
            return "shifted", f"{SHIFT.feature} is shifted: {SHIFT_TEXT}"
        again = f"; shifted again at {schedule.next_change(seconds):.0f} s" if self._duration is None else ""
        return "recovering", f"{SHIFT.feature} is back to normal{again}"

    def _show(self, display: Display, stage: Stage, story: str) -> Readings:
        readings = read(self._registry, MODEL, SHOWN_METRIC, SHOWN_WINDOW)
        view = View(
            model=f"{MODEL} v{VERSION}",
            stage=stage,
            story=story,
            elapsed=self._progress.seconds,
            rate=self._progress.rate,
            now=time.time(),
            readings=readings,
            metric=SHOWN_METRIC,
            window=SHOWN_WINDOW,
            levels=self._levels,
            alerts=tuple(self._line(event) for event in self._alerts),
            broker=self._broker.bootstrap,
            metrics=self.metrics,
        )
        if readings.active or self.last is None or not self.last.readings.active:
            self.last = view
        display.frame(view)
        return readings

    def _line(self, event: Announced) -> AlertLine:
        seconds = (event.at - (self._traffic.began or event.at)) / 1e3
        return AlertLine(seconds, event.alert, event.state, event.severity, event.reason)


def _levels(config: Config) -> Levels:
    levels: Levels | None = getattr(config.models[0].drift, SHOWN_METRIC)
    if levels is None:
        raise UsageError(f"the demo's config has no levels of {SHOWN_METRIC}")
    return levels
