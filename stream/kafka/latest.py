"""The latest messages of a topic: looked at by a consumer of its own, in no group, which commits nothing."""

from __future__ import annotations

import heapq
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from stream.errors import Unreachable, UsageError
from stream.kafka.asking import ends, listing
from stream.kafka.client import Complaints, consumer_properties
from stream.redact import redact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from confluent_kafka import Message

    from stream.config.load import Config

SILENCE_SECONDS = 10.0
"""How long it may give no message that it has."""

_AT_END = KafkaError._PARTITION_EOF  # noqa: SLF001 - the client's public name for it
_ABSENT = KafkaError.UNKNOWN_TOPIC_OR_PART


@dataclass(frozen=True, slots=True)
class Latest:
    """The end of a topic.

    Attributes:
        messages: the latest, oldest first.
        partitions: of the topic.
        kept: offsets that it holds, which are its messages or nearly so.
    """

    messages: list[Message]
    partitions: int
    kept: int


def looking(config: Config) -> dict[str, Any]:
    """Properties of a consumer that leaves no trace: it is given its partitions, and stores no offsets.

    Asking for a topic must not make one, as it would where brokers create topics by themselves.
    """
    silent = {"error_cb": lambda _: None, "log_level": 0, "allow.auto.create.topics": False}
    mine = {"enable.auto.commit": False, "enable.auto.offset.store": False, "enable.partition.eof": True}
    return {**consumer_properties(config.kafka), **silent, **mine, "auto.offset.reset": "earliest"}


def latest(config: Config, topic: str, count: int) -> Latest:
    """The latest messages of all partitions together, by the time they were written.

    Raises:
        Unreachable: the broker does not answer.
        UsageError: there is no such topic, or it may not be read.
    """
    return tail(config, topic, count, keep=count)


def tail(
    config: Config, topic: str, count: int, *, keep: int, heard: Callable[[Message], None] = lambda _: None
) -> Latest:
    """Hear the last `count` messages of every partition, and keep the latest of them all.

    Raises:
        Unreachable: the broker does not answer.
        UsageError: there is no such topic, or it may not be read.
    """
    complaints = Complaints()
    try:
        consumer = Consumer({**looking(config), "error_cb": complaints})
    except (KafkaException, ValueError, TypeError) as error:
        raise UsageError(f"kafka.properties: {redact(complaints.behind(error), config)}") from None
    kept: list[tuple[int, int, Message]] = []
    try:
        kept_by = ends_of(consumer, topic)
        starts = {number: max(low, high - count) for number, (low, high) in kept_by.items()}
        for number, message in enumerate(_messages(consumer, topic, starts, kept_by)):
            heard(message)
            heapq.heappush(kept, (message.timestamp()[1], number, message))
            if len(kept) > keep:
                heapq.heappop(kept)
    except KafkaException as error:
        consumer.poll(0)  # hears the complaints
        said = redact(complaints.behind(error), config)
        raise Unreachable(f"{config.kafka.brokers}: no answer about {topic}: {said}") from None
    finally:
        consumer.close()
    messages = [message for _, _, message in sorted(kept, key=lambda one: one[:2])]
    return Latest(messages, len(kept_by), sum(high - low for low, high in kept_by.values()))


def ends_of(consumer: Consumer, topic: str) -> dict[int, tuple[int, int]]:
    """The first offset of each partition, and the one behind its last.

    Raises:
        UsageError: there is no such topic.
    """
    _, listed = listing(consumer, topic)
    if listed.error is not None:
        why = "there is no such topic" if listed.error.code() == _ABSENT else listed.error.str()
        raise UsageError(f"{topic}: {why}")
    return ends(consumer, topic, sorted(listed.partitions))


def _messages(
    consumer: Consumer, topic: str, starts: dict[int, int], kept_by: dict[int, tuple[int, int]]
) -> Iterator[Message]:
    """Every message from where each partition starts to its end, as it was when it was asked for."""
    waiting = {number for number, start in starts.items() if start < kept_by[number][1]}
    consumer.assign([TopicPartition(topic, number, starts[number]) for number in waiting])
    deadline = time.monotonic() + SILENCE_SECONDS
    while waiting:
        found = consumer.consume(1_000, 0.2)
        deadline = time.monotonic() + SILENCE_SECONDS if found else deadline
        if time.monotonic() > deadline:
            raise Unreachable(f"{topic}: no message for {SILENCE_SECONDS:.0f} s of partition {min(waiting)}")
        for message in found:
            error, number = message.error(), message.partition()
            if error is not None:
                _refuse(error, topic)
                waiting -= {number} if error.code() == _AT_END else set()
            elif number in waiting:
                if (message.offset() or 0) < kept_by[number][1]:
                    yield message
                waiting -= {number} if (message.offset() or 0) + 1 >= kept_by[number][1] else set()


def _refuse(error: KafkaError, topic: str) -> None:
    """Raise unless the client will overcome the error by itself.

    Raises:
        UsageError: the topic cannot be read.
    """
    passing = error.code() in {_AT_END, KafkaError._ALL_BROKERS_DOWN, KafkaError._TRANSPORT}  # noqa: SLF001
    if not passing and not error.retriable():
        raise UsageError(f"{topic}: cannot be read: {error.str()}")
