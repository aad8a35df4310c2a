"""`demo --seasonal`: the day of `stream.demo.day` on an embedded broker, through the monitor of `driftgauge run`."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from confluent_kafka import Producer

from stream.config.load import load, load_references
from stream.demo.alerts import AlertFeed, Announced
from stream.demo.day import (
    A_DAY,
    CONFIG,
    FEATURE,
    FIXED,
    SEASONAL,
    SHIFT_TEXT,
    SHIFTED_AT,
    drawn,
    encoded,
    references,
    wednesday,
)
from stream.demo.parts import STOP_SECONDS, page_server
from stream.errors import UsageError
from stream.files import write_atomically
from stream.kafka.embedded import EmbeddedBroker
from stream.metrics.registry import Registry
from stream.service import build_info
from stream.web.monitor import monitor_page
from stream.workers.supervisor import Policy, Supervisor
from stream.workers.worker import MonitorFlow
from windows.references.pace import DAY, HOUR
from windows.references.reference import to_json

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable
    from concurrent.futures import Future
    from pathlib import Path

    from stream.workers.supervisor import Outcome

SECONDS = 60.0
"""A day takes a minute."""
TICK = 0.05
START_SECONDS = 120.0
LAST_SECONDS = 180.0
"""How long the monitor may take to come up, and to come to the end of the day."""
AHEAD = 3 * HOUR
"""Requests are at most so far (ms) ahead of the monitor: the embedded broker keeps no more than a few hours of them."""
AFTER, LAST = 180_000, 300_000
"""The day ends with requests that come so much (ms) after it, within so much: more than the lateness, less than a pane,
so that nobody finds them missing."""


@dataclass(slots=True)
class Day:
    """How far the day is, and what was told.

    Attributes:
        tell: writes a line.
        registry: the monitor's metrics.
        start: of the day, ms.
        alerts: every event, in the order in which they came.
        hour: whole hours of the day that the monitor has passed, and that were shown.
    """

    tell: Callable[[str], None]
    registry: Registry
    start: int
    alerts: list[Announced] = field(default_factory=list)
    hour: int = 0

    def passed(self) -> float:
        """How far both models are, ms since midnight."""
        marks = self.registry.values("watermark_timestamp_seconds")
        found = [at for (model, *_), at in marks.items() if model in {SEASONAL, FIXED}]
        return min(found) * 1e3 - self.start if len(found) == 2 else 0.0

    def show(self) -> None:
        """The hours that have passed since."""
        while self.hour < min(self.passed() // HOUR, DAY // HOUR):
            self.hour += 1
            distances = {model: self._distance(model) for model in (SEASONAL, FIXED)}
            if all(one is not None for one in distances.values()):
                hours, whole = (distances[model] for model in (SEASONAL, FIXED))
                self.tell(
                    f"  {self.hour:02}:00  {FEATURE} over the last hour: KS {hours:.2f} from what is normal at these"
                    f" hours, {whole:.2f} from what is normal at all hours"
                )

    def _distance(self, model: str) -> float | None:
        values = self.registry.values("feature_drift")
        found = [one for labels, one in values.items() if labels[0] == model and labels[3:] == (FEATURE, "ks", "1h")]
        return max(found, default=None)

    def take(self, feed: AlertFeed, seconds: float) -> None:
        """What has been told since."""
        for event in feed.take(seconds):
            self.alerts.append(event)
            at = (event.event_time - self.start) / HOUR
            self.tell(f"  {clock_text(at)}  {event.state} {event.alert} ({event.severity}): {event.reason}")


def clock_text(hours: float) -> str:
    """Hours since midnight as a clock shows them."""
    minutes = round(hours * 60)
    return f"{minutes // 60:02}:{minutes % 60:02}"


def play_day(
    tell: Callable[[str], None], directory: Path, listen: str, stop: threading.Event, seconds: float = SECONDS
) -> bool:
    """Play it; whether what is beside its own hours told the shift and nothing else.

    Args:
        tell: writes a line.
        directory: for config, references and state; exists and is empty.
        listen: where metrics and the page are wanted.
        stop: ends it.
        seconds: that the day takes.

    Raises:
        UsageError: the monitor did not come up, or ended.
    """
    with ExitStack() as stack:
        broker = stack.enter_context(EmbeddedBroker())
        registry = Registry()
        registry.apply(build_info())
        start = wednesday(round(time.time() * 1e3))
        seasonal, fixed, notes = references(start)
        for one in (seasonal, fixed):
            write_atomically(directory / f"{one.model}.reference.json", to_json(one))
        for note in notes:
            tell(note)
        file = directory / "driftgauge.yaml"
        write_atomically(file, CONFIG.format(brokers=broker.bootstrap, listen=listen).encode())
        config = load(file, env={})
        known = load_references(config)
        page = monitor_page(config, known, registry)
        server, remarks = page_server(listen, registry, page.site)
        stack.callback(server.close)
        stack.enter_context(page.open(registry))
        topics = config.topics
        for name in (topics.feedback, topics.dead_letters, topics.actions, topics.control):
            broker.create(name)
        partitions, alerts = broker.create(topics.predictions), broker.create(topics.alerts)
        supervisor = Supervisor(MonitorFlow(config, known), 1, registry, Policy(log_level="error", grace=STOP_SECONDS))
        pool = stack.enter_context(_pool())
        monitor = pool.submit(supervisor.run)
        stack.callback(supervisor.stop)
        stack.callback(stop.set)
        server.start()
        for remark in remarks:
            tell(f"note: {remark}")
        host, port = server.address
        tell(f"look at http://{host}:{port}/")
        feed = stack.enter_context(AlertFeed(broker.bootstrap, topics.alerts, alerts))
        day = Day(tell, registry, start)
        _await(registry, monitor, stop)
        tell(f"a Wednesday in Berlin, in {seconds:.0f} s; at {clock_text(SHIFTED_AT / HOUR)} {SHIFT_TEXT}")
        _write(day, _Out(broker.bootstrap, topics.predictions, partitions), feed, monitor, stop, seconds)
        _catch_up(day, feed, monitor, stop)
        return conclude(day, stop)


def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, "demo")


@dataclass(frozen=True, slots=True)
class _Out:
    """Where requests go: each partition in the order of time."""

    bootstrap: str
    topic: str
    partitions: int

    def producer(self) -> Producer:
        return Producer({"bootstrap.servers": self.bootstrap, "linger.ms": 10, "log_level": 0})


def _await(registry: Registry, monitor: Future[Outcome], stop: threading.Event) -> None:
    deadline = time.monotonic() + START_SECONDS
    while any(status.state != "running" for status in registry.statuses()):
        _check(monitor)
        if time.monotonic() > deadline:
            raise UsageError(f"the monitor did not come up within {START_SECONDS:.0f} s")
        if stop.wait(TICK):
            return


def _check(monitor: Future[Outcome]) -> None:
    if monitor.done():
        raise UsageError(monitor.result().message or "the monitor ended by itself")


def _write(
    day: Day, out: _Out, feed: AlertFeed, monitor: Future[Outcome], stop: threading.Event, seconds: float
) -> None:
    """The requests of the day, each when its time has come; and some of the next, so that the day ends."""
    rides = drawn(day.start, DAY, A_DAY, 2, day.start + SHIFTED_AT)
    values, producer = encoded(rides), out.producer()
    after = encoded(drawn(day.start + DAY + AFTER, LAST, out.partitions, 3, day.start))
    begun, sent, progress = time.monotonic(), 0, time.monotonic()
    while sent < len(values) and not stop.is_set():
        _check(monitor)
        now = time.monotonic()
        until = day.start + min((now - begun) / seconds * DAY, day.passed() + AHEAD)
        due = int(np.searchsorted(rides.times, until, side="right"))
        for at in range(sent, due):
            producer.produce(out.topic, values[at], partition=at % out.partitions)
        if due > sent:
            sent, progress = due, now
        if now - progress > LAST_SECONDS:
            raise UsageError(f"the monitor has not gone on for {LAST_SECONDS:.0f} s")
        producer.poll(0)
        day.take(feed, TICK)
        day.show()
    for partition, value in enumerate(after):
        producer.produce(out.topic, value, partition=partition % out.partitions)
    producer.flush(LAST_SECONDS)


def _catch_up(day: Day, feed: AlertFeed, monitor: Future[Outcome], stop: threading.Event) -> None:
    """Wait until the monitor has come to the end of the day, so that a slow machine misses no alert."""
    deadline = time.monotonic() + LAST_SECONDS
    while day.passed() < DAY and time.monotonic() < deadline and not stop.is_set():
        _check(monitor)
        day.take(feed, TICK)
        day.show()
    day.take(feed, 5 * TICK)
    day.show()


def conclude(day: Day, stop: threading.Event) -> bool:
    """What was told by each reference, and whether it was right."""
    early = {model: _fired(day, model, before=True) for model in (SEASONAL, FIXED)}
    late = [event for event in _fired(day, SEASONAL, before=False) if FEATURE in event.features]
    odd = [event for event in _fired(day, SEASONAL, before=False) if FEATURE not in event.features]
    day.tell("What fired before anything had changed")
    for model, of_hours in ((SEASONAL, "its own hours"), (FIXED, "all hours")):
        day.tell(f"  beside {of_hours}: {len(early[model])} alerts")
    day.tell("What fired afterwards, beside its own hours")
    for event in (*late, *odd):
        minutes = (event.event_time - day.start - SHIFTED_AT) / 60_000
        day.tell(f"  {event.alert}, {minutes:.0f} minutes after {FEATURE} had changed")
    if stop.is_set():
        day.tell("stopped before the end of the day")
        return True
    good = bool(late) and not odd and not early[SEASONAL]
    day.tell("as it should be" if good else "NOT as it should be")
    return good


def _fired(day: Day, model: str, *, before: bool) -> list[Announced]:
    return [
        event
        for event in day.alerts
        if event.model == model and event.state == "firing" and (event.event_time < day.start + SHIFTED_AT) == before
    ]
