"""A server that stands between ours and a real one, and at a moment of the caller's choice lets an answer be lost."""

from __future__ import annotations

import http.client
import threading
from contextlib import closing, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from usage import tree

if TYPE_CHECKING:
    from collections.abc import Callable

    Lost = Callable[[str, str, int, int], bool]

HOP = frozenset({"connection", "transfer-encoding", "keep-alive", "content-length", "host"})


class Between:
    """Hands every request on; a context manager.

    Args:
        url: of the real server.
        lost: asked with method, path, the status that the real server answered and the port that the request came
            from; whether the answer is lost.
    """

    def __init__(self, url: str, lost: Lost) -> None:
        parts = urlsplit(url)
        self.asked: list[tuple[str, str, int]] = []
        """Method, path, and the status that the real server answered."""
        between = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._hand_on()

            def do_POST(self) -> None:
                self._hand_on()

            def _hand_on(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))) or None
                given = {name: value for name, value in self.headers.items() if name.lower() not in HOP}
                try:
                    with closing(http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=120)) as real:
                        real.request(self.command, self.path, body, given)
                        answer = real.getresponse()
                        data = answer.read()
                except (OSError, http.client.HTTPException):  # the real server loses answers of itself
                    self.close_connection = True
                    return
                between.asked.append((self.command, self.path, answer.status))
                if lost(self.command, self.path, answer.status, self.client_address[1]):
                    self.close_connection = True
                    return
                with suppress(OSError):  # who asked is gone
                    self._tell(answer, data)

            def _tell(self, answer: http.client.HTTPResponse, data: bytes) -> None:
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in HOP:
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def holder(pid: int, port: int) -> int | None:
    """The process below this one that holds the connection from a port of the loopback; None where there is none."""
    wanted = f"0100007F:{port:04X}"
    rows = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    sockets = {f"socket:[{row[9]}]" for row in rows if row[1] == wanted}
    for below in tree(pid):
        try:
            held = {str(file.readlink()) for file in Path(f"/proc/{below}/fd").iterdir()}
        except OSError:
            continue  # it ended, or a file was closed meanwhile
        if held & sockets:
            return below
    return None
