"""A monitor to be disturbed: the whole product with two models, which can be killed, stopped and started again."""

from __future__ import annotations

import os
import re
import signal
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from chaos_traffic import LATENESS, PANE, PARTITIONS
from confluent_kafka.admin import AdminClient, NewTopic
from kafka_node import free_ports
from patience import until, until_it_rests
from product import Product

from windows.references.reference import to_json

if TYPE_CHECKING:
    from pathlib import Path

    from windows.references.reference import Reference

EXACT = (
    "records_read_total",
    "records_folded_total",
    "predictions_total",
    "late_records_total",
    "dead_letters_total",
    "overflow_total",
    "alerts_total",
    "actions_total",
    "actions_blocked_total",
)
"""Counters that come out of exactly-once state."""
OUTPUTS = ("alerts", "actions", "control", "dead_letters", "evaluations")
FOREVER = "1d"
STILL = 20
"""Looks, 50 ms apart, in which nothing changes."""
STILL_SECONDS = 300.0
"""A look takes as long as all hosts take to answer: seconds on a machine that has other things to do."""
MODELS = ("click", "rank")


@dataclass(frozen=True)
class Setup:
    """What a monitor reads and how patient it is.

    Attributes:
        bootstrap: the broker.
        topic: the predictions.
        models: references.
        idle_after: see `time.idle_after`.
        no_data_after: see `quality.no_data_after`.
    """

    bootstrap: str
    topic: str
    models: tuple[Reference, ...]
    idle_after: str = FOREVER
    no_data_after: str = FOREVER

    def config(self, directory: Path, name: str) -> dict[str, Any]:
        """Return the config of a monitor called `name`, with the references beside it."""
        for reference in self.models:
            (directory / f"{reference.model}.json").write_bytes(to_json(reference))
        windows = {"windows": [PANE // 1000, "20s"]}
        common = {
            "drift": {**windows, "js": {"major": 0.4}, "wasserstein": {"major": 0.9}},
            "prediction": windows,
            "quality": {"windows": ["20s"], "no_data_after": self.no_data_after},
            "retrain": {"schedule": {"cron": "* * * * *"}, "drift": {"level": "minor", "for": "2s"}, "cooldown": "1m"},
            "on": [{"alert": "SlaBreach", "action": "review", "cooldown": "10s"}],
            "sla": {"latency_p99_ms": {"objective": "< 200", "window": "20s"}},
        }
        return {
            "kafka": {"brokers": self.bootstrap, "start": "earliest"},
            "topics": {"predictions": self.topic, **{role: f"{self.topic}.{name}.{role}" for role in OUTPUTS}},
            "state": {"directory": str(directory / "state")},
            "http": {"listen": f"127.0.0.1:{free_ports(1)[0]}"},
            "time": {"pane": PANE / 1e3, "lateness": LATENESS / 1e3, "idle_after": self.idle_after},
            "alerting": {"resolve_after": "8s"},
            "actions": {"mode": "live"},
            "models": [
                {"name": "click", "task": "binary", "reference": "click.json", "segments": ["device"], **common},
                {"name": "rank", "task": "regression", "reference": "rank.json", **common},
            ],
        }


def create_topics(bootstrap: str, sizes: dict[str, int]) -> None:
    """Create topics and return once the broker shows them all."""
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    for future in admin.create_topics([NewTopic(name, count, 1) for name, count in sizes.items()]).values():
        future.result(30)

    def shown() -> bool:
        found = admin.list_topics(timeout=10).topics
        return all(name in found and len(found[name].partitions) == count for name, count in sizes.items())

    until(shown, 30, f"topics {', '.join(sizes)}")


class Monitor(Product):
    """`driftgauge run` on two models; a context manager that starts it and, at the end, ends it.

    Args:
        setup: what it reads.
        directory: of its own; made.
        name: goes into the names of its output topics, which are created.
        processes: for `--processes`.
    """

    exact: tuple[str, ...] = EXACT
    marks: tuple[str, ...] = ("watermark_timestamp_seconds", "actions_timestamp_seconds")
    own: tuple[str, ...] = OUTPUTS
    """Roles whose topics are made for it."""

    def __init__(self, setup: Setup, directory: Path, name: str, processes: int = 2) -> None:
        directory.mkdir()
        config = setup.config(directory, name)
        self.topics: dict[str, str] = config["topics"]
        self.processes = processes
        create_topics(setup.bootstrap, {self.topics[role]: 1 for role in self.own})
        super().__init__(directory, config, processes)

    def terminate(self) -> tuple[int, float]:
        """SIGTERM the supervisor; return its exit code and the seconds it took."""
        if self.process is None:
            raise RuntimeError("not started")
        began = time.monotonic()
        self.process.terminate()
        code = self.process.wait(600)
        return code, time.monotonic() - began

    def page(self, name: str) -> tuple[int, str]:
        """Return status and body of an HTTP page; (0, "") while nothing listens."""
        try:
            with urllib.request.urlopen(f"http://{self.address}/{name}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return 0, ""

    def ready(self) -> bool:
        """Whether /readyz says so."""
        return self.page("readyz")[0] == 200

    def series(self, *names: str) -> dict[str, float]:
        """Return "name{labels}" -> value of every series of these metrics, without the prefix of the names."""
        text = self.metrics()
        found = {}
        for name in names:
            for labels, value in re.findall(rf"^driftgauge_{name}(\{{.*\}})? (\S+)$", text, re.MULTILINE):
                found[name + labels] = float(value)
        return found

    def total(self, name: str) -> float:
        """Return the sum of a metric over all its labels."""
        return sum(self.series(name).values())

    def caught_up(self, records: int, watermark: int, seconds: float) -> dict[str, float]:
        """Wait until it has read so many records and closed every pane before the watermark; return its counters.

        On a machine that has other things to do that may take long: it must read on, within so many seconds.
        """

        def done() -> bool:
            read = self.total("records_read_total")
            return read >= records and all(self._has_reached(name, watermark) for name in self.marks)

        read = partial(self.total, "records_read_total")
        until_it_rests(done, read, seconds, f"{records} records to be read, watermark {watermark}")
        return self._settled()

    def _has_reached(self, name: str, watermark: int) -> bool:
        """Whether this gauge of every model has come to the watermark."""
        marks = self.series(name).values()
        return len(marks) == len(MODELS) and min(marks) * 1e3 > watermark - 1

    def _settled(self) -> dict[str, float]:
        """Return the exact counters once they stand still: those of alerts come a moment after those of panes."""
        seen: list[dict[str, float]] = []

        def still() -> bool:
            seen.append(self.series(*self.exact))
            return len(seen) > STILL and all(found == seen[-1] for found in seen[-STILL:])

        until(still, STILL_SECONDS, "counters that stand still")
        return seen[-1]


def kill_process(pid: int) -> None:
    """Kill -9; it may be gone already."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def partitions(topic: str) -> dict[str, int]:
    """Return the predictions topic as `create_topics` takes it."""
    return {topic: PARTITIONS}
