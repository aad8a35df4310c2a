"""Traffic that is normal, shifted from a given moment on, and normal again."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from confluent_kafka import Producer

from stream.demo.click_model import click_rows
from stream.demo.reference import ClickRows
from stream.references.build import BuildOptions, build
from stream.simulate.generator import Generator

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stream.simulate.shifts import Shift
    from windows.references.reference import Reference

MODEL = "click"
VERSION = "7"
TICK_SECONDS = 0.02
FOREVER = float("inf")


def narrow(pane: int) -> Reference:
    """The click model: 8 numeric features, 2 categorical ones, a prediction, a latency. `pane` in ms."""
    return build(ClickRows(click_rows(100_000)), BuildOptions(MODEL, task="binary", pane=pane)).reference


def wide(pane: int, features: int) -> Reference:
    """As many normal features, and a prediction."""
    rng, rows = np.random.default_rng(3), 30_000
    columns: dict[str, Any] = {f"f{number:02}": rng.normal(0.0, 1.0, rows) for number in range(features)}
    columns["prediction"] = rng.random(rows)
    columns["timestamp"] = 1_700_000_000_000 + np.arange(rows, dtype=np.int64) * 100
    return build(ClickRows(columns), BuildOptions(MODEL, task="binary", pane=pane)).reference


class Traffic(threading.Thread):
    """Writes predictions at a steady rate with the present as event time. A context manager.

    Args:
        bootstrap: the broker.
        topic: the predictions.
        reference: what normal traffic is drawn from.
        shifts: what is wrong while it is shifted.
        rate: predictions a second.
    """

    def __init__(
        self, bootstrap: str, topic: str, reference: Reference, shifts: Iterable[Shift], rate: float = 1_000.0
    ) -> None:
        super().__init__(name="traffic", daemon=True)
        self._topic, self._rate = topic, rate
        self._normal = Generator(reference, 1, version=VERSION, prefix="n-")
        self._shifted = Generator(reference, 2, version=VERSION, prefix="s-", shifts=shifts)
        self._done = threading.Event()
        self._lock = threading.Lock()
        self._from, self._until = FOREVER, FOREVER
        self._first: int | None = None
        self._producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 5, "log_level": 0})

    def shift(self, at: float) -> None:
        """Shift what is predicted from this time (s since the epoch) on."""
        with self._lock:
            self._from, self._until, self._first = at, FOREVER, None

    def calm(self, at: float = 0.0) -> None:
        """Be normal again from this time on, or from now."""
        with self._lock:
            self._until = max(at, time.time())

    @property
    def first_shifted(self) -> int | None:
        """Event time (ms) of the first prediction of this shift; None before it is written."""
        with self._lock:
            return self._first

    def run(self) -> None:
        """Write until the end."""
        began = ticked = time.time()
        written = 0
        while not self._done.wait(TICK_SECONDS):
            now = time.time()
            count = int(self._rate * (now - began)) - written
            written += count
            self._tick(count, ticked, now)
            ticked = now
            self._producer.poll(0)

    def _tick(self, count: int, start: float, end: float) -> None:
        with self._lock:
            cuts = [start, *(cut for cut in (self._from, self._until) if start < cut < end), end]
            marks = [(self._from <= begin < self._until) for begin in cuts[:-1]]
        left = count
        for begin, finish, shifted in zip(cuts, cuts[1:], marks, strict=False):
            mine = left if finish == end else round(count * (finish - begin) / (end - start))
            left -= mine
            if mine <= 0:
                continue
            generator = self._shifted if shifted else self._normal
            traffic = generator.batch(mine, int(begin * 1e3), int(finish * 1e3))
            for value in generator.encode(traffic):
                self._producer.produce(self._topic, value)
            if shifted:
                with self._lock:
                    self._first = self._first or int(traffic.timestamps[0])

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self.join()
        self._producer.flush(10)
