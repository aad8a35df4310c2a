"""Real Prometheus and Alertmanager for tests, and a receiver that speaks PagerDuty's Events API v2."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
import urllib.parse
from contextlib import closing
from http import HTTPStatus
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import pytest
import yaml
from kafka_node import free_ports
from waiting import until

if TYPE_CHECKING:
    from collections.abc import Sequence

DEPLOY = Path(__file__).resolve().parent.parent / "deploy"
RULES = DEPLOY / "prometheus" / "driftgauge.rules.yml"
ROUTES = DEPLOY / "alertmanager" / "alertmanager.yml"
REQUIRED = "DRIFTGAUGE_REQUIRE_TOOLS"

PACKAGES = {
    "promtool": "prometheus",
    "prometheus": "prometheus",
    "amtool": "prometheus-alertmanager",
    "alertmanager": "prometheus-alertmanager",
}
"""Tool -> Debian package, of which Alertmanager's program has another name."""


def tool(name: str) -> str:
    """The path of a tool; without it the test is skipped with the reason, or fails where tools are required."""
    found = shutil.which(name) or shutil.which(f"prometheus-{name}")
    if found is None:
        reason = f"no {name}: install the Debian package {PACKAGES[name]}"
        if os.environ.get(REQUIRED) == "1":
            pytest.fail(f"{REQUIRED}=1 and {reason}", pytrace=False)
        pytest.skip(reason)
    return found


def run(name: str, *arguments: object, cwd: Path | None = None) -> str:
    """What a tool says; it must succeed."""
    done = subprocess.run(
        [tool(name), *map(str, arguments)], cwd=cwd, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def alerting_rules() -> list[dict[str, Any]]:
    """The alerting rules of the default set."""
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"] if "alert" in rule]


class Receiver:
    """A local HTTP server that keeps what is posted to it, by path."""

    def __init__(self) -> None:
        self.posts: list[tuple[str, dict[str, Any]]] = []
        posts = self.posts

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                posts.append((self.path, body))
                answer = {"status": "success", "message": "Event processed", "dedup_key": body.get("dedup_key", "")}
                given = json.dumps(answer).encode()
                self.send_response(202 if self.path == "/v2/enqueue" else 200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(given)))
                self.end_headers()
                self.wfile.write(given)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named by the base class
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def at(self, path: str) -> list[dict[str, Any]]:
        """What was posted to a path, in order."""
        return [body for where, body in list(self.posts) if where == path]

    def pages(self, alert: str, action: str) -> list[dict[str, Any]]:
        """PagerDuty events of an action (trigger, resolve) whose class is the alert; a resolve has no class."""
        keys = {e["dedup_key"] for e in self.at("/v2/enqueue") if e["payload"].get("class") == alert}
        return [e for e in self.at("/v2/enqueue") if e["dedup_key"] in keys and e["event_action"] == action]


class _Process:
    """A program with an HTTP interface; a context manager that waits until it is ready and leaves nothing behind."""

    def __init__(self, command: Sequence[object], url: str, log: Path) -> None:
        self._command = [str(part) for part in command]
        self.url = url
        self._log = log

    def __enter__(self) -> Self:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)
        until(self._ready)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def _ready(self) -> bool:
        assert self._process.poll() is None, self._log.read_text()
        try:
            return self._ask("GET", "/-/ready")[0] == HTTPStatus.OK
        except OSError:
            return False

    def _ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        with closing(HTTPConnection(self.url.removeprefix("http://"), timeout=10)) as connection:
            connection.request(method, path, body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, answer.read()

    def get(self, path: str, **query: str) -> Any:
        """The JSON at a path."""
        status, body = self._ask("GET", f"{path}?{urllib.parse.urlencode(query)}")
        assert status == HTTPStatus.OK, body
        return json.loads(body)


class Alertmanager(_Process):
    """Alertmanager with the shipped routes, pointed at a receiver; groups are looked at each second."""

    def __init__(self, directory: Path, receiver: str) -> None:
        directory.mkdir()
        config = yaml.safe_load(ROUTES.read_text())
        for name, secret in (("slack_api_url", f"{receiver}/slack"), ("pagerduty_routing_key", "routing-key")):
            (directory / name).write_text(secret)
        text = yaml.safe_dump(_hastened(config)).replace("/etc/alertmanager/secrets", str(directory))
        text = text.replace("https://events.pagerduty.com", receiver).replace("https://watchdog.example.org", receiver)
        (directory / "watchdog_token").write_text("token")
        file = directory / "alertmanager.yml"
        file.write_text(text.replace("templates/*.tmpl", str(ROUTES.parent / "templates" / "*.tmpl")))
        (port,) = free_ports(1)
        super().__init__(
            [
                tool("alertmanager"),
                f"--config.file={file}",
                f"--storage.path={directory / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
                "--cluster.listen-address=",
            ],
            f"http://127.0.0.1:{port}",
            directory / "log",
        )

    def post(self, alerts: list[dict[str, str]]) -> None:
        """Give it alerts by their labels."""
        body = json.dumps([{"labels": labels, "annotations": {"summary": "s"}} for labels in alerts]).encode()
        status, answer = self._ask("POST", "/api/v2/alerts", body)
        assert status == HTTPStatus.OK, answer


class Prometheus(_Process):
    """Prometheus with the shipped scrape config, at a scrape and an evaluation a second."""

    def __init__(self, directory: Path, rules: str, target: str, alertmanager: str) -> None:
        directory.mkdir()
        config = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
        config["global"] = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
        (job,) = [job for job in config["scrape_configs"] if job["job_name"] == "driftgauge"]
        job.update(scrape_interval="1s", scrape_timeout="1s", static_configs=[{"targets": [target]}])
        config["scrape_configs"] = [job]
        config["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"] = [alertmanager.removeprefix("http://")]
        file = directory / "prometheus.yml"
        file.write_text(yaml.safe_dump(config))
        (directory / "driftgauge.rules.yml").write_text(rules)
        (port,) = free_ports(1)
        super().__init__(
            [
                tool("prometheus"),
                f"--config.file={file}",
                f"--storage.tsdb.path={directory / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
                "--log.level=warn",
            ],
            f"http://127.0.0.1:{port}",
            directory / "log",
        )

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The rows of an instant query."""
        rows: list[dict[str, Any]] = self.get("/api/v1/query", query=expression)["data"]["result"]
        return rows


def _hastened(config: dict[str, Any]) -> dict[str, Any]:
    for route in (config["route"], *config["route"]["routes"]):
        route["group_interval"] = "1s"
    return config
