"""A shop's topics: from an empty directory to a firing DataDrift, by the six commands of the README."""

from __future__ import annotations

import datetime as dt
import json
import os
import random
import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from brokers import Broker
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic
from waiting import GUARD, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kafka_node import KafkaNode

ROOT = Path(__file__).resolve().parents[3]
RATE = 50
"""Transactions a second."""

HISTORY = 15 * 60
"""Seconds of traffic before anybody looks."""


def commands() -> list[list[str]]:
    """The commands under "Anybody's topic", without their comments."""
    part = (ROOT / "README.md").read_text().partition("### Anybody's topic\n")[2]
    block = part.partition("```sh\n")[2].partition("```")[0]
    return [shlex.split(line, comments=True) for line in block.splitlines() if line.strip()]


def transaction(number: int, at: float, luck: random.Random, dearer: float = 0.0) -> bytes:
    """A scored transaction."""
    moment = dt.datetime.fromtimestamp(at, dt.UTC)
    return json.dumps(
        {
            "txn_id": f"t{number}",
            "event_time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "inputs": {
                "amount": round(luck.gauss(50 + dearer, 10), 2),
                "items": luck.randrange(1, 6),
                "device": {"os": luck.choice(["ios", "android", "web"])},
            },
            "outputs": {"score": round(luck.betavariate(2, 8), 4)},
            "timing": {"total_us": luck.randrange(1_000, 5_000)},
        }
    ).encode()


class Shop:
    """Its Kafka, its traffic, and the commands that are run beside it."""

    def __init__(self, node: KafkaNode, directory: Path, port: int) -> None:
        self.broker = Broker("real", node.bootstrap)
        self.directory = directory
        self._luck = random.Random(4)
        self._count = 0
        self._producer = Producer({"bootstrap.servers": node.bootstrap, "log_level": 0})
        mine = {"DRIFTGAUGE__KAFKA__BROKERS": node.bootstrap, "DRIFTGAUGE__HTTP__LISTEN": f"127.0.0.1:{port}"}
        self._env = {**os.environ, **mine, "PYTHONPATH": str(ROOT), "COLUMNS": "200"}
        admin = AdminClient({"bootstrap.servers": node.bootstrap, "log_level": 0})
        for made in admin.create_topics([NewTopic("txn-scored", 2, 1), NewTopic("chargebacks", 1, 1)]).values():
            made.result(GUARD)

    def sell(self, since: float, until_: float, dearer: float = 0.0) -> None:
        """Write the transactions of a time, in order."""
        for step in range(max(0, round((until_ - since) * RATE))):
            value = transaction(self._count, since + step / RATE, self._luck, dearer)
            self._producer.produce("txn-scored", value, partition=self._count % 2)
            self._count += 1
            self._producer.poll(0)
        assert self._producer.flush(GUARD) == 0

    def charge_back(self, count: int) -> None:
        """Write what became of some transactions."""
        for number in range(count):
            value = json.dumps({"txn": f"t{number}", "is_fraud": number % 9 == 0}).encode()
            self._producer.produce("chargebacks", value)
        assert self._producer.flush(GUARD) == 0

    def run(self, command: list[str]) -> str:
        """What a command says when it has ended well."""
        done = subprocess.run(
            [sys.executable, "-m", "stream.cli.app", *command[1:]],
            cwd=self.directory,
            env=self._env,
            capture_output=True,
            text=True,
            timeout=GUARD,
            check=False,
        )
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def start(self, command: list[str]) -> subprocess.Popen[bytes]:
        """A command that goes on."""
        with (self.directory / "log").open("wb") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "stream.cli.app", *command[1:]],
                cwd=self.directory,
                env=self._env,
                stderr=log,
                start_new_session=True,
            )

    def log(self) -> str:
        """What it says."""
        return (self.directory / "log").read_text()

    def alerts(self) -> list[dict[str, Any]]:
        """Events on the topic of alerts."""
        return [json.loads(message.value() or b"") for message in self.broker.read_all("driftgauge.alerts")]


@pytest.fixture
def shop(kafka_node: KafkaNode, tmp_path: Path, free_port: int) -> Iterator[Shop]:
    """A shop with a quarter of an hour behind it, and an empty directory."""
    (tmp_path / "empty").mkdir()
    found = Shop(kafka_node, tmp_path / "empty", free_port)
    now = time.time()
    found.sell(now - HISTORY, now)
    found.charge_back(500)
    return found


@pytest.mark.real_broker
def test_six_commands_lead_to_a_firing_drift(shop: Shop) -> None:
    """They are the README's, word for word; prices rise while the last of them runs, and DataDrift names the amount."""
    given = commands()
    assert [command[:2] for command in given] == [
        ["driftgauge", "peek"],
        ["driftgauge", "peek"],
        ["driftgauge", "init"],
        ["driftgauge", "topics"],
        ["driftgauge", "check"],
        ["driftgauge", "run"],
    ]
    scored, charged, started, _, checked = map(shop.run, given[:-1])
    assert "latency_ms: {path: timing.total_us, scale: 0.001}" in scored
    assert "map: {prediction_id: txn, label: is_fraud}" in charged
    assert f"{RATE * HISTORY:,} rows" in started
    assert checked.endswith("driftgauge.yaml: OK\n")
    written = yaml.safe_load((shop.directory / "driftgauge.yaml").read_text())["sources"]
    assert written == sources_of_the_readme()
    running = shop.start(given[-1])
    try:
        until(lambda: "reading txn-scored" in shop.log() or running.poll() is not None)
        assert running.poll() is None, shop.log()
        sold = time.time()

        def fired() -> list[dict[str, Any]]:
            nonlocal sold
            now = time.time()
            shop.sell(sold, now, dearer=20)
            sold = now
            return [one for one in shop.alerts() if (one["alert"], one["state"]) == ("DataDrift", "firing")]

        (first, *_) = until(fired, pause=0.5)
    finally:
        running.terminate()
        ended = running.wait(GUARD)
    assert ended == 0, shop.log()
    assert first["model"] == "fraud"
    assert first["causes"][0]["feature"] == "amount"


def sources_of_the_readme() -> list[dict[str, Any]]:
    """What it says that the config then holds."""
    part = (ROOT / "README.md").read_text().partition("### Anybody's topic\n")[2]
    found: list[dict[str, Any]] = yaml.safe_load(part.partition("```yaml\n")[2].partition("```")[0])["sources"]
    return found
