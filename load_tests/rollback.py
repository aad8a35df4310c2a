"""Rollbacks with real parts: Kafka, driftgauge, MLflow's registry; carried out, and done by somebody who was faster.

    python load_tests/rollback.py

Two versions serve, of which the newer one breaks its objective for latency. The rollback for it waits for approval, and
somebody moves the alias by hand meanwhile: the courier notices, and the action is completed. A second one, that people
ask for, goes through the connector, which moves the alias. The third action is a retraining of which only the registry
knows: a new version is registered, and the alias moved to it. Exit 1 unless each is completed with the version that the
alias is at.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import machine
from chaos_monitor import create_topics
from confluent_kafka import Producer
from kafka_node import KafkaNode
from mlflow_node import VERSION, MlflowNode, install
from paging_traffic import narrow
from patience import until
from product import ROOT, Product, config_of
from retraining import steps

from stream.simulate.generator import Generator
from stream.simulate.shifts import Shift

if TYPE_CHECKING:
    from collections.abc import Callable

PANE = 1_000
PATIENCE = 900.0
TICK = 0.5
PREDICTIONS = 100
"""Of each version, a tick."""


class Served:
    """Traffic of versions by hand: each look writes what has been predicted since the one before."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        reference = narrow(PANE)
        slow = {"1": (), "2": (Shift("latency", amount=20.0),)}
        self._generators = {
            name: Generator(reference, 1, version=name, prefix=f"v{name}-", shifts=shifts)
            for name, shifts in slow.items()
        }
        self._producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 5, "log_level": 0})
        self._topic, self._at = topic, time.time()
        self.serving = ["1"]

    def write(self) -> None:
        """Write what has been predicted."""
        now = time.time()
        if now - self._at < TICK:
            return
        for name in self.serving:
            generator = self._generators[name]
            for value in generator.encode(generator.batch(PREDICTIONS, int(self._at * 1e3), int(now * 1e3))):
                self._producer.produce(self._topic, value)
        self._producer.flush(30)
        self._at = now


def config(bootstrap: str, topic: str, directory: Path, url: str) -> dict[str, Any]:
    """A monitor whose rollbacks and retrainings go by the registry; retrainings asked for by people alone."""
    given = config_of(bootstrap, topic, directory, narrow(PANE))
    given["topics"]["control"] = f"{topic}.control"
    given["time"] = {"pane": "1s", "lateness": "500ms", "idle_after": "1500ms"}
    given["actions"] = {"mode": "live", "connectors": {"registry": {"mlflow": {"url": url, "poll": "1s"}}}}
    (model,) = given["models"]
    model |= {"drift": {"windows": ["1s"]}, "prediction": {"windows": ["1s"]}, "quality": {"windows": ["1s"]}}
    model["sla"] = {"latency_p99_ms": {"objective": "< 200", "window": "1s"}}
    model["retrain"] = {"schedule": None, "drift": None, "via": ["registry"]}
    rule = {"alert": "SlaBreach", "action": "rollback", "approval": "always", "via": ["registry"]}
    model["on"] = [rule]
    return given


@dataclass(frozen=True)
class Played:
    """A monitor, a registry and traffic; what is asked for and what comes of it."""

    product: Product
    served: Served
    mlflow: MlflowNode
    seen: Callable[[], list[dict[str, Any]]]

    def wait(self, condition: Callable[[], Any], what: str) -> Any:
        """Wait for it, with traffic."""

        def met() -> Any:
            self.served.write()
            return condition()

        return until(met, PATIENCE, what)

    def say(self, *words: str) -> None:
        """Say something as people do."""
        command = [sys.executable, "-m", "stream.cli.app", "action", *words, "--config", str(self.product.path)]
        subprocess.run([*command, "--by", "ann"], cwd=ROOT, check=True, capture_output=True)

    def completed(self, action: str, count: int) -> dict[str, Any]:
        """Wait until so many actions of this kind are completed; the last step of the last."""
        began = time.monotonic()

        def found() -> list[dict[str, Any]]:
            done = [one for one in self.seen() if (one["action"], one["state"]) == (action, "completed")]
            return done if len(done) >= count else []

        last: dict[str, Any] = self.wait(found, f"{count} {action} completed")[-1]
        print(f"{action}: completed after {time.monotonic() - began:.0f} s, {last['outcome']}", flush=True)
        return last


def play(kafka: KafkaNode, mlflow: MlflowNode, directory: Path) -> list[str]:
    """All of it; what is not as it must be."""
    topic, bootstrap = "predictions", kafka.bootstrap
    mlflow.register("click", 2)
    mlflow.move("click", "2")
    given = config(bootstrap, topic, directory, mlflow.url)
    outputs = [name for role, name in given["topics"].items() if role != "predictions"]
    create_topics(bootstrap, {topic: 1, **dict.fromkeys(outputs, 1)})
    problems = []
    with Product(directory, given) as product:
        played = Played(product, Served(bootstrap, topic), mlflow, lambda: steps(bootstrap, given["topics"]["actions"]))
        played.wait(lambda: product.predictions() > 10 * PREDICTIONS, "version 1 serves")
        played.served.serving = ["1", "2"]
        waiting = played.wait(lambda: [one for one in played.seen() if one["state"] == "awaiting_approval"], "a breach")
        print(f"{waiting[-1]['action']} to {waiting[-1]['target_version']} waits: {waiting[-1]['reason']}", flush=True)
        if mlflow.at("click") != "2":
            problems.append("the alias moved before anybody approved")
        mlflow.move("click", "1")
        problems += _wrong(played.completed("rollback", 1), "1", mlflow.at("click"))

        mlflow.move("click", "2")
        played.say("request", "rollback", "--model", "click", "--version", "2")
        problems += _wrong(played.completed("rollback", 2), "1", mlflow.at("click"))

        mlflow.move("click", "2")
        played.say("request", "retrain", "--model", "click")
        played.wait(lambda: [one for one in played.seen() if one["state"] == "dispatched"], "the alias is watched")
        mlflow.move("click", mlflow.add("click"))
        trained = played.completed("retrain", 1)
        problems += _wrong(trained, "3", mlflow.at("click"))
    return problems


def _wrong(last: dict[str, Any], version: str, at: str) -> list[str]:
    found = (last["outcome"] or {}).get("version")
    return [] if found == at == version else [f"{last['action']} ended at {found}, the alias is at {at}, not {version}"]


def main() -> int:
    """Print what came of it; the exit code."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that servers and files go with it
    machine.show()
    print(f"mlflow     {VERSION}")
    with tempfile.TemporaryDirectory() as place, KafkaNode(heap="512m") as kafka, MlflowNode(install()) as mlflow:
        problems = play(kafka, mlflow, Path(place))
    for problem in problems:
        print(f"WRONG: {problem}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
