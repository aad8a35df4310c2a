"""The topic in which the commits of the join's shards are logged, read from its beginning where one is made again."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType  # type: ignore[attr-defined]

from operators.join.changelog import decode, encode
from stream.errors import UsageError
from stream.kafka.asking import ends
from stream.kafka.client import MOCK, consumer_properties, producer_properties
from stream.kafka.inquiry import Inquiry, RefusedError, UnansweredError
from stream.kafka.sink import STOP_GRACE, UndeliveredError, reason_of
from stream.throttle import Throttle

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator

    from operators.join.changelog import Record
    from stream.config.edges.kafka import KafkaSettings
    from stream.kafka.inquiry import Listing

HOUR = 3_600_000
LEAST_RETENTION = HOUR
COPIES = 4
"""Whole copies that the topic holds at least: it may lose the first at any moment."""

LONGEST_COPY = 6 * HOUR
"""ms after which there is a whole copy again, however long the topic keeps it: the log is read from one on."""

Waiting = Callable[[], AbstractContextManager[Callable[[], None]]]

_POLL = 1_000
_WAIT = 0.2
_ANSWER = 10.0
_LOG = logging.getLogger("driftgauge.state")


class StoppedError(RuntimeError):
    """It is time to stop; what was asked for is not done."""


class Changelog:
    """The topic, for the shards of one process; a context manager.

    Args:
        kafka: where the brokers are.
        topic: its name.
        owner: tells the monitor apart from others that log into the same topic.
        stop: set when waiting shall end.
        waiting: around what takes a while, for the process does nothing else then; gives what is called all the while.

    Raises:
        UsageError: the topic loses too early, or not by age, what is needed.
        KafkaException: the broker does not answer.
    """

    def __init__(self, kafka: KafkaSettings, topic: str, owner: str, stop: threading.Event, waiting: Waiting) -> None:
        self.name, self._owner = topic, owner
        self._kafka, self._stop, self._waiting = kafka, stop, waiting
        properties = producer_properties(kafka)
        found = self._found(Inquiry(consumer_properties(kafka), topic))
        kept = _retention(properties, topic)
        self.copy_after = LONGEST_COPY if kept is None else min(LONGEST_COPY, kept // COPIES)
        self._partitions = found.partitions
        self.identity = f"{found.origin.cluster}/{found.origin.topic or topic}/{found.partitions}/{owner}"
        # In the order they were handed over, each once, and by all replicas: that is what the log is good for.
        self._producer = Producer({**properties, "enable.idempotence": True, "acks": "all", "linger.ms": 0})
        self._failed = ""

    def _found(self, inquiry: Inquiry) -> Listing:
        """Which topic it is, once the broker says so: a host that gave up would end, and all others wait for it.

        Raises:
            StoppedError: it is time to stop.
        """
        throttle = Throttle()
        with self._waiting() as moved:
            while True:
                moved()
                try:
                    return inquiry.listing()
                except UnansweredError as error:
                    if throttle.due():
                        subject = f"topic {self.name} " if isinstance(error, RefusedError) else ""
                        _LOG.warning("waiting: topics.changelog: %s%s", subject, error)
                    if self._stop.wait(_WAIT):
                        raise StoppedError(f"stopped before the broker told of {self.name}") from error

    def write(self, record: Record) -> None:
        """Hand a record over; waits only while the client's queue is full.

        Raises:
            UndeliveredError: it is time to stop.
        """
        value, key = encode(record), self._key(record.shard)
        place = record.shard % self._partitions
        while True:
            try:
                self._producer.produce(self.name, value, key, place, on_delivery=self._delivered)
            except BufferError:
                self._wait_a_little()
                continue
            self._producer.poll(0)
            return

    def settle(self) -> None:
        """Wait until all are there.

        Raises:
            UndeliveredError: one was refused, or it is time to stop.
        """
        while self._producer.flush(_WAIT) and not self._failed:
            self._wait_a_little()
        if self._failed:
            raise UndeliveredError(f"{self.name} refused what the state would need: {self._failed}")

    def read(self, shard: int) -> Iterator[Record]:
        """All records of a shard that were there when this was asked, in their order.

        Raises:
            KafkaException: the topic cannot be read.
            StoppedError: it is time to stop.
        """
        place = shard % self._partitions
        consumer = Consumer({**consumer_properties(self._kafka), "auto.offset.reset": "earliest"})
        try:
            first, end = ends(consumer, self.name, [place])[place]
            consumer.assign([TopicPartition(self.name, place, OFFSET_BEGINNING)])
            with self._waiting() as moved:
                while first < end:
                    if self._stop.is_set():
                        raise StoppedError(f"stopped while {self.name} was read")
                    moved()
                    for message in consumer.consume(_POLL, _WAIT):
                        error = message.error()
                        if error is None and message.key() == self._key(shard):
                            yield decode(message.value() or b"")
                        _refuse(error)
                        first = max(first, int(message.offset() or 0) + (error is None))
        finally:
            consumer.close()

    def close(self) -> None:
        """Nothing is left: every commit saw to that."""
        self._producer.poll(0)

    def _key(self, shard: int) -> bytes:
        return f"{self._owner}/shard-{shard}".encode()

    def _wait_a_little(self) -> None:
        """While the broker takes nothing.

        Raises:
            UndeliveredError: it is time to stop.
        """
        with self._waiting():
            self._producer.poll(_WAIT)
        if self._stop.is_set() and self._producer.flush(STOP_GRACE):
            raise UndeliveredError(f"{len(self._producer)} messages to {self.name} are undelivered")

    def _delivered(self, error: KafkaError | None, _: object) -> None:
        if error is not None and not self._failed:
            self._failed = reason_of(error)
            _LOG.error("not delivered to %s: %s", self.name, self._failed)


def _refuse(error: KafkaError | None) -> None:
    """Pass over what the client overcomes by itself.

    Raises:
        KafkaException: anything else.
    """
    if error is not None and error.code() != KafkaError._PARTITION_EOF and not error.retriable():  # noqa: SLF001
        raise KafkaException(error)


def _retention(properties: dict[str, Any], topic: str) -> int | None:
    """How long (ms) the topic keeps what is in it; None where it keeps all, or the broker does not tell.

    Raises:
        UsageError: not for long enough, or not by age.
    """
    admin = AdminClient(dict(properties))
    resource = ConfigResource(ResourceType.TOPIC, topic)
    try:
        if (admin.list_topics(topic, timeout=_ANSWER).cluster_id or "").startswith(MOCK):
            return None
        found = admin.describe_configs([resource], request_timeout=_ANSWER)[resource].result(2 * _ANSWER)
        policy, kept, size = (str(found[key].value) for key in ("cleanup.policy", "retention.ms", "retention.bytes"))
    except (KafkaException, TimeoutError, KeyError) as error:
        _LOG.warning("topics.changelog: how long %s keeps what is in it is not told: %s", topic, error)
        return HOUR
    if policy != "delete":
        raise UsageError(f"topics.changelog: {topic} has cleanup.policy {policy}: delete is needed")
    if int(size) >= 0:
        raise UsageError(f"topics.changelog: {topic} has retention.bytes {size}: -1 is needed, for it is kept by age")
    if 0 <= int(kept) < LEAST_RETENTION:
        raise UsageError(f"topics.changelog: {topic} has retention.ms {kept}: at least {LEAST_RETENTION} is needed")
    return None if int(kept) < 0 else int(kept)
