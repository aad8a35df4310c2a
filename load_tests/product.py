"""The product under load, started as a user starts it and watched as a user watches it: through /metrics."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import yaml
from kafka_node import free_ports
from usage import usage, workers_below

from windows.references.reference import to_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from windows.references.reference import Reference

ROOT = Path(__file__).resolve().parent.parent
ENTRY = "from stream.start import main; main()"
"""What the installed program does."""
PATIENCE = 600.0
POLL_SECONDS = 0.1
_TOTAL = re.compile(r"^driftgauge_predictions_total\{[^}]*\} ([0-9.e+]+)$", re.MULTILINE)


@dataclass(frozen=True)
class Measure:
    """What one run of one row came to: per record over the time in which records were read."""

    records: float
    seconds: float
    cpu: float
    rss: float

    @property
    def rate(self) -> float:
        """Records a second."""
        return self.records / self.seconds

    @property
    def cost(self) -> float:
        """CPU microseconds a record, all threads and processes of the reader."""
        return self.cpu / self.records * 1e6


class Product:
    """`driftgauge run` on a config of its own; a context manager that ends it.

    Args:
        directory: where config, state and log go; made anew.
        config: mapping of the config file.
        processes: for `--processes`.
        environment: what it finds beside what this process has.
    """

    def __init__(
        self,
        directory: Path,
        config: dict[str, Any],
        processes: int = 1,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.directory = directory
        self._environment = {**os.environ, **(environment or {})}
        self.address = config["http"]["listen"]
        self.path = directory / "driftgauge.yaml"
        self.path.write_text(yaml.safe_dump(config))
        self._command = [sys.executable, "-c", ENTRY, "run", "--config", str(self.path)]
        self._command += ["--processes", str(processes)]
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with (self.directory / "run.log").open("ab") as log:
            self.process = subprocess.Popen(
                self._command, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT, env=self._environment
            )
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def start(self) -> None:
        """Start it, again after a kill or a stop."""
        self.__enter__()

    def kill(self) -> None:
        """Kill -9 the supervisor alone."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    @property
    def pid(self) -> int:
        """Process id of the supervisor."""
        if self.process is None:
            raise RuntimeError("not started")
        return self.process.pid

    def workers(self) -> list[int]:
        """Process ids of the dataflow processes that are alive."""
        return workers_below(self.pid)

    def metrics(self) -> str:
        """Return the text of /metrics; empty while nothing listens.

        Raises:
            RuntimeError: it has ended by itself; with its last words.
        """
        if self.process is not None and self.process.poll() is not None:
            words = (self.directory / "run.log").read_text(errors="replace").strip().splitlines()[-5:]
            raise RuntimeError(f"driftgauge ended with {self.process.returncode}: " + " | ".join(words))
        try:
            with urllib.request.urlopen(f"http://{self.address}/metrics", timeout=10) as answer:
                text: str = answer.read().decode()
                return text
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return ""

    def predictions(self) -> float:
        """Return the predictions counted so far, over all models, versions and outcomes."""
        return sum(map(float, _TOTAL.findall(self.metrics())))


def config_of(
    bootstrap: str,
    topic: str,
    directory: Path,
    reference: Reference,
    properties: dict[str, str] | None = None,
) -> dict[str, Any]:
    """Return the config of one model on one topic, read from its beginning; its reference is written beside it."""
    (directory / "reference.json").write_bytes(to_json(reference))
    names = ("feedback", "alerts", "actions", "dead_letters")
    return {
        "kafka": {"brokers": bootstrap, "start": "earliest", "properties": properties or {}},
        "topics": {"predictions": topic, **{name: f"{topic}.{name}" for name in names}},
        "state": {"directory": str(directory / "state")},
        "http": {"listen": f"127.0.0.1:{free_ports(1)[0]}"},
        "models": [{"name": reference.model, "task": "binary", "reference": str(directory / "reference.json")}],
    }


def run_product(product: Product, expected: int) -> Measure:
    """Start the product on a topic that is full and measure until it has counted `expected` predictions.

    The counter moves in steps, one an epoch. Rate and CPU are taken between two steps, the first one after a tenth of
    the records (start-up is over) and the last one before the end (so that waiting for the last step counts nowhere).
    """
    steps: list[tuple[float, float, float]] = []
    largest = 0.0
    deadline = time.monotonic() + PATIENCE
    with product:
        while not steps or steps[-1][1] < expected:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{steps[-1:]} of {expected} predictions after {PATIENCE} s")
            counted = product.predictions()
            used = usage(product.pid)
            largest = max(largest, used.rss)
            if counted and (not steps or counted > steps[-1][1]):
                steps.append((time.perf_counter(), counted, used.cpu))
            time.sleep(POLL_SECONDS)
    inside = [step for step in steps if 0.1 * expected <= step[1] < expected]
    first, last = (inside[0], inside[-1]) if len(inside) > 2 else (steps[0], steps[-1])
    if last[0] <= first[0]:
        raise RuntimeError(f"{expected} predictions are too few to measure: all came in one step")
    return Measure(last[1] - first[1], last[0] - first[0], last[2] - first[2], largest)
