"""Matching: asks the broker, aside from the dataflow, which topics match the patterns of the sources."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

INTERVAL = 1.0
"""Seconds between questions."""

SHARE = 20
"""A question waits for at least so many times as long as the last answer took: all topics of a cluster may be many."""

TIMEOUT = 5.0

_LOG = logging.getLogger("driftgauge.watcher")


class Matching:
    """One thread a process, while sources have patterns.

    Args:
        properties: those of consumers.
        choose: which of the names of all topics match.
        known: those that are read.
        changed: set when others match now.
        moved: called every round.
    """

    def __init__(
        self,
        properties: Mapping[str, Any],
        choose: Callable[[Iterable[str]], Iterable[str]],
        known: Iterable[str],
        changed: threading.Event,
        moved: Callable[[], None],
    ) -> None:
        self._admin = AdminClient({**properties, "allow.auto.create.topics": False})
        self._choose = choose
        self._known = frozenset(known)
        self._changed = changed
        self._moved = moved
        self._asked: int | None = None
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="matching", daemon=True)
        self._thread.start()

    def complete_at(self) -> int | None:
        """When (ms) certainly no topic matched beside those that are read; None before the first answer."""
        return self._asked

    def close(self) -> None:
        """End the thread."""
        self._done.set()

    def _run(self) -> None:
        while True:
            asked = time.time()
            self._round(int(asked * 1e3))
            self._moved()
            if self._done.wait(max(INTERVAL, SHARE * (time.time() - asked))):
                return

    def _round(self, asked: int) -> None:
        """Ask once. Without an answer nothing is known; the watchers of the topics say that the broker is away."""
        try:
            found = self._admin.list_topics(timeout=TIMEOUT).topics
        except KafkaException as error:
            _LOG.debug("which topics match is not answered: %s", error)
            return
        names = frozenset(self._choose([name for name, one in found.items() if one.error is None and one.partitions]))
        if self._changed.is_set():
            return
        if names == self._known:
            self._asked = asked
            return
        for what, some in (("there is", names - self._known), ("there is no longer", self._known - names)):
            if some:
                _LOG.info("%s topic %s: starting anew with all that match", what, ", ".join(sorted(some)))
        self._changed.set()
