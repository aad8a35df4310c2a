"""What real clusters have and test brokers have not: tombstones, times of the broker, rights that are taken away."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    NewTopic,
    ResourcePatternType,
    ResourceType,
)
from monitored import Monitor, Site, headers_of, reference
from secured import USER, secured_node
from secured import Site as SecuredSite
from waiting import GUARD, until

from stream.simulate.generator import Generator

if TYPE_CHECKING:
    from pathlib import Path

    from brokers import Broker

pytestmark = pytest.mark.real_broker

COUNT = 600
HOUR = 3_600_000


def topic(broker: Broker, **config: str) -> str:
    """A topic of one partition with settings of its own."""
    name = f"odd-{uuid.uuid4().hex[:8]}"
    admin = AdminClient({"bootstrap.servers": broker.bootstrap, "log_level": 0})
    admin.create_topics([NewTopic(name, 1, 1, config=config)])[name].result(GUARD)
    return name


def predictions(count: int, at: int, *, timed: bool = True) -> list[bytes]:
    """Predictions of one second; without a time of their own where they are not timed."""
    generator = Generator(reference(), seed=3, error_rate=0.0)
    values = generator.encode(generator.batch(count, at, at + 1_000))
    if timed:
        return values
    return [
        json.dumps({key: one for key, one in json.loads(value).items() if key != "timestamp"}).encode()
        for value in values
    ]


def test_tombstones_of_a_compacted_topic_are_skipped_and_nothing_else_is_lost(
    real_broker: Broker, tmp_path: Path
) -> None:
    """A tenth of the keys is deleted: that is counted apart, and no dead letter; all that has a value is counted."""
    name = topic(real_broker, **{"cleanup.policy": "compact"})
    producer = Producer({"bootstrap.servers": real_broker.bootstrap})
    for at, value in enumerate(predictions(COUNT, 1_790_000_000_000)):
        producer.produce(name, value, key=f"k{at}")
        if at % 10 == 0:
            producer.produce(name, None, key=f"k{at}")  # type: ignore[arg-type]  # a tombstone
        producer.poll(0)
    assert producer.flush(GUARD) == 0
    with Monitor(Site(tmp_path, real_broker, name)) as running:
        running.until_read(COUNT)
        running.until(lambda: running.total("predictions_total") == COUNT)
        running.until(lambda: running.total("records_skipped_total", reason="tombstone") == COUNT // 10)
        assert running.total("records_skipped_total") == COUNT // 10
        assert running.total("dead_letters_total") == 0
        assert running.total("late_records_total") == 0


def test_records_without_a_time_have_that_of_the_broker(real_broker: Broker, tmp_path: Path) -> None:
    """A topic that stamps what is appended: all are counted, at the time at which they came."""
    name = topic(real_broker, **{"message.timestamp.type": "LogAppendTime"})
    real_broker.produce(name, predictions(COUNT, 1_000, timed=False))
    (newest,) = (message.timestamp()[1] for message in real_broker.read_all(name)[-1:])
    with Monitor(Site(tmp_path, real_broker, name)) as running:
        running.until_read(COUNT)
        running.until(lambda: running.total("predictions_total") == COUNT)
        running.until(lambda: running.watermark > 0)
        assert abs(running.watermark - newest) < HOUR
        assert running.total("dead_letters_total") == 0


def test_the_right_to_write_is_missed_before_a_record_is_lost(tmp_path: Path) -> None:
    """What needs the right waits, /readyz names the topic, no process restarts; given back, it is written."""
    with secured_node(tmp_path / "node") as found:
        node, broker = found
        site = SecuredSite(tmp_path, node, broker, "kafka-sasl")
        admin = AdminClient({"bootstrap.servers": node.bootstrap})
        letters = site.topics["dead_letters"]
        place = (ResourceType.TOPIC, letters, ResourcePatternType.LITERAL, f"User:{USER}", "*", AclOperation.WRITE)
        with site.run() as running:
            site.write()
            assert len(broker.read(letters, 1)) == 1
            admin.create_acls([AclBinding(*place, AclPermissionType.DENY)])[
                AclBinding(*place, AclPermissionType.DENY)
            ].result(GUARD)
            site.write()
            until(lambda: letters in running.page("readyz"))
            denied = AclBindingFilter(*place, AclPermissionType.DENY)
            admin.delete_acls([denied])[denied].result(GUARD)
            assert [headers_of(one)["driftgauge.error.reason"] for one in broker.read(letters, 2)][:2] == [
                b"broken_json",
                b"broken_json",
            ]
            until(lambda: running.page("readyz").startswith("ready"))
            assert running.terminate() == 0
            assert len(running.workers()) == 1
        assert "Traceback" not in running.log
