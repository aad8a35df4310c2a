"""A version per request: what 100,000 distinct versions cost beside one, in CPU time and memory.

Predictions (and, with --labels, feedback on half of them) are written to a real broker first; then `driftgauge run`
reads them, once with one version and once with each prediction of its own. Exit 1 when the second takes more than 1.3
times the CPU time or memory of the first, or when anything is lost.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import machine
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic
from kafka_node import KafkaNode
from patience import until

from stream.config.load import load, load_references
from stream.demo.reference import click_reference
from stream.metrics.registry import Registry
from stream.simulate.generator import Generator
from stream.workers import worker
from stream.workers.supervisor import Policy, Supervisor
from windows.references.reference import to_json

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMIT = 1.3
PANE = 1_000
PARTITIONS = 2


def predictions(count: int, seconds: int, *, distinct: bool) -> Iterator[bytes]:
    """Predictions spread over some seconds up to now."""
    generator = Generator(click_reference(PANE, 30_000), seed=3, error_rate=0.01)
    begin = (int(time.time()) - seconds) * 1_000
    each, number = count // seconds, 0
    for second in range(seconds):
        at = begin + second * 1_000
        for value in generator.encode(generator.batch(each, at, at + 1_000)):
            fields = json.loads(value)
            fields["prediction_id"] = f"p{number}"
            fields["version"] = f"build-{number}" if distinct else "1"
            number += 1
            yield json.dumps(fields).encode()


def write(bootstrap: str, topic: str, values: list[bytes]) -> None:
    """Write values to a new topic."""
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    admin.create_topics([NewTopic(topic, PARTITIONS, 1)])[topic].result(30)
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 5, "enable.idempotence": True, "log_level": 0})
    for number, value in enumerate(values):
        while True:
            try:
                producer.produce(topic, value, partition=number % PARTITIONS)
                break
            except BufferError:
                producer.poll(0.1)
    if producer.flush(60):
        sys.exit("the broker did not take everything")


def feedback(values: list[bytes]) -> list[bytes]:
    """A label for every second prediction."""
    found = []
    for value in values[::2]:
        fields = json.loads(value)
        label = {"model": fields["model"], "prediction_id": fields["prediction_id"], "label": len(found) % 2}
        found.append(json.dumps({**label, "timestamp": fields["timestamp"]}).encode())
    return found


def run(directory: Path, bootstrap: str, name: str, values: list[bytes], *, labels: bool) -> tuple[float, float, float]:
    """Read everything; seconds of wall clock and CPU, and MB, of the worker."""
    topics = {role: f"{name}-{role}" for role in ("predictions", "feedback", "alerts", "dead_letters")}
    said = feedback(values) if labels else []
    write(bootstrap, topics["predictions"], values)
    write(bootstrap, topics["feedback"], said)
    for role in ("alerts", "dead_letters"):
        write(bootstrap, topics[role], [])
    directory.mkdir()
    (directory / "reference.json").write_bytes(to_json(click_reference(PANE, 30_000)))
    performance = 'performance: {windows: ["1m"], label_delay: 10s}' if labels else ""
    (directory / "c.yaml").write_text(f"""
kafka: {{brokers: "{bootstrap}", start: earliest, properties: {{log_level: 0}}}}
topics: {json.dumps(topics)}
time: {{pane: 1s, lateness: 500ms, idle_after: 3s}}
state: {{directory: state}}
models:
  - {{name: click, task: binary, reference: reference.json, drift: {{windows: ["10s", "1m"]}}, {performance}}}
""")
    config = load(directory / "c.yaml", {})
    registry = Registry(1)
    supervisor = Supervisor(worker.MonitorFlow(config, load_references(config)), 1, registry, Policy())
    thread = threading.Thread(target=supervisor.run)
    thread.start()
    try:
        wanted = len(values) + len(said)
        until(lambda: sum(registry.values("records_read_total").values()) > 0, 60, "reading begins")
        begun = time.monotonic()
        until(lambda: sum(registry.values("records_read_total").values()) >= wanted, 300, "all is read")

        def counted() -> float:
            return sum(sum(registry.values(f"{kind}_total").values()) for kind in ("records_folded", "late_records"))

        until(lambda: counted() >= len(values), 60, "all is counted")
        wall = time.monotonic() - begun
        registry.render()
        (cpu,) = registry.values("worker_cpu_seconds_total").values()
        (memory,) = registry.values("worker_resident_memory_bytes").values()
        overflow = sum(registry.values("overflow_total").values())
        late = sum(registry.values("late_records_total").values())
        print(f"  {name}: {len(values):,} predictions, {overflow:,.0f} overflow, {late:,.0f} late", flush=True)
    finally:
        supervisor.stop()
        thread.join(30)
    return wall, cpu, memory / 1e6


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seconds", type=int, default=50)
    parser.add_argument("--labels", action="store_true")
    options = parser.parse_args()
    machine.show()
    results = {}
    with tempfile.TemporaryDirectory() as scratch, KafkaNode(heap="512m") as node:
        for name, distinct in (("one", False), ("each", True)):
            values = list(predictions(options.count, options.seconds, distinct=distinct))
            results[name] = run(Path(scratch, name), node.bootstrap, name, values, labels=options.labels)
    print(f"\n{'versions':10}{'wall s':>10}{'CPU s':>10}{'MB':>10}")
    for name, (wall, cpu, memory) in results.items():
        print(f"{name:10}{wall:10.1f}{cpu:10.1f}{memory:10.0f}")
    ratios = [each / one for one, each in zip(results["one"][1:], results["each"][1:], strict=True)]
    print(f"{'ratio':20}{ratios[0]:10.2f}{ratios[1]:10.2f}")
    sys.exit(max(ratios) > LIMIT)


if __name__ == "__main__":
    main()
