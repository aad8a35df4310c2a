"""The source: one partition read from a snapshot on, with what an outage must not be taken for."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka import Consumer, Producer
from waiting import GUARD, until

from operators.step import snapshot_of
from stream.config.edges.kafka import KafkaSettings
from stream.kafka.alignment import Alignment
from stream.kafka.client import consumer_properties
from stream.kafka.connect import wait_for_topic
from stream.kafka.source import BATCH, PartitionReader, Position, Reading
from stream.kafka.sources import KafkaSource
from stream.kafka.watcher import Watcher

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from brokers import Broker

    from operators.records import RawBatch
    from stream.metrics.reports import Report

PARTITIONS = 4
LATENESS = 500


class Kept:
    """A reporter that keeps reports."""

    def __init__(self) -> None:
        self.reports: list[Report] = []

    def send(self, report: Report) -> None:
        """Keep it."""
        self.reports.append(report)


class Rig:
    """A reader of partition 0 with all that it works with."""

    def __init__(self, broker: Broker, topic: str, offset: int | None, *, earliest: bool, idle_after: int) -> None:
        self.stop, self.reporter, self.alignment = threading.Event(), Kept(), Alignment()
        properties = consumer_properties(KafkaSettings(brokers=broker.bootstrap, properties={"log_level": 0}))
        self.watcher = Watcher(properties, topic, PARTITIONS, 0, self.reporter)
        reading = Reading(properties, topic, PARTITIONS, earliest, idle_after, LATENESS, self.stop)
        self.source = KafkaSource(reading, self.watcher, self.alignment, self.reporter)
        self.reader: PartitionReader = self.source.build_part(
            "predictions", "0", None if offset is None else snapshot_of("predictions", "0", Position(offset))
        )

    def batches(self, count: int) -> list[RawBatch]:
        """The batches up to the one that completes `count` messages."""
        found: list[RawBatch] = []

        def enough() -> bool:
            found.extend(self.reader.next_batch())
            return sum(len(batch.values) for batch in found) >= count

        until(enough)
        return found

    def values(self, count: int) -> list[bytes | None]:
        """The values of exactly `count` messages."""
        values = [value for batch in self.batches(count) for value in batch.values]
        assert len(values) == count
        return values

    def at(self) -> int | None:
        """The reader's offset, once it has looked."""
        self.reader.next_batch()
        return self.reader.position.offset


@contextmanager
def rig(
    broker: Broker, topic: str, offset: int | None = None, *, earliest: bool = True, idle_after: int = 3_600_000
) -> Iterator[Rig]:
    """A reader, closed afterwards."""
    made = Rig(broker, topic, offset, earliest=earliest, idle_after=idle_after)
    try:
        yield made
    finally:
        made.reader.close()
        made.watcher.close()


def test_a_partition_is_read_from_its_beginning_in_order(broker: Broker) -> None:
    """Every message once and in order, in batches that know partition, offsets and when each was written."""
    topic = broker.topic("source")
    values = [b"%d" % number for number in range(3_000)]
    before = int(time.time() * 1e3)
    broker.produce(topic, values, partition=0)
    broker.produce(topic, [b"elsewhere"], partition=1)
    with rig(broker, topic) as made:
        batches = made.batches(len(values))
        assert made.reader.position.offset == len(values)
    at = 0
    for batch in batches:
        origin = batch.origin
        assert (origin.topic, origin.partition, origin.partitions, origin.ended) == (topic, 0, PARTITIONS, False)
        assert len(batch.values) <= BATCH
        assert [batch.envelopes.offset(i) for i in range(len(batch.values))] == list(range(at, at + len(batch.values)))
        assert batch.written is not None
        assert all(before <= written <= batch.received for written in batch.written)
        at += len(batch.values)
    assert [value for batch in batches for value in batch.values] == values


def test_reading_goes_on_at_the_snapshot(broker: Broker) -> None:
    """The offset of a snapshot is that of the next message, whatever `kafka.start` says."""
    topic = broker.topic("source")
    broker.produce(topic, [b"%d" % number for number in range(10)], partition=0)
    for earliest in (True, False):
        with rig(broker, topic, 7, earliest=earliest) as made:
            assert made.values(3) == [b"7", b"8", b"9"]
            assert made.reader.position.offset == 10


def test_start_latest_begins_at_the_end(broker: Broker) -> None:
    """Without a snapshot what was written before is passed over, and the position is known before any message."""
    topic = broker.topic("source")
    broker.produce(topic, [b"old"] * 5, partition=0)
    with rig(broker, topic, earliest=False) as made:
        assert made.reader.position.offset == 5
        broker.produce(topic, [b"new"], partition=0)
        assert made.values(1) == [b"new"]


def test_keys_and_headers_are_those_of_the_message(broker: Broker) -> None:
    """Null keys, null values and headers, repeated ones included, can be asked for by position."""
    topic = broker.topic("source")
    producer = Producer({"bootstrap.servers": broker.bootstrap, "log_level": 0})
    producer.produce(topic, b"1", key=b"\xff\x00", headers=[("a", b"1"), ("a", None)], partition=0)
    producer.produce(topic, None, partition=0)
    assert producer.flush(GUARD) == 0
    with rig(broker, topic) as made:
        seen = [(batch, i) for batch in made.batches(2) for i in range(len(batch.values))]
    assert [batch.values[i] for batch, i in seen] == [b"1", None]
    assert [batch.envelopes.key(i) for batch, i in seen] == [b"\xff\x00", None]
    assert [batch.envelopes.headers(i) for batch, i in seen] == [(("a", b"1"), ("a", None)), ()]


