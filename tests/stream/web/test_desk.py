"""What is posted to /api/v1/actions: the command line's words over HTTP, for who may say them; refusals in words."""

from __future__ import annotations

import datetime as dt
import http.client
import json
import logging
import re
import socket
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from monitored import PANE, Monitor, Traffic, acting_site
from waiting import GUARD, until

from stream.config.problems import ConfigError
from stream.connectors.webhook import TOLERANCE, key_of, signature
from stream.http.access import load_access
from stream.http.server import LARGEST, Server
from stream.metrics.registry import Registry
from stream.simulate.shifts import Shift
from stream.web.desk import Desk
from stream.web.openapi import DESCRIPTION

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from brokers import Broker
    from monitored import Site

TOKEN = "t0ken-0f-who-approves"  # noqa: S105 - planted, to be looked for
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 - of the specification's own example
NOW = 1_790_000_000
BEARER = {"Authorization": f"Bearer {TOKEN}"}
JSON = {"Content-Type": "application/json"}


def _rfc(seconds: float) -> str:
    return dt.datetime.fromtimestamp(seconds, dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def step(number: int, state: str, **changes: Any) -> bytes:
    """A step of an action as it is in the topic."""
    return json.dumps(
        {
            "id": f"{number:08x}" * 4,
            "event_id": f"{number:08x}{state}",
            "action": "retrain",
            "state": state,
            "model": "click",
            "version": "7",
            "complete_by": _rfc(NOW + 3_600),
            "event_time": _rfc(NOW),
            "dry_run": False,
            "via": ["hook"],
            **changes,
        }
    ).encode()


AWAITING, RUNNING, OVER, TRIED, ELSEWHERE, LATE = (f"{number:08x}" * 4 for number in range(1, 7))
STEPS = (
    step(1, "awaiting_approval"),
    step(2, "requested"),
    step(2, "running"),
    step(3, "requested"),
    step(3, "completed"),
    step(4, "requested", dry_run=True),
    step(5, "requested", via=[]),
    step(6, "awaiting_approval", complete_by=_rfc(NOW - 1)),
)


class Door:
    """The server of a site, whose clock stands at NOW unless it is told otherwise."""

    def __init__(self, site: Site, now: float | None = NOW) -> None:
        config = site.config
        desk = Desk(config) if now is None else Desk(config, lambda: now)
        self.server = Server("127.0.0.1:0", Registry(), access=load_access(config), posts=desk)
        self.server.start()

    def post(self, path: str, body: Any = None, **headers: str) -> tuple[int, dict[str, Any], dict[str, str]]:
        """Status, JSON and headers of the answer; with JSON's content type and the token unless they are given."""
        sent = {**JSON, **BEARER, **{name.replace("_", "-"): value for name, value in headers.items()}}
        raw = body if isinstance(body, bytes) else json.dumps({} if body is None else body).encode()
        with closing(http.client.HTTPConnection(*self.server.address, timeout=GUARD)) as connection:
            connection.request("POST", path, raw, {name: value for name, value in sent.items() if value})
            answer = connection.getresponse()
            text = answer.read().decode()
        is_json = answer.getheader("Content-Type", "").startswith("application/json")
        return answer.status, json.loads(text) if is_json else {"text": text}, dict(answer.getheaders())

    def signed(self, path: str, body: Any, number: str = "m1", stamp: int = NOW, **headers: str) -> tuple[int, Any]:
        """Post as the receiver of the webhook."""
        raw = json.dumps(body).encode()
        mine = {
            "webhook-id": number,
            "webhook-timestamp": str(stamp),
            "webhook-signature": f"v1,bm90IG1pbmU= {signature(key_of(SECRET), number, stamp, raw)}",
            "Authorization": "",
            **headers,
        }
        return self.post(path, raw, **mine)[:2]


def protect(site: Site, secret: str = SECRET) -> None:
    """Give the config of a site `http.auth`, and a webhook with a secret."""
    config = yaml.safe_load(site.path.read_text())
    config["actions"]["connectors"] = {"hook": {"webhook": {"url": "http://127.0.0.1:1", "secret": secret}}}
    config["http"]["auth"] = {"token": TOKEN}
    site.path.write_text(yaml.safe_dump(config))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, embedded_broker: Broker) -> Site:
    """A site with actions in every state."""
    site = acting_site(tmp_path_factory.mktemp("desk"), embedded_broker, {})
    protect(site)
    embedded_broker.produce(site.topics["actions"], STEPS, partition=0)
    return site


