"""From an anomaly in the traffic to the POST that asks for the fallback: how long; and how soon an overdue one is told.

    python load_tests/fallback.py [--models 40] [--rounds 3] [--rate 100]

Real Kafka, `driftgauge run`, its courier, and a webhook that counts. In each round one pair of ten features of every
model turns its correlation around, each model at a moment of its own within two panes, while every feature looks as
before. Measured is the time from the first such prediction to the POST that `{alert: Anomaly, action: fallback}` leads
to. The receiver says on the control topic that it is done, traffic is normal again, and the alerts end. In the last
round it says nothing, and the time from `complete_by` to the alert ActionOverdue in its topic is measured, by the
broker's clock. Pane 10 s, lateness 5 s, all else as by default. Exits 1 if the 99th percentile is above 60 s, an
overdue action is told later than a pane and 30 s, or an anomaly is not exactly one POST.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import threading
import time
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "load_tests"), str(ROOT / "tests")]

import machine  # noqa: E402  the path comes first
import numpy as np  # noqa: E402
from chaos_monitor import create_topics  # noqa: E402
from confluent_kafka import Consumer, Producer, TopicPartition  # noqa: E402
from joint import RHO, draw, reference  # noqa: E402
from kafka_node import KafkaNode  # noqa: E402
from patience import until  # noqa: E402
from product import Product, config_of  # noqa: E402
from targets import Receiver  # noqa: E402

from windows.references.reference import seal, to_json  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

FEATURES = 10
PANE, LATENESS = 10.0, 5.0
LIMIT, OVERDUE_LIMIT = 60.0, PANE + 30.0
COMPLETE_WITHIN = 60.0
PATIENCE = 600.0
TICK_SECONDS = 0.05
PARTITIONS = 4
NAMES = [f"f{at}" for at in range(FEATURES)]


class Traffic(threading.Thread):
    """Predictions of all models with the present as event time; a context manager.

    Args:
        bootstrap: the broker.
        topic: the predictions.
        models: their names.
        rate: predictions a second of each.
    """

    def __init__(self, bootstrap: str, topic: str, models: list[str], rate: float) -> None:
        super().__init__(name="traffic", daemon=True)
        self._topic, self._models, self._rate = topic, models, rate
        self._rng, self._done, self._lock = np.random.default_rng(1), threading.Event(), threading.Lock()
        self._from: dict[str, float] = {}
        self.first: dict[str, float] = {}
        """Model -> event time (s) of the first prediction of its anomaly."""
        self._producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 5, "log_level": 0})

    def break_at(self, moments: dict[str, float]) -> None:
        """From these times on (s since the epoch) a pair of a model's features is turned around."""
        with self._lock:
            self._from, self.first = dict(moments), {}

    def mend(self, model: str) -> None:
        """Be normal again."""
        with self._lock:
            self._from.pop(model, None)

    def run(self) -> None:
        """Write until the end."""
        began, written = time.time(), 0
        while not self._done.wait(TICK_SECONDS):
            now = time.time()
            count = int(self._rate * (now - began)) - written
            written += count
            with self._lock:
                for at, model in enumerate(self._models):
                    for value in self._values(model, count, now):
                        self._producer.produce(self._topic, value, partition=at % PARTITIONS)
            self._producer.poll(0)

    def _values(self, model: str, count: int, now: float) -> Iterator[bytes]:
        broken = self._from.get(model, np.inf) <= now
        rows = draw(self._rng, FEATURES, count, -RHO if broken else RHO).T.round(6).tolist()
        if broken and rows:
            self.first.setdefault(model, now)
        head = {"model": model, "version": "1", "prediction": 0.0, "timestamp": int(now * 1e3)}
        for row in rows:
            yield json.dumps({**head, "features": dict(zip(NAMES, row, strict=True))}).encode()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self.join()
        self._producer.flush(10)


