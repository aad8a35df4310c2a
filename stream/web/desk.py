"""The desk: people and other systems say of actions over HTTP what the command line says, on the control topic.

It keeps nothing. Who is let in by `http.auth` may say everything; the receiver of a signed webhook may say, with the
same signature, how the actions that it was sent have ended. Without `http.auth` nothing is taken.
"""

from __future__ import annotations

import datetime as dt  # noqa: TC003 - read by msgspec
import hashlib
import logging
import threading
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import unquote

import msgspec

from stream.connectors.make import webhook_keys
from stream.connectors.webhook import TOLERANCE, verified
from stream.errors import Unreachable, UsageError
from stream.http.pages import Answer
from stream.redact import redact
from stream.web.site import HEADERS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from stream.config.load import Config
    from stream.http.pages import Post

_LOG = logging.getLogger("driftgauge.http")

KINDS = ("approve", "cancel", "done", "fail")
REPORTS = frozenset({"done", "fail"})
"""What the receiver of a webhook may say."""

_Line = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+\Z")]
_Text = Annotated[str, msgspec.Meta(max_length=2_000)]


class _Said(msgspec.Struct, forbid_unknown_fields=True):
    """What may stand in every body."""

    by: _Line | None = None
    reason: _Text = ""
    id: _Line | None = None
    timestamp: dt.datetime | None = None


class _Done(_Said):
    """Of done."""

    version: _Line | None = None
    gain: float | None = None


class _Request(_Said, kw_only=True):
    """Of request."""

    action: _Line
    model: _Line
    version: _Line | None = None


class _RefusedError(Exception):
    """What is posted is not taken, for a reason in words."""

    def __init__(self, status: HTTPStatus, why: str) -> None:
        super().__init__(why)
        self.status = status


@dataclass(frozen=True, slots=True)
class _Sender:
    """Who posts: `connector` is the one whose signature it has; `number` of the message, if it has one."""

    connector: str | None = None
    number: str | None = None