@pytest.fixture
def door(site: Site) -> Iterator[Door]:
    """Its server."""
    door = Door(site)
    yield door
    door.server.close()


def said(site: Site) -> list[dict[str, Any]]:
    """All words on the control topic."""
    return [json.loads(message.value() or b"") for message in site.read("control")]


@pytest.mark.parametrize(
    ("path", "body", "written"),
    [
        (f"{AWAITING[:8]}/approve", {"by": "ann"}, {"kind": "approve", "action": AWAITING, "by": "ann"}),
        (f"{AWAITING}/cancel", {"reason": "no"}, {"kind": "cancel", "action": AWAITING, "reason": "no", "by": "HTTP"}),
        (
            f"{RUNNING}/done",
            {"version": "8", "gain": 0.01, "reason": "better"},
            {"kind": "done", "action": RUNNING, "outcome": {"version": "8", "gain": 0.01, "detail": "better"}},
        ),
        (f"{RUNNING}/fail", {"id": "once", "timestamp": _rfc(NOW - 200)}, {"kind": "fail", "id": "once"}),
        (
            "request",
            {"action": "review", "model": "click", "version": "7"},
            {"kind": "request", "action": "review", "model": "click", "version": "7"},
        ),
    ],
    ids=["approve", "cancel", "done", "fail", "request"],
)
def test_what_may_be_said_is_on_the_control_topic(
    site: Site, door: Door, path: str, body: dict[str, Any], written: dict[str, Any]
) -> None:
    """As the command line would write it, with the id in the answer, every field of which is described."""
    status, answer, _ = door.post(f"/api/v1/actions/{path}", body)
    assert status == 202, answer
    assert answer.pop("counts_within") == "1500ms"
    assert answer in said(site)
    assert answer["timestamp"] == _rfc(NOW)
    assert {name: answer[name] for name in written} == written
    assert set(answer) <= set(DESCRIPTION["components"]["schemas"]["Word"]["properties"])


@pytest.mark.parametrize(
    ("path", "body", "status", "told"),
    [
        (f"{RUNNING}/approve", {}, 409, "is running: nobody's agreement is waited for"),
        (f"{LATE}/approve", {}, 409, "too late; ask anew"),
        (f"{OVER}/done", {}, 409, "is completed since"),
        (f"{TRIED}/done", {}, 409, "was only tried (actions.mode: dry_run)"),
        ("beef0000/cancel", {}, 404, "no such action"),
        ("00/cancel", {}, 404, "at least 4 digits"),
        ("0000/cancel", {}, 404, "begins 6 ids"),
        ("request", {"action": "dance", "model": "click"}, 400, "allowed are retrain, rollback"),
        ("request", {"action": "retrain", "model": "none"}, 400, "there are click"),
        ("request", {"action": "retrain"}, 400, "missing required field `model`"),
        (f"{RUNNING}/done", {"gian": 1}, 400, "unknown field `gian`"),
        (f"{RUNNING}/done", {"gain": "much"}, 400, "at `$.gain`"),
        (f"{RUNNING}/fail", {"version": "8"}, 400, "unknown field `version`"),
        (f"{RUNNING}/done", {"by": "ann\nroot"}, 400, "at `$.by`"),
        (f"{RUNNING}/done", b"{", 400, "the body"),
        (f"{RUNNING}/done", b"\xff", 400, "the body"),
        (f"{RUNNING}/done", b"[" * 60_000, 400, "the body"),
        (f"{RUNNING}/done", {"timestamp": _rfc(NOW - TOLERANCE - 1)}, 409, "an old message"),
        (f"{RUNNING}/done", {"timestamp": "2026-11-01T00:00:00"}, 400, "offset from UTC"),
    ],
)
def test_what_cannot_be_said_is_refused_in_words(
    site: Site, door: Door, path: str, body: Any, status: int, told: str
) -> None:
    """With a status of HTTP that fits and is described, and nothing is written."""
    before = len(said(site))
    found, answer, _ = door.post(f"/api/v1/actions/{path}", body)
    assert (found, told in answer["error"]) == (status, True), answer
    assert len(said(site)) == before
    described = DESCRIPTION["paths"]["/actions/request" if path == "request" else "/actions/{id}/done"]["post"]
    assert str(status) in described["responses"]


