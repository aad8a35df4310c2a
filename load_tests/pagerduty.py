"""A local stand-in for PagerDuty: takes events of its Events API v2, refuses what it would refuse, keeps all.

It is a receiver of webhooks of other kinds as well, which it takes as they are. Rules of the API:
https://developer.pagerduty.com/docs/send-alert-event (read November 2026).
"""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

ROUTING_KEY = "0123456789abcdef0123456789abcdef"
"""An integration key: 32 hexadecimal digits."""
ENQUEUE = "/v2/enqueue"

_ACTIONS = ("trigger", "acknowledge", "resolve")
_SEVERITIES = ("critical", "error", "warning", "info")
_LONGEST_KEY = 255
_LONGEST_SUMMARY = 1024
_LARGEST = 512 * 1024
_TEXTS = ("timestamp", "component", "group", "class")


@dataclass(frozen=True)
class Post:
    """One request: when its body had come (seconds since the epoch), where to, what, and why it was refused."""

    at: float
    path: str
    body: dict[str, Any]
    refused: tuple[str, ...] = ()


def refusals(event: Any, size: int = 0) -> tuple[str, ...]:
    """What PagerDuty would not take about an event of so many bytes; empty when it takes it."""
    if not isinstance(event, dict):
        return ("the event is no object",)
    found = []
    if size > _LARGEST:
        found.append(f"{size} bytes are over {_LARGEST}")
    if event.get("routing_key") != ROUTING_KEY:
        found.append("routing_key is not one of an integration")
    action, key = event.get("event_action"), event.get("dedup_key")
    if action not in _ACTIONS:
        found.append(f"event_action is none of {', '.join(_ACTIONS)}")
    if key is not None and (not isinstance(key, str) or not 0 < len(key) <= _LONGEST_KEY):
        found.append(f"dedup_key is no text of 1 to {_LONGEST_KEY} characters")
    if action == "trigger":
        found += _of_payload(event.get("payload"))
    elif key is None:
        found.append(f"{action} needs a dedup_key")
    for name, needed in (("links", "href"), ("images", "src")):
        entries = event.get(name) or []
        if not isinstance(entries, list) or not all(isinstance(e, dict) and _is_url(e.get(needed)) for e in entries):
            found.append(f"{name} is no list of objects with an address as {needed}")
    return tuple(found)


def _of_payload(payload: Any) -> list[str]:
    if not isinstance(payload, dict):
        return ["payload is no object"]
    found = [f"payload.{name} is missing or blank" for name in ("summary", "source") if _blank(payload.get(name))]
    if len(str(payload.get("summary", ""))) > _LONGEST_SUMMARY:
        found.append(f"payload.summary is over {_LONGEST_SUMMARY} characters")
    if payload.get("severity") not in _SEVERITIES:
        found.append(f"payload.severity is none of {', '.join(_SEVERITIES)}")
    found += [f"payload.{name} is no text" for name in _TEXTS if not isinstance(payload.get(name, ""), str)]
    if not isinstance(payload.get("custom_details", {}), dict):
        found.append("payload.custom_details is no object")
    return found


def _blank(given: Any) -> bool:
    return not isinstance(given, str) or not given.strip()


def _is_url(given: Any) -> bool:
    return isinstance(given, str) and given.startswith(("http://", "https://"))


class _Handler(BaseHTTPRequestHandler):
    server: _Listener

    def do_POST(self) -> None:
        text = self.rfile.read(int(self.headers["Content-Length"]))
        body, at = json.loads(text), time.time()
        if self.path != ENQUEUE:
            self.server.posts.append(Post(at, self.path, body))
            self._answer(HTTPStatus.OK, {})
            return
        refused = refusals(body, len(text))
        self.server.posts.append(Post(at, self.path, body, refused))
        if refused:
            said = {"status": "invalid event", "message": "Event object is invalid", "errors": list(refused)}
            self._answer(HTTPStatus.BAD_REQUEST, said)
        else:
            said = {"status": "success", "message": "Event processed", "dedup_key": body.get("dedup_key", "")}
            self._answer(HTTPStatus.ACCEPTED, said)

    def _answer(self, status: HTTPStatus, said: dict[str, Any]) -> None:
        given = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(given)))
        self.end_headers()
        self.wfile.write(given)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named by the base class
        pass


class _Listener(ThreadingHTTPServer):
    def __init__(self, host: str) -> None:
        self.posts: list[Post] = []
        super().__init__((host, 0), _Handler)


class Receiver:
    """The server; a context manager. Every request is kept, refused ones too.

    Args:
        host: address to listen on.
    """

    def __init__(self, host: str = "127.0.0.1") -> None:
        self._server = _Listener(host)
        self.url = f"http://{host}:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def posts(self) -> list[Post]:
        """Everything so far, in order."""
        return list(self._server.posts)

    @property
    def refused(self) -> list[Post]:
        """What PagerDuty would not have taken."""
        return [post for post in self.posts if post.refused]

    def at(self, path: str) -> list[dict[str, Any]]:
        """What was posted to a path, in order."""
        return [post.body for post in self.posts if post.path == path]

    def events(self, alert: str, action: str) -> list[Post]:
        """Events of an action (trigger, resolve) whose class is the alert; a resolve has no class, but the same key."""
        events = [post for post in self.posts if post.path == ENQUEUE and not post.refused]
        keys = {post.body["dedup_key"] for post in events if post.body.get("payload", {}).get("class") == alert}
        return [post for post in events if post.body["dedup_key"] in keys and post.body["event_action"] == action]

    def pages(self, alert: str, action: str) -> list[dict[str, Any]]:
        """The same without their times."""
        return [post.body for post in self.events(alert, action)]
