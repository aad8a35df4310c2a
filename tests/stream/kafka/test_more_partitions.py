"""Partitions that come while traffic flows."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from confluent_kafka.admin import AdminClient, NewPartitions  # type: ignore[attr-defined]
from monitored import PANE, RATE, Monitor, Site, Traffic, reference, with_sources
from waiting import GUARD, until

from stream.simulate.generator import Generator

if TYPE_CHECKING:
    from pathlib import Path

    from brokers import Broker


def now() -> int:
    """This moment, ms."""
    return int(time.time() * 1e3)


def grow(broker: Broker, topic: str, partitions: int) -> None:
    """Give the topic more partitions."""
    client = AdminClient({"bootstrap.servers": broker.bootstrap, "log_level": 0})
    client.create_partitions([NewPartitions(topic, partitions)])[topic].result(GUARD)
    until(lambda: len(client.list_topics(topic, timeout=GUARD).topics[topic].partitions) == partitions)


@pytest.mark.real_broker
def test_what_new_partitions_bring_under_traffic_is_not_late(real_broker: Broker, tmp_path: Path) -> None:
    """Two become six while predictions come every 200 ms, each written when it is made: none is late, all count."""
    site = Site(tmp_path, real_broker, real_broker.topic("predictions", 2), evaluations=False)
    traffic = Traffic(site, now() - 200, partitions=2)
    with Monitor(site) as running:
        begun = now()
        while now() < begun + 12_000:
            running.until(lambda: now() > traffic.at + PANE)
            traffic.write(1)
            if traffic.partitions == 2 and now() > begun + 5_000:
                grow(real_broker, site.predictions, 6)
                traffic.partitions = 6
        running.until_read(traffic.count)
        running.until(lambda: len(running.registry.values("consumer_lag_messages")) == 6)
        running.until(lambda: running.total("records_folded_total") == traffic.count)
        assert running.total("late_records_total") == 0


@pytest.mark.real_broker
def test_what_the_first_of_two_topics_grows_by_makes_nothing_late_in_the_second(
    real_broker: Broker, tmp_path: Path
) -> None:
    """A partition of the second that is behind stays where it is: what it brings after the growth counts in full."""
    first, second = real_broker.topic("first", 1), real_broker.topic("second", 2)
    site = Site(tmp_path, real_broker, first, evaluations=False, idle_after="1h")
    with_sources(site, [{"topic": first}, {"topic": second}])
    generator, begin = Generator(reference(), seed=5), now() // PANE * PANE - 60 * PANE

    def write(topic: str, partition: int, seconds: range) -> int:
        times = [(begin + at * PANE, begin + (at + 1) * PANE) for at in seconds]
        values = [value for of in times for value in generator.encode(generator.batch(RATE, *of))]
        real_broker.produce(topic, values, partition=partition)
        return len(values)

    count = write(first, 0, range(30)) + write(second, 0, range(5)) + write(second, 1, range(30))
    with Monitor(site) as running:
        running.until_read(count)
        held = running.until(lambda: running.watermark)
        assert held <= begin + 5 * PANE
        grow(real_broker, first, 3)
        count += write(first, 1, range(30, 40)) + write(first, 2, range(30, 40))
        running.until_read(count)
        assert running.watermark == held
        count += write(second, 0, range(5, 40)) + write(second, 1, range(30, 40)) + write(first, 0, range(30, 40))
        running.until(lambda: running.watermark >= begin + 38 * PANE)
        running.until_read(count)
        assert running.total("late_records_total") == 0
