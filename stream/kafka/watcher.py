"""The watcher: asks the broker, aside from the dataflow, where each partition ends.

Its answers tell silence from an outage.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from confluent_kafka import Consumer, KafkaException, TopicPartition

from stream.metrics.reports import GaugeBlock, Status

if TYPE_CHECKING:
    from collections.abc import Callable

    from stream.metrics.reports import Reporter

INTERVAL = 1.0
"""Seconds between rounds."""

TIMEOUT = 2.0
"""Seconds that the broker has to answer."""

NEW_PARTITIONS_EVERY = 30
"""Rounds between looks for new partitions."""

_LOG = logging.getLogger("driftgauge.watcher")


@dataclass(frozen=True, slots=True)
class End:
    """The broker's word on a partition: nothing was at or after `offset` when asked at `asked` (ms).

    Answered without fail since `since` (ms).
    """

    offset: int
    asked: int
    since: int


class Watcher:
    """One thread a process. `position` of each partition is told by its source; `end` is the broker's latest answer."""

    def __init__(
        self,
        properties: dict[str, object],
        topic: str,
        count: int,
        process: int,
        reporter: Reporter,
        grown: threading.Event | None = None,
    ) -> None:
        """Watch partitions that sources register.

        `count` is how many the topic had at the start; `grown` is set when it has more.
        """
        self._properties = properties
        self._topic = topic
        self._count = count
        self._process = process
        self._reporter = reporter
        self._positions: dict[int, Callable[[], int | None]] = {}
        self._ends: dict[int, End] = {}
        self._done = threading.Event()
        self._answering = True
        self.more_partitions = threading.Event() if grown is None else grown
        self._thread = threading.Thread(target=self._run, name="watcher", daemon=True)

    def register(self, partition: int, position: Callable[[], int | None]) -> None:
        """Watch a partition whose reader stands at `position()`; starts the thread with the first."""
        self._positions[partition] = position
        if not self._thread.ident:
            self._thread.start()

    def end(self, partition: int) -> End | None:
        """The broker's latest answer while it is answering; None after a question that it did not answer."""
        return self._ends.get(partition)

    def close(self) -> None:
        """End the thread."""
        self._done.set()

    def _run(self) -> None:
        consumer = Consumer(self._properties)
        rounds = 0
        try:
            while not self._done.wait(INTERVAL):
                rounds += 1
                self._round(consumer)
                if rounds % NEW_PARTITIONS_EVERY == 0:
                    self._look_for_partitions(consumer)
        finally:
            consumer.close()

    def _round(self, consumer: Consumer) -> None:
        for partition, position in list(self._positions.items()):
            asked = int(time.time() * 1e3)
            try:
                _, high = consumer.get_watermark_offsets(TopicPartition(self._topic, partition), timeout=TIMEOUT)
            except KafkaException as error:
                self._lost(error)
                return
            known = self._ends.get(partition)
            self._ends[partition] = End(high, asked, asked if known is None else known.since)
            at = position()
            if at is not None:
                lag = GaugeBlock(
                    f"{self._topic}/{partition}",
                    "consumer_lag_messages",
                    ((self._topic, str(partition)),),
                    (float(max(high - at, 0)),),
                )
                self._reporter.send(lag)
        self._found()

    def _lost(self, error: KafkaException) -> None:
        self._ends.clear()
        if self._answering:
            self._answering = False
            _LOG.warning("the broker does not answer: %s", error.args[0].str())
            self._reporter.send(Status(self._process, "broker_lost", f"no answer: {error.args[0].str()}"))

    def _found(self) -> None:
        if not self._answering:
            self._answering = True
            _LOG.info("the broker answers again")
            self._reporter.send(Status(self._process, "running"))

    def _look_for_partitions(self, consumer: Consumer) -> None:
        try:
            found = len(consumer.list_topics(self._topic, timeout=TIMEOUT).topics[self._topic].partitions)
        except KafkaException as error:
            self._lost(error)
            return
        if found > self._count:
            _LOG.info("topic %s has %d partitions, %d before: starting anew with all", self._topic, found, self._count)
            self.more_partitions.set()
