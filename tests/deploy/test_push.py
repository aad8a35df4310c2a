"""Direct push to real Alertmanagers: a cluster of two, one of them down, restarts, and who may post."""

from __future__ import annotations

import json
import ssl
import threading
from base64 import b64encode
from contextlib import ExitStack, closing, contextmanager, suppress
from http import HTTPStatus
from http.client import HTTPSConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from certificates import Authority
from kafka_node import free_ports
from paging import Alertmanager, Receiver
from pushing import CRITICAL, POLICY, SEGMENT, START, active, event, told
from waiting import GUARD, until

from stream.config.load import load
from stream.errors import Unreachable
from stream.metrics.registry import Registry
from stream.push.board import Board
from stream.push.body import MOST
from stream.push.client import Client, PushError, clients_of
from stream.push.memory import Memory
from stream.push.replicas import Push, pushed
from stream.redact import redact

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

QUICK = ("--cluster.gossip-interval=20ms", "--cluster.pushpull-interval=1s", "--cluster.peer-timeout=1s")
PASSWORD = "planted: password of the alertmanager"  # noqa: S105 - to be looked for
HASHED = "$2b$04$abcdefghijklmnopqrstuuMGG..9nzxIYSqQuMRLqHDhTLLWdYuyC"
"""PASSWORD by bcrypt, as Alertmanager's web config wants it."""
TOKEN = "the-right-token"  # noqa: S105 - of a server of this test
BASIC = b64encode(f"driftgauge:{PASSWORD}".encode()).decode()


class Monitor:
    """A registry that is told what fires, and pushes it."""

    def __init__(self, push: Push) -> None:
        self.push = push
        self.registry = Registry()

    def fire(self, *rows: tuple[str, ...]) -> None:
        """These alerts fire and no other, each with its event."""
        for row in rows:
            self.registry.apply(told(event(row)))
        self.registry.apply(active(*rows))

    def held_up(self) -> dict[str, float]:
        """Seconds by Alertmanager, as a scrape shows them."""
        self.registry.render()
        return {row[1]: value for row, value in self.registry.values("sink_held_up_seconds").items()}

    def posts(self) -> dict[tuple[str, ...], float]:
        """Posts by Alertmanager and outcome."""
        return self.registry.values("alertmanager_posts_total")


@contextmanager
def monitor(directory: Path, *urls: str) -> Iterator[Monitor]:
    """A monitor that remembers in the directory."""
    memory = Memory(directory)
    board = Board(memory.load(), {"click"}, memory.keep, POLICY.expires_after)
    clients = [Client(url, 5.0, {"Content-Type": "application/json"}, None) for url in urls]
    made = Monitor(Push(clients, board, POLICY))
    with pushed(made.push, made.registry):
        yield made


@contextmanager
def cluster(directory: Path) -> Iterator[tuple[Receiver, Alertmanager, Alertmanager]]:
    """Two Alertmanagers that know of each other, and what they page."""
    with ExitStack() as stack:
        receiver = stack.enter_context(Receiver())
        ports = free_ports(2)
        replicas = [
            Alertmanager(
                directory / f"alertmanager-{number}",
                receiver.url,
                options=[f"--cluster.listen-address=127.0.0.1:{port}", *peers, *QUICK],
            )
            for number, port in enumerate(ports)
            for peers in [[f"--cluster.peer=127.0.0.1:{other}" for other in ports if other != port]]
        ]
        with ExitStack() as starting:  # both before either is waited for
            for replica in replicas:
                starting.enter_context(replica)
            stack.push(starting.pop_all())
        yield receiver, replicas[0], replicas[1]


def holds(replica: Alertmanager) -> list[tuple[str, str]]:
    """Segment and severity of each drift that it holds active."""
    return sorted(
        (alert["labels"].get("segment", ""), alert["labels"]["severity"])
        for alert in replica.alerts(alertname="DataDrift", via="push")
    )


