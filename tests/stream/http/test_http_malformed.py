"""Requests that no client of ours sends: each has an answer that says so, and the next one is served."""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from waiting import GUARD

from stream.http.server import Server
from stream.metrics.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Iterator

MALFORMED = {
    "no request": (b"\r\n\r\n", b""),
    "no words": (b"garbage\r\n\r\n", b"400"),
    "another method": (b"DELETE /metrics HTTP/1.1\r\n\r\n", b"501"),
    "put": (b"PUT /healthz HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", b"501"),
    "post without a length": (b"POST /metrics HTTP/1.1\r\n\r\n", b"411"),
    "a negative length": (b"POST /metrics HTTP/1.1\r\nContent-Length: -5\r\n\r\n", b"411"),
    "a length beyond all": (b"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n", b"413"),
    "a version that is none": (b"GET /healthz HTTP/abc\r\n\r\n", b"400"),
    "a version to come": (b"GET /healthz HTTP/2.0\r\n\r\n", b"505"),
    "bytes of TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64) + b"\r\n\r\n", b"400"),
    "traversal": (b"GET /../../../etc/passwd HTTP/1.1\r\n\r\n", b"404"),
    "traversal in quotes": (b"GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\n\r\n", b"404"),
    "an address of elsewhere": (b"GET http://example.org/metrics HTTP/1.1\r\n\r\n", b"404"),
    "a path of 100 kB": (b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n", b"414"),
    "a header of 200 kB": (b"GET /healthz HTTP/1.1\r\nX: " + b"a" * 200_000 + b"\r\n\r\n", b"431"),
    "5,000 headers": (b"GET /healthz HTTP/1.1\r\n" + b"X: y\r\n" * 5_000 + b"\r\n", b"431"),
    "bytes that are no text": (b"GET /\xff\xfe\x00 HTTP/1.1\r\n\r\n", b"404"),
    "authorization that is no text": (b"GET /metrics HTTP/1.1\r\nAuthorization: Basic \xff\xfe\r\n\r\n", b"200"),
}
"""What is sent, and the status of the answer; empty where there is none."""


@pytest.fixture
def server() -> Iterator[Server]:
    """A server that lets everybody in."""
    running = Server("127.0.0.1:0", Registry(), lambda text: text)
    running.start()
    yield running
    running.close()


def sent(server: Server, request: bytes) -> bytes:
    """The answer up to its end, or to that of the connection."""
    answer = b""
    with socket.create_connection(server.address[:2], GUARD) as line:
        with suppress(OSError):  # answered before all of it was read: what is left of it resets the connection
            line.sendall(request)
            line.shutdown(socket.SHUT_WR)
        with suppress(OSError):
            while part := line.recv(1 << 16):
                answer += part
    return answer


@pytest.mark.parametrize("case", MALFORMED)
def test_a_malformed_request_is_answered_and_harms_nobody(
    server: Server, case: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """With the status that says what is wrong with it, no file and no trace of the program; then /healthz is fine."""
    request, status = MALFORMED[case]
    answer = sent(server, request)
    # What is too long is answered before it is read, and the answer may be lost with the connection.
    assert answer.partition(b"\r\n")[0].split(b" ")[1:2] in ([status] if status else [], [])
    assert not status or answer or len(request) > 50_000
    assert b"root:" not in answer
    assert b"Traceback" not in answer
    assert b"<html" not in answer
    assert sent(server, b"GET /healthz HTTP/1.1\r\n\r\n").endswith(b"alive\n")
    assert "Traceback" not in capfd.readouterr().err
