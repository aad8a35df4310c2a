"""One Alertmanager over HTTP or HTTPS: posts alerts to its v2 API."""

from __future__ import annotations

import socket
import threading
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from stream.errors import Unreachable
from stream.http.authorization import header_of
from stream.http.tls import client_context
from stream.redact import redact

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator

    from stream.config.load import Config

PATH = "/api/v2/alerts"
_PAGES = {"text/html", "application/xhtml+xml"}
_LONGEST = 300
"""Characters of an answer that are told."""


class PushError(RuntimeError):
    """The alerts were not taken; why, in one line."""


class RefusedError(PushError):
    """They were understood and refused; others may be taken."""


@dataclass(frozen=True, slots=True)
class Client:
    """Posts to one address. A connection is made for each request: they are rare.

    Attributes:
        url: base address, without a user name or password.
        timeout: seconds to connect, and seconds for the rest of a request, however steadily it drips.
        headers: sent with each.
        context: TLS, for https.
        redact: takes secrets out of what a server answers: some repeat what they were sent.
    """

    url: str
    timeout: float
    headers: dict[str, str]
    context: ssl.SSLContext | None
    redact: Callable[[str], str] = field(default=str)

    def post(self, body: bytes) -> None:
        """Post alerts.

        Raises:
            RefusedError: it answered, and not with 200.
            PushError: they were not taken; or what answers is no Alertmanager.
        """
        try:
            with closing(self._connection()) as connection:
                connection.connect()
                with _cut_after(self.timeout, connection.sock):
                    connection.request("POST", urlsplit(self.url).path.rstrip("/") + PATH, body, self.headers)
                    answer = connection.getresponse()
                    said = answer.read(_LONGEST).decode(errors="replace")
                    kind = answer.headers.get_content_type() if "Content-Type" in answer.headers else ""
        except (OSError, HTTPException, UnicodeError) as error:  # the last of a host that can be no name
            raise PushError(self._line(str(error) or type(error).__name__)) from error
        if answer.status != HTTPStatus.OK:
            raise RefusedError(self._line(f"{answer.status} {answer.reason}: {said}"))
        if kind in _PAGES or said.lstrip().startswith("<"):
            # A login page, or another service: Alertmanager answers without a word.
            raise PushError(self._line(f"it answers with a page, as no Alertmanager does: {said}"))

    def check(self) -> None:
        """Post nothing.

        Raises:
            Unreachable: that is not taken.
        """
        try:
            self.post(b"[]")
        except PushError as error:
            raise Unreachable(f"alertmanager.urls: {self.url} does not take alerts: {error}") from None

    def _line(self, text: str) -> str:
        return self.redact(" ".join(text.split()))

    def _connection(self) -> HTTPConnection:
        parts = urlsplit(self.url)
        if parts.scheme == "https":
            return HTTPSConnection(parts.hostname or "", parts.port, timeout=self.timeout, context=self.context)
        return HTTPConnection(parts.hostname or "", parts.port, timeout=self.timeout)


@contextmanager
def _cut_after(seconds: float, connected: socket.socket) -> Iterator[None]:
    """End a connection that takes longer: a socket's own timeout begins anew with every byte."""

    def cut() -> None:
        with suppress(OSError):  # gone by itself
            socket.socket.shutdown(connected, socket.SHUT_RDWR)  # the plain one's: a thread may be inside of TLS

    timer = threading.Timer(seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def clients_of(config: Config) -> list[Client]:
    """One for each replica that the config names.

    Raises:
        ConfigError: a certificate, a key or a file with a secret cannot be used.
    """
    settings = config.alertmanager
    headers = {"Content-Type": "application/json", "User-Agent": "driftgauge"}
    if settings.auth is not None:
        headers["Authorization"] = header_of(config, settings.auth, ("alertmanager", "auth"))
    context = (
        client_context(config, settings.tls, "alertmanager")
        if any(url.startswith("https") for url in settings.urls)
        else None
    )
    shown = partial(redact, config=config)
    return [Client(url, settings.timeout / 1e3, headers, context, shown) for url in settings.urls]
