import gzip
import http.client
import socket
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest
from waiting import GUARD, until

from stream.errors import Unreachable
from stream.http import admission
from stream.http import server as http_server
from stream.http.admission import PLACES
from stream.http.server import Server
from stream.metrics.registry import Registry
from stream.metrics.reports import GaugeBlock, Status

Answer = tuple[int, dict[str, str], bytes]


@pytest.fixture
def registry() -> Registry:
    """A registry that has heard nothing yet."""
    return Registry()


@pytest.fixture
def server(registry: Registry) -> Iterator[Server]:
    """A server on a free port of the loopback, which must not show the word `hunter2`."""
    running = Server("127.0.0.1:0", registry, lambda text: text.replace("hunter2", "***"))
    running.start()
    yield running
    running.close()


def ask(server: Server, path: str, method: str = "GET", **headers: str) -> Answer:
    """Status, headers and body."""
    with closing(http.client.HTTPConnection(*server.address, timeout=GUARD)) as connection:
        connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()


def make_ready(registry: Registry) -> None:
    """What a running dataflow reports."""
    registry.apply(Status(0, "running"))
    registry.apply(GaugeBlock("w", "watermark_timestamp_seconds", (("click",),), (1_000.0,)))


def test_metrics_answer_before_any_worker_has_reported(server: Server) -> None:
    """A scrape right after the start shows the parent's own metrics, in the text format, and that nothing is ready."""
    status, headers, body = ask(server, "/metrics")
    assert status == 200
    assert headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert b"\nprocess_resident_memory_bytes " in body
    assert b"\ndriftgauge_ready 0.0\n" in body


def test_healthz_says_alive(server: Server) -> None:
    """It is 200 whether ready or not."""
    assert ask(server, "/healthz")[0] == 200


def test_readyz_gives_reasons_and_no_secret(server: Server, registry: Registry) -> None:
    """It is 503 with a line for each reason until everything runs, then 200."""
    registry.apply(Status(0, "broker_lost", "sasl password hunter2 refused"))
    status, _, body = ask(server, "/readyz")
    assert status == 503
    assert b"process 0: broker lost (sasl password *** refused)\n" in body
    make_ready(registry)
    assert ask(server, "/readyz")[0] == 200
    registry.apply(Status(0, "broker_lost"))
    assert ask(server, "/readyz")[0] == 503


def test_gzip_is_given_to_who_asks(server: Server, registry: Registry) -> None:
    """The body is the same; who refuses it by q=0 or does not name it gets it plain."""
    make_ready(registry)
    _, headers, body = ask(server, "/metrics", Accept_Encoding="deflate, gzip;q=0.5")
    assert headers["Content-Encoding"] == "gzip"
    assert b'driftgauge_watermark_timestamp_seconds{model="click"} 1000.0\n' in gzip.decompress(body)
    for refusal in ("gzip;q=0", "identity", ""):
        _, headers, body = ask(server, "/metrics", Accept_Encoding=refusal)
        assert "Content-Encoding" not in headers
        assert body.startswith(b"# HELP")


def test_other_pages_are_404_and_name_those_there_are(server: Server) -> None:
    """A query after a known page is ignored."""
    status, _, body = ask(server, "/metric")
    assert status == 404
    assert b"/metrics, /healthz, /readyz" in body
    assert ask(server, "/healthz?full=1")[0] == 200


def test_head_gives_headers_only(server: Server) -> None:
    """Some load balancers probe by HEAD."""
    status, headers, body = ask(server, "/healthz", "HEAD")
    assert (status, body) == (200, b"")
    assert headers["Content-Length"] == "6"


def test_a_port_that_is_taken_is_one_clear_line(server: Server, registry: Registry) -> None:
    """The error names the setting, the address and the reason; its exit code is that of an unreachable dependency."""
    host, port = server.address
    with pytest.raises(Unreachable) as caught:
        Server(f"{host}:{port}", registry)
    assert str(caught.value) == f"http.listen: cannot listen on {host}:{port}: Address already in use"
    assert caught.value.exit_code == 3


def test_an_unknown_host_is_one_clear_line(registry: Registry) -> None:
    """A name that does not resolve, and an address of another machine."""
    for listen in ("no-such-host.invalid:9108", "192.0.2.1:9108"):
        with pytest.raises(Unreachable, match=rf"^http\.listen: cannot listen on {listen}: .+$"):
            Server(listen, registry)