def test_both_of_a_cluster_are_told_and_one_pages(tmp_path: Path) -> None:
    """One trigger with summary, values and links; the alert is in each; one resolve when it has ended."""
    with cluster(tmp_path) as (receiver, one, other), monitor(tmp_path, one.url, other.url) as watching:
        watching.fire(CRITICAL, SEGMENT)
        until(lambda: all(holds(replica) == [("", "critical"), ("country=DE", "critical")] for replica in (one, other)))
        until(lambda: receiver.pages("DataDrift", "trigger"))
        (page,) = receiver.pages("DataDrift", "trigger")
        assert page["payload"]["summary"].startswith("Features of click version 7 moved away from the reference")
        text = page["payload"]["custom_details"]["alerts"]
        assert "Causes: age (ks 0.312); price (ks 0.125)." in text
        links = {link["text"]: link["href"] for link in page["links"]}
        assert links["Runbook"] == "https://books/DataDrift.md"
        assert links["Dashboard"].startswith("https://grafana/d/driftgauge-model?var-model=click&var-version=7")
        assert f"&from={START + 60_000 - 3_600_000}&to=now" in links["Dashboard"]
        watching.fire()
        until(lambda: receiver.pages("DataDrift", "resolve"))
        until(lambda: not holds(one) and not holds(other))
        until(lambda: not watching.push.board.wait(-1, 0).ended)
        keys = {post["dedup_key"] for post in receiver.at("/v2/enqueue")}
        assert keys == {page["dedup_key"]}
        assert len(receiver.pages("DataDrift", "resolve")) == 1
        assert receiver.refused == []
        assert set(watching.held_up().values()) == {0.0}


def test_one_of_two_is_down(tmp_path: Path) -> None:
    """The other pages at once; the one that was away is told when it is back, of ends as well."""
    with cluster(tmp_path) as (receiver, one, other), monitor(tmp_path, one.url, other.url) as watching:
        until(lambda: watching.posts().get((other.url, "ok")))
        other.kill()
        watching.fire(CRITICAL)
        until(lambda: receiver.pages("DataDrift", "trigger"))
        until(lambda: watching.held_up()[other.url] > 0)
        assert watching.held_up()[one.url] == 0
        other.start()
        until(lambda: holds(other) == [("", "critical")])
        until(lambda: watching.held_up()[other.url] == 0)
        other.kill()
        watching.fire()
        until(lambda: receiver.pages("DataDrift", "resolve"))
        assert [entry.labels for entry in watching.push.board.wait(-1, 0).ended] == [CRITICAL]
        other.start()
        until(lambda: not watching.push.board.wait(-1, 0).ended)
        actions = [post["event_action"] for post in receiver.at("/v2/enqueue")]
        assert actions == ["trigger", "resolve"]


def test_what_fires_is_sent_again_with_a_later_end(tmp_path: Path) -> None:
    """Alertmanager that lost everything knows it again within `resend_every`; the end is always an hour ahead."""
    with (
        Receiver() as receiver,
        Alertmanager(tmp_path / "alertmanager", receiver.url) as alertmanager,
        monitor(tmp_path, alertmanager.url) as watching,
    ):
        watching.fire(CRITICAL)
        until(lambda: holds(alertmanager))
        (first,) = alertmanager.alerts(alertname="DataDrift")
        assert first["startsAt"] == "2026-09-21T14:14:20.000Z"
        until(lambda: alertmanager.alerts(alertname="DataDrift")[0]["endsAt"] > first["endsAt"])
        alertmanager.kill()
        alertmanager.start()
        until(lambda: holds(alertmanager))
        assert alertmanager.alerts(alertname="DataDrift")[0]["startsAt"] == first["startsAt"]


def test_a_restart_while_it_fires_neither_resolves_nor_pages_again(tmp_path: Path) -> None:
    """The new process tells it from memory, before any worker has said anything; what ends then is resolved."""
    with Receiver() as receiver, Alertmanager(tmp_path / "alertmanager", receiver.url) as alertmanager:
        with monitor(tmp_path, alertmanager.url) as watching:
            watching.fire(CRITICAL)
            until(lambda: receiver.pages("DataDrift", "trigger"))
        before = alertmanager.alerts(alertname="DataDrift")[0]
        with monitor(tmp_path, alertmanager.url) as watching:
            until(lambda: alertmanager.alerts(alertname="DataDrift")[0]["updatedAt"] > before["updatedAt"])
            assert alertmanager.alerts(alertname="DataDrift")[0]["annotations"] == before["annotations"]
            watching.registry.apply(active(CRITICAL))
            until(lambda: watching.posts()[alertmanager.url, "ok"] >= 2)
            assert len(receiver.at("/v2/enqueue")) == 1
            watching.registry.apply(active())
            until(lambda: receiver.pages("DataDrift", "resolve"))
        assert [post["event_action"] for post in receiver.at("/v2/enqueue")] == ["trigger", "resolve"]


# ---- who may post


