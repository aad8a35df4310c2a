"""/metrics, /healthz, /readyz and the pages for people over HTTP, from threads of the parent process."""

from __future__ import annotations

import gzip
import io
import logging
import os
import socket
import ssl
import threading
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, ClassVar

from stream.config.edges.addresses import split_address
from stream.errors import Unreachable
from stream.http.access import Access
from stream.http.admission import TO_ANSWER, TO_ASK, Hurried, Room, left
from stream.http.pages import Answer, Post

if TYPE_CHECKING:
    from collections.abc import Callable

    from stream.http.pages import Posts, Site
    from stream.http.tls import Tls
    from stream.metrics.registry import Registry

_LOG = logging.getLogger("driftgauge.http")
_TEXT = "text/plain; charset=utf-8"
_METRICS = "text/plain; version=0.0.4; charset=utf-8"

LARGEST, MOST_DIGITS = 64 << 10, 9
"""Bytes of a body, and digits of its length."""


class _Handler(BaseHTTPRequestHandler):
    server: _Listener
    server_version = "driftgauge"
    sys_version = ""
    # A request that cannot be read is answered with a status line, too, and in words like all others.
    default_request_version = "HTTP/1.0"
    error_content_type = _TEXT
    error_message_format = "%(message)s: %(explain)s\n"
    pages: ClassVar[dict[str, str]] = {"/metrics": "_metrics", "/healthz": "_healthz", "/readyz": "_readyz"}

    def setup(self) -> None:
        deadline = time.monotonic() + TO_ASK
        super().setup()
        self.rfile.close()
        self.rfile = io.BufferedReader(Hurried(self.connection, deadline))
        if isinstance(self.connection, ssl.SSLSocket):
            self.connection.settimeout(left(deadline))
            self.connection.do_handshake()

    def do_GET(self) -> None:
        self.server.room.asked(self.connection)
        self.connection.settimeout(TO_ANSWER)
        page = self.pages.get(self.path.partition("?")[0])
        if page is not None:
            getattr(self, page)()
        elif self.server.site is None:
            self._no_such_page()
        elif not self._admitted:
            self._refuse()
        else:
            self._site(self.server.site)

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_POST(self) -> None:
        body = self._posted()
        if body is None:
            return
        self.server.room.asked(self.connection)
        self.connection.settimeout(TO_ANSWER)
        access, posts = self.server.access, self.server.posts
        headers = {name.lower(): value for name, value in self.headers.items() if name.lower() != "authorization"}
        post = Post(self.path, headers, body, self._admitted, access.protects)
        answer = None if posts is None else self._made(lambda: posts(post))
        if answer is None:
            said = "nothing is posted here; /api/v1/openapi.json says where"
            self._say(HTTPStatus.METHOD_NOT_ALLOWED, said, {"Allow": "GET, HEAD"})
        else:
            self._answer(answer.status, answer.body, answer.content_type, answer)

    def _posted(self) -> bytes | None:
        """The body; None where it cannot be taken, which is answered."""
        given = self.headers.get("Content-Length", "")
        if not (given.isascii() and given.isdigit()) or self.headers.get("Transfer-Encoding") is not None:
            self._say(HTTPStatus.LENGTH_REQUIRED, "a body with its Content-Length is needed")
        elif len(given) > MOST_DIGITS or int(given) > LARGEST:
            self._say(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a body has at most {LARGEST} bytes")
        else:
            body = self.rfile.read(int(given))
            if len(body) == int(given):
                return body
            self._say(HTTPStatus.BAD_REQUEST, "the body ends before its Content-Length")
        return None

    def _say(self, status: HTTPStatus, said: str, headers: dict[str, str] | None = None) -> None:
        self._answer(status, f"{said}\n".encode(), _TEXT, Answer(status, b"", _TEXT, headers or {}))

    @property
    def _admitted(self) -> bool:
        return self.server.access.admits(self.headers.get("Authorization"))

    def _metrics(self) -> None:
        if self._admitted:
            self._answer(HTTPStatus.OK, self.server.registry.render(), _METRICS)
        else:
            self._refuse()

    def _healthz(self) -> None:
        self._answer(HTTPStatus.OK, b"alive\n")

    def _readyz(self) -> None:
        reasons = self.server.registry.not_ready()
        if reasons and not self._admitted:  # a probe has no token, and needs no reasons
            self._answer(HTTPStatus.SERVICE_UNAVAILABLE, b"not ready\n")
        elif reasons:
            lines = self.server.redact("".join(f"{reason}\n" for reason in reasons))
            self._answer(HTTPStatus.SERVICE_UNAVAILABLE, b"not ready\n" + lines.encode(errors="replace"))
        else:
            self._answer(HTTPStatus.OK, b"ready\n")

    def _site(self, site: Site) -> None:
        answer = self._made(lambda: site(self.path))
        if answer is None:
            self._no_such_page()
        else:
            self._answer(answer.status, answer.body, answer.content_type, answer)

    def _made(self, make: Callable[[], Answer | None]) -> Answer | None:
        try:
            return make()
        except Exception:  # noqa: BLE001 - a defect of a page is no reason to leave its reader without a word
            _LOG.exception("%s cannot be shown", self.path)
            said = b"this page cannot be shown; the log says why\n"
            return Answer(HTTPStatus.INTERNAL_SERVER_ERROR, said, _TEXT)

    def _no_such_page(self) -> None:
        there = (*self.pages, *(("/", "/api/v1/openapi.json") if self.server.site is not None else ()))
        self._answer(HTTPStatus.NOT_FOUND, f"no such page; there are {', '.join(there)}\n".encode())

    def _refuse(self) -> None:
        self._answer(HTTPStatus.UNAUTHORIZED, b"http.auth of the config says who may see this\n")

    def _answer(self, status: HTTPStatus, body: bytes, content_type: str = _TEXT, more: Answer | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        if status == HTTPStatus.UNAUTHORIZED:
            self.send_header("WWW-Authenticate", self.server.access.challenge)
        if _takes_gzip(self.headers.get("Accept-Encoding", "")):
            body = gzip.compress(body, compresslevel=1)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        headers = {"Cache-Control": "no-store", **({} if more is None else more.headers)}
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - named by the base class
        _LOG.debug("%s " + format, self.client_address[0], *args)


def _takes_gzip(accepted: str) -> bool:
    """Whether an Accept-Encoding header names gzip without refusing it by q=0."""
    for offer in accepted.split(","):
        name, _, weight = offer.partition(";")
        if name.strip().lower() == "gzip":
            return weight.replace(" ", "").lower() not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(
        self,
        family: int,
        address: tuple[Any, ...],
        registry: Registry,
        redact: Callable[[str], str],
        access: Access,
        tls: Tls | None,
        site: Site | None,
        posts: Posts | None,
    ) -> None:
        self.site, self.posts = site, posts
        self.address_family = family
        self.registry = registry
        self.redact = redact
        self.access = access
        self.room = Room()
        self._tls = tls
        super().__init__(address[:2], _Handler)

    def get_request(self) -> tuple[Any, Any]:
        client, address = super().get_request()
        return (client if self._tls is None else self._tls.wrap(client)), address

    def server_bind(self) -> None:
        # HTTPServer's own would look its name up in the DNS and can hang there.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self.room.enter(request):
            _LOG.warning("refused %s: no place is free, and all clients are being answered", client_address[0])
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except RuntimeError:  # no thread is to be had
            self.room.leave(request)
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.room.leave(request)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - named by the base class
        _LOG.debug("%s went away", client_address[0], exc_info=True)


class Server:
    """Listens from construction on and answers after `start`.

    Args:
        listen: "host:port"; port 0 takes a free one.
        registry: what is shown.
        redact: takes secrets out of the reasons that /readyz gives.
        access: who may see /metrics and those reasons.
        tls: encrypts; None for plain HTTP.
        site: all other pages; None for none. Who may not see /metrics may not see them.
        posts: takes what is posted, and decides by itself who may; None where nothing is taken.

    Raises:
        Unreachable: the address cannot be listened on.
    """

    def __init__(
        self,
        listen: str,
        registry: Registry,
        redact: Callable[[str], str] = str,
        access: Access | None = None,
        tls: Tls | None = None,
        site: Site | None = None,
        posts: Posts | None = None,
    ) -> None:
        host, port = split_address(listen)
        try:
            found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
            family, _, _, _, address = found[0]
            self._listener = _Listener(family, address, registry, redact, access or Access(), tls, site, posts)
        except OSError as error:
            why = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
            raise Unreachable(f"http.listen: cannot listen on {listen}: {why}") from None
        # A short poll, for the end of the program waits for it.
        self._thread = threading.Thread(
            target=self._listener.serve_forever, kwargs={"poll_interval": 0.05}, name="http", daemon=True
        )

    @property
    def address(self) -> tuple[str, int]:
        """Host and port it listens on."""
        return self._listener.server_name, self._listener.server_port

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def close(self) -> None:
        """Stop listening. Requests under way are not waited for."""
        if self._thread.is_alive():
            self._listener.shutdown()
            self._thread.join()
        self._listener.socket.close()