def test_a_port_is_free_again_after_close(registry: Registry) -> None:
    """A restart of the service gets its port at once, even while an old client is still connected."""
    first = Server("127.0.0.1:0", registry)
    first.start()
    host, port = first.address
    with closing(socket.create_connection((host, port), timeout=GUARD)):
        first.close()
        second = Server(f"{host}:{port}", registry)
        second.start()
        assert ask(second, "/healthz")[0] == 200
        second.close()


def test_ipv6_is_listened_on(registry: Registry) -> None:
    """`[::1]:port` works where the machine has IPv6."""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    server = Server("[::1]:0", registry)
    server.start()
    assert ask(server, "/healthz")[0] == 200
    server.close()


def test_clients_that_say_nothing_do_not_keep_others_out(server: Server, registry: Registry) -> None:
    """Threads stay within the cap; who asks at once is answered all the same, in the place of who did not."""
    until(lambda: not _handlers())
    silent = [socket.create_connection(server.address, timeout=GUARD) for _ in range(100)]
    until(lambda: len(_handlers()) >= PLACES - 2)
    for _ in range(50):
        assert ask(server, "/healthz")[0] == 200
        assert len(_handlers()) <= PLACES + 1  # one that has left its place may still be ending
    for client in silent:
        client.close()
    until(lambda: not _handlers())
    assert registry.not_ready()


def test_clients_that_drip_keep_nobody_out(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """All places are taken by clients whose time is never over; who asks is answered all the same, in one's place."""
    monkeypatch.setattr(http_server, "TO_ASK", 10 * GUARD)
    dripping = [socket.create_connection(server.address, timeout=GUARD) for _ in range(PLACES)]
    for _ in range(10):
        dripping = [client for client in dripping if _drips(client)]
        assert ask(server, "/healthz")[0] == 200
    assert dripping
    for client in dripping:
        client.close()


def test_clients_that_drip_are_cut_off(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A byte at a time never reaches the end of the request: each is closed by the deadline, however busy it is."""
    monkeypatch.setattr(http_server, "TO_ASK", 0.5)
    dripping = [socket.create_connection(server.address, timeout=GUARD) for _ in range(PLACES // 2)]
    until(lambda: not [client for client in dripping if _drips(client)])


def _handlers() -> list[threading.Thread]:
    """The threads that answer clients; other tests of this process may leave threads of their own."""
    return [thread for thread in threading.enumerate() if "process_request_thread" in thread.name]


def _drips(client: socket.socket) -> bool:
    """Whether it could send one more byte of a request that never ends."""
    try:
        client.setblocking(False)
        client.send(b"G")
        client.recv(1)
    except BlockingIOError:
        return True
    except OSError:
        pass
    client.close()
    return False


def test_clients_that_do_not_take_their_answer_lose_their_place(
    server: Server, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A scrape of many series, asked for by more clients than there are places and read by none of them."""
    monkeypatch.setattr(admission, "FAIR", 0.0)
    rows = tuple(("m", "1", "", f"feature_{i}", "psi", "10s") for i in range(100_000))
    registry.apply(GaugeBlock("m", "feature_drift", rows, (1.0,) * len(rows)))
    before = set(threading.enumerate())  # some of them end meanwhile
    stuck = []
    for _ in range(32):
        client = socket.create_connection(server.address, timeout=GUARD)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        client.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        stuck.append(client)
    until(lambda: len(set(threading.enumerate()) - before) >= 32)
    until(lambda: _is_answered(server))  # one that still waits for its scrape leaves only after that
    for client in stuck:
        client.close()


def _is_answered(server: Server) -> bool:
    """Whether somebody else finds a place."""
    try:
        return ask(server, "/healthz")[0] == 200
    except (OSError, http.client.HTTPException):
        return False


def test_a_client_that_leaves_in_the_middle_is_no_error(
    server: Server, registry: Registry, capfd: pytest.CaptureFixture[str]
) -> None:
    """Nothing is printed, and the next client is served."""
    rows = tuple(("m", "1", "", f"feature_{i}", "psi", "10s") for i in range(50_000))
    registry.apply(GaugeBlock("m", "feature_drift", rows, (1.0,) * len(rows)))
    with closing(socket.create_connection(server.address, timeout=GUARD)) as client:
        client.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        client.recv(10)
    assert ask(server, "/metrics")[0] == 200
    assert capfd.readouterr().err == ""
