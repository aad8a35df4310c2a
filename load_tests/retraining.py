"""From a shift in the traffic to a finished training, with real parts: Kafka, driftgauge, Airflow 3.

    python load_tests/retraining.py [--kills N]

Drift asks for one retraining and people for the others. The courier is killed with -9 as often as asked, each time when
Airflow has committed the run that it asked for and before it hears so. Exit 1 unless every action is one DAG run that
was told what to train on, succeeded and completed its action, and the metric of the last retraining moved.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import machine
from airflow_node import ADMIN, VERSION, AirflowNode
from between import Between, holder
from chaos_monitor import create_topics
from confluent_kafka import Consumer, TopicPartition
from kafka_node import KafkaNode
from paging_traffic import Traffic, narrow
from patience import until
from product import ROOT, Product, config_of

from stream.simulate.shifts import Shift

if TYPE_CHECKING:
    from collections.abc import Callable

DAG = "retrain_click"
DAGS = {
    "retrain.py": """
from airflow.sdk import dag, get_current_context, task


@dag(dag_id="retrain_click", schedule=None, is_paused_upon_creation=False)
def retrain():
    @task
    def train():
        conf = get_current_context()["dag_run"].conf
        told = conf["data"]
        assert told["from"] < told["until"], told
        assert told["offsets"], told
        assert "driftgauge export labelled" in told["command"], told

    train()


retrain()
"""
}
"""A training that fails unless it is told what to train on."""

PANE = 1_000
SHIFT = Shift("mean", "age", 1.0)
RATE = 400.0
PATIENCE = 900.0
CREATED = 200
"""What Airflow says to a run that is new."""
LAST = "retrain_last_timestamp_seconds"


def config(bootstrap: str, topic: str, directory: Path, url: str, password: str) -> dict[str, Any]:
    """A monitor whose model asks for a retraining as soon as it drifts, through the shipped connector."""
    (directory / "password").write_text(f"{password}\n")
    given = config_of(bootstrap, topic, directory, narrow(PANE))
    given["topics"]["control"] = f"{topic}.control"
    given["time"] = {"pane": "1s", "lateness": "500ms", "idle_after": "1500ms"}
    auth = {"username": ADMIN, "password_file": "password"}
    given["actions"] = {"mode": "live", "connectors": {"train": {"airflow": {"url": url, "auth": auth, "poll": "1s"}}}}
    (model,) = given["models"]
    windows = {"windows": ["1s", "5s"]}
    model |= {"drift": windows, "prediction": windows, "quality": {"windows": ["1s"]}}
    model["retrain"] = {"schedule": None, "drift": {"for": "0s"}, "via": ["train"]}
    return given


def steps(bootstrap: str, topic: str) -> list[dict[str, Any]]:
    """All steps of actions so far, each once: a process that was killed, or that lingers, says it again."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "look", "enable.auto.commit": False})
    try:
        consumer.assign([TopicPartition(topic, 0, 0)])
        _, end = consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=30)
        read, found = 0, {}
        while read < end:
            messages = [one for one in consumer.consume(100, 1.0) if one.error() is None]
            read += len(messages)
            for step in (json.loads(one.value() or b"") for one in messages):
                found.setdefault(step["event_id"], step)
        return list(found.values())
    finally:
        consumer.close()


class Killer:
    """Kills the courier whenever a run that it asked for is committed and it has not heard so."""

    def __init__(self, kills: int) -> None:
        self.left, self.supervisor = kills, 0
        self.killed: list[int] = []

    def __call__(self, method: str, path: str, status: int, port: int) -> bool:
        """Whether the answer is lost: to whom it would go is dead."""
        if (method, status) != ("POST", CREATED) or not path.endswith("/dagRuns") or not self.left:
            return False
        pid = holder(self.supervisor, port)
        if pid is None:
            raise RuntimeError("nobody below the monitor holds the connection that the request came from")
        os.kill(pid, signal.SIGKILL)
        self.killed.append(pid)
        self.left -= 1
        return True


