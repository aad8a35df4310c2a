"""The pulse of a dataflow process: tells its parent, every second, how long ago each of its parts last moved."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING, Self

from stream.metrics.reports import Beat

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stream.metrics.reports import Reporter

DATAFLOW = "dataflow"
"""The part that reads, judges and writes: it moves whenever a partition is looked at, so where there is none, never."""

CHANGELOG = "changelog"
"""The part that restores stores, or waits until what they hold is logged."""

EVERY = 1.0
"""Seconds between two beats."""


class Pulse:
    """A thread of its own, so that a process whose dataflow hangs says just that.

    Use as a context manager; parts are heard from when they first move, until what has them is `over`.
    """

    def __init__(self, reporter: Reporter, process: int) -> None:
        self._reporter = reporter
        self._process = process
        self._moved: dict[str, float] = {}
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pulse", daemon=True)

    def mover(self, part: str) -> Callable[[], None]:
        """To be called whenever the part moves."""
        moved, clock = self._moved, time.monotonic

        def move() -> None:
            moved[part] = clock()

        return move

    def keeper(self, part: str) -> Callable[[], None]:
        """To be called while the part waits for something: where it is expected to move, it has.

        Waiting is no reason to expect it from then on: of a process without partitions nothing else would come.
        """
        moved, clock = self._moved, time.monotonic

        def keep() -> None:
            if part in moved:
                moved[part] = clock()

        return keep

    @contextlib.contextmanager
    def aside(self, part: str, beside: str) -> Iterator[Callable[[], None]]:
        """Around what `part` does now and then while `beside` waits for it; gives what is to be called as it moves.

        Only here is it expected to move; `beside` is not expected to because of it, for it may have nothing to do in
        this process.
        """
        mine, others = self.mover(part), self.keeper(beside)

        def move() -> None:
            mine()
            others()

        move()
        try:
            yield move
        finally:
            self._moved.pop(part, None)

    @contextlib.contextmanager
    def over(self) -> Iterator[None]:
        """Around what has parts: when it has ended, none of them is expected to move."""
        try:
            yield
        finally:
            self._moved.clear()

    def __enter__(self) -> Self:
        """Begin; the first beat is on its way when this returns, so who says something afterwards is listened for."""
        self._beat()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        self._done.set()

    def _run(self) -> None:
        while not self._done.wait(EVERY):
            self._beat()

    def _beat(self) -> None:
        now = time.monotonic()
        ages = tuple((part, now - at) for part, at in dict(self._moved).items())
        self._reporter.send(Beat(self._process, ages))
