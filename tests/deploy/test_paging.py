from __future__ import annotations

import hashlib
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from alerting_stack import quickened
from pagerduty import ROUTING_KEY
from paging import DEPLOY, Alertmanager, Prometheus, Receiver
from waiting import until

from stream.config.load import load
from stream.http.server import Server
from stream.metrics.registry import Registry
from stream.metrics.reports import GaugeBlock, Status
from stream.rules.file import rules_of
from stream.rules.options import RuleOptions

if TYPE_CHECKING:
    from pathlib import Path

CRITICAL = ("click", "7", "", "DataDrift", "critical")
SEGMENT = ("click", "7", "country=de", "DataDrift", "critical")
WARNING = ("click", "7", "", "DataQuality", "warning")
INFO = ("click", "7", "", "DataDrift", "info")


class Monitor:
    """driftgauge's own registry and HTTP server, told what fires."""

    def __init__(self, listen: str = "127.0.0.1:0") -> None:
        self.registry = Registry()
        self._server = Server(listen, self.registry)
        self.address = "{}:{}".format(*self._server.address)
        drift = ("click", "7", "", "price", "ks", "1m")
        self.registry.apply(Status(0, "running"))
        self.registry.apply(GaugeBlock("d", "feature_drift", (drift,), (0.183,)))
        self.registry.apply(GaugeBlock("d", "feature_drift_bound", (drift,), (0.139,)))
        self._server.start()

    def fire(self, *rows: tuple[str, ...]) -> None:
        """These alerts are active, as a judged tick reports them."""
        self.registry.apply(GaugeBlock("click", "watermark_timestamp_seconds", (("click",),), (time.time(),)))
        self.registry.apply(GaugeBlock("click", "alert_active", rows, (1.0,) * len(rows)))

    def close(self) -> None:
        """Go away, as when killed."""
        self._server.close()


@dataclass
class Chain:
    """From a monitor to the receiver of pages."""

    monitor: Monitor
    prometheus: Prometheus
    alertmanager: Alertmanager
    receiver: Receiver

    def restart(self) -> None:
        """Start the monitor anew at the same address."""
        self.monitor = Monitor(self.monitor.address)

    def rows(self, query: str) -> int:
        """How many rows a query has."""
        return len(self.prometheus.query(query))


class Running:
    """A chain with keep_firing_for of 2 s and evaluations each second; a context manager."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._stack = ExitStack()

    def __enter__(self) -> Chain:
        with ExitStack() as stack:
            receiver = stack.enter_context(Receiver())
            monitor = Monitor()
            stack.callback(monitor.close)
            rules = rules_of(load(DEPLOY / "examples" / "click.yaml", {}), RuleOptions(keep_firing_for=2_000))
            rules = quickened(rules)
            alertmanager = stack.enter_context(Alertmanager(self._directory / "alertmanager", receiver.url))
            prometheus = stack.enter_context(
                Prometheus(self._directory / "prometheus", rules, monitor.address, alertmanager.url)
            )
            until(lambda: prometheus.query('up{job="driftgauge"} == 1 and on () driftgauge:threshold'))
            self._stack = stack.pop_all()
        return Chain(monitor, prometheus, alertmanager, receiver)

    def __exit__(self, *_: object) -> None:
        self._stack.close()


def dedup_key(alert: str, model: str) -> str:
    """Alertmanager's key of a group: the hash of its route and group labels."""
    group = f'{{}}/{{severity="critical"}}:{{alertname="{alert}", model="{model}"}}'
    return hashlib.sha256(group.encode()).hexdigest()


def test_an_alert_becomes_one_page_and_is_resolved(tmp_path: Path) -> None:
    """A gauge of the registry is one trigger with key, summary, value, threshold and links; when it ends, one resolve.

    Its segment, which crosses with it, is not told; a warning is a message, an info is nothing.
    """
    with Running(tmp_path) as chain:
        chain.monitor.fire(INFO)
        until(lambda: chain.rows('ALERTS{alertname="DataDrift",severity="info",alertstate="firing"}'))
        chain.monitor.fire(CRITICAL, SEGMENT)
        until(lambda: chain.receiver.pages("DataDrift", "trigger"))
        page = chain.receiver.pages("DataDrift", "trigger")[0]
        assert page["routing_key"] == ROUTING_KEY
        assert page["dedup_key"] == dedup_key("DataDrift", "click")
        payload = page["payload"]
        assert payload["summary"] == "Features of click version 7 moved away from the reference"
        assert (payload["severity"], payload["class"], payload["group"]) == ("critical", "DataDrift", "click")
        details = payload["custom_details"]
        assert "price (ks 0.183, limit 0.1 over 1m)" in details["alerts"]
        links = {link["text"]: link["href"] for link in page["links"]}
        assert links["Runbook"].endswith("/deploy/runbooks/DataDrift.md")
        dashboard = "http://localhost:3000/d/driftgauge-model?var-model=click&var-version=7&var-segment=$__all"
        assert links["Dashboard"].startswith(dashboard)
        assert "&from=" in links["Dashboard"]
        until(lambda: chain.rows('ALERTS{alertname="DataDrift",segment!="",alertstate="firing"}'))

        chain.monitor.fire(WARNING)
        until(lambda: chain.receiver.pages("DataDrift", "resolve"))
        until(lambda: chain.receiver.at("/slack"))
        assert {event["dedup_key"] for event in chain.receiver.at("/v2/enqueue")} == {page["dedup_key"]}
        assert not any("country=de" in str(event) for event in chain.receiver.pages("DataDrift", "trigger"))
        (message,) = {post["attachments"][0]["title"] for post in chain.receiver.at("/slack")}
        assert message == "Too many values of click version 7 are missing, unseen, out of range or of another type"
        assert len(chain.receiver.pages("DataDrift", "resolve")) == 1
        assert chain.receiver.refused == []


def test_a_monitor_that_is_killed_while_firing_neither_resolves_nor_pages_again(tmp_path: Path) -> None:
    """Away for three times keep_firing_for, and back without having judged: the page stays, until it is over."""
    with Running(tmp_path) as chain:
        chain.monitor.fire(CRITICAL)
        until(lambda: chain.receiver.pages("DataDrift", "trigger"))
        chain.monitor.close()
        until(lambda: chain.rows('count_over_time((up{job="driftgauge"} == 0)[1m:1s]) >= 6'))
        chain.restart()
        until(lambda: chain.rows('driftgauge_ready == 0 and on () up{job="driftgauge"} == 1'))
        assert chain.rows('ALERTS{alertname="DataDrift",alertstate="firing"}') == 1
        chain.monitor.fire(CRITICAL)
        until(lambda: chain.rows("driftgauge_alert_active and on () driftgauge_ready == 1"))
        until(lambda: chain.rows("count_over_time((driftgauge_ready == 1)[10s:1s]) >= 4"))
        assert [event["event_action"] for event in chain.receiver.at("/v2/enqueue")] == ["trigger"]
        chain.monitor.fire()
        until(lambda: chain.receiver.pages("DataDrift", "resolve"))
        assert [event["event_action"] for event in chain.receiver.at("/v2/enqueue")] == ["trigger", "resolve"]
        chain.monitor.close()
