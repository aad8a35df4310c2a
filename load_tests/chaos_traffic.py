"""The traffic that monitors are disturbed under: models, versions, segments, late records, dead letters, a shift."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from confluent_kafka import Producer

from stream.demo.click_model import click_rows
from stream.demo.reference import ClickRows
from stream.references.build import BuildOptions, build
from stream.simulate.generator import Generator
from stream.simulate.shifts import Shift

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windows.references.reference import Reference

PANE = 2_000
LATENESS = 3_000
PARTITIONS = 4
TICK_SECONDS = 0.1
LONG_AGO = 3 * 365 * 86_400
"""Seconds before the present at which event time begins that runs faster than the clock."""
LATE = (0.004, 30_000)
"""Share of late records, and how far back (ms): far beyond any lateness and pane."""

SERVED = (("click", "1", 0.45), ("click", "2", 0.35), ("rank", "7", 0.2))
"""Model, version, share of the traffic."""
SHIFTS = {("click", "2"): Shift("mean", "age", 1.0), ("rank", "7"): Shift("latency", amount=20.0)}


def references() -> tuple[Reference, Reference]:
    """Return what is normal: a click model watched by device, and a ranking score without segments."""
    rows = click_rows(40_000)
    served = ("prediction", "latency_ms", "timestamp")
    click = {name: rows[name] for name in ("age", "price", "relevance", "country", "device", *served)}
    rank = {name: rows[name] for name in ("position", "clicks_7d", "device", *served)}
    return (
        build(ClickRows(click), BuildOptions("click", segments=("device",), task="binary", pane=PANE)).reference,
        build(ClickRows(rank), BuildOptions("rank", task="regression", pane=PANE)).reference,
    )


@dataclass(frozen=True)
class Sent:
    """What was written.

    Attributes:
        messages: all.
        records: in them; a message without a record counts as one.
        dead: records that must become dead letters.
        open: records that no window ever closes over: they end the traffic.
        watermark: where they move it, ms.
        feedback: records of feedback that can be read.
    """

    messages: int
    records: int
    dead: int
    open: int
    watermark: int
    feedback: int = 0


@dataclass
class _Counts:
    messages: int = 0
    records: int = 0
    dead: int = 0
    refused: list[str] = field(default_factory=list)


class Traffic(threading.Thread):
    """Writes predictions at a steady rate with the present as event time; holds them back while the broker is away.

    Args:
        bootstrap: the broker.
        topic: it has PARTITIONS partitions.
        models: references of the models in SERVED.
        rate: predictions a second.
        seed: of what is drawn.
        late: whether some records are late.
        stretch: how many seconds of event time there are in one of the clock; with more than one they lie long ago,
            and panes, lateness and delays are as many times as long.
    """

    def __init__(
        self,
        bootstrap: str,
        topic: str,
        models: tuple[Reference, ...],
        rate: float,
        seed: int,
        *,
        late: bool = True,
        stretch: int = 1,
    ) -> None:
        super().__init__(name="traffic", daemon=True)
        self.shifted = threading.Event()
        self.stretch = stretch
        self._origin = time.time() - (LONG_AGO if stretch > 1 else 0)
        self._began = time.time()
        self.topic, self._rate = topic, rate
        self._done = threading.Event()
        self._counts = _Counts()
        self._newest = 0
        by_name = {reference.model: reference for reference in models}
        late_share = (LATE[0], LATE[1] * stretch) if late else (0.0, 0)
        self._normal, self._shifted = (
            {
                (model, version): Generator(
                    by_name[model], seed + at + more, version=version, shifts=shifts, late=late_share, error_rate=0.01
                )
                for at, (model, version, _) in enumerate(SERVED)
                for shifts in [[SHIFTS[model, version]] if more and (model, version) in SHIFTS else []]
            }
            for more in (0, 100)
        )
        # A broker that is away is no reason to give a record up, nor to write it twice or in another order.
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "enable.idempotence": True,
                "message.timeout.ms": 0,
                "queue.buffering.max.messages": 1_000_000,
                "linger.ms": 10,
                "log_level": 0,
            }
        )

    def run(self) -> None:
        """Write until finished."""
        began = time.time()
        ticked, due = began, 0
        while not self._done.wait(TICK_SECONDS):
            now = time.time()
            count = int(self._rate * (now - began)) - due
            due += count
            self._tick(count, self._event_time(ticked), self._event_time(now))
            ticked = now
            self._producer.poll(0)

    def _event_time(self, clock: float) -> int:
        """Event time (ms) at a time of the clock (s)."""
        return int((self._origin + (clock - self._began) * self.stretch) * 1e3)

    def stop(self) -> None:
        """End the traffic as it is."""
        self._done.set()
        if self.is_alive():
            self.join()

    @property
    def written(self) -> int:
        """Records handed to the client so far."""
        return self._counts.records

    def finish(self) -> Sent:
        """End the traffic with records that move the watermark past all others on each partition.

        Raises:
            RuntimeError: the broker refused or did not take something.
        """
        self.stop()
        pane, lateness = PANE * self.stretch, LATENESS * self.stretch
        end = self._newest + lateness + 2 * pane
        for partition in range(PARTITIONS):
            for value in self._values(1, end, end):
                # Written at that time, too: a timestamp ahead of its message moves nothing.
                self._produce(value, partition, 1, 0, written=end)
        left = self._producer.flush(60)
        if left or self._counts.refused:
            raise RuntimeError(f"{left} messages not taken, refused: {self._counts.refused[:3]}")
        counts = self._counts
        watermark = (end - lateness) // pane * pane
        return Sent(counts.messages, counts.records, counts.dead, PARTITIONS * len(SERVED), watermark)

    def _tick(self, count: int, start: int, end: int) -> None:
        values = list(self._values(count, start, end))
        self._newest = max(self._newest, end)
        for at, value in enumerate(values):
            self._produce(value, at % PARTITIONS, 1, 0)
        for value, records, dead in _bad(self._counts.messages, values[:2]):
            self._produce(value, self._counts.messages % PARTITIONS, records, dead)

    def _values(self, count: int, start: int, end: int) -> Iterator[bytes]:
        generators = self._shifted if self.shifted.is_set() else self._normal
        for model, version, share in SERVED:
            generator = generators[model, version]
            traffic = generator.batch(max(1, round(count * share)), start, end)
            if start == end:  # the records that end the traffic are never late
                traffic.timestamps[:] = end
            yield from generator.encode(traffic)

    def _produce(self, value: bytes | None, partition: int, records: int, dead: int, written: int = 0) -> None:
        self._producer.produce(self.topic, value, partition=partition, timestamp=written, on_delivery=self._delivered)
        self._counts.messages += 1
        self._counts.records += records
        self._counts.dead += dead

    def _delivered(self, error: Any, _: object) -> None:
        if error is not None:
            self._counts.refused.append(error.str())


def _bad(number: int, good: list[bytes]) -> Iterator[tuple[bytes | None, int, int]]:
    """One message a tick that cannot be read, or not in whole, each kind in turn; with its records and dead letters."""
    kinds: tuple[tuple[bytes | None, int, int], ...] = (
        (b'{"model":"click","number":%d,"pred' % number, 1, 1),
        (json.dumps({"model": "nobody's", "features": {}, "number": number}).encode(), 1, 1),
        (json.dumps({"model": "click", "prediction": 0.5, "features": [number]}).encode(), 1, 1),
        (None, 0, 0),  # a tombstone: nothing to read
        (b'{"model":"rank","prediction":1e999,"features":{},"number":%d}' % number, 1, 1),
        (b'{"model":"click","prediction":0.5,"version":"\\ud800","features":{"age":%d}}' % number, 1, 1),
        (json.dumps({"model": "rank", "timestamp": "2099-01-01T00:00:00Z", "features": {}}).encode(), 1, 1),
        (b"\xff\xfe%d" % number, 1, 1),
        (b"\n".join([*good, b'{"model":%d}' % number]), len(good) + 1, 1),
    )
    yield kinds[number % len(kinds)]
