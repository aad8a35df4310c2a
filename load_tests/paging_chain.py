"""The whole way from predictions to a pager, with real parts: Kafka, driftgauge, Prometheus, Alertmanager, a receiver.

Only addresses, and what `Pace` says, differ from what is shipped.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from alerting_stack import Alertmanager, Prometheus, quickened
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from kafka_node import free_ports
from pagerduty import Receiver
from paging_traffic import MODEL, VERSION, Traffic
from patience import until
from product import Product

from stream.config.load import load
from stream.rules.file import rules_of
from stream.rules.options import RuleOptions
from windows.references.reference import to_json

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from confluent_kafka import Message

    from stream.simulate.shifts import Shift
    from windows.references.reference import Reference

PARTITIONS = 4
OUTPUTS = ("alerts", "actions", "dead_letters")
SUMMARY = f"Features of {MODEL} version {VERSION} moved away from the reference"
READY = 600.0
GAUGE = f'driftgauge_alert_active{{model="{MODEL}",alert="DataDrift",severity="critical"}}'
FIRING = 'ALERTS{alertname="DataDrift",severity="critical",alertstate="firing"}'


@dataclass(frozen=True)
class Pace:
    """What a chain is run with. The default is what a page waits for as shipped: panes, lateness, scrapes and rules.

    Shorter than as shipped is only what comes after the page, so that a run ends soon.

    Attributes:
        pane: ms; the only window of drift, for what went before must not be in the window of the next run.
        lateness: ms.
        resolve_after: ms.
        keep_firing_for: ms.
        interval: of scrapes and of every group of rules; None as shipped, 5 s each.
        group_interval: of Alertmanager.
    """

    pane: int = 10_000
    lateness: int = 5_000
    resolve_after: int = 1
    keep_firing_for: int = 5_000
    interval: str | None = None
    group_interval: str = "1s"


FAST = Pace(pane=1_000, lateness=500, resolve_after=2_000, keep_firing_for=2_000, interval="1s")
"""Everything in a tenth of the time."""


class Chain:
    """All of it, running, with normal traffic; a context manager.

    Args:
        directory: for everything that is written.
        bootstrap: the broker.
        reference: what is normal.
        shifts: what `traffic.shift` does.
        pace: intervals.
        rate: predictions a second.
        push: whether driftgauge tells Alertmanager itself; Prometheus then tells nobody.
    """

    def __init__(
        self,
        directory: Path,
        bootstrap: str,
        reference: Reference,
        shifts: Iterable[Shift],
        pace: Pace | None = None,
        rate: float = 1_000.0,
        *,
        push: bool = False,
    ) -> None:
        self._directory = directory
        self._bootstrap = bootstrap
        self._reference = reference
        self._stack = ExitStack()
        self.pace = pace or Pace()
        self.push = push
        self.topic = f"predictions-{uuid.uuid4().hex[:8]}"
        self.alerts_topic = f"{self.topic}.alerts"
        self._make_topics()
        self.receiver = Receiver()
        self.alertmanager = Alertmanager(
            directory / "alertmanager", self.receiver.url, group_interval=self.pace.group_interval
        )
        self.driftgauge = Product(self._make("driftgauge"), self._config([self.alertmanager.url] if push else []))
        rules = rules_of(load(self.driftgauge.path, {}), RuleOptions(keep_firing_for=self.pace.keep_firing_for))
        self.prometheus = Prometheus(
            directory / "prometheus",
            rules if self.pace.interval is None else quickened(rules, self.pace.interval),
            self.driftgauge.address,
            "http://127.0.0.1:1" if push else self.alertmanager.url,
            interval=self.pace.interval,
        )
        self.traffic = Traffic(bootstrap, self.topic, reference, shifts, rate)

    def __enter__(self) -> Self:
        with self._stack:
            for part in (self.receiver, self.alertmanager, self.driftgauge, self.prometheus):
                self._stack.enter_context(part)
            self.until_up()
            self._stack.enter_context(self.traffic)
            self.until_watching()
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def until_up(self) -> None:
        """Wait until the monitor's HTTP answers."""
        until(self.driftgauge.metrics, READY, "driftgauge answers")

    def until_watching(self) -> None:
        """Wait until Prometheus has seen a monitor that judges, and thresholds."""
        expression = "driftgauge_ready == 1 and on () driftgauge_watermark_timestamp_seconds > 0"
        until(lambda: self.rows(expression), READY + 3e-3 * (self.pace.pane + self.pace.lateness), "a judged tick")
        until(lambda: self.rows("driftgauge:threshold"), READY, "thresholds")

    def rows(self, expression: str) -> int:
        """How many rows an instant query has."""
        return len(self.prometheus.query(expression))

    def pages(self, action: str) -> list[dict[str, Any]]:
        """The events of DataDrift that PagerDuty took."""
        return self.receiver.pages("DataDrift", action)

    def counts(self) -> tuple[int, int]:
        """Triggers and resolves so far."""
        return len(self.pages("trigger")), len(self.pages("resolve"))

    def events(self) -> list[tuple[dict[str, Any], int]]:
        """All alert events that the topic holds, each with the time (ms) it was written."""
        return [(json.loads(message.value() or b""), message.timestamp()[1]) for message in self._read()]

    def _read(self) -> list[Message]:
        consumer = Consumer({"bootstrap.servers": self._bootstrap, "group.id": "paging", "enable.auto.commit": False})
        found: list[Message] = []
        try:
            place = TopicPartition(self.alerts_topic, 0, 0)
            _, end = consumer.get_watermark_offsets(place, timeout=10)
            consumer.assign([place])
            while len(found) < end:
                found += [message for message in consumer.consume(100, 0.2) if message.error() is None]
        finally:
            consumer.close()
        return found

    def _make(self, name: str) -> Path:
        made = self._directory / name
        made.mkdir()
        return made

    def _make_topics(self) -> None:
        admin = AdminClient({"bootstrap.servers": self._bootstrap, "log_level": 0})
        names = {self.topic: PARTITIONS, **{f"{self.topic}.{role}": 1 for role in OUTPUTS}}
        for future in admin.create_topics([NewTopic(name, count, 1) for name, count in names.items()]).values():
            future.result(30)

        def shown() -> bool:
            known = admin.list_topics(timeout=10).topics
            return all(name in known and len(known[name].partitions) == count for name, count in names.items())

        until(shown, 30, "topics")

    def _config(self, told: list[str]) -> dict[str, Any]:
        directory, pace = self._directory / "driftgauge", self.pace
        (directory / "reference.json").write_bytes(to_json(self._reference))
        windows = {"windows": [f"{pace.pane}ms"]}
        model = {"name": MODEL, "task": "binary", "reference": "reference.json"}
        model |= {"drift": windows, "prediction": windows, "quality": {"windows": ["1m"], "no_data_after": "1h"}}
        return {
            "kafka": {"brokers": self._bootstrap, "start": "earliest"},
            "topics": {"predictions": self.topic, **{role: f"{self.topic}.{role}" for role in OUTPUTS}},
            "state": {"directory": "state"},
            "http": {"listen": f"127.0.0.1:{free_ports(1)[0]}"},
            "time": {"pane": f"{pace.pane}ms", "lateness": f"{pace.lateness}ms"},
            "alerting": {"resolve_after": f"{pace.resolve_after}ms", "dashboard_url": "http://localhost:3000"},
            "alertmanager": {"urls": told},
            "models": [model],
        }