def ask(path: Path) -> None:
    """Ask for a retraining as people do."""
    command = [sys.executable, "-m", "stream.cli.app", "action", "request", "retrain", "--model", "click"]
    subprocess.run([*command, "--config", str(path), "--by", "ann"], cwd=ROOT, check=True, capture_output=True)


def metric(product: Product) -> float:
    """The last retraining; 0 for none."""
    lines = [line for line in product.metrics().splitlines() if line.startswith(f"driftgauge_{LAST}{{")]
    return max((float(line.rpartition(" ")[2]) for line in lines), default=0.0)


def play(kafka: KafkaNode, airflow: AirflowNode, directory: Path, kills: int) -> list[str]:
    """All of it; what is not as it must be."""
    topic, bootstrap = "predictions", kafka.bootstrap
    killer = Killer(kills)
    with Between(airflow.url, killer) as between:
        given = config(bootstrap, topic, directory, between.url, airflow.password)
        outputs = [name for role, name in given["topics"].items() if role != "predictions"]
        create_topics(bootstrap, {topic: 4, **dict.fromkeys(outputs, 1)})
        with Product(directory, given) as product, Traffic(bootstrap, topic, narrow(PANE), [SHIFT], RATE) as traffic:
            killer.supervisor = product.pid
            until(lambda: product.predictions() > 10 * RATE, PATIENCE, "the monitor counts")
            if metric(product):
                return ["there is a last retraining before the first"]
            traffic.shift(time.time())
            seen: Callable[[], list[dict[str, Any]]] = lambda: steps(bootstrap, given["topics"]["actions"])  # noqa: E731
            took = [_completed(seen, 1)]
            traffic.calm()
            for number in range(2, max(kills, 1) + 1):
                ask(product.path)
                took.append(_completed(seen, number))
            last = until(lambda: metric(product), PATIENCE, "the metric of the last retraining moves")
            return _judged(seen(), airflow.runs(DAG), between, killer, took, last)


def _completed(seen: Callable[[], list[dict[str, Any]]], count: int) -> float:
    """Wait until so many actions are completed; how long it took."""
    began = time.monotonic()
    until(lambda: sum(one["state"] == "completed" for one in seen()) >= count, PATIENCE, f"{count} actions completed")
    return time.monotonic() - began


def _judged(
    told: list[dict[str, Any]],
    runs: list[dict[str, Any]],
    between: Between,
    killer: Killer,
    took: list[float],
    last: float,
) -> list[str]:
    actions = {one["id"]: one for one in told if one["state"] == "requested"}
    posts = [status for method, path, status in between.asked if method == "POST" and path.endswith("/dagRuns")]
    print(f"{len(actions)} actions ({', '.join(one['trigger'] for one in actions.values())}), {len(runs)} DAG runs")
    print(f"courier killed {len(killer.killed)}x between commit and answer; POST answered {posts}")
    print(f"states {[one['state'] for one in told]}; each completed after {', '.join(f'{one:.0f} s' for one in took)}")
    problems = []
    if sorted(one["conf"]["driftgauge_action"] for one in runs) != sorted(actions):
        problems.append(f"runs {[one['dag_run_id'] for one in runs]} are not one for each action of {sorted(actions)}")
    problems += [f"{one['dag_run_id']} is {one['state']}" for one in runs if one["state"] != "success"]
    completed = sorted(one["id"] for one in told if one["state"] == "completed")
    if completed != sorted(actions):
        problems.append(f"{completed} are completed, not {sorted(actions)}")
    if killer.left:
        problems.append(f"the courier was not killed {killer.left} times more")
    latest = max(one["event_time"] for one in told if one["state"] == "completed")
    print(f"the last retraining is {last:.3f}, the last action completed at {latest}")
    return problems


def main() -> int:
    """Print what came of it; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=3)
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that servers and files go with it
    machine.show()
    print(f"airflow    {VERSION}")
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as place, AirflowNode(DAGS) as airflow, KafkaNode(heap="512m") as kafka:
        print(f"installed after {time.monotonic() - began:.0f} s", flush=True)
        airflow.start(DAG)
        print(f"running after {time.monotonic() - began:.0f} s", flush=True)
        problems = play(kafka, airflow, Path(place), given.kills)
    for problem in problems:
        print(f"WRONG: {problem}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
