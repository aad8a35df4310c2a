"""No secret reaches a log, an error, a metric, a dead letter, an alert or a file: all of them are searched."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from base64 import b64encode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from monitored import reference
from secured import KEY_PASSWORD, PASSWORD, ROWS, USER, SecuredNode, Site, secured_node
from waiting import GUARD, until

from stream.config.load import load
from stream.http.access import load_access
from stream.logs import LineFormatter
from stream.redact import redact
from stream.simulate import shifts
from stream.simulate.generator import Generator

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from brokers import Broker

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "planted-t0ken-of-the-pages"  # noqa: S105 - to be looked for
HTTP_PASSWORD = "planted: pässword of the pages"  # noqa: S105 - the same
TLS_PASSWORD = "planted password of the pages' key"  # noqa: S105 - the same
PUSH_PASSWORD = "planted password of Alertmanager"  # noqa: S105 - the same
PLANTED = {
    "sasl.password": PASSWORD,
    "ssl.key.password": KEY_PASSWORD,
    "http.auth.token": TOKEN,
    "http.auth.password": HTTP_PASSWORD,
    "http.tls.key_password": TLS_PASSWORD,
    "alertmanager.auth.password": PUSH_PASSWORD,
}


def forms(secret: str) -> set[bytes]:
    """The secret as it could be written: plain, in JSON, in an address, in base64, as Python would show it."""
    pair = f"{USER}:{secret}".encode()
    texts = {
        secret,
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        quote(secret),
        repr(secret)[1:-1],
    }
    return {text.encode() for text in texts} | {b64encode(secret.encode()).rstrip(b"="), b64encode(pair)[:-4]}


def told(places: Mapping[str, bytes | str]) -> list[str]:
    """Which secret was found in which place."""
    contents = {place: content.encode() if isinstance(content, str) else content for place, content in places.items()}
    return [
        f"{name} in {place}"
        for place, content in contents.items()
        for name, secret in PLANTED.items()
        if any(form in content for form in forms(secret))
    ]


def test_the_search_finds_what_is_planted() -> None:
    """Each secret, in each form, in text and in bytes; and nothing where there is nothing."""
    for name, secret in PLANTED.items():
        assert all(told({"log": b"x" + form + b"x"}) == [f"{name} in log"] for form in forms(secret))
        assert told({"page": f"refused: {secret!r}"}) == [f"{name} in page"]
    assert told({"log": "nothing"}) == []


def files(directory: Path) -> dict[str, bytes]:
    """Names and contents of all files below."""
    found = {str(path): path.read_bytes() for path in directory.rglob("*") if path.is_file()}
    return {**found, "names": "\n".join(found).encode()}


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[SecuredNode, Broker]]:
    """A broker that asks for passwords."""
    with secured_node(tmp_path_factory.mktemp("secured")) as found:
        yield found


def messages(site: Site) -> dict[str, bytes]:
    """All that the output topics hold: keys, values, headers."""
    return {
        role: repr([(m.key(), m.value(), m.headers()) for m in site.broker.read_all(name)]).encode()
        for role, name in site.topics.items()
        if role != "predictions"
    }


def processes(leader: int) -> dict[str, bytes]:
    """Command lines of a program and its children, which every user of a machine may read."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if os.getsid(int(entry.name)) == leader:
                found[f"command line {entry.name}"] = (entry / "cmdline").read_bytes()
        except OSError:
            continue  # ended
    return found


class Echo:
    """An Alertmanager that refuses, and says with which header it was asked."""

    def __init__(self) -> None:
        self.heard = ""
        echo = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                echo.heard = self.headers["Authorization"]
                body = f"{echo.heard} has no business here".encode()
                self.send_response(403)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named by the base class
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()


def shifted(site: Site) -> None:
    """Half a minute of predictions that fire an alert, and one record that cannot be read."""
    now = int(time.time() * 1e3)
    generator = Generator(reference(), seed=1, shifts=(shifts.parse("price:mean:2@0s"),))
    values = generator.encode(generator.batch(20 * ROWS, now - 60_000, now))
    site.broker.produce(site.topics["predictions"], [*values, b"{broken"])


