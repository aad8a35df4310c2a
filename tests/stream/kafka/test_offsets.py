"""Offsets of a period: those of the messages that were written in it, and no others."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from confluent_kafka import Producer
from waiting import GUARD

from stream.errors import Unreachable
from stream.kafka.offsets import offsets_between

if TYPE_CHECKING:
    from brokers import Broker

START = round(time.time()) * 1_000 - 86_400_000
"""A day ago: a broker throws away what was written long before."""


def written(broker: Broker) -> str:
    """A topic with a message a second in two of four partitions, in one of them ten of an hour before."""
    topic = broker.topic("timed")
    producer = Producer({"bootstrap.servers": broker.bootstrap, "log_level": 0})
    for number in range(10):
        producer.produce(topic, b"x", partition=0, timestamp=START - 3_600_000 + number)
    for number in range(60):
        producer.produce(topic, b"x", partition=number % 2, timestamp=START + 1_000 * number)
    assert producer.flush(GUARD) == 0
    return topic


def asked(broker: Broker, topic: str, since: int, until: int | None) -> dict[str, list[int]]:
    """The offsets of a topic."""
    properties = {"bootstrap.servers": broker.bootstrap, "group.id": "asks", "log_level": 0}
    return offsets_between(properties, [topic], since, until)[topic]


def test_the_period_is_told_by_when_messages_were_written(real_broker: Broker) -> None:
    """The end is not included; where nothing was written the range is empty."""
    topic = written(real_broker)
    found = asked(real_broker, topic, START + 10_000, START + 30_000)
    assert found == {"0": [15, 25], "1": [5, 15], "2": [0, 0], "3": [0, 0]}
    assert asked(real_broker, topic, START, None) == {"0": [10, 40], "1": [0, 30], "2": [0, 0], "3": [0, 0]}
    assert asked(real_broker, topic, START + 90_000, START + 99_000)["0"] == [40, 40]


def test_a_broker_that_knows_no_times_is_taken_whole(embedded_broker: Broker) -> None:
    """Rather too much than too little."""
    assert asked(embedded_broker, written(embedded_broker), START, START + 1_000)["0"] == [0, 40]


def test_no_answer_is_an_error() -> None:
    """Which a caller may do without."""
    with pytest.raises(Unreachable):
        offsets_between({"bootstrap.servers": "localhost:1", "group.id": "asks", "log_level": 0}, ["t"], START, None)
