"""What real clusters have and test brokers have not: tombstones, times of the broker, rights that are taken away."""

from __future__ import annotations

import json
import os
import re
import signal
import time
import urllib.request
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
import yaml
from confluent_kafka import Producer, TopicPartition
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
from monitored import PANE, Monitor, Program, Site, Traffic, headers_of, reference
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
YEAR = 365 * 24 * HOUR
LATEST = 2**63 - 1


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


def test_records_that_are_dropped_before_a_slow_reader_are_a_gap_that_is_told(
    real_broker: Broker, tmp_path: Path
) -> None:
    """Retention overtakes a worker that is frozen: counted and logged, no restart, all that is left is read.

    What it had asked for before may be answered with what is written then, and lies in its own buffers: where that is
    all of a partition, nothing is missed of it. So it goes on until each partition had its gap.
    """
    site = Site(tmp_path, real_broker, real_broker.topic("predictions"), idle_after="1h")
    traffic = Traffic(site, int(time.time() * 1e3) - 60_000)
    traffic.write(4)
    admin = AdminClient({"bootstrap.servers": real_broker.bootstrap, "log_level": 0})
    with Program(site, 1) as running:
        until(lambda: counted(running, "records_read_total") == traffic.count, pause=0.1)
        (worker,) = [int(pid) for pid in re.findall(r"started 1 dataflow processes: \[(\d+)\]", running.log)]

        def all_had_one() -> bool:
            os.kill(worker, signal.SIGSTOP)
            try:
                traffic.write(2)
                traffic.write(2)
                for partition, (_, high) in enumerate(real_broker.ends(site.predictions)):
                    place = TopicPartition(site.predictions, partition, high - 10)
                    admin.delete_records([place])[place].result(GUARD)
            finally:
                os.kill(worker, signal.SIGCONT)
            until(lambda: counted(running, "records_read_total") >= traffic.count - lost(running), pause=0.1)
            return len(set(re.findall(r"data gap: \S+/(\d)", running.log))) == traffic.partitions

        until(all_had_one)
        gaps = running.log.count("data gap: ")
        until(lambda: counted(running, "data_gaps_total") == gaps, pause=0.1)
        assert lost(running) > 0
        assert running.terminate() == 0
        assert running.log.count("started 1 dataflow") == 1


def lost(running: Program) -> int:
    """Records that a program may have missed: those between what was next and the oldest that there was.

    What came with the word that there is a gap counts as missed here, and was read.
    """
    gaps = re.findall(r"data gap: .* it has offsets (\d+) to \d+, (\d+) was next", running.log)
    return sum(int(low) - int(following) for low, following in gaps)


def counted(running: Program, metric: str) -> float:
    """The sum of a metric of a program; 0 while it does not answer."""
    found = re.findall(r"on (http://127\.0\.0\.1:\d+)", running.log)
    page = ""
    with suppress(OSError, IndexError), urllib.request.urlopen(f"{found[-1]}/metrics", timeout=GUARD) as answer:  # noqa: S310 - its own
        page = answer.read().decode()
    return sum(float(value) for value in re.findall(rf"^driftgauge_{metric}\{{.*\}} (\S+)$", page, re.MULTILINE))


def test_records_of_impossible_times_harm_no_others(real_broker: Broker, tmp_path: Path) -> None:
    """Stamped by producers whose clocks are anywhere: late, or dead letters that say why; all others are in time."""
    name = topic(real_broker, **{"message.timestamp.after.max.ms": str(LATEST)})
    site = Site(tmp_path, real_broker, name, idle_after="1h", evaluations=False)
    now = int(time.time() * 1e3)
    traffic = Traffic(site, now - 60_000, partitions=1)
    (value,) = predictions(1, now, timed=False)
    far = {1: b"bad_timestamp", **dict.fromkeys((now + YEAR, 253_402_300_799_000, LATEST - 1), b"timestamp_ahead")}
    past = [now - YEAR, now - HOUR]
    with Monitor(site) as running:
        traffic.write(3)
        running.until_read(traffic.count)
        running.until(lambda: running.watermark >= traffic.closable)
        real_broker.send(name, [(value, None, None, at) for at in (*past, *far)], 0)
        traffic.write(3)
        running.until_read(traffic.count + len(past) + len(far))
        running.until(lambda: running.watermark >= traffic.closable)
        running.until(lambda: running.total("late_records_total") >= len(past))
        assert running.total("late_records_total") == len(past)
        letters = until(lambda: found if len(found := site.read("dead_letters")) >= len(far) else None)
        assert sorted(headers_of(one)["driftgauge.error.reason"] for one in letters) == sorted(far.values())


def test_an_hour_that_a_producers_clock_goes_back_is_late_and_all_else_counts(
    real_broker: Broker, tmp_path: Path
) -> None:
    """What it stamped meanwhile is counted as late, each record once; from its return on all is as before."""
    site = Site(tmp_path, real_broker, real_broker.topic("predictions"), idle_after="1h", evaluations=False)
    traffic = Traffic(site, int(time.time() * 1e3) - 60_000)
    with Monitor(site) as running:
        traffic.write(4)
        running.until_read(traffic.count)
        running.until(lambda: running.watermark >= traffic.closable)
        good, there = traffic.count, traffic.at
        traffic.at -= HOUR
        traffic.write(4)
        running.until_read(traffic.count)
        late, traffic.at = traffic.count - good, there
        traffic.write(4)
        running.until_read(traffic.count)
        running.until(lambda: running.watermark >= traffic.closable)
        running.until(lambda: running.total("late_records_total") >= late)
        assert running.total("late_records_total") == late
        assert running.total("dead_letters_total") == 0


def test_labels_of_predictions_that_nobody_made_cost_no_others(real_broker: Broker, tmp_path: Path) -> None:
    """Thirty times as many as predictions: all are read and wait; every prediction counts, and gets its own label."""
    feedback = real_broker.topic("feedback")
    site = Site(tmp_path, real_broker, real_broker.topic("predictions"), evaluations=False)
    config = yaml.safe_load(site.path.read_text())
    config["topics"]["feedback"] = feedback
    labels = {"windows": ["5s"], "label_delay": "1s", "keep": "1h", "wait": "1h", "label_stall_after": "1h"}
    config["models"][0]["performance"] = labels
    site.path.write_text(yaml.safe_dump(config))
    at = int(time.time() * 1e3) // PANE * PANE - 5_000

    def label(name: str) -> bytes:
        one = {"model": "click", "prediction_id": name, "timestamp": at + PANE, "label": 1}
        return json.dumps(one).encode()

    strangers = [label(f"stranger-{number}") for number in range(30 * COUNT)]
    values = predictions(COUNT, at)
    real_broker.produce(feedback, strangers, partition=0)
    for partition in range(4):
        real_broker.produce(site.predictions, values[partition::4], partition=partition)
    real_broker.produce(feedback, [label(json.loads(value)["prediction_id"]) for value in values], partition=1)
    with Monitor(site) as running:
        running.until_read(len(strangers) + 2 * COUNT)
        running.until(lambda: running.total("predictions_total") == COUNT)
        running.until(lambda: running.total("labels_total", event="matched") == COUNT)
        running.until(lambda: running.total("labels_waiting") == len(strangers))
        running.until(lambda: running.total("consumer_lag_messages") == 0)
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