def test_only_who_is_let_in_is_heard(site: Site, door: Door) -> None:
    """No token, another one, and what a form in a browser could send by itself: refused, and nothing is written."""
    before = len(said(site))
    path = f"/api/v1/actions/{RUNNING}/done"
    for wrong in ("", "Bearer x", f"Basic {TOKEN}"):
        status, answer, headers = door.post(path, Authorization=wrong)
        assert (status, headers["WWW-Authenticate"]) == (401, 'Bearer realm="driftgauge"')
        assert "http.auth" in answer["error"]
    assert door.post(path, Content_Type="text/plain")[0] == 415
    assert len(said(site)) == before


def test_nothing_is_taken_where_everybody_would_be_let_in(tmp_path: Path, embedded_broker: Broker) -> None:
    """Without `http.auth` the answer says what is missing; a signature changes nothing."""
    site = acting_site(tmp_path, embedded_broker, {"connectors": {"hook": {"webhook": {"url": "http://h"}}}})
    door = Door(site)
    try:
        status, answer, _ = door.post("/api/v1/actions/request", {"action": "retrain", "model": "click"})
        assert (status, "without http.auth" in answer["error"]) == (403, True)
        assert door.signed(f"/api/v1/actions/{RUNNING}/done", {})[0] == 403
        assert said(site) == []
    finally:
        door.server.close()


def test_the_receiver_of_a_webhook_says_how_its_action_ended(door: Door) -> None:
    """Signed like what it was sent: done or failed, of what went through it; the same message has the same id."""
    path = f"/api/v1/actions/{RUNNING}/done"
    status, answer = door.signed(path, {"version": "8"}, "of-the-trainer")
    assert (status, answer["by"], answer["connector"]) == (202, "webhook hook", "hook")
    assert door.signed(path, {"version": "8"}, "of-the-trainer")[1]["id"] == answer["id"] != "of-the-trainer"
    assert door.signed(path, {"version": "8"}, "another")[1]["id"] != answer["id"]


@pytest.mark.parametrize(
    ("path", "changes", "status", "told"),
    [
        (f"{AWAITING}/approve", {}, 403, "a webhook says done or fail, not approve"),
        ("request", {}, 403, "not request"),
        (f"{ELSEWHERE}/done", {}, 403, "does not go through hook"),
        (f"{RUNNING}/done", {"stamp": NOW - TOLERANCE - 1}, 401, "an old message, or a wrong clock"),
        (f"{RUNNING}/done", {"stamp": NOW + TOLERANCE + 1}, 401, "an old message, or a wrong clock"),
        (f"{RUNNING}/done", {"webhook-id": "other"}, 401, "another secret, or of another message"),
        (f"{RUNNING}/done", {"webhook-signature": "v1,é v2"}, 401, "another secret"),
        (f"{RUNNING}/done", {"webhook-timestamp": "soon"}, 401, "no number of seconds"),
        (f"{RUNNING}/done", {"webhook-id": ""}, 401, "are needed"),
    ],
)
def test_a_signature_counts_for_what_it_signs(
    site: Site, door: Door, path: str, changes: dict[str, Any], status: int, told: str
) -> None:
    """For this message, at its time, about actions of this connector; never to approve or to ask."""
    before = len(said(site))
    found, answer = door.signed(f"/api/v1/actions/{path}", {}, **changes)
    assert (found, told in answer["error"]) == (status, True), answer
    assert len(said(site)) == before