@pytest.mark.real_broker
def test_a_running_monitor_tells_no_secret(node: tuple[SecuredNode, Broker], tmp_path: Path) -> None:
    """Logs of it and of librdkafka at their most talkative, pages, topics, state, command lines; through a crash."""
    site = Site(tmp_path, *node, "kafka-sasl")
    (tmp_path / "token").write_text(TOKEN)
    alertmanager = Echo()
    changed = {
        "DRIFTGAUGE__HTTP__AUTH__TOKEN_FILE": str(tmp_path / "token"),
        "DRIFTGAUGE__TIME__LATENESS": "60s",
        "DRIFTGAUGE__ALERTMANAGER__URLS": f"[{alertmanager.url}]",
        "DRIFTGAUGE__ALERTMANAGER__AUTH__USERNAME": USER,
        "DRIFTGAUGE__ALERTMANAGER__AUTH__PASSWORD": PUSH_PASSWORD,
    }
    talkative = site.config.read_text().replace("  properties:", "  properties:\n    debug: all\n    log_level: 7")
    site.config = tmp_path / "talkative.yaml"
    site.config.write_text(talkative)
    shifted(site)
    with site.run("--log-level", "debug", **changed) as running:
        until(lambda: running.read(TOKEN) == 20 * ROWS + 1)
        until(lambda: site.broker.ends(site.topics["alerts"])[0][1] or "DataDrift" in running.page("metrics", TOKEN))
        places: dict[str, Any] = processes(running.pid)
        assert len(places) > 1
        worker = next(pid for pid in running.workers())
        os.kill(worker, signal.SIGKILL)
        until(lambda: running.workers()[-1] != worker and "running" in running.page("metrics", TOKEN))
        for page in ("metrics", "readyz", "healthz", TOKEN):
            places |= {f"page {page[:8]}": running.page(page, TOKEN), f"refused {page[:8]}": running.page(page)}
        assert running.terminate() == 0
        assert "rdkafka" in running.log
        assert "SASL" in running.log
        places |= {"log": running.log, **messages(site), **files(tmp_path / "state")}
    alertmanager.close()
    assert b64encode(f"{USER}:{PUSH_PASSWORD}".encode()).decode() in alertmanager.heard
    assert b"broken_json" in places["dead_letters"]
    assert told(places) == []


@pytest.mark.real_broker
def test_a_refused_password_is_told_nowhere(node: tuple[SecuredNode, Broker], tmp_path: Path) -> None:
    """While `run` waits for a broker that refuses it, /readyz and the log say why; other commands end and say it."""
    site = Site(tmp_path, *node, "kafka-sasl")
    refused = {"KAFKA_USERNAME": "nobody"}
    out, config = tmp_path / "out", ("--config", str(site.config))
    with site.run("--log-level", "debug", **refused) as running:
        until(lambda: "SASL authentication error" in running.log)
        until(lambda: "waiting for broker" in running.page("readyz"))
        places: dict[str, Any] = {name: running.page(name) for name in ("readyz", "metrics")}
        for arguments in (("topics", "create"), ("replay", "--predictions", "kafka", "--out", str(out))):
            done = site.driftgauge(*arguments, *config, **refused)
            assert done.returncode == 3, done.stderr
            places |= {f"{arguments[0]} stdout": done.stdout, f"{arguments[0]} stderr": done.stderr}
        assert running.terminate() == 0
        places["log"] = running.log
    assert told({**places, **files(tmp_path)}) == []


