"""The topic of a changelog: what is written to it is read from it, shard by shard, and it has to keep it."""

from __future__ import annotations

import socket
import threading
import uuid
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING

import pytest
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType
from waiting import GUARD, until

from operators.join.changelog import Record, Values
from stream.config.edges.kafka import KafkaSettings
from stream.errors import UsageError
from stream.kafka.changelog import COPIES, HOUR, LONGEST_COPY, Changelog, StoppedError

if TYPE_CHECKING:
    from brokers import Broker


def opened(broker: Broker, topic: str, stop: threading.Event | None = None, owner: str = "one") -> Changelog:
    """The changelog in a topic."""
    kafka = KafkaSettings(brokers=broker.bootstrap)
    return Changelog(kafka, topic, owner, stop or threading.Event(), partial(nullcontext, lambda: None))


def record(shard: int, sequence: int) -> Record:
    """A commit."""
    values = Values("stubs", 60_000, sequence, sequence.to_bytes(8, "big"), [b"\x00\xff" * sequence])
    return Record(shard, "a", "commit", sequence, values=[values])


def made(broker: Broker, settings: dict[str, str]) -> str:
    """A topic of these settings."""
    name = f"changelog-{uuid.uuid4().hex[:8]}"
    admin = AdminClient({"bootstrap.servers": broker.bootstrap})
    admin.create_topics([NewTopic(name, 8, 1, config=settings)], operation_timeout=GUARD)[name].result(GUARD)
    until(lambda: len(admin.list_topics(name, timeout=GUARD).topics[name].partitions) == 8)
    resource = ConfigResource(ResourceType.TOPIC, name)
    until(lambda: admin.describe_configs([resource])[resource].exception(GUARD) is None)
    return name


def test_a_shard_reads_what_it_wrote_in_its_order(broker: Broker) -> None:
    """Beside other shards of the same partition, and across lives."""
    topic = broker.topic("changelog")
    wanted: dict[int, list[Record]] = {shard: [] for shard in (1, 5, 2)}
    for life in range(2):
        log = opened(broker, topic)
        for sequence in range(1 + 1_500 * life, 1_501 + 1_500 * life):
            for shard, records in wanted.items():
                records.append(record(shard, sequence))
                log.write(records[-1])
        log.settle()
        log.close()
    log = opened(broker, topic)
    assert {shard: list(log.read(shard)) for shard in wanted} == wanted
    assert list(log.read(6)) == []
    assert list(log.read(7)) == []


def test_another_monitor_in_the_same_topic_is_not_read(broker: Broker) -> None:
    """Its shards have the same numbers: what it waits for is nothing to this one."""
    topic = broker.topic("changelog")
    one, other = opened(broker, topic), opened(broker, topic, owner="other")
    for log, sequence in ((one, 1), (other, 2)):
        log.write(record(3, sequence))
        log.settle()
    assert list(one.read(3)) == [record(3, 1)]
    assert list(other.read(3)) == [record(3, 2)]
    assert one.identity != other.identity


def test_a_stop_ends_the_reading(broker: Broker) -> None:
    """It may take minutes."""
    stop = threading.Event()
    log = opened(broker, broker.topic("changelog"), stop)
    log.write(record(1, 1))
    log.settle()
    stop.set()
    with pytest.raises(StoppedError):
        list(log.read(1))


def test_a_broker_that_does_not_answer_is_waited_for_until_a_stop(caplog: pytest.LogCaptureFixture) -> None:
    """It may be away for a moment just then: that is no mistake of the user, which would end the host for good."""
    stop, said = threading.Event(), []

    def moved() -> None:
        said.append(caplog.text)
        if len(said) == 3:
            stop.set()

    with socket.socket() as taken:  # bound, and nobody listens
        taken.bind(("127.0.0.1", 0))
        kafka = KafkaSettings(brokers=f"127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(StoppedError):
            Changelog(kafka, "changelog", "one", stop, partial(nullcontext, moved))
    assert "waiting: topics.changelog: no answer" in said[1]
    assert len(said) == 3


@pytest.mark.real_broker
@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"retention.ms": str(HOUR - 1)}, "retention.ms 3599999: at least 3600000 is needed"),
        ({"retention.bytes": "1000000"}, "retention.bytes 1000000: -1 is needed"),
        ({"cleanup.policy": "compact"}, "cleanup.policy compact: delete is needed"),
        ({"cleanup.policy": "compact,delete"}, "delete is needed"),
    ],
    ids=["too short", "by size", "compacted", "both"],
)
def test_a_topic_that_loses_what_is_needed_is_refused(real_broker: Broker, settings: dict[str, str], why: str) -> None:
    """At the start, with the key and the setting."""
    with pytest.raises(UsageError, match=why) as raised:
        opened(real_broker, made(real_broker, settings))
    assert str(raised.value).startswith("topics.changelog: ")


@pytest.mark.real_broker
@pytest.mark.parametrize(("kept", "expected"), [(2 * HOUR, 2 * HOUR // COPIES), (-1, LONGEST_COPY)])
def test_there_are_copies_often_enough(real_broker: Broker, kept: int, expected: int) -> None:
    """Some are always there, whatever the topic has lost."""
    assert opened(real_broker, made(real_broker, {"retention.ms": str(kept)})).copy_after == expected


@pytest.mark.real_broker
def test_it_is_known_whether_it_is_the_same_topic(real_broker: Broker) -> None:
    """Of another topic nothing follows for what was written to the former."""
    one, other = real_broker.topic("changelog"), real_broker.topic("changelog")
    assert opened(real_broker, one).identity == opened(real_broker, one).identity
    assert opened(real_broker, one).identity != opened(real_broker, other).identity
