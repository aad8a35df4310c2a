"""Real Prometheus and Alertmanager on this machine, with the configs that are shipped. Shared with the tests."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import urllib.parse
from contextlib import closing
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import yaml
from kafka_node import free_ports
from pagerduty import ROUTING_KEY
from patience import until

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

DEPLOY = Path(__file__).resolve().parent.parent / "deploy"
ROUTES = DEPLOY / "alertmanager" / "alertmanager.yml"
SCRAPES = DEPLOY / "prometheus" / "prometheus.yml"
PATIENCE = 300.0

PACKAGES = {
    "promtool": "prometheus",
    "prometheus": "prometheus",
    "amtool": "prometheus-alertmanager",
    "alertmanager": "prometheus-alertmanager",
}
"""Tool -> Debian package, of which Alertmanager's program has another name."""


class NoToolError(RuntimeError):
    """A program is not on this machine; the message says which package has it."""


def tool(name: str) -> str:
    """Return the path of a tool.

    Raises:
        NoToolError: it is not there.
    """
    found = shutil.which(name) or shutil.which(f"prometheus-{name}")
    if found is None:
        raise NoToolError(f"no {name}: install the Debian package {PACKAGES[name]}")
    return found


def quickened(rules: str, interval: str = "1s") -> str:
    """The rules file with every group evaluated so often."""
    return re.sub(r"^(  interval:) \w+$", rf"\1 {interval}", rules, flags=re.MULTILINE)


