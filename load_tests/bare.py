"""Rows to compare with: reading without any work, and decoding without reading. Each runs in a process of its own.

usage: bare.py consume BOOTSTRAP TOPIC[,TOPIC...] PARTITION[,PARTITION...] RECORDS [product|defaults] [BATCH]
               [PROPERTIES as JSON]
       bare.py decode BOOTSTRAP TOPIC RECORDS
Prints one JSON object: records, seconds, cpu (seconds of all threads), rss (bytes).
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from confluent_kafka import Consumer, TopicPartition

from stream.config.edges.kafka import KafkaSettings
from stream.kafka.client import consumer_properties
from stream.kafka.portion import POLL

if TYPE_CHECKING:
    from collections.abc import Mapping

POLL_SECONDS = 0.01


def cpu() -> float:
    """Seconds this process has used so far, in all its threads."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def peak_rss() -> int:
    """Bytes this process has held at most. Not ru_maxrss: that begins with the size of the process that started it."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def open_partition(bootstrap: str, topic: str, partition: int, properties: Mapping[str, Any]) -> Consumer:
    """Return a consumer of one partition from its beginning."""
    own = {
        "bootstrap.servers": bootstrap,
        "group.id": "bare",
        "enable.auto.commit": False,
        "enable.partition.eof": False,
    }
    consumer = Consumer({**properties, **own})
    consumer.assign([TopicPartition(topic, partition, 0)])
    return consumer


def read(consumers: list[Consumer], records: int, batch: int, keep: list[bytes] | None = None) -> tuple[float, float]:
    """Read that many records, consumers in turn; returns (seconds, CPU seconds) from the first to the last."""
    seen, began, used, fruitless = 0, 0.0, 0.0, 0
    while seen < records:
        for consumer in consumers:
            # Wait only when none of them has anything: waiting for one while another is full would lower the ceiling.
            messages = consumer.consume(batch, POLL_SECONDS if fruitless >= len(consumers) else 0.0)
            fruitless = 0 if messages else fruitless + 1
            if messages and not seen:
                began, used = time.perf_counter(), cpu()
            seen += len(messages)
            if keep is not None:
                keep += [message.value() for message in messages]
    return time.perf_counter() - began, cpu() - used


class Prediction(msgspec.Struct, gc=False):
    """The fields a monitor uses."""

    timestamp: str
    version: str
    prediction: float
    features: Features
    latency_ms: float


class Features(msgspec.Struct, gc=False):
    """The features of the throughput topic."""

    f0: float
    f1: float
    f2: float
    f3: float
    f4: float
    f5: float
    f6: float
    f7: float
    country: str
    device: str


def decode(values: list[bytes], batch: int = 1000) -> tuple[float, float]:
    """Decode the values in joined batches, as decode does; returns (seconds, CPU seconds)."""
    decoder = msgspec.json.Decoder(Prediction)
    began, used = time.perf_counter(), cpu()
    for start in range(0, len(values), batch):
        decoder.decode_lines(b"\n".join(values[start : start + batch]))
    return time.perf_counter() - began, cpu() - used


def main(arguments: list[str]) -> None:
    """Run one row."""
    row, bootstrap, topic, *rest = arguments
    if row == "consume":
        partitions = [int(part) for part in rest[0].split(",")]
        records = int(rest[1])
        product = consumer_properties(KafkaSettings(brokers=bootstrap)) if rest[2:3] != ["defaults"] else {}
        batch = int(rest[3]) if len(rest) > 3 else POLL
        properties = {**product, **json.loads(rest[4] if len(rest) > 4 else "{}")}
        topics = topic.split(",")
        consumers = [open_partition(bootstrap, one, part, properties) for one in topics for part in partitions]
        seconds, used = read(consumers, records, batch)
        for consumer in consumers:
            consumer.close()
    else:
        records = int(rest[0])
        values: list[bytes] = []
        consumer = open_partition(bootstrap, topic, 0, {})
        read([consumer], records, POLL, values)
        consumer.close()
        records = len(values)
        seconds, used = decode(values)
    rss = peak_rss()
    print(json.dumps({"records": records, "seconds": seconds, "cpu": used, "rss": rss}))


if __name__ == "__main__":
    main(sys.argv[1:])
