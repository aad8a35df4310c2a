"""A topic of the same name is not the same topic: offsets of the one say nothing of the other."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING

import pytest
from brokers import Broker
from confluent_kafka.admin import AdminClient, NewTopic
from monitored import PARTITIONS, Monitor, Site, Traffic
from waiting import GUARD, until

from stream.kafka.embedded import EmbeddedBroker

if TYPE_CHECKING:
    from pathlib import Path


def now() -> int:
    """This moment, ms."""
    return int(time.time() * 1e3)


def make_again(broker: Broker, topic: str) -> None:
    """Delete the topic and create it with the same name."""
    client = AdminClient({"bootstrap.servers": broker.bootstrap, "log_level": 0})
    client.delete_topics([topic], operation_timeout=30)[topic].result(GUARD)
    until(lambda: topic not in client.list_topics(timeout=GUARD).topics)

    def created() -> bool:
        client.create_topics([NewTopic(topic, PARTITIONS, 1)])[topic].result(GUARD)
        return True

    until(created)
    until(lambda: len(client.list_topics(topic, timeout=GUARD).topics[topic].partitions) == PARTITIONS)


@pytest.mark.real_broker
@pytest.mark.parametrize(("before", "after"), [(2, 4), (4, 2)])
def test_a_topic_made_again_is_read_from_its_oldest_message(
    real_broker: Broker, tmp_path: Path, caplog: pytest.LogCaptureFixture, before: int, after: int
) -> None:
    """Whether it is longer or shorter than the former one was: nothing of it is skipped, and the gap is told."""
    site = Site(tmp_path, real_broker, real_broker.topic("predictions"), evaluations=False, idle_after="1h")
    traffic = Traffic(site, now() - 60_000)
    traffic.write(before)
    with Monitor(site) as running:
        running.until_read(traffic.count)
    make_again(real_broker, site.predictions)
    read, traffic.count = traffic.count, 0
    traffic.write(after)
    with Monitor(site) as running:
        running.until(lambda: running.total("records_read_total") == read + traffic.count)
        assert running.total("late_records_total") == 0
        assert running.total("data_gaps_total") == PARTITIONS
    assert sum("is another topic than that of the state" in message for message in caplog.messages) == PARTITIONS
    with Monitor(site) as running:  # from here on it is the one that is known
        traffic.write(1)
        running.until(lambda: running.total("records_read_total") == read + traffic.count)
        assert running.total("data_gaps_total") == 0


@pytest.mark.real_broker
def test_a_topic_made_again_while_it_is_read_is_read_from_its_oldest_message(
    real_broker: Broker, tmp_path: Path
) -> None:
    """It is noticed within seconds, and every message of the new topic counts once."""
    site = Site(tmp_path, real_broker, real_broker.topic("predictions"), evaluations=False, idle_after="1h")
    traffic = Traffic(site, now() - 60_000)
    traffic.write(2)
    with Monitor(site) as running:
        running.until_read(traffic.count)
        running.until(lambda: len(running.registry.values("consumer_lag_messages")) == PARTITIONS)
    with Monitor(site) as running:
        running.until(lambda: running.total("consumer_lag_messages") == 0)
        make_again(real_broker, site.predictions)
        read, traffic.count = traffic.count, 0
        traffic.write(1)

        def all_read() -> bool:
            return running.total("records_read_total") >= read + traffic.count

        until(lambda: running.error is not None or all_read())
    if running.error is not None:  # the supervisor starts it again
        with Monitor(site) as running:
            running.until(all_read)
    assert running.total("records_read_total") == read + traffic.count
    assert running.total("late_records_total") == 0


def test_another_cluster_is_read_from_its_oldest_message(tmp_path: Path, embedded_broker: Broker) -> None:
    """`kafka.brokers` names another cluster with a topic of that name: its messages are not skipped."""
    name = f"predictions-{uuid.uuid4().hex[:8]}"
    site = Site(tmp_path, embedded_broker, name, evaluations=False, idle_after="1h")
    traffic = Traffic(site, now() - 60_000)
    traffic.write(2)
    with Monitor(site) as running:
        running.until_read(traffic.count)
    with EmbeddedBroker() as other:
        moved = Site(tmp_path, Broker("embedded", other.bootstrap), name, evaluations=False, idle_after="1h")
        for topic in (name, *moved.topics.values()):
            other.create(topic)
        again = Traffic(moved, traffic.at)
        again.write(3)
        with Monitor(moved) as running:
            running.until(lambda: running.total("records_read_total") == traffic.count + again.count)
            assert running.total("data_gaps_total") == PARTITIONS
            assert running.total("late_records_total") == 0
