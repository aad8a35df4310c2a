"""JSON over HTTP to one server: what passes is told apart from what is refused, and no secret is told."""

from __future__ import annotations

import socket
import threading
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec

from stream.connectors.base import PassingError, RefusedError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator, Mapping

    from stream.connectors.login import Login

LARGEST = 1 << 20
"""Bytes read of an answer."""
TOLD = 300
"""Characters of it that are told."""
STRANGER = frozenset({401, 403})
"""Who we say we are is not believed, or may not do that: Airflow says 403 to a token that has expired."""
PASSING = frozenset({408, 425, 429})
LONGEST_WAIT = 300.0
"""Seconds at most that a server's Retry-After is followed."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, and the body as JSON; None where it is none."""

    status: int
    body: Any
    text: str


@dataclass(frozen=True, slots=True)
class Client:
    """Asks one server. A connection is made for each request: they are rare.

    Attributes:
        url: base address.
        timeout: seconds for a request, however steadily its answer drips.
        headers: sent with each.
        context: TLS, for https.
        redact: takes secrets out of what a server answers.
        login: says who we are; None where nobody asks.
    """

    url: str
    timeout: float
    headers: dict[str, str] = field(default_factory=dict)
    context: ssl.SSLContext | None = None
    redact: Callable[[str], str] = field(default=str)
    login: Login | None = None

    def ask(
        self, method: str, path: str, body: Any = None, *, headers: Mapping[str, str] | None = None, raw: bytes = b""
    ) -> Answer:
        """Ask, with a body as JSON (or `raw`, as it is). A login that is not believed is renewed, once.

        Raises:
            PassingError: no answer, or one that says to come again.
            RefusedError: the login has nothing to say.
        """
        data = raw or (None if body is None else msgspec.json.encode(body))
        kind = {} if data is None else {"Content-Type": "application/json"}
        given = {"Accept": "application/json", "User-Agent": "driftgauge", **kind, **self.headers, **(headers or {})}
        if self.login is None:
            return self._asked(method, path, data, given)
        said = self.login.header()
        answer = self._asked(method, path, data, {**given, "Authorization": said})
        if answer.status in STRANGER and (fresh := self.login.renewed(said)) != said:
            return self._asked(method, path, data, {**given, "Authorization": fresh})
        return answer

    def _asked(self, method: str, path: str, data: bytes | None, given: Mapping[str, str]) -> Answer:
        cut = threading.Event()
        try:
            with closing(self._connection()) as connection:
                connection.connect()
                with _cut_after(self.timeout, connection.sock, cut):
                    connection.request(method, urlsplit(self.url).path.rstrip("/") + path, data, dict(given))
                    answer = connection.getresponse()
                    text = answer.read(LARGEST).decode(errors="replace")
        except (OSError, HTTPException, UnicodeError) as error:
            late = cut.is_set() or isinstance(error, TimeoutError)
            why = f" within {self.timeout:g} s" if late else f": {error or type(error).__name__}"
            raise PassingError(self._line(f"no answer{why}")) from error
        if answer.status in PASSING or answer.status >= 500:
            after = _seconds(answer.headers.get("Retry-After"))
            raise PassingError(self._line(f"{answer.status} {answer.reason}: {text[:TOLD]}"), after)
        return Answer(answer.status, _json(text), self._line(text[:TOLD]))

    def good(self, method: str, path: str, body: Any = None) -> Any:
        """The body of an answer of the 200s.

        Raises:
            PassingError: as for `ask`.
            RefusedError: any other answer.
        """
        answer = self.ask(method, path, body)
        if not 200 <= answer.status < 300:
            raise RefusedError(f"{method} {path}: {answer.status}: {answer.text}")
        return answer.body

    def _line(self, text: str) -> str:
        line = self.redact(" ".join(text.split()))
        return line if self.login is None else self.login.mask(line)

    def _connection(self) -> HTTPConnection:
        parts = urlsplit(self.url)
        if parts.scheme == "https":
            return HTTPSConnection(parts.hostname or "", parts.port, timeout=self.timeout, context=self.context)
        return HTTPConnection(parts.hostname or "", parts.port, timeout=self.timeout)


def _seconds(given: str | None) -> float | None:
    """A Retry-After in seconds; None for none, or a date."""
    if given is None or not given.strip().isdigit():
        return None
    return min(float(given), LONGEST_WAIT)


def _json(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return None


@contextmanager
def _cut_after(seconds: float, connected: socket.socket, told: threading.Event) -> Iterator[None]:
    """End a connection that takes longer, and tell so: a socket's own timeout begins anew with every byte."""

    def cut() -> None:
        told.set()
        with suppress(OSError):
            socket.socket.shutdown(connected, socket.SHUT_RDWR)

    timer = threading.Timer(seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
