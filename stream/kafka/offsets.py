"""Offsets: which topics there are, and what they hold of a period, for whoever reads them by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from confluent_kafka import Consumer, KafkaException, TopicPartition

from stream.errors import Unreachable
from stream.kafka.client import MOCK

if TYPE_CHECKING:
    from collections.abc import Iterable

ANSWER_SECONDS = 10.0


def names(properties: dict[str, Any]) -> list[str]:
    """The names of all topics.

    Raises:
        Unreachable: the broker does not answer.
    """
    consumer = Consumer(properties)
    try:
        return list(consumer.list_topics(timeout=ANSWER_SECONDS).topics)
    except KafkaException as error:
        raise Unreachable(f"the broker does not answer: {error.args[0].str()}") from error
    finally:
        consumer.close()


def offsets_between(
    properties: dict[str, Any], topics: Iterable[str], since: int, until: int | None
) -> dict[str, dict[str, list[int]]]:
    """Topic -> partition -> [first offset, the one behind the last] of what was written in [since, until), ms.

    A broker that knows no times is said to have written everything then.

    Args:
        properties: of the consumer that asks.
        topics: their names.
        since: ms.
        until: ms; None for all that there is.

    Raises:
        Unreachable: the broker does not answer, or there is no such topic.
    """
    consumer = Consumer(properties)
    try:
        return {topic: _of(consumer, topic, since, until) for topic in topics}
    except KafkaException as error:
        raise Unreachable(f"no answer about offsets: {error.args[0].str()}") from None
    finally:
        consumer.close()


def _of(consumer: Consumer, topic: str, since: int, until: int | None) -> dict[str, list[int]]:
    listed = consumer.list_topics(topic, timeout=ANSWER_SECONDS)
    found = listed.topics[topic]
    if found.error is not None:
        raise Unreachable(f"{topic}: {found.error.str()}")
    knows_times = not (listed.cluster_id or "").startswith(MOCK)
    ends = {
        number: consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=ANSWER_SECONDS)
        for number in sorted(found.partitions)
    }
    begins = _at(consumer, topic, ends, since) if knows_times else {number: low for number, (low, _) in ends.items()}
    stops = {number: high for number, (_, high) in ends.items()}
    if until is not None and knows_times:
        stops = _at(consumer, topic, ends, until)
    return {str(number): [begins[number], max(stops[number], begins[number])] for number in ends}


def _at(consumer: Consumer, topic: str, ends: dict[int, tuple[int, int]], time: int) -> dict[int, int]:
    """The first offset of each partition that was written at a time (ms) or later; its end where none was."""
    asked = consumer.offsets_for_times([TopicPartition(topic, number, time) for number in ends], timeout=ANSWER_SECONDS)
    return {one.partition: one.offset if one.offset >= 0 else ends[one.partition][1] for one in asked}