def stamp(text: str) -> float:
    """Seconds since the epoch of an RFC 3339 timestamp."""
    return datetime.fromisoformat(text).timestamp()


def dedup_key(alert: str, model: str) -> str:
    """Alertmanager's key of a group of critical alerts: the hash of its route and group labels."""
    group = f'{{}}/{{severity="critical"}}:{{alertname="{alert}", model="{model}"}}'
    return hashlib.sha256(group.encode()).hexdigest()


def wrong_with(page: dict[str, Any], *features: str) -> list[str]:
    """What a page on drift lacks of: key, summary, severity, links, and these features as causes in this order."""
    payload = page["payload"]
    links = {link["text"]: link["href"] for link in page["links"]}
    text = payload["custom_details"]["alerts"]
    at = [text.find(f"{feature} (") for feature in features]
    board = f"http://localhost:3000/d/driftgauge-model?var-model={MODEL}&var-version={VERSION}&var-segment="
    checks = {
        "dedup key": page["dedup_key"] == dedup_key("DataDrift", MODEL),
        "summary": payload["summary"] == SUMMARY,
        "severity": (payload["severity"], payload["class"], payload["group"]) == ("critical", "DataDrift", MODEL),
        "runbook": links["Runbook"].endswith("/deploy/runbooks/DataDrift.md"),
        "dashboard": links["Dashboard"].startswith(board) and "&from=" in links["Dashboard"],
        f"causes in order in {text!r}": at == sorted(at) and -1 not in at,
    }
    return [name for name, right in checks.items() if not right]
