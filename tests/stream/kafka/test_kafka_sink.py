"""The sink: what a snapshot promises is in the topic."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka import KafkaError
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourceType,
)
from waiting import GUARD

from stream.config.edges.kafka import KafkaSettings
from stream.kafka.client import producer_properties
from stream.kafka.messages import Outgoing
from stream.kafka.sink import HELD_UP, TopicSink, TopicWriter, UndeliveredError, Writing, reason_of

if TYPE_CHECKING:
    from brokers import Broker

HEADERS = (("one", b"1"), ("none", None), ("one", b"\x00\xff"))


def encode(item: Any, now: int) -> Outgoing:
    """An item as it is, with the time in its key."""
    return Outgoing(b"%d" % now, item, HEADERS)


def writing(bootstrap: str, topic: str, stop: threading.Event, delivered: Any = None) -> Writing:
    """Write to a topic."""
    kafka = KafkaSettings(brokers=bootstrap, properties={"log_level": 0})
    return Writing(producer_properties(kafka), topic, encode, stop, delivered)


def test_a_snapshot_means_that_everything_is_in_the_topic(broker: Broker) -> None:
    """Values, keys and headers, null values and repeated header names included, are there once `snapshot` returns."""
    topic = broker.topic("sink")
    told: list[tuple[Any, int]] = []
    writer = TopicWriter(writing(broker.bootstrap, topic, threading.Event(), lambda *seen: told.append(seen)))
    values = [b"first", None, b"\xff\x00", *(b"%d" % number for number in range(5_000))]
    before = int(time.time() * 1e3)
    writer.write_batch(values)
    writer.snapshot()
    written = broker.read_all(topic)
    assert sorted(map(repr, values)) == sorted(repr(message.value()) for message in written)
    assert all(tuple(message.headers() or []) == HEADERS for message in written)
    assert all(before <= int(message.key() or 0) <= int(time.time() * 1e3) for message in written)
    assert sorted(repr(item) for item, _ in told) == sorted(map(repr, values))
    writer.close()


def test_delivery_is_told_when_the_broker_confirmed_it() -> None:
    """With no broker an item is written and not yet delivered: nobody is told that it is."""
    stop, told = threading.Event(), []
    writer = TopicWriter(writing("127.0.0.1:1", "t", stop, lambda *seen: told.append(seen)))
    writer.write_batch([b"x"])
    stop.set()
    with pytest.raises(UndeliveredError, match="1 messages to t are undelivered"):
        writer.snapshot()
    assert not told


def test_what_the_client_refuses_fails_the_snapshot(embedded_broker: Broker) -> None:
    """A message too large to be written that has no smaller form: the epoch that holds it must not be saved."""
    topic = embedded_broker.topic("sink")
    writer = TopicWriter(writing(embedded_broker.bootstrap, topic, threading.Event()))
    writer.write_batch([b"good", b"x" * 17_000_000])
    with pytest.raises(UndeliveredError, match=f"{topic} refused 1: .*too large"):
        writer.snapshot()


def test_refusals_are_logged_once_for_each_reason(embedded_broker: Broker, caplog: pytest.LogCaptureFixture) -> None:
    """A broker that takes nothing refuses thousands of messages: one line, and their number in the error."""
    topic = embedded_broker.topic("sink")
    writer = TopicWriter(writing(embedded_broker.bootstrap, topic, threading.Event()))
    writer.write_batch([b"x" * 17_000_000] * 3)
    with pytest.raises(UndeliveredError, match=f"{topic} refused 3: "):
        writer.snapshot()
    (line,) = caplog.messages
    assert line.startswith(f"not delivered to {topic}: ")


def test_an_error_without_a_cause_says_where_to_look() -> None:
    """`Unknown broker error` is all that a broker says whose codec cannot be loaded; its log names the file."""
    assert reason_of(KafkaError(KafkaError.UNKNOWN)) == "Unknown broker error: its own log says why"
    assert reason_of(KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED)) == "Broker: Topic authorization failed"


@pytest.mark.real_broker
def test_what_is_refused_for_now_is_sent_until_it_is_taken(real_broker: Broker) -> None:
    """A topic that is not there: the snapshot waits and says why; once somebody has made it, all is there, in order."""
    topic, said = real_broker.topic("sink") + "-later", list[str]()
    plain = writing(real_broker.bootstrap, topic, threading.Event())
    admin = AdminClient({"bootstrap.servers": real_broker.bootstrap, "log_level": 0})

    def held_up(why: str) -> None:
        said.append(why)
        if len(said) == 1:
            admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(GUARD)

    quick = {**plain.properties, "topic.metadata.propagation.max.ms": 500}
    writer = TopicWriter(replace(plain, properties=quick, held_up=held_up))
    values = [b"%d" % at for at in range(50)]
    writer.write_batch(values)
    writer.snapshot()
    assert [message.value() for message in real_broker.read_all(topic)] == values
    assert said[-1] == ""
    assert said[0].startswith(f"50 messages to {topic} are not taken: ")


@pytest.mark.real_broker
def test_a_stop_ends_the_wait_for_what_is_refused_for_now(real_broker: Broker) -> None:
    """It is sent again after the restart: the epoch must not be saved."""
    stop = threading.Event()
    plain = writing(real_broker.bootstrap, real_broker.topic("sink") + "-never", stop)
    quick = {**plain.properties, "topic.metadata.propagation.max.ms": 500}
    writer = TopicWriter(replace(plain, properties=quick, held_up=lambda _: stop.set()))
    writer.write_batch([b"x"])
    with pytest.raises(UndeliveredError, match=r"1 messages to .* are undelivered"):
        writer.snapshot()


@pytest.mark.real_broker
def test_only_what_is_too_large_alone_is_made_smaller(real_broker: Broker) -> None:
    """A topic for messages of 10 kB refuses a batch as a whole: those that fit are written as they are."""
    topic = real_broker.topic("sink")
    admin = AdminClient({"bootstrap.servers": real_broker.bootstrap, "log_level": 0})
    resource = ConfigResource(ResourceType.TOPIC, topic)
    entry = ConfigEntry("max.message.bytes", "10000", incremental_operation=AlterConfigOpType.SET)
    resource.add_incremental_config(entry)
    admin.incremental_alter_configs([resource])[resource].result(GUARD)
    random = Random(1)
    values = [random.randbytes(size) for size in (6_000, 7_000, 20_000, 8_000)]
    told: list[bytes] = []
    plain = writing(real_broker.bootstrap, topic, threading.Event(), lambda item, _: told.append(item))
    smaller = (encode, lambda item, _: Outgoing(b"short", item[:10], ()))
    writer = TopicWriter(
        replace(plain, encode=lambda item, _: Outgoing(b"whole", item, ()), smaller=smaller)  # one key: one partition
    )
    writer.write_batch(values)
    writer.snapshot()
    written = sorted(message.value() or b"" for message in real_broker.read_all(topic))
    assert written == sorted([values[0], values[1], values[2][:10], values[3]])
    assert sorted(told) == sorted(values)


def test_messages_that_are_not_taken_are_told() -> None:
    """With no broker it is said, with their number, before the stop ends the wait."""
    stop, said = threading.Event(), []

    def held_up(why: str) -> None:
        said.append(why)
        stop.set()

    writer = TopicWriter(replace(writing("127.0.0.1:1", "t", stop), held_up=held_up))
    writer.write_batch([b"x", b"y"])
    with pytest.raises(UndeliveredError):
        writer.snapshot()
    assert said[0] == "2 messages to t are not taken"


def test_how_long_it_waits_is_told_by_each_writer() -> None:
    """0 at its start, then the seconds so far, now and again."""
    stop, said = threading.Event(), []

    def waiting(part: str, seconds: float) -> None:
        said.append((part, seconds))
        if len(said) == 3:
            stop.set()

    writer = TopicSink(replace(writing("127.0.0.1:1", "t", stop), waiting=waiting)).build_part("alerts", "7", None)
    writer.write_batch([b"x"])
    with pytest.raises(UndeliveredError):
        writer.snapshot()
    assert said[0] == ("7", 0.0)
    (_, first), (_, second) = said[1:3]
    assert HELD_UP < first < second


def test_what_was_taken_after_all_waits_no_longer(embedded_broker: Broker) -> None:
    """Nothing is told of a wait that is no news."""
    said: list[Any] = []
    plain = writing(embedded_broker.bootstrap, embedded_broker.topic("sink"), threading.Event())
    writer = TopicWriter(replace(plain, waiting=lambda *told: said.append(told)))
    writer.write_batch([b"x"])
    writer.snapshot()
    assert said == [("0", 0.0)]


def test_a_snapshot_tells_when_all_is_delivered(embedded_broker: Broker) -> None:
    """Once for each snapshot, after the items; what was never held up is not said to go on."""
    told: list[Any] = []
    plain = writing(embedded_broker.bootstrap, embedded_broker.topic("sink"), threading.Event())
    writer = TopicWriter(
        replace(
            plain, delivered=lambda item, _: told.append(item), settled=lambda: told.append(None), held_up=told.append
        )
    )
    writer.write_batch([b"x"])
    writer.snapshot()
    assert told == [b"x", None]


def test_a_sink_has_as_many_writers_as_asked_for(embedded_broker: Broker) -> None:
    """Each writer is a part of its own, and starts without a state."""
    topic = embedded_broker.topic("sink")
    sink = TopicSink(writing(embedded_broker.bootstrap, topic, threading.Event()), 3)
    assert sink.list_parts() == ["0", "1", "2"]
    writers = [sink.build_part("alerts", part, None) for part in sink.list_parts()]
    for number, writer in enumerate(writers):
        writer.write_batch([b"%d" % number])
        writer.snapshot()
    assert sorted(message.value() or b"" for message in embedded_broker.read_all(topic)) == [b"0", b"1", b"2"]
