"""Partitions that come while traffic flows."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from confluent_kafka.admin import AdminClient, NewPartitions  # type: ignore[attr-defined]
from monitored import PANE, Monitor, Site, Traffic
from waiting import GUARD, until

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