class Secured(Alertmanager):
    """Alertmanager over TLS, for those who have a certificate of the authority and know the password."""

    def __init__(self, directory: Path, receiver: str, authority: Authority) -> None:
        own, self._client = authority.pair("alertmanager"), authority.pair("client")
        self._authority = authority.certificate
        tls = {"cert_file": str(own.certificate), "key_file": str(own.key)}
        tls |= {"client_ca_file": str(authority.certificate), "client_auth_type": "RequireAndVerifyClientCert"}
        web = directory.parent / "web.yml"
        web.write_text(yaml.safe_dump({"tls_server_config": tls, "basic_auth_users": {"driftgauge": HASHED}}))
        super().__init__(directory, receiver, options=["--cluster.listen-address=", f"--web.config.file={web}"])
        self.url = self.url.replace("http://127.0.0.1", "https://localhost")

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, bytes]:
        """As one who may."""
        context = ssl.create_default_context(cafile=str(self._authority))
        context.load_cert_chain(self._client.certificate, self._client.key)
        given = {"Authorization": f"Basic {BASIC}", "Content-Type": "application/json", **(headers or {})}
        with closing(HTTPSConnection(self.url.removeprefix("https://"), timeout=GUARD, context=context)) as connection:
            connection.request(method, path, body, given)
            answer = connection.getresponse()
            return answer.status, answer.read()


def clients(directory: Path, text: str, **env: str) -> list[Client]:
    """Those of a config with this section."""
    file = directory / "c.yaml"
    file.write_text(f"alertmanager: {text}\nmodels: [{{name: click, task: binary}}]")
    return clients_of(load(file, env))


def test_tls_with_a_certificate_and_a_password(tmp_path: Path) -> None:
    """Posts are taken; without the certificate, the password or the authority they are not, and the reason is told."""
    authority = Authority(tmp_path / "authority")
    pair = authority.pair("driftgauge", "opens")
    (tmp_path / "password").write_text(f"{PASSWORD}\n")
    ca, own = f"ca: {authority.certificate}", f"certificate: {pair.certificate}, key: {pair.key}"
    auth = "auth: {username: driftgauge, password_file: password}"
    with Receiver() as receiver, Secured(tmp_path / "a", receiver.url, authority) as alertmanager:
        urls = f"urls: [{alertmanager.url}]"
        body = b'[{"labels": {"alertname": "DataDrift", "via": "push", "severity": "info"}}]'
        (right,) = clients(
            tmp_path, f"{{{urls}, {auth}, tls: {{{ca}, {own}, key_password: '${{OPENS}}'}}}}", OPENS="opens"
        )
        right.post(body)
        assert holds(alertmanager) == [("", "info")]
        opened = f"{own}, key_password: opens"
        for text, why in (
            (f"{{{urls}, {auth}, tls: {{{opened}}}}}", "certificate verify failed"),
            (f"{{{urls}, {auth}, tls: {{{ca}}}}}", "bad certificate|certificate required|eof|reset|broken pipe"),
            (f"{{{urls}, tls: {{{ca}, {opened}}}}}", "401 Unauthorized"),
            (f"{{{urls}, auth: {{username: driftgauge, password: x}}, tls: {{{ca}, {opened}}}}}", "401 Unauthorized"),
        ):
            (wrong,) = clients(tmp_path, text)
            with pytest.raises(PushError, match=f"(?i){why}"):
                wrong.post(body)


class _Echo(BaseHTTPRequestHandler):
    """Takes posts of those with the token; tells others what they sent, as some proxies do."""

    server: Any

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.paths.append(self.path)
        told_off = f"refused: {self.headers['Authorization']}".encode()
        right = self.headers["Authorization"] == f"Bearer {TOKEN}"
        self.send_response(HTTPStatus.OK if right else HTTPStatus.FORBIDDEN)
        self.send_header("Content-Length", str(0 if right else len(told_off)))
        self.end_headers()
        self.wfile.write(b"" if right else told_off)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named by the base class
        pass


