"""The traffic generator's clockwork: predictions and their labels written to topics, paced against the clock."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from confluent_kafka import KafkaException, Producer

from stream.errors import Unreachable, UsageError

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable, Mapping

    from stream.simulate.feedback import FeedbackTraffic
    from stream.simulate.generator import Generator

TICK_SECONDS = 0.02
LARGEST_BATCH = 20_000
"""Predictions drawn at once: more would delay the answer to a stop."""
LONGEST_DEBT_SECONDS = 0.5
"""Predictions overdue by more than this are given up, rather than sent in a burst later."""
_ANSWER_SECONDS = 10.0
_FLUSH_SECONDS = 30.0

_DEFAULTS: Mapping[str, Any] = {
    "linger.ms": 10,
    "batch.size": 500_000,
    "queue.buffering.max.messages": 500_000,
    "delivery.report.only.error": True,
    "log_level": 0,  # what goes wrong is counted and told once
}


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a simulation is.

    Attributes:
        seconds: since it began.
        written: predictions handed to the writer.
        given_up: predictions that were due and that this process was too slow to make.
        labels: labels handed to the writer.
        waiting: labels that are still to come.
        lost: labels that never will, because too many were waiting.
    """

    seconds: float = 0.0
    written: int = 0
    given_up: int = 0
    labels: int = 0
    waiting: int = 0
    lost: int = 0

    @property
    def rate(self) -> float:
        """Predictions a second so far."""
        return self.written / self.seconds if self.seconds else 0.0


class TopicWriter:
    """Writes values to one topic, waiting when the client's buffer is full, counting what the broker refuses.

    Args:
        properties: librdkafka properties with `bootstrap.servers`.
        topic: it must exist, unless the broker creates topics on first use.
        patience: seconds the first answer may take.

    Raises:
        Unreachable: no broker answered.
        UsageError: there is no such topic.
    """

    def __init__(self, properties: Mapping[str, Any], topic: str, patience: float = _ANSWER_SECONDS) -> None:
        self._topic = topic
        self.refused = 0
        self.last_refusal = ""
        self._producer = Producer({**_DEFAULTS, **properties})
        try:
            found = self._producer.list_topics(topic, timeout=patience).topics[topic]
        except KafkaException as error:
            where = properties.get("bootstrap.servers")
            raise Unreachable(f"no broker answered at {where}: {error.args[0].str()}") from error
        if found.error is not None and not found.partitions:
            raise UsageError(f"topic {topic}: {found.error.str()}; `driftgauge topics create` makes it")

    def write(self, values: Iterable[bytes]) -> None:
        """Hand values to the client; each goes to a partition of the client's choice."""
        producer, topic, report = self._producer, self._topic, self._report
        for value in values:
            while True:
                try:
                    producer.produce(topic, value, on_delivery=report)
                    break
                except BufferError:
                    producer.poll(0.05)
        producer.poll(0)

    def flush(self) -> None:
        """Wait until the broker has taken or refused everything; what it has not taken by then counts as refused."""
        self.refused += self._producer.flush(_FLUSH_SECONDS)

    def _report(self, error: Any, _: object) -> None:
        if error is not None:
            self.refused += 1
            self.last_refusal = error.str()


@dataclass(frozen=True, slots=True)
class FeedbackOut:
    """The feedback that goes with the predictions, and what takes the values of one tick."""

    traffic: FeedbackTraffic
    write: Callable[[list[bytes]], None]


def simulate(
    generator: Generator,
    write: Callable[[list[bytes]], None],
    *,
    rate: float,
    duration: float | None,
    stop: threading.Event,
    watch: Callable[[Progress], None],
    feedback: FeedbackOut | None = None,
) -> Progress:
    """Write predictions at `rate` a second with the present as event time, until `duration` is over or `stop` is set.

    Args:
        generator: draws and encodes the predictions.
        write: takes the values of one tick.
        rate: predictions a second, > 0; fractions accumulate.
        duration: seconds; None for no end.
        stop: ends the simulation within a tick.
        watch: told how far it is after each tick.
        feedback: labels, each written when it is due; those that are due later than the end are not.

    Returns:
        How far it came.
    """
    began = time.monotonic()
    clock = time.time() - began
    ending = math.inf if duration is None else began + duration
    ticked, progress = began, Progress()
    while ticked < ending and not stop.wait(max(0.0, min(ticked + TICK_SECONDS, ending) - time.monotonic())):
        now = min(time.monotonic(), ending)
        due = int(rate * (now - began)) - progress.written - progress.given_up
        count = min(due, LARGEST_BATCH)
        lost = max(0, due - count - math.ceil(rate * LONGEST_DEBT_SECONDS))
        if count > 0:
            traffic = generator.batch(count, int((ticked + clock) * 1000), int((now + clock) * 1000))
            write(generator.encode(traffic))
            if feedback is not None:
                feedback.traffic.add(traffic)
        labels = 0 if feedback is None else _send(feedback, int((now + clock) * 1000))
        progress = Progress(
            now - began,
            progress.written + count,
            progress.given_up + lost,
            progress.labels + labels,
            0 if feedback is None else feedback.traffic.waiting,
            0 if feedback is None else feedback.traffic.lost,
        )
        ticked = now
        watch(progress)
    return progress


def _send(feedback: FeedbackOut, now: int) -> int:
    values = feedback.traffic.due(now)
    if values:
        feedback.write(values)
    return len(values)
