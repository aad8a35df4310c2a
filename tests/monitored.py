"""The monitor as stream tests run it: on a broker, over the click model, with panes of a second."""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import yaml
from waiting import GUARD, until

from stream.config.load import Config, load
from stream.demo.reference import click_reference
from stream.metrics.catalog import BY_NAME
from stream.metrics.registry import Registry
from stream.metrics.reports import LocalReporter
from stream.simulate.generator import Generator
from stream.workers import monitor
from windows.references.reference import seal, to_json

if TYPE_CHECKING:
    from types import TracebackType

    from brokers import Broker
    from confluent_kafka import Message

    from stream.simulate.shifts import Shift
    from windows.references.reference import Reference

ROOT = Path(__file__).resolve().parent.parent
PANE = 1_000
LATENESS = 500
PARTITIONS = 4
RATE = 400


@cache
def reference() -> Reference:
    """The click model's reference."""
    return click_reference(PANE, 30_000)


def reference_of(model: str) -> Reference:
    """The same of a model of another name."""
    return seal(replace(reference(), model=model))


@dataclass
class Site:
    """A config in a directory of its own, with topics of its own on a broker.

    Attributes:
        directory: where config, reference and state are.
        broker: where the topics are.
        predictions: the topic that is read.
        idle_after: as the config says it.
        no_data_after: the same.
        start: the same.
    """

    directory: Path
    broker: Broker
    predictions: str
    idle_after: str = "1500ms"
    no_data_after: str = "1h"
    start: str = "earliest"
    evaluations: bool = True
    topics: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.directory.mkdir(exist_ok=True)
        for name in ("alerts", "dead_letters", *(["evaluations"] if self.evaluations else [])):
            if name not in self.topics:
                self.topics[name] = self.broker.topic(name.replace("_", "-"))
        (self.directory / "reference.json").write_bytes(to_json(reference()))
        windows = '{windows: ["1s", "5s"]}'
        self.path.write_text(f"""
kafka: {{brokers: "{self.broker.bootstrap}", start: {self.start}, properties: {{log_level: 0}}}}
topics: {json.dumps({"predictions": self.predictions, **self.topics})}
time: {{pane: 1s, lateness: 500ms, idle_after: {self.idle_after}}}
state: {{directory: state, epoch: 200ms}}
http: {{listen: "127.0.0.1:0"}}
alerting: {{resolve_after: 5s}}
models:
  - name: click
    task: binary
    reference: reference.json
    drift: {windows}
    prediction: {windows}
    quality: {{windows: ["1s"], no_data_after: {self.no_data_after}}}
""")

    @property
    def path(self) -> Path:
        """The config file."""
        return self.directory / "c.yaml"

    @property
    def config(self) -> Config:
        """The config."""
        return load(self.path, {})

    def read(self, name: str) -> list[Message]:
        """All that an output topic holds now."""
        return self.broker.read_all(self.topics[name])

    def alerts(self) -> list[dict[str, Any]]:
        """Alert events in the order they were written, by partition."""
        return [json.loads(message.value() or b"") for message in self.read("alerts")]


def with_sources(site: Site, sources: list[dict[str, Any]]) -> None:
    """Let the config of a site read these."""
    config = yaml.safe_load(site.path.read_text())
    site.path.write_text(yaml.safe_dump({**config, "sources": sources}))


def acting_site(directory: Path, broker: Broker, actions: dict[str, Any], **retrain: Any) -> Site:
    """A site whose model asks for a retraining as soon as it drifts."""
    topics = {role: broker.topic(role) for role in ("actions", "control")}
    site = Site(directory, broker, broker.topic("predictions"), topics=topics)
    config = yaml.safe_load(site.path.read_text())
    config["actions"] = {"mode": "live", **actions}
    config["models"][0]["retrain"] = {"schedule": None, "drift": {"for": "0s"}, **retrain}
    site.path.write_text(yaml.safe_dump(config))
    return site


def headers_of(message: Message) -> dict[str, bytes]:
    """The headers of a message, each as bytes."""
    given: Any = message.headers() or []
    return {name: value if isinstance(value, bytes) else b"" for name, value in given}


