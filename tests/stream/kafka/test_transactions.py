"""Open transactions: what is written behind them waits in the log, where only the log's own end shows it."""

from __future__ import annotations

import datetime as dt
import time
from typing import TYPE_CHECKING

import pytest
from confluent_kafka import Producer
from monitored import PANE, PARTITIONS, Monitor, Site, Traffic, reference
from waiting import GUARD

from stream.simulate.generator import Generator

if TYPE_CHECKING:
    from pathlib import Path

    from brokers import Broker

pytestmark = pytest.mark.real_broker


def now() -> int:
    """This moment, ms."""
    return int(time.time() * 1e3)


def one(at: int) -> bytes:
    """A good prediction."""
    generator = Generator(reference(), seed=11, error_rate=0.0)
    return generator.encode(generator.batch(1, at, at + 1))[0]


def transactional(broker: Broker, name: str) -> Producer:
    """A producer whose messages count once they are committed."""
    producer = Producer({"bootstrap.servers": broker.bootstrap, "transactional.id": name, "log_level": 0})
    producer.init_transactions(30)
    return producer


@pytest.mark.parametrize("committed", [True, False])
def test_an_open_transaction_is_not_silence(real_broker: Broker, tmp_path: Path, committed: bool) -> None:
    """What waits behind it is lag, no NoData fires, and once it has ended everything behind it counts in time."""
    site = Site(tmp_path, real_broker, real_broker.topic("predictions"), no_data_after="3s", evaluations=False)
    traffic = Traffic(site, now() - 4_000)
    producer = transactional(real_broker, site.predictions)
    with Monitor(site) as running:
        traffic.write(4)
        running.until_read(traffic.count)
        producer.begin_transaction()
        for partition in range(PARTITIONS):
            producer.produce(site.predictions, one(traffic.at), partition=partition)
        producer.flush(GUARD)
        opened = now()
        while now() < opened + 8_000:
            running.until(lambda: now() > traffic.at + PANE)
            traffic.write(1)
        assert running.total("records_read_total") < traffic.count
        assert running.total("consumer_lag_messages") > 0
        assert running.total("transaction_open_seconds") >= 5 * PARTITIONS
        assert running.registry.not_ready() == ()
        if committed:
            producer.commit_transaction(30)
        else:
            producer.abort_transaction(30)
        running.until_read(traffic.count + committed * PARTITIONS)
        running.until(lambda: running.watermark >= traffic.closable)
        running.until(lambda: running.total("transaction_open_seconds") == 0)
        assert running.total("late_records_total") == 0
        assert running.total("alerts_total") == 0
    assert site.alerts() == []


def test_transactions_that_follow_each_other_make_nothing_late(real_broker: Broker, tmp_path: Path) -> None:
    """A sink that always has one open, each longer than silence may last: every record counts, and nothing pages.

    What is told after the last record is about the time after it.
    """
    site = Site(tmp_path, real_broker, real_broker.topic("predictions"), no_data_after="10s", evaluations=False)
    generator = Generator(reference(), seed=5, error_rate=0.0)
    producer = transactional(real_broker, site.predictions)
    count, at = 0, now() // PANE * PANE
    with Monitor(site) as running:
        for _ in range(3):
            producer.begin_transaction()
            opened = now()
            while now() < opened + 12_000:
                running.until(lambda at=at: now() > at + PANE)
                for number, value in enumerate(generator.encode(generator.batch(40, at, at + PANE))):
                    producer.produce(site.predictions, value, partition=number % PARTITIONS)
                    count += 1
                producer.flush(GUARD)
                at += PANE
            producer.commit_transaction(30)
        running.until_read(count)
        running.until(lambda: running.total("records_folded_total") == count)
        assert running.total("late_records_total") == 0
    times = [dt.datetime.fromisoformat(event["event_time"]).timestamp() * 1e3 for event in site.alerts()]
    assert [time for time in times if time <= at] == []