class Fallback(Receiver):
    """Notes when it is asked; says on the control topic that it is done, where it is to."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        super().__init__()
        self.asked: list[tuple[float, dict[str, Any]]] = []
        self.done = True
        self._topic = topic
        self._producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 0, "log_level": 0})

    def route(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, Any]:
        """Yes."""
        step = json.loads(body)["data"]
        self.asked.append((time.time(), step))
        if self.done:
            said = {"id": f"done-{step['id']}", "kind": "done", "model": step["model"], "action": step["id"]}
            self._producer.produce(self._topic, json.dumps(said).encode(), key=step["model"].encode())
            self._producer.flush(30)
        return super().route(method, path, headers, body)


def config(bootstrap: str, topic: str, directory: Path, models: list[str], hook: str) -> dict[str, Any]:
    """A monitor whose models fall back as soon as their features stop going together."""
    known = reference(FEATURES, "conditional", 20_000)
    given = config_of(bootstrap, topic, directory, known)
    given["topics"]["control"] = f"{topic}.control"
    given["time"] = {"pane": PANE, "lateness": LATENESS}
    given["alerting"] = {"resolve_after": "10s"}
    given["actions"] = {"mode": "live", "connectors": {"hook": {"webhook": {"url": hook}}}}
    rule = {"alert": "Anomaly", "action": "fallback", "complete_within": COMPLETE_WITHIN, "cooldown": "0s"}
    given["models"] = []
    for name in models:
        path = directory / f"{name}.json"
        path.write_bytes(to_json(seal(replace(known, model=name))))
        given["models"].append(
            {
                "name": name,
                "task": "regression",
                "reference": path.name,
                "multivariate": {"windows": ["10s", "1m"], "anomalous": None},
                "drift": {"windows": ["10s", "1m"]},
                "prediction": {"windows": ["10s", "1m"]},
                "quality": {"windows": ["1m"]},
                "on": [{**rule, "via": ["hook"]}],
            }
        )
    return given


def firing(product: Product) -> int:
    """Alerts that fire."""
    return sum(line.startswith("driftgauge_alert_active{") for line in product.metrics().splitlines())


def play(product: Product, traffic: Traffic, hook: Fallback, models: list[str], rounds: int) -> list[float]:
    """All rounds; how long each anomaly took to its POST, in seconds."""
    found: list[float] = []
    rng = np.random.default_rng(2)
    for number in range(rounds):
        hook.done = number < rounds - 1
        until(lambda: not firing(product), PATIENCE, "no alert fires")
        before, begin = len(hook.asked), time.time() + 1
        moments = {
            model: begin + 2 * PANE * float(at) for model, at in zip(models, rng.random(len(models)), strict=True)
        }
        traffic.break_at(moments)
        until(lambda: len(hook.asked) >= before + len(models), PATIENCE, f"{len(models)} POSTs")  # noqa: B023 - at once
        first = dict(traffic.first)
        for model in models:
            traffic.mend(model)
        took = sorted(at - first[step["model"]] for at, step in hook.asked[before:])
        found += took
        print(f"round {number + 1}: {len(took)} POSTs after {took[0]:.1f} to {took[-1]:.1f} s", flush=True)
    return found


def overdue(bootstrap: str, topic: str, count: int) -> list[tuple[float, dict[str, Any]]]:
    """The alerts on overdue actions, with when (s) the broker got each; waits for so many."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "look", "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic, 0, 0)])
    told: dict[str, tuple[float, dict[str, Any]]] = {}
    try:

        def all_told() -> bool:
            for message in consumer.consume(500, 0.5):
                if message.error() is None:
                    event = json.loads(message.value() or b"{}")
                    if event.get("alert") == "ActionOverdue" and event.get("state") == "firing":
                        told.setdefault(event["model"], (message.timestamp()[1] / 1e3, event))
            return len(told) >= count

        until(all_told, PATIENCE, f"{count} alerts ActionOverdue")
    finally:
        consumer.close()
    return [(at, event) for at, event in told.values()]


def main() -> int:
    """Print what came of it; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rate", type=float, default=100.0, help="predictions a second of each model")
    given = parser.parse_args()
    machine.show()
    models, topic = [f"m{number:02}" for number in range(given.models)], "predictions"
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as place, KafkaNode(heap="512m") as kafka:
        bootstrap = kafka.bootstrap
        with Fallback(bootstrap, f"{topic}.control") as hook:
            settings = config(bootstrap, topic, Path(place), models, hook.url)
            outputs = [name for role, name in settings["topics"].items() if role != "predictions"]
            create_topics(bootstrap, {topic: PARTITIONS, **dict.fromkeys(outputs, 1)})
            with Product(Path(place), settings) as product, Traffic(bootstrap, topic, models, given.rate) as traffic:
                until(lambda: product.predictions() > 10 * given.rate * len(models), PATIENCE, "the monitor counts")
                took = sorted(play(product, traffic, hook, models, given.rounds))
                late = sorted(_late(overdue(bootstrap, settings["topics"]["alerts"], len(models)), hook))
                posts = len(hook.asked)
    wanted = given.models * given.rounds
    print(f"{wanted} anomalies of {given.models} models at {given.rate:g}/s each, {posts} POSTs, load {load()}")
    figure("from the first such prediction to the POST", took, LIMIT)
    figure("from complete_by to ActionOverdue", late, OVERDUE_LIMIT)
    print(f"{time.monotonic() - began:.0f} s")
    return int(p99(took) > LIMIT or late[-1] > OVERDUE_LIMIT or posts != wanted)


def _late(told: list[tuple[float, dict[str, Any]]], hook: Fallback) -> Iterator[float]:
    """How long after its action's `complete_by` each alert was written."""
    last = {step["model"]: step for _, step in hook.asked}
    for at, event in told:
        yield at - datetime.fromisoformat(last[event["model"]]["complete_by"]).timestamp()


def figure(name: str, seconds: list[float], allowed: float) -> None:
    """A line on times, which are sorted."""
    middle = seconds[len(seconds) // 2]
    print(f"{name}: p50 {middle:.1f} s, p99 {p99(seconds):.1f} s, max {seconds[-1]:.1f} s, allowed {allowed:g} s")


def p99(seconds: list[float]) -> float:
    """The 99th percentile, none between two."""
    return float(np.quantile(seconds, 0.99, method="higher"))


def load() -> str:
    """Of the machine, now."""
    return Path("/proc/loadavg").read_text().split()[0]


if __name__ == "__main__":
    sys.exit(main())
