"""The sinks: events to a Kafka topic, delivered and confirmed before the epoch is saved."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition
from confluent_kafka import KafkaException, Producer

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from confluent_kafka import KafkaError, Message

    from stream.outputs import Outgoing

_LOG = logging.getLogger("driftgauge.sink")

STOP_GRACE = 2.0
"""Seconds that outstanding deliveries get once it is time to stop.

What is not delivered then is sent again after the restart.
"""


class Encode(Protocol):
    """Turns an item into a message, at the time (ms) it leaves."""

    def __call__(self, item: Any, now: int) -> Outgoing:
        """The message."""


class UndeliveredError(RuntimeError):
    """Messages that the broker refused, or did not take before the stop: the epoch must not be saved."""


@dataclass(frozen=True, slots=True)
class Writing:
    """Where and how items are written."""

    properties: dict[str, Any]
    topic: str
    encode: Encode
    stop: threading.Event
    delivered: Callable[[Any, int], None] | None = None


class TopicWriter(StatefulSinkPartition[Any, None]):
    """Writes to one topic. Has no state of its own: the snapshot is the moment by which everything is delivered."""

    def __init__(self, writing: Writing) -> None:
        """Connect."""
        self._writing = writing
        self._producer = Producer(writing.properties)
        self._failed: list[str] = []

    def write_batch(self, values: list[Any]) -> None:
        """Hand the items to the client; waits only when its queue is full."""
        now = int(time.time() * 1e3)
        for item in values:
            self._produce(item, self._writing.encode(item, now))
        self._producer.poll(0)

    def snapshot(self) -> None:
        """Wait until everything is delivered.

        Raises:
            UndeliveredError: something cannot be delivered, or not before the stop.
        """
        began = None
        while self._producer.flush(0.2):
            if self._failed:
                break
            if self._writing.stop.is_set():
                began = began or time.monotonic()
                if time.monotonic() - began > STOP_GRACE:
                    raise UndeliveredError(f"{len(self._producer)} messages to {self._writing.topic} are undelivered")
        if self._failed:
            raise UndeliveredError(f"{self._writing.topic} refused {len(self._failed)}: {self._failed[0]}")

    def close(self) -> None:
        """Nothing is left: the last snapshot saw to that."""
        self._producer.poll(0)

    def _produce(self, item: Any, message: Outgoing) -> None:
        on_delivery = self._on_delivery
        if self._writing.delivered is not None:
            on_delivery = partial(self._on_delivery, item=item)
        while True:
            try:
                self._producer.produce(
                    self._writing.topic,
                    value=message.value,
                    key=message.key,
                    headers=list(message.headers),
                    on_delivery=on_delivery,
                )
            except BufferError:
                self._producer.poll(0.2)
                continue
            except KafkaException as error:
                self._failed.append(error.args[0].str())
            return

    def _on_delivery(self, error: KafkaError | None, message: Message, item: Any = None) -> None:
        if error is not None:
            _LOG.error("not delivered to %s: %s", message.topic(), error.str())
            self._failed.append(error.str())
        elif self._writing.delivered is not None:
            self._writing.delivered(item, int(time.time() * 1e3))


class TopicSink(FixedPartitionedSink[Any, None]):
    """One topic as a sink; `parts` writers share the work."""

    def __init__(self, writing: Writing, parts: int = 1) -> None:
        """Write as `writing` says."""
        self._writing = writing
        self._parts = parts

    def list_parts(self) -> list[str]:
        """Writer numbers as text."""
        return list(map(str, range(self._parts)))

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> TopicWriter:  # noqa: ARG002
        """A writer."""
        return TopicWriter(self._writing)
