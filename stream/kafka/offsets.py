"""Offsets: which topics there are, and what they hold of a period, for whoever reads them by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from confluent_kafka import Consumer, KafkaException

from stream.errors import Unreachable
from stream.kafka.asking import ANSWER_SECONDS, ends, listing, offsets_at
from stream.kafka.client import MOCK

if TYPE_CHECKING:
    from collections.abc import Iterable


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
    listed, found = listing(consumer, topic)
    if found.error is not None:
        raise Unreachable(f"{topic}: {found.error.str()}")
    knows_times = not (listed.cluster_id or "").startswith(MOCK)
    kept = ends(consumer, topic, sorted(found.partitions))
    begins = _at(consumer, topic, kept, since) if knows_times else {number: low for number, (low, _) in kept.items()}
    stops = {number: high for number, (_, high) in kept.items()}
    if until is not None and knows_times:
        stops = _at(consumer, topic, kept, until)
    return {str(number): [begins[number], max(stops[number], begins[number])] for number in kept}


def _at(consumer: Consumer, topic: str, kept: dict[int, tuple[int, int]], time: int) -> dict[int, int]:
    """The first offset of each partition that was written at a time (ms) or later; its end where none was."""
    found = offsets_at(consumer, topic, kept, time)
    return {number: offset if offset >= 0 else kept[number][1] for number, offset in found.items()}
