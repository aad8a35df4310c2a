"""What docker-compose.yml runs, without containers: its config, preparation and simulator, on the embedded broker."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import yaml
from alerting_stack import quickened
from confluent_kafka import Producer
from kafka_node import free_ports
from paging import Prometheus
from waiting import GUARD, until

from stream.config.load import load
from stream.kafka.embedded import EmbeddedBroker

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parent.parent
COMPOSE = ROOT / "docker-compose.yml"
CONFIG = ROOT / "deploy" / "compose" / "driftgauge.yaml"
PREPARE = ROOT / "deploy" / "compose" / "prepare.py"
RULES = ROOT / "deploy" / "compose" / "driftgauge.rules.yml"
ODD = b'{"model": "click", "version": "1", "features": {"age": 40}, "prediction": 0.5, "latency_ms": "slow"}'
_STARTED = re.compile(r"started \d+ dataflow processes: \[(\d+)")


def composed() -> dict[str, Any]:
    """The compose file with its anchors and merges resolved."""
    loaded: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())
    return loaded


class Composed:
    """The monitor, the simulator and Prometheus as composed, in seconds instead of minutes. A context manager.

    The simulator's shift comes at once, more records are late, some are broken, and the dataflow process is killed
    once: so that everything that a dashboard shows has happened.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._stack = ExitStack()
        self._log = directory / "run.log"

    def __enter__(self) -> Self:
        with self._stack:
            broker = self._stack.enter_context(EmbeddedBroker())
            (port,) = free_ports(1)
            self.address = f"127.0.0.1:{port}"
            (self._directory / "state").mkdir(mode=0o700)
            self._env = {
                **os.environ,
                "PYTHONPATH": str(ROOT),
                "DRIFTGAUGE__KAFKA__BROKERS": broker.bootstrap,
                "DRIFTGAUGE__HTTP__LISTEN": self.address,
                "DRIFTGAUGE__STATE__DIRECTORY": str(self._directory / "state"),
                "DRIFTGAUGE__TIME__PANE": "1s",
                "DRIFTGAUGE__TIME__LATENESS": "500ms",
                "DRIFTGAUGE__MODELS__0__REFERENCE": str(self._directory / "click.reference.json"),
            }
            for name in load(CONFIG, {}).topics.model_dump().values():
                if name is not None:
                    broker.create(name)
            prepare(self._env)
            rules = quickened(RULES.read_text())
            self.prometheus = self._stack.enter_context(
                Prometheus(self._directory / "prometheus", rules, self.address, "http://127.0.0.1:1")
            )
            self._start("run", composed()["services"]["driftgauge"]["command"])
            self._start("simulate", _hastened(composed()["services"]["simulator"]["command"]))
            self._stack.callback(_break(broker.bootstrap))
            self._go_through_it()
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _start(self, name: str, arguments: list[str]) -> None:
        given = [part.replace("/etc/driftgauge/driftgauge.yaml", str(CONFIG)) for part in arguments]
        with (self._directory / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "stream.cli.app", *given], env=self._env, stderr=log, start_new_session=True
            )
        self._stack.callback(process.wait)
        self._stack.callback(os.killpg, process.pid, signal.SIGKILL)

    def _go_through_it(self) -> None:
        """Wait until an alert fires, then kill the dataflow process and wait until it is back."""
        self._until_some("driftgauge_alert_active == 1")
        pid = _STARTED.findall(self._log.read_text())[-1]
        os.kill(int(pid), signal.SIGKILL)
        self._until_some("driftgauge_worker_restarts_total > 0 and on () driftgauge_ready == 1")

    def _until_some(self, expression: str) -> None:
        try:
            until(lambda: self.prometheus.query(expression))
        except AssertionError:
            raise AssertionError(f"never: {expression}\n{self._log.read_text()[-3000:]}") from None


def prepare(env: Mapping[str, str]) -> str:
    """Run the preparation; what it says."""
    done = prepared(env)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def prepared(env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """What became of the preparation."""
    return subprocess.run(
        [sys.executable, PREPARE, CONFIG], env=env, capture_output=True, text=True, timeout=GUARD, check=False
    )


def _hastened(command: list[str]) -> list[str]:
    instead = {"--duration": "10m", "--shift": "price:mean:0.5@5s", "--late-share": "0.01"}
    made = []
    for part in command:
        name, _, given = part.partition("=")
        made.append(f"{name}={instead.get(name, given)}" if given else part)
    return made


def _break(bootstrap: str) -> Any:
    """Write records that cannot be read and one with a bad field, and return what closes their producer."""
    producer = Producer({"bootstrap.servers": bootstrap, "log_level": 0})
    for value in (b'{"model": "click"', b"[]", b'{"model": "nobody", "features": {}}', ODD):
        producer.produce("predictions", value)
    assert producer.flush(GUARD) == 0
    return producer.close


def flattened(services: Mapping[str, Mapping[str, Any]], key: str) -> list[tuple[str, Any]]:
    """(service, entry) for each entry of a list that services have."""
    return [(name, entry) for name, service in services.items() for entry in service.get(key, [])]
