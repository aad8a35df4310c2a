"""Asking a broker about a topic, and again while it is only a leader of a partition that is missing.

A topic that was made this moment, or a broker that restarts, leaves partitions without a leader for a second or so. The
client overcomes that by itself where it reads; where it asks about offsets it gives the refusal to whoever asked.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from stream.backoff import Backoff, BackoffPolicy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from confluent_kafka.admin._metadata import ClusterMetadata, TopicMetadata

    Sleep = Callable[[float], None]

Answer = TypeVar("Answer")

ANSWER_SECONDS = 10.0
"""How long the broker has to say what a topic holds."""

_NO_LEADER = frozenset(
    {
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.REPLICA_NOT_AVAILABLE,
        KafkaError.FENCED_LEADER_EPOCH,
        KafkaError.UNKNOWN_LEADER_EPOCH,
        KafkaError.OFFSET_NOT_AVAILABLE,
        KafkaError.KAFKA_STORAGE_ERROR,
    }
)
_POLICY = BackoffPolicy(first=0.05, longest=1.0)


def answered(ask: Callable[[], Answer], *, seconds: float = ANSWER_SECONDS, sleep: Sleep = time.sleep) -> Answer:
    """The answer to a question about partitions, asked again for some seconds while one has no leader.

    Raises:
        KafkaException: any other refusal, or that one for too long.
    """
    deadline, backoff = time.monotonic() + seconds, Backoff(_POLICY)
    while True:
        try:
            return ask()
        except KafkaException as error:
            if error.args[0].code() not in _NO_LEADER or time.monotonic() >= deadline:
                raise
        sleep(backoff.after(0.0))


def listing(consumer: Consumer, topic: str) -> tuple[ClusterMetadata, TopicMetadata]:
    """What the cluster says of itself and of a topic; the topic's `error` tells why there is none.

    Raises:
        KafkaException: the broker does not answer.
    """

    def ask() -> tuple[ClusterMetadata, TopicMetadata]:
        found = consumer.list_topics(topic, timeout=ANSWER_SECONDS)
        told = found.topics[topic]
        if told.error is not None and told.error.code() in _NO_LEADER:
            raise KafkaException(told.error)
        return found, told

    return answered(ask)


def ends(consumer: Consumer, topic: str, partitions: Iterable[int]) -> dict[int, tuple[int, int]]:
    """Partition -> its first offset, and the one behind its last.

    Raises:
        KafkaException: the broker does not answer.
    """

    def of(number: int) -> tuple[int, int]:
        found = consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=ANSWER_SECONDS)
        if found is None:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))  # noqa: SLF001 - the client's public name for it
        return found

    return {number: answered(lambda number=number: of(number)) for number in partitions}  # type: ignore[misc]


def offsets_at(consumer: Consumer, topic: str, partitions: Iterable[int], at: int) -> dict[int, int]:
    """Partition -> the first offset that was written at a time (ms) or later; negative where none was.

    Raises:
        KafkaException: the broker does not answer.
    """
    numbers = list(partitions)

    def ask() -> dict[int, int]:
        places = [TopicPartition(topic, number, at) for number in numbers]
        found = consumer.offsets_for_times(places, timeout=ANSWER_SECONDS)
        for one in found:
            if one.error is not None:
                raise KafkaException(one.error)
        return {one.partition: one.offset for one in found}

    return answered(ask)
