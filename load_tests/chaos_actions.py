"""Disturbances with actions under way, which nobody may notice in what is asked for and what is done.

    python load_tests/chaos_actions.py [--kills N] [--courier N] | [--each N]

As `chaos.py`, with retrainings that go out through the shipped connector to a server which speaks Airflow's API, loses
30 % of its answers after it has committed, and ends its runs some looks later. Killed with -9 are workers, all of them,
the supervisor, and, between the commit of a run and the answer to it, the courier. What was said on the control topic
is an input: the undisturbed run of one process reads it, too, and has no courier. Exit 1 when any step of any action,
alert, evaluation or counter differs, or an action is not exactly one DAG run.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "load_tests"), str(ROOT / "tests")]

import machine  # noqa: E402  the path comes first
from between import Between, holder  # noqa: E402
from chaos import kills, show  # noqa: E402
from chaos_monitor import OUTPUTS, Monitor, Setup, create_topics  # noqa: E402
from chaos_run import Bench, Result, Run  # noqa: E402
from chaos_traffic import references  # noqa: E402
from confluent_kafka import Producer  # noqa: E402
from kafka_node import KafkaNode  # noqa: E402
from patience import until  # noqa: E402
from retraining import steps  # noqa: E402
from targets import FakeAirflow  # noqa: E402

DROP = 0.3
LOOKS = 3
"""After so many a run has succeeded."""
ACTION_SECONDS = 300.0
NEW = 200


class LossyAirflow(FakeAirflow):
    """Loses answers after it has committed; its runs end some looks later."""

    def __init__(self) -> None:
        super().__init__(drop=DROP)
        self.looks: dict[str, int] = {}

    def _runs(self, method: str, parts: list[str], body: bytes) -> tuple[int, Any]:
        if method == "GET" and (run := self.runs.get((parts[3], parts[5]))) is not None:
            looks = self.looks[parts[5]] = self.looks.get(parts[5], 0) + 1
            run["state"] = "success" if looks > LOOKS else "running"
        return super()._runs(method, parts, body)


@dataclass(frozen=True)
class ActingSetup(Setup):
    """A monitor that has a courier, if it is the disturbed one; both hear the same control topic.

    Attributes:
        airflow: its address.
    """

    airflow: str = ""

    def config(self, directory: Path, name: str) -> dict[str, Any]:
        """Return the config with a connector; that of the undisturbed run wants nothing."""
        config = super().config(directory, name)
        config["topics"]["control"] = f"{self.topic}.control"
        real = {"airflow": {"url": self.airflow, "poll": "500ms"}}
        none = {"webhook": {"url": "http://127.0.0.1:1", "states": ["expired"]}}
        config["actions"]["connectors"] = {"train": real if name == "disturbed" else none}
        for model in config["models"]:
            model["retrain"] |= {"schedule": None, "via": ["train"]}  # no calendar: at the end nothing may be asked for
        return config


class ActingMonitor(Monitor):
    """Hears the control topic that all monitors hear."""

    own = tuple(role for role in OUTPUTS if role != "control")


class ActingRun(Run):
    """Traffic, a monitor with a courier, and an Airflow behind a line that can be watched."""

    watcher = ActingMonitor
    alert_seconds = 400.0
    courier = 0
    """How often the courier is to be killed."""

    def __init__(self, bench: Bench, name: str, **options: Any) -> None:
        self.airflow = LossyAirflow()
        self.between = Between(self.airflow.url, self._lost)
        self.armed, self.killed, self.asked = False, 0, 0
        topic = f"predictions-{name.replace(' ', '-')}-{bench.seed}"
        self.control = f"{topic}.control"
        create_topics(bench.node.bootstrap, {self.control: 1})
        self.setup = partial(ActingSetup, airflow=self.between.url)  # type: ignore[assignment]
        super().__init__(bench, name, **options)

    def __enter__(self) -> Self:
        """Start."""
        self.airflow.__enter__()
        self.between.__enter__()
        return super().__enter__()

    def __exit__(self, *_: object) -> None:
        """End what still runs."""
        super().__exit__()
        self.between.__exit__()
        self.airflow.__exit__()

    def _lost(self, method: str, path: str, status: int, port: int) -> bool:
        if not self.armed or (method, status) != ("POST", NEW) or not path.endswith("/dagRuns"):
            return False
        pid = holder(self.monitor.pid, port)
        if pid is None:  # it, or its supervisor, was killed meanwhile
            return False
        os.kill(pid, signal.SIGKILL)
        self.armed, self.killed = False, self.killed + 1
        return True

    def request(self) -> None:
        """Ask for a retraining as people do."""
        self.asked += 1
        model = ("click", "rank")[self.asked % 2]
        word = {"id": f"ask-{self.asked}", "kind": "request", "model": model, "action": "retrain", "by": "ann"}
        word["timestamp"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        producer = Producer({"bootstrap.servers": self.bench.node.bootstrap})
        producer.produce(self.control, json.dumps(word).encode(), key=model.encode())
        producer.flush(30)

    def kill_courier(self) -> None:
        """Kill it when Airflow has committed a run of an action and it has not heard so."""
        before, self.armed = self.killed, True
        began = time.monotonic() - ACTION_SECONDS

        def done() -> bool:
            nonlocal began
            if self.killed == before and time.monotonic() - began > 20:  # refused while another is under way
                began = time.monotonic()
                self.request()
            return self.killed > before

        until(done, ACTION_SECONDS, "the courier is killed between commit and answer")

    def told(self) -> list[dict[str, Any]]:
        """All steps of actions that the disturbed monitor wrote."""
        return steps(self.bench.node.bootstrap, self.monitor.topics["actions"])

    def settle(self) -> Result:
        """Kill the courier, let all that was asked for end, compare, and count DAG runs."""
        for _ in range(self.courier):
            self.progress()
            self.kill_courier()
        until(self._all_over, ACTION_SECONDS, "all actions are over")
        result = super().settle()
        told = self.told()
        asked = {f"dg-{one['id']}" for one in told if one["state"] == "requested" and one["action"] == "retrain"}
        made = self.airflow.made
        result.check(len(made) == len(set(made)), f"{len(made) - len(set(made))} DAG runs came twice")
        result.check(set(made) == asked, f"{len(set(made) ^ asked)} DAG runs are not those of actions")
        result.disturbances += self.killed
        states: dict[str, int] = {}
        for state, _ in {(one["state"], one["id"]) for one in told}:
            states[state] = states.get(state, 0) + 1
        result.check(states.get("completed", 0) > 0, "no action was completed")
        result.notes.append(f"the courier {self.killed}x between commit and answer, {DROP:.0%} of answers lost")
        result.notes.append(f"{len(asked)} retrainings, {len(made)} DAG runs; {dict(sorted(states.items()))}")
        return result

    def _all_over(self) -> bool:
        """Whether every run has ended, and what was said of it has been heard."""
        latest: dict[str, str] = {}
        for one in self.told():
            if one["via"] and one["state"] != "blocked":
                latest[one["id"]] = one["state"]
        return all(state in {"completed", "failed", "cancelled", "expired"} for state in latest.values())


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--courier", type=int, default=20)
    parser.add_argument(
        "--each", type=int, help="kills of a worker, of the supervisor, of the courier; instead of the two"
    )
    parser.add_argument("--rate", type=float, default=1_000.0, help="predictions a second")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="where files and logs stay")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that broker and files go with it
    machine.show()
    each = options.each
    ActingRun.courier = options.courier if each is None else each
    victims = [victim for victim in ("a worker", "the supervisor") for _ in range(each or 0)]
    with tempfile.TemporaryDirectory(prefix="driftgauge-chaos-") as scratch, KafkaNode(heap="512m") as node:
        directory = options.keep or Path(scratch)
        bench = Bench(node, references(), directory, options.rate, options.seed, options.processes)
        result = kills(bench, len(victims) or options.kills, ActingRun, victims)
    show([result])
    sys.exit(bool(result.problems))


if __name__ == "__main__":
    main()
