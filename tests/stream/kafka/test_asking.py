"""Asking a broker about partitions that have no leader this moment."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, NewTopic
from waiting import GUARD

from stream.kafka.asking import answered, ends, listing, offsets_at

if TYPE_CHECKING:
    from collections.abc import Callable

    from brokers import Broker


def refusing(codes: list[int]) -> Callable[[], str]:
    """A question that is refused with each of these codes, and then answered."""

    def ask() -> str:
        if codes:
            raise KafkaException(KafkaError(codes.pop(0)))
        return "so it is"

    return ask


def test_a_missing_leader_is_waited_for() -> None:
    """And what is waited for grows; nothing else is asked twice."""
    waits: list[float] = []
    codes = [KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE, KafkaError.OFFSET_NOT_AVAILABLE]
    assert answered(refusing(codes), sleep=waits.append) == "so it is"
    assert waits == sorted(set(waits))
    assert len(waits) == 3


@pytest.mark.parametrize("code", [KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.UNKNOWN_TOPIC_OR_PART])
def test_any_other_refusal_is_told_at_once(code: int) -> None:
    """Waiting does not help."""
    left = [code, code]
    with pytest.raises(KafkaException):
        answered(refusing(left), sleep=lambda _: pytest.fail("waited"))
    assert left == [code]


def test_a_leader_that_does_not_come_is_told_in_the_end() -> None:
    """The refusal is the broker's."""
    with pytest.raises(KafkaException) as refused:
        answered(refusing([KafkaError.NOT_LEADER_FOR_PARTITION] * 9), seconds=0.0, sleep=lambda _: None)
    assert refused.value.args[0].code() == KafkaError.NOT_LEADER_FOR_PARTITION


@pytest.mark.real_broker
def test_topics_that_were_made_this_moment_are_answered_for(real_broker: Broker) -> None:
    """Forty of them, each asked about before its partitions can have their leaders."""
    admin = AdminClient({"bootstrap.servers": real_broker.bootstrap, "log_level": 0})
    names = [f"young-{time.time_ns()}-{number}" for number in range(40)]
    admin.create_topics([NewTopic(name, 3, 1) for name in names], request_timeout=GUARD)[names[-1]].result(GUARD)
    consumer = Consumer({"bootstrap.servers": real_broker.bootstrap, "group.id": "young", "log_level": 0})
    try:
        for name in names:
            _, told = listing(consumer, name)
            assert told.error is None
            assert ends(consumer, name, sorted(told.partitions)) == dict.fromkeys(range(3), (0, 0))
            assert set(offsets_at(consumer, name, range(3), 0).values()) == {-1}
    finally:
        consumer.close()