class Served:
    """A program with an HTTP interface; a context manager that waits until it is ready and leaves nothing behind.

    `kill`, `stop` and `start` keep its address and data.
    """

    def __init__(self, command: Sequence[object], url: str, log: Path) -> None:
        self._command = [str(part) for part in command]
        self.url = url
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and return once it is ready.

        Raises:
            RuntimeError: it ended; with what it said.
        """
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)
        until(self._ready, PATIENCE, f"{self._command[0]} is ready")

    def kill(self) -> None:
        """Kill -9."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self) -> None:
        """SIGTERM; returns when it has ended."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(PATIENCE)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        if self._process is not None:
            self._process.send_signal(number)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def _ready(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            raise RuntimeError(self._log.read_text())
        try:
            return self.ask("GET", "/-/ready")[0] == HTTPStatus.OK
        except OSError:
            return False

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, bytes]:
        """Send a request; return status and body of the answer."""
        with closing(HTTPConnection(self.url.removeprefix("http://"), timeout=10)) as connection:
            connection.request(method, path, body, {"Content-Type": "application/json", **(headers or {})})
            answer = connection.getresponse()
            return answer.status, answer.read()

    def get(self, path: str, **query: str) -> Any:
        """Return the JSON at a path.

        Raises:
            RuntimeError: the answer is another than 200.
        """
        status, body = self.ask("GET", f"{path}?{urllib.parse.urlencode(query)}")
        if status != HTTPStatus.OK:
            raise RuntimeError(f"{path}: {status} {body.decode(errors='replace')}")
        return json.loads(body)


class Alertmanager(Served):
    """Alertmanager with the shipped routes, pointed at a receiver.

    Args:
        directory: its config, data and log; made.
        receiver: address that stands for PagerDuty, Slack and the watchdog's other end.
        group_interval: how often groups are looked at again. Of a page it delays only what follows the trigger.
        port: to listen on; a free one when absent.
        options: more of its command line, in place of the one that says it is alone.
    """

    def __init__(
        self,
        directory: Path,
        receiver: str,
        *,
        group_interval: str = "1s",
        port: int | None = None,
        options: Sequence[str] = ("--cluster.listen-address=",),
    ) -> None:
        directory.mkdir()
        config = yaml.safe_load(ROUTES.read_text())
        for route in (config["route"], *config["route"]["routes"]):
            route["group_interval"] = group_interval
        for name, secret in (("slack_api_url", f"{receiver}/slack"), ("pagerduty_routing_key", ROUTING_KEY)):
            (directory / name).write_text(secret)
        text = yaml.safe_dump(config).replace("/etc/alertmanager/secrets", str(directory))
        text = text.replace("https://events.pagerduty.com", receiver).replace("https://watchdog.example.org", receiver)
        (directory / "watchdog_token").write_text("token")
        file = directory / "alertmanager.yml"
        file.write_text(text.replace("templates/*.tmpl", str(ROUTES.parent / "templates" / "*.tmpl")))
        chosen = port or free_ports(1)[0]
        super().__init__(
            [
                tool("alertmanager"),
                f"--config.file={file}",
                f"--storage.path={directory / 'data'}",
                f"--web.listen-address=127.0.0.1:{chosen}",
                *options,
            ],
            f"http://127.0.0.1:{chosen}",
            directory / "log",
        )

    def post(self, alerts: list[dict[str, str]]) -> None:
        """Give it alerts by their labels."""
        body = json.dumps([{"labels": labels, "annotations": {"summary": "s"}} for labels in alerts]).encode()
        status, answer = self.ask("POST", "/api/v2/alerts", body)
        if status != HTTPStatus.OK:
            raise RuntimeError(answer.decode(errors="replace"))

    def alerts(self, **labels: str) -> list[dict[str, Any]]:
        """The alerts it holds with these labels."""
        found: list[dict[str, Any]] = self.get("/api/v2/alerts")
        return [alert for alert in found if labels.items() <= alert["labels"].items()]


class Prometheus(Served):
    """Prometheus with the shipped scrape config, of which only addresses and intervals are replaced.

    Args:
        directory: its config, data and log; made.
        rules: text of the rules file.
        target: the monitor's address.
        alertmanager: the address of Alertmanager.
        interval: of scrapes, and of groups of rules that do not have their own; as shipped when None.
    """

    def __init__(
        self, directory: Path, rules: str, target: str, alertmanager: str, *, interval: str | None = "1s"
    ) -> None:
        directory.mkdir()
        config = yaml.safe_load(SCRAPES.read_text())
        (job,) = [job for job in config["scrape_configs"] if job["job_name"] == "driftgauge"]
        if interval is not None:
            config["global"] = {
                "scrape_interval": interval,
                "scrape_timeout": interval,
                "evaluation_interval": interval,
            }
            job.update(scrape_interval=interval, scrape_timeout=interval)
        self._job, self._target = job, target
        job["static_configs"] = [{"targets": [target]}]
        config["scrape_configs"] = [job]
        config["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"] = [alertmanager.removeprefix("http://")]
        self._config, self._file = config, directory / "prometheus.yml"
        self._file.write_text(yaml.safe_dump(config))
        (directory / "driftgauge.rules.yml").write_text(rules)
        (port,) = free_ports(1)
        super().__init__(
            [
                tool("prometheus"),
                f"--config.file={self._file}",
                f"--storage.tsdb.path={directory / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
                "--log.level=warn",
            ],
            f"http://127.0.0.1:{port}",
            directory / "log",
        )

    def rephase(self, label: str) -> None:
        """Scrape at another moment of the interval: it follows from the target's labels, of which one becomes this.

        Returns after the first scrape under it.
        """
        self._job["static_configs"] = [{"targets": [self._target], "labels": {"phase": label}}]
        self._file.write_text(yaml.safe_dump(self._config))
        self.signal(signal.SIGHUP)
        until(lambda: self.query(f'up{{phase="{label}"}}'), PATIENCE, "a scrape with the new label")

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The rows of an instant query."""
        rows: list[dict[str, Any]] = self.get("/api/v1/query", query=expression)["data"]["result"]
        return rows

    def samples(self, selector: str, span: str = "10m") -> list[float]:
        """The times (s) of all raw samples of a selector within the span, in order."""
        rows = self.query(f"{selector}[{span}]")
        return sorted(float(at) for row in rows for at, _ in row["values"])