class Monitor:
    """The monitor as one process, in a thread of this one. A context manager; leaving it is a graceful stop."""

    def __init__(self, site: Site) -> None:
        self.registry = Registry()
        self.error: BaseException | None = None
        self._stop = threading.Event()
        self._config = site.config
        self._thread = threading.Thread(target=self._run, name="monitor")

    def _run(self) -> None:
        reporter = LocalReporter(self.registry.apply)
        references = {model.name: reference_of(model.name) for model in self._config.models}
        try:
            monitor.run(self._config, references, reporter, self._stop, process=0, addresses=[])
        except BaseException as error:  # noqa: BLE001 - for the test to see
            self.error = error

    def total(self, metric: str, **labels: str) -> int:
        """The sum of a metric over the rows with these labels."""
        names = BY_NAME[metric].labels
        rows = self.registry.values(metric).items()
        return int(sum(value for row, value in rows if labels.items() <= dict(zip(names, row, strict=True)).items()))

    @property
    def watermark(self) -> int:
        """The watermark in ms; 0 while it is unknown."""
        values = self.registry.values("watermark_timestamp_seconds").values()
        return round(max(values, default=0.0) * 1e3)

    @property
    def state(self) -> str:
        """What the process says it is doing."""
        return self.registry.statuses()[0].state

    def until_read(self, count: int) -> None:
        """Wait until so many records have been read."""
        self.until(lambda: self.total("records_read_total") >= count)
        assert self.total("records_read_total") == count

    def until(self, condition: Any) -> Any:
        """Wait for the condition; an error of the monitor ends the wait."""

        def met() -> Any:
            assert self.error is None, repr(self.error)
            return condition()

        return until(met)

    def __enter__(self) -> Self:
        self._collector = gc.get_threshold()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join(GUARD)
        gc.set_threshold(*self._collector)
        gc.unfreeze()
        if kind is None:
            assert not self._thread.is_alive(), "the monitor does not stop"
            assert self.error is None, repr(self.error)


class Program:
    """`driftgauge run` as a user starts it. A context manager; leaving it kills what is left."""

    def __init__(self, site: Site, processes: int) -> None:
        self._log = site.directory / "log"
        with self._log.open("ab") as log:
            arguments = ["run", "--config", str(site.path), "--processes", str(processes)]
            self.process = subprocess.Popen(
                [sys.executable, "-m", "stream.cli.app", *arguments], stderr=log, cwd=ROOT, start_new_session=True
            )

    def terminate(self) -> int:
        """SIGTERM; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(GUARD)

    @property
    def log(self) -> str:
        """What it wrote to stderr."""
        return self._log.read_text()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


class Traffic:
    """Predictions by second of event time, spread over partitions in an order that is always the same."""

    def __init__(
        self,
        site: Site,
        start: int,
        *,
        shifts: tuple[Shift, ...] = (),
        partitions: int = PARTITIONS,
        model: str = "click",
    ) -> None:
        self._site = site
        self._generator = Generator(reference_of(model), seed=7, shifts=shifts, error_rate=0.01)
        self.partitions = partitions
        self.at = start // PANE * PANE
        self.count = 0

    def write(self, seconds: int, rate: int = RATE) -> int:
        """Write the next seconds; the time (ms) up to which there is traffic now."""
        lanes: list[list[bytes]] = [[] for _ in range(self.partitions)]
        for _ in range(seconds):
            values = self._generator.encode(self._generator.batch(rate, self.at, self.at + PANE))
            for number, lane in enumerate(lanes):
                lane.extend(values[number :: self.partitions])
            self.at += PANE
            self.count += len(values)
        for number, lane in enumerate(lanes):
            self._site.broker.produce(self._site.predictions, lane, partition=number)
        return self.at

    @property
    def closable(self) -> int:
        """The watermark (ms) that this traffic alone leads to: the newest records hold the panes of `lateness` open."""
        return (self.at - PANE // 100 - LATENESS) // PANE * PANE


def acting(directory: Path, rule: str) -> Config:
    """A config in a directory whose actions are live: panes of half a second, labels waited for; `rule` asks for them.

    Cohorts of a minute come in slices of two and a half seconds.
    """
    (directory / "reference.json").write_bytes(to_json(reference()))
    path = directory / "c.yaml"
    path.write_text(f"""
time: {{pane: 500ms, lateness: 500ms, idle_after: 1s}}
actions: {{mode: live}}
models:
  - name: click
    task: binary
    reference: reference.json
    drift: {{windows: ["10s"]}}
    prediction: {{windows: ["10s"]}}
    quality: {{windows: ["10s"], no_data_after: 1h}}
    performance: {{windows: ["1m"], label_delay: 5s, keep: 1m, label_stall_after: 1h}}
    {rule}
""")
    return load(path, {})
