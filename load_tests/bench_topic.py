"""The topic that throughput is measured on, and the rows its reference is built from."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from stream.references.build import BuildOptions, build
from stream.rows.open import open_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import numpy.typing as npt

    from stream.simulate.generator import Generator
    from stream.simulate.traffic import Traffic
    from windows.references.reference import Reference

MODEL = "bench"
CATEGORIES = {"country": ["US", "DE", "FR", "IN"], "device": ["ios", "android", "web"]}
CHUNK = 1000
"""Consecutive predictions that go to the same partition."""


def rows(n: int, numeric: int = 8, seed: int = 0) -> dict[str, npt.NDArray[Any]]:
    """Return n rows of standard normal features f0, f1, ..., two categories, a score and a latency."""
    rng = np.random.default_rng(seed)
    columns: dict[str, npt.NDArray[Any]] = {f"f{i}": rng.standard_normal(n) for i in range(numeric)}
    columns |= {name: rng.choice(np.array(values, dtype=object), n) for name, values in CATEGORIES.items()}
    columns["prediction"] = rng.random(n)
    columns["latency_ms"] = rng.lognormal(np.log(12.0), 0.7, n)
    columns["timestamp"] = 1_700_000_000_000 + np.arange(n, dtype=np.int64) * 3_600_000 // n
    return columns


def reference(directory: Path, numeric: int = 8) -> Reference:
    """Build the reference of the topic's model from 200,000 rows, as `driftgauge reference build` does."""
    path = directory / f"rows-{numeric}.parquet"
    pq.write_table(pa.table(rows(200_000, numeric)), path)
    return build(open_rows(path, {}), BuildOptions(MODEL)).reference


def create(bootstrap: str, topic: str, partitions: int, settings: Mapping[str, str] | None = None) -> None:
    """Create a topic and return once it can be written."""
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    admin.create_topics([NewTopic(topic, partitions, 1, config=dict(settings or {}))])[topic].result(30)
    deadline = time.monotonic() + 30
    while len(admin.list_topics(topic, timeout=10).topics[topic].partitions) != partitions:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{topic} did not come to be")


def fill(
    bootstrap: str,
    topic: str,
    generator: Generator,
    count: int,
    *,
    partitions: int,
    start: int,
    span: int,
    reshape: Callable[[list[bytes]], list[bytes]] = list,
) -> float:
    """Write `count` predictions spread over `span` ms of event time, in its order; returns their mean size in bytes.

    Chunks of CHUNK go to the partitions in turn, uncompressed, so partitions hold the same time at the same depth.
    `reshape` makes the messages of a chunk out of its records.
    """
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "linger.ms": 20,
            "batch.size": 1_000_000,
            "queue.buffering.max.messages": 200_000,
            "compression.type": "none",
            "delivery.report.only.error": True,
        }
    )
    size = 0
    for index, first in enumerate(range(0, count, CHUNK)):
        last = min(first + CHUNK, count)
        traffic = generator.batch(last - first, start + first * span // count, start + last * span // count)
        values = reshape(generator.encode(rounded(traffic)))
        size += sum(map(len, values))
        send(producer, topic, index % partitions, values)
    if producer.flush(120):
        raise TimeoutError("the broker did not confirm every record")
    return size / count


def rounded(traffic: Traffic) -> Traffic:
    """Give numbers 12 decimals: with 8 numeric features a record then has about 360 bytes."""
    features = {
        name: np.round(column, 12) if column.dtype == np.float64 else column
        for name, column in traffic.features.items()
    }
    return replace(traffic, features=features)


def send(producer: Producer, topic: str, partition: int, values: list[bytes]) -> None:
    """Hand the values to the client, waiting while its queue is full."""
    for value in values:
        while True:
            try:
                producer.produce(topic, value, partition=partition, on_delivery=_refused)
                break
            except BufferError:
                producer.poll(0.05)
    producer.poll(0)


def _refused(error: Any, _: object) -> None:
    if error is not None:
        raise KafkaException(error)