@pytest.fixture
def echo() -> Iterator[ThreadingHTTPServer]:
    """The server, listening."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Echo)
    server.paths = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_bearer_token_and_a_path(tmp_path: Path, echo: ThreadingHTTPServer) -> None:
    """The token goes with each post, below the path of the address."""
    url = f"http://127.0.0.1:{echo.server_port}/am/"
    (right,) = clients(tmp_path, f"{{urls: ['{url}'], auth: {{token: '${{TOKEN}}'}}}}", TOKEN=TOKEN)
    right.post(b"[]")
    assert echo.paths == ["/am/api/v2/alerts"]  # type: ignore[attr-defined]


def test_whether_alerts_would_be_taken(tmp_path: Path, echo: ThreadingHTTPServer) -> None:
    """As `driftgauge check --connect` asks: nothing is posted; else one line with the address and the reason."""
    url = f"http://127.0.0.1:{echo.server_port}"
    (right,) = clients(tmp_path, f"{{urls: ['{url}'], auth: {{token: '{TOKEN}'}}}}")
    right.check()
    (port,) = free_ports(1)
    for address, why in ((url, "403 Forbidden"), (f"http://127.0.0.1:{port}", "refused"), ("http://a..b", "label")):
        (wrong,) = clients(tmp_path, f"{{urls: ['{address}'], auth: {{token: other}}}}")
        with pytest.raises(Unreachable, match=f"^alertmanager.urls: {address} does not take alerts: .*{why}"):
            wrong.check()


def test_a_secret_that_comes_back_is_not_told(tmp_path: Path, echo: ThreadingHTTPServer) -> None:
    """What a server answers is told, without the secrets of the config; none is in what a config shows of itself."""
    file = tmp_path / "c.yaml"
    file.write_text(
        f"alertmanager: {{urls: ['http://127.0.0.1:{echo.server_port}'], auth: {{token: planted-token}},"
        " tls: {key_password: planted-password}}\nmodels: [{name: click, task: binary}]"
    )
    config = load(file, {})
    (wrong,) = clients_of(config)
    with pytest.raises(PushError) as refused:
        wrong.post(b"[]")
    assert str(refused.value) == "403 Forbidden: refused: Bearer ***"
    assert not any(secret in f"{config!r} {config}" for secret in ("planted-token", "planted-password"))
    assert redact("planted-password", config) == "***"


class _Drip(BaseHTTPRequestHandler):
    """Answers a byte at a time, for as long as the client waits."""

    server: Any

    def do_POST(self) -> None:
        with suppress(OSError):  # the client has gone
            for byte in b"HTTP/1.1 200 OK\r\nX-Padding: " + b"x" * 1_000:
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
                self.server.left.wait(0.02)
        self.server.left.set()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named by the base class
        pass


class _Choosy(BaseHTTPRequestHandler):
    """Refuses requests that hold the alert of version 0."""

    server: Any

    def do_POST(self) -> None:
        alerts = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        versions = {alert["labels"]["version"] for alert in alerts}
        self.send_response(HTTPStatus.BAD_REQUEST if "0" in versions else HTTPStatus.OK)
        self.send_header("Content-Length", "0")
        self.end_headers()
        self.server.taken |= set() if "0" in versions else versions

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named by the base class
        pass


@contextmanager
def served(handler: type[BaseHTTPRequestHandler], **given: Any) -> Iterator[str]:
    """The address of a server of such requests, which has these attributes."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    for name, value in given.items():
        setattr(server, name, value)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_answer_that_drips_is_cut_off() -> None:
    """The time is that of the whole request: else a byte now and then would hold the thread for ever."""
    left = threading.Event()
    with served(_Drip, left=left) as url:
        with pytest.raises(PushError):
            Client(url, 0.2, {}, None).post(b"[]")
        assert left.wait(GUARD)


def test_a_request_that_is_refused_keeps_no_other_back(tmp_path: Path) -> None:
    """Of several requests each is sent, and the failure is counted until all are taken."""
    rows = [("click", str(version), "", "DataDrift", "critical") for version in range(600)]
    taken: set[str] = set()
    with served(_Choosy, taken=taken) as url, monitor(tmp_path, url) as watched:
        watched.fire(*rows)
        until(lambda: len(taken) >= len(rows) - MOST and watched.held_up()[url] > 0)
    assert "0" not in taken


class _Page(BaseHTTPRequestHandler):
    """Answers everything with a page, as a login proxy or another service at the address does."""

    server: Any

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        body = b"<!doctype html><title>Sign in</title>"
        self.send_response(HTTPStatus.OK)
        if self.server.typed:
            self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named by the base class
        pass


@pytest.mark.parametrize("typed", [True, False])
def test_a_page_is_no_answer_of_an_alertmanager(tmp_path: Path, typed: bool) -> None:
    """A login page with status 200 took no alert: `check --connect` says so, posts fail, and the output is held up."""
    with served(_Page, typed=typed) as url:
        with pytest.raises(Unreachable, match=r"answers with a page, as no Alertmanager does: .*Sign in"):
            Client(url, 5.0, {}, None).check()
        with monitor(tmp_path, url) as watched:
            watched.fire(CRITICAL)
            until(lambda: watched.held_up()[url] > 0)