def test_only_bodies_of_a_known_and_small_size_are_read(door: Door) -> None:
    """Too large, without a length, cut off; and pages that are read alone say so."""
    path = f"/api/v1/actions/{RUNNING}/done"
    assert door.post(path, b" " * (LARGEST + 1))[0] == 413
    assert door.post(path, Content_Length="1" * 5_000)[0] == 413
    assert door.post(path, Transfer_Encoding="chunked")[0] == 411
    status, answer, headers = door.post("/metrics")
    assert (status, headers["Allow"], "openapi" in answer["text"]) == (405, "GET, HEAD", True)
    assert door.post("/api/v1/actions/x/dance")[0] == 405
    with socket.create_connection(door.server.address, timeout=GUARD) as client:
        client.sendall(f"POST {path} HTTP/1.1\r\nContent-Length: 100\r\n\r\nhalf".encode())
        client.shutdown(socket.SHUT_WR)
        assert re.match(rb"HTTP/1.0 400 .*ends before its Content-Length", client.makefile("rb").read(), re.DOTALL)


def test_no_secret_is_said_or_logged(site: Site, door: Door, caplog: pytest.LogCaptureFixture) -> None:
    """Of whoever pastes one into a reason; the log says who said what, and holds no header."""
    with caplog.at_level(logging.DEBUG):
        status, answer, _ = door.post(f"/api/v1/actions/{RUNNING}/fail", {"by": "ann", "reason": f"{TOKEN} {SECRET}"})
        door.signed(f"/api/v1/actions/{RUNNING}/done", {"reason": TOKEN}, "leaky")
    assert (status, answer["reason"]) == (202, "*** ***")
    assert "ann says fail" in caplog.text
    held = caplog.text + json.dumps(said(site))
    assert TOKEN not in held
    assert SECRET.removeprefix("whsec_") not in held


def test_a_secret_that_is_none_ends_the_start(tmp_path: Path, embedded_broker: Broker) -> None:
    """With the key's path."""
    site = acting_site(tmp_path, embedded_broker, {})
    protect(site, "no base64!")
    with pytest.raises(ConfigError, match=r"actions\.connectors\.hook\.webhook\.secret"):
        Desk(site.config)


def test_what_is_posted_counts_once(tmp_path: Path, embedded_broker: Broker) -> None:
    """Drift asks, ann agrees over HTTP, the trainer reports; the same request posted again does nothing."""
    site = acting_site(tmp_path, embedded_broker, {}, approval="always", via=["hook"])
    protect(site)
    door = Door(site, None)
    now = dt.datetime.now(dt.UTC)
    try:
        with Monitor(site) as monitor:
            start = int(now.timestamp() * 1e3) - 20 * PANE
            traffic = Traffic(site, start, shifts=(Shift("mean", "age", 1.0, 3 * PANE),))

            def counted(kind: str, outcome: str) -> int:
                if not monitor.total("control_events_total", kind=kind, outcome=outcome):
                    traffic.write(2)
                    monitor.until(lambda: monitor.watermark >= traffic.closable)
                return monitor.total("control_events_total", kind=kind, outcome=outcome)

            traffic.write(20)
            (message,) = monitor.until(lambda: site.read("actions"))
            number = json.loads(message.value() or b"")["id"]
            assert door.post(f"/api/v1/actions/{number}/approve", {"by": "ann", "id": "a1"})[0] == 202
            until(lambda: counted("approve", "taken"))
            body = {"action": "review", "model": "click", "id": "r1"}
            for outcome in ("taken", "known"):
                assert door.post("/api/v1/actions/request", body)[0] == 202
                assert until(lambda: counted("request", outcome)) == 1  # noqa: B023 - asked for at once
            stamp = int(dt.datetime.now(dt.UTC).timestamp())
            assert door.signed(f"/api/v1/actions/{number}/done", {"version": "2"}, stamp=stamp)[0] == 202
            until(lambda: counted("done", "taken"))
            until(lambda: len(site.read("actions")) == 4)
    finally:
        door.server.close()
    steps = [json.loads(message.value() or b"") for message in site.read("actions")]
    assert [(one["action"], one["state"]) for one in sorted(steps, key=lambda one: one["event_time"])] == [
        ("retrain", "awaiting_approval"),
        ("retrain", "requested"),
        ("review", "blocked"),  # a retraining is under way
        ("retrain", "completed"),
    ]
    assert next(one for one in steps if one["sequence"] == 1)["approved_by"] == "ann"
