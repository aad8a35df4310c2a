"""The topics that are written are looked after: a producer finds out with its next message only."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from confluent_kafka.admin import AdminClient, NewTopic
from monitored import Monitor, Site, Traffic
from waiting import GUARD, until

from stream.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from brokers import Broker

pytestmark = pytest.mark.real_broker


def admin(broker: Broker) -> AdminClient:
    """A client for what a user would do to the cluster."""
    return AdminClient({"bootstrap.servers": broker.bootstrap, "log_level": 0})


def test_an_alerts_topic_that_is_gone_is_told_before_an_alert_is_lost(real_broker: Broker, tmp_path: Path) -> None:
    """Not ready with the reason though nothing is to be written; ready again once the topic is there."""
    site = Site(tmp_path, real_broker, real_broker.topic("predictions"), evaluations=False)
    traffic = Traffic(site, int(time.time() * 1e3) - 10_000)
    traffic.write(4)
    client, alerts = admin(real_broker), site.topics["alerts"]
    with Monitor(site) as running:
        running.until(lambda: running.registry.not_ready() == ())
        client.delete_topics([alerts], operation_timeout=30)[alerts].result(GUARD)
        running.until(lambda: running.registry.not_ready() == (f"process 0: topic {alerts} does not exist",))

        def created() -> bool:
            client.create_topics([NewTopic(alerts, 1, 1)])[alerts].result(GUARD)
            return True

        until(created)
        running.until(lambda: running.registry.not_ready() == ())


def test_an_alerts_topic_that_takes_no_alerts_is_refused(real_broker: Broker, tmp_path: Path) -> None:
    """At the start, with the limit and what to do, and not with the first alert."""
    site = Site(tmp_path, real_broker, real_broker.topic("predictions"), evaluations=False)
    alerts = f"{site.topics['alerts']}-small"
    limit = {"max.message.bytes": "600"}
    client = admin(real_broker)
    client.create_topics([NewTopic(alerts, 1, 1, config=limit)])[alerts].result(GUARD)
    site.path.write_text(site.path.read_text().replace(site.topics["alerts"], alerts))
    running = Monitor(site)
    with pytest.raises(AssertionError), running:
        until(lambda: running.error is not None)
    assert isinstance(running.error, UsageError)
    assert f"topics.alerts: {alerts} takes messages of 600 bytes at most" in str(running.error)
    assert "raise its max.message.bytes" in str(running.error)