@pytest.mark.real_broker
def test_a_replay_tells_no_secret(node: tuple[SecuredNode, Broker], tmp_path: Path) -> None:
    """What it writes and what it says, of records that were read with the password."""
    site = Site(tmp_path, *node, "kafka-sasl")
    shifted(site)
    out = tmp_path / "out"
    done = site.driftgauge("replay", "--config", str(site.config), "--predictions", "kafka", "--out", str(out))
    assert done.returncode == 0, done.stderr
    assert b"broken_json" in (out / "dead_letters.jsonl").read_bytes()
    assert b"DataDrift" in (out / "alerts.jsonl").read_bytes()
    assert told({"stdout": done.stdout, "stderr": done.stderr, **files(tmp_path)}) == []


GOOD = """
kafka:
  properties: {sasl.password: "${SASL}", ssl.key.password: "${KEY}"}
http:
  tls: {certificate: tls.crt, key: tls.key, key_password: "${TLS}"}
  auth: {username: u, password: "${HTTP}"}
models: [{name: m, task: binary}]
"""
FAILING = {
    "a property that librdkafka does not know": (".key.password:", ".key.pasword:"),
    "a value of the wrong type": ('"${SASL}"', '["${SASL}"]'),
    "a key that is not known": ("username: u", 'usernam: "${HTTP}"'),
    "two ways at once": ("username: u", 'username: u, token: "${TOKEN}"'),
    "a token that no header can carry": ('username: u, password: "${HTTP}"', 'token: "${HTTP} ${TOKEN}"'),
    "a number for a password": ('"${HTTP}"', "[1, 2]"),
    "YAML that is none": ("auth: {", "auth: {{"),
    "a certificate that is not there": ("tls.crt", "${TOKEN}.crt"),
    "an unknown model": ("task: binary", 'task: "${TOKEN}"'),
    "an address with a password": ("kafka:", 'kafka:\n  brokers: "u:${SASL}@broker:x"'),
}


@pytest.mark.parametrize("what", FAILING)
@pytest.mark.parametrize("command", ["check", "rules"])
def test_errors_in_a_config_tell_no_secret(tmp_path: Path, what: str, command: str) -> None:
    """Whatever is wrong beside a secret or with it: the error is there, the secret is not."""
    text = GOOD.replace(*FAILING[what])
    assert text != GOOD
    file = tmp_path / "c.yaml"
    file.write_text(text)
    arguments = ("check", str(file), "--connect") if command == "check" else ("rules", "--config", str(file))
    names = {"SASL": PASSWORD, "KEY": KEY_PASSWORD, "TLS": TLS_PASSWORD, "HTTP": HTTP_PASSWORD, "TOKEN": TOKEN}
    done = subprocess.run(
        [sys.executable, "-m", "stream.cli.app", *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT), **names},
        capture_output=True,
        text=True,
        timeout=GUARD,
        check=False,
    )
    assert done.returncode == 2 if command == "check" else done.returncode in {0, 2}
    assert told({"stdout": done.stdout, "stderr": done.stderr}) == []


def test_every_secret_of_a_config_is_masked_in_logs(tmp_path: Path) -> None:
    """From properties, settings, files, and variables with telling names; in a message or a trace."""
    (tmp_path / "token").write_text(TOKEN + "\n")
    file = tmp_path / "c.yaml"
    file.write_text(
        GOOD.replace('username: u, password: "${HTTP}"', "token_file: token") + 'topics: {alerts: "${A_TOKEN}"}\n'
    )
    names = {"SASL": PASSWORD, "KEY": KEY_PASSWORD, "TLS": TLS_PASSWORD, "A_TOKEN": "alerts-of-team-7"}
    config = load(file, names)
    load_access(config)
    assert not told({"repr": repr(config), "str": str(config)})
    formatter = LineFormatter("main", lambda text: redact(text, config))
    for secret in (PASSWORD, KEY_PASSWORD, TLS_PASSWORD, TOKEN, "alerts-of-team-7"):
        trace = (ValueError, ValueError(f"{secret!r} and {quote(secret)}"), None)
        record = logging.LogRecord("driftgauge.x", logging.ERROR, "", 1, f"refused: {secret}", None, trace)
        line = formatter.format(record)
        assert line.count("***") >= 2
        assert not any(form in line.encode() for form in forms(secret))