def confirmed(batches: Iterable[RawBatch], since: int) -> RawBatch | None:
    """The batch that confirms silence up to a time after `since`."""
    return next(
        (one for one in batches if one.origin.silent_until is not None and one.origin.silent_until > since), None
    )


def test_a_partition_read_to_its_end_holds_the_others_no_further_than_forty_times_idle_after(broker: Broker) -> None:
    """A feed with a stuck clock keeps coming; what is older than that is given up, while records still arrive."""
    topic = broker.topic("source")
    begun = int(time.time() * 1e3)
    broker.produce(topic, [b"1"], partition=0)
    with rig(broker, topic, idle_after=1_000) as made:
        made.values(1)
        held = until(lambda: confirmed(made.reader.next_batch(), 0))
        assert len(held.values) == 0
        assert held.origin.silent_until is not None
        assert begun - 40_000 <= held.origin.silent_until <= int(time.time() * 1e3) - 40_000


def test_silence_is_confirmed_by_the_broker_after_idle_after(broker: Broker) -> None:
    """Read to the end and the broker says so for `idle_after`: a batch without messages tells up to when."""
    topic = broker.topic("source")
    begun = int(time.time() * 1e3)
    broker.produce(topic, [b"1"], partition=0)
    with rig(broker, topic, idle_after=1_200) as made:
        made.values(1)
        silent = until(lambda: confirmed(made.reader.next_batch(), begun - 10_000))
        assert len(silent.values) == 0
        assert silent.origin.silent_until is not None
        assert begun + 1_200 <= silent.origin.silent_until + LATENESS <= int(time.time() * 1e3)
        broker.produce(topic, [b"2"], partition=0)
        batches = made.batches(1)
        assert all(batch.origin.silent_until is None for batch in batches if batch.values)


def test_a_partition_that_must_wait_is_not_read_nor_silent(broker: Broker) -> None:
    """While another partition is far behind in event time nothing is read, and no silence is claimed; then all is."""
    topic = broker.topic("source")
    broker.produce(topic, [b"1", b"2"], partition=0)
    with rig(broker, topic, idle_after=1) as made:
        made.alignment.moved((topic, 0), 1_000)
        made.alignment.moved((topic, 1), 1)
        asked = until(lambda: made.watcher.end(0))
        until(lambda: (made.watcher.end(0) or asked).asked > asked.asked)
        assert made.reader.next_batch() == []
        assert made.reader.next_awake() is not None
        made.alignment.moved((topic, 1), 999)
        assert made.values(2) == [b"1", b"2"]


def test_stop_ends_the_reading(broker: Broker) -> None:
    """Once told to stop the source is at its end, with what was not read left for the next start."""
    topic = broker.topic("source")
    broker.produce(topic, [b"1"], partition=0)
    with rig(broker, topic, 0) as made:
        made.stop.set()
        with pytest.raises(StopIteration):
            made.reader.next_batch()
        assert made.reader.position.offset == 0


def test_every_process_lists_every_partition(embedded_broker: Broker) -> None:
    """Partition numbers as text, in order."""
    with rig(embedded_broker, embedded_broker.topic("source")) as made:
        assert made.source.list_parts() == ["0", "1", "2", "3"]


def test_lag_is_what_is_still_to_be_read(broker: Broker) -> None:
    """The watcher reports the messages between the position and the end."""
    topic = broker.topic("source")
    broker.produce(topic, [b"x"] * 9, partition=0)
    with rig(broker, topic, 4) as made:

        def lags() -> list[Any]:
            return [
                report for report in made.reporter.reports if getattr(report, "metric", "") == "consumer_lag_messages"
            ]

        (first, *_) = until(lags)
        assert (first.rows, first.values) == (((topic, "0"),), (5.0,))


@pytest.mark.real_broker
def test_a_topic_is_waited_for(real_broker: Broker) -> None:
    """A topic that does not exist is said to be missing until the stop; one that does has so many partitions."""
    properties = consumer_properties(KafkaSettings(brokers=real_broker.bootstrap, properties={"log_level": 0}))
    stop, said = threading.Event(), []

    def waiting(why: str) -> None:
        said.append(why)
        stop.set()

    for kind in (Consumer, Producer):
        assert wait_for_topic(properties, "no-such-topic", stop, waiting, kind=kind, remedy="; make it") is None
    assert said == ["topic no-such-topic does not exist; make it"] * 2
    topic = real_broker.topic("source", 3)
    assert wait_for_topic(properties, topic, threading.Event(), waiting) == 3


def test_in_a_steady_stream_a_partition_is_at_its_end(broker: Broker) -> None:
    """The client never says so while there is something at every fetch; what the broker said a moment ago decides."""
    topic = broker.topic("source")
    done = threading.Event()

    def produce() -> None:
        while not done.is_set():
            broker.produce(topic, [b"x"] * 20, partition=0)

    thread = threading.Thread(target=produce)
    thread.start()
    try:
        with rig(broker, topic) as made:
            seen = 0

            def often() -> bool:
                nonlocal seen
                seen += bool(made.reader.next_batch()) and (topic, 0) in made.alignment.at_end
                return seen >= 50

            until(often)
    finally:
        done.set()
        thread.join()
