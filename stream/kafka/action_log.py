"""The actions topic read from its beginning, and the control topic written to: what people do about actions."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import msgspec
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, TopicPartition

from stream.errors import Unreachable, UsageError
from stream.kafka.asking import ends, listing
from stream.kafka.client import consumer_properties, producer_properties
from stream.kafka.control import ControlWriter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from confluent_kafka import Message

    from stream.config.edges.kafka import KafkaSettings

SILENCE_SECONDS = 30.0
POLL = 1_000

Step = dict[str, Any]
"""A step of an action as it is in the topic."""


def steps_of(kafka: KafkaSettings, topic: str) -> list[Step]:
    """All steps of all actions, each once, in the order in which they were written.

    Raises:
        Unreachable: the broker does not answer.
        UsageError: there is no such topic.
    """
    found: dict[str, Step] = {}
    for message in _messages({**consumer_properties(kafka), "error_cb": lambda _: None, "log_level": 0}, topic):
        try:
            step = msgspec.json.decode(message.value() or b"")
            found.setdefault(step["event_id"], step)
        except (msgspec.DecodeError, KeyError, TypeError):  # not ours
            continue
    return list(found.values())


def say(kafka: KafkaSettings, topic: str, message: dict[str, Any]) -> None:
    """Write a message to the control topic and return once the broker has it.

    Raises:
        Unreachable: the broker does not take it.
    """
    properties = {**producer_properties(kafka), "error_cb": lambda _: None, "log_level": 0}
    ControlWriter(properties, topic).write(message)


def _messages(properties: dict[str, Any], topic: str) -> Iterator[Message]:
    consumer = Consumer(properties)
    try:
        _, known = listing(consumer, topic)
        if known.error is not None:
            raise UsageError(f"topics.actions: {topic}: {known.error.str()}")
        parts = [TopicPartition(topic, number, OFFSET_BEGINNING) for number in sorted(known.partitions)]
        left = ends(consumer, topic, known.partitions)
        open_ = {number for number, (low, high) in left.items() if high > low}
        consumer.assign(parts)
        yield from _until_ends(consumer, {number: left[number][1] for number in open_}, topic)
    except KafkaException as error:
        raise Unreachable(f"kafka.brokers: no answer about {topic}: {error.args[0].str()}") from None
    finally:
        consumer.close()


def _until_ends(consumer: Consumer, left: dict[int, int], topic: str) -> Iterator[Message]:
    heard = time.monotonic()
    while left:
        for message in consumer.consume(POLL, 0.2):
            heard = time.monotonic()
            number, offset = message.partition() or 0, message.offset() or 0
            if message.error() is None and number in left and offset < left[number]:
                yield message
            if offset + 1 >= left.get(number, 0):  # a message, or the end that the client tells
                left.pop(number, None)
        if time.monotonic() - heard > SILENCE_SECONDS:
            raise Unreachable(f"{topic}: the broker has given nothing for {SILENCE_SECONDS:.0f} s")