@dataclass(slots=True)
class Desk:
    """Takes what is posted to /api/v1/actions/...

    Attributes:
        config: of the monitor.
        now: seconds since the epoch.
    """

    config: Config
    now: Callable[[], float] = time.time
    _keys: Mapping[str, bytes] = field(init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        """Read the secrets of webhooks.

        Raises:
            ConfigError: one cannot be used.
        """
        self._keys = {} if self.config.http.auth is None else webhook_keys(self.config)

    def __call__(self, post: Post) -> Answer | None:
        """The answer; None where nothing is taken."""
        parts = tuple(unquote(part) for part in post.path.partition("?")[0].strip("/").split("/"))
        match parts:
            case ("api", "v1", "actions", "request"):
                kind, number = "request", ""
            case ("api", "v1", "actions", number, kind) if kind in KINDS:
                pass
            case _:
                return None
        try:
            message = self._take(post, kind, number)
        except _RefusedError as error:
            return self._refusal(error.status, str(error))
        except UsageError as error:
            return self._refusal(_status_of(error), str(error))
        return _json(HTTPStatus.ACCEPTED, message)

    def _take(self, post: Post, kind: str, number: str) -> dict[str, Any]:
        """Check it, say it, and tell what was said."""
        # Only here, for whoever never posts needs no client of Kafka in this process.
        from stream.kafka import action_words as words  # noqa: PLC0415

        sender = self._sender(post, kind)
        said = self._read(post, kind)
        with self._lock:  # each reads the topic
            if isinstance(said, _Request):
                words.refuse_request(self.config, said.action, said.model)
                word = {"kind": kind, "model": said.model, "action": said.action, "version": said.version}
            else:
                word = self._about(sender, said, kind, number)
            by = said.by or (f"webhook {sender.connector}" if sender.connector else self._user)
            shown, reason = (redact(text, self.config) for text in (by, said.reason))
            at = round(self.now() * 1e3)
            id_ = sender.number or said.id
            message = words.write(self.config, word, by=shown, reason=reason, now=at, number=id_)
        _LOG.info("over HTTP %s says %s of %s", shown, kind, message["action"])
        return {**message, "counts_within": words.counts_within(self.config)}

    def _about(self, sender: _Sender, said: _Said, kind: str, number: str) -> dict[str, Any]:
        """What is to be said of an action that is open."""
        from stream.kafka import action_words as words  # noqa: PLC0415 - see above

        step = words.open_step(self.config, number)
        if sender.connector is not None and sender.connector not in step["via"]:
            raise _RefusedError(HTTPStatus.FORBIDDEN, f"{step['id']} does not go through {sender.connector}")
        if kind == "approve":
            words.refuse_approval(step, round(self.now() * 1e3))
        if not isinstance(said, _Done):
            return words.about(kind, step, connector=sender.connector)
        outcome = {"version": said.version, "gain": said.gain, "detail": redact(said.reason, self.config) or None}
        return words.about(kind, step, connector=sender.connector, outcome=outcome)

    def _sender(self, post: Post, kind: str) -> _Sender:
        """Who it is, if it may say so."""
        if not post.protected:
            why = "nothing is taken without http.auth in the config: whoever may post can roll a model back"
            raise _RefusedError(HTTPStatus.FORBIDDEN, why)
        if post.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise _RefusedError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Content-Type: application/json is needed")
        if post.admitted:
            return _Sender()
        if "webhook-signature" not in post.headers:
            raise _RefusedError(HTTPStatus.UNAUTHORIZED, "http.auth of the config says who may say this")
        why = "no webhook of the config has a secret"
        for name, key in self._keys.items():
            found = verified(key, post.headers, post.body, self.now())
            if found is None and kind not in REPORTS:
                raise _RefusedError(HTTPStatus.FORBIDDEN, f"a webhook says {' or '.join(sorted(REPORTS))}, not {kind}")
            if found is None:
                said = f"{name}\x1f{post.headers['webhook-id']}"
                return _Sender(name, hashlib.sha256(said.encode(errors="replace")).hexdigest()[:32])
            why = found
        raise _RefusedError(HTTPStatus.UNAUTHORIZED, why)

    def _read(self, post: Post, kind: str) -> _Said:
        """The body."""
        form = {"request": _Request, "done": _Done}.get(kind, _Said)
        try:
            said: _Said = msgspec.json.decode(post.body or b"{}", type=form)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise _RefusedError(HTTPStatus.BAD_REQUEST, f"the body: {error}") from None
        at = said.timestamp
        if at is not None and at.tzinfo is None:
            raise _RefusedError(HTTPStatus.BAD_REQUEST, "timestamp: an offset from UTC is needed, such as Z")
        if at is not None and abs(at.timestamp() - self.now()) > TOLERANCE:
            why = f"timestamp: more than {TOLERANCE} s away from now: an old message, or a wrong clock"
            raise _RefusedError(HTTPStatus.CONFLICT, why)
        return said

    @property
    def _user(self) -> str:
        auth = self.config.http.auth
        return "HTTP" if auth is None or auth.username is None else auth.username

    def _refusal(self, status: HTTPStatus, why: str) -> Answer:
        return _json(status, {"error": redact(why, self.config)})


def _status_of(error: UsageError) -> HTTPStatus:
    """What a refusal is in HTTP."""
    from stream.kafka.action_words import NotNowError, UnknownActionError  # noqa: PLC0415 - see above

    if isinstance(error, Unreachable):
        return HTTPStatus.SERVICE_UNAVAILABLE
    if isinstance(error, UnknownActionError):
        return HTTPStatus.NOT_FOUND
    return HTTPStatus.CONFLICT if isinstance(error, NotNowError) else HTTPStatus.BAD_REQUEST


def _json(status: HTTPStatus, value: object) -> Answer:
    return Answer(status, msgspec.json.encode(value), "application/json; charset=utf-8", HEADERS)
