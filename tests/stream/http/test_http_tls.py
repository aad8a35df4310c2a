from __future__ import annotations

import http.client
import shutil
import socket
import ssl
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from certificates import Authority
from waiting import GUARD, until

from stream.config.load import load
from stream.config.problems import ConfigError
from stream.http.server import Server
from stream.http.tls import load_tls
from stream.metrics.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PASSWORD = "opens the key"  # noqa: S105 - planted, to be looked for


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Who signs."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def closes() -> Iterator[list[Server]]:
    """Servers to be closed."""
    opened: list[Server] = []
    yield opened
    for server in opened:
        server.close()


def put(directory: Path, authority: Authority, name: str, password: str = "") -> None:
    """Put a pair in place as tls.crt and tls.key."""
    pair = authority.pair(name, password)
    for source, target in ((pair.certificate, "tls.crt"), (pair.key, "tls.key")):
        shutil.copy(source, directory / f"{target}.new")
        (directory / f"{target}.new").replace(directory / target)


def serve(closes: list[Server], directory: Path, more: str = "") -> Server:
    """A server with the config's TLS."""
    file = directory / "c.yaml"
    file.write_text(f"http: {{tls: {{certificate: tls.crt, key: tls.key{more}}}}}\nmodels: [{{name: m, task: binary}}]")
    server = Server("127.0.0.1:0", Registry(), tls=load_tls(load(file, {"PASSWORD": PASSWORD})))
    server.start()
    closes.append(server)
    return server


def ask(server: Server, authority: Authority) -> tuple[int, str]:
    """Status of /healthz over TLS, and whom the certificate is for."""
    context = ssl.create_default_context(cafile=str(authority.certificate))
    with closing(http.client.HTTPSConnection(*server.address, timeout=GUARD, context=context)) as connection:
        connection.request("GET", "/healthz")
        encrypted = connection.sock
        assert isinstance(encrypted, ssl.SSLSocket)
        subject = (encrypted.getpeercert() or {})["subject"]
        return connection.getresponse().status, subject[0][0][1]  # type: ignore[index, return-value]


@pytest.mark.filterwarnings("ignore:.*TLSv1_1")
def test_pages_are_encrypted(closes: list[Server], tmp_path: Path, authority: Authority) -> None:
    """A client that trusts the authority is answered; plain HTTP and TLS 1.1 are not."""
    put(tmp_path, authority, "one", PASSWORD)
    server = serve(closes, tmp_path, ', key_password: "${PASSWORD}"')
    assert ask(server, authority) == (200, "one")
    with closing(http.client.HTTPConnection(*server.address, timeout=GUARD)) as plain:
        plain.request("GET", "/healthz")
        with pytest.raises((OSError, http.client.HTTPException)):
            plain.getresponse()
    old = ssl.create_default_context(cafile=str(authority.certificate))
    old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    with (
        closing(http.client.HTTPSConnection(*server.address, timeout=GUARD, context=old)) as connection,
        pytest.raises(OSError, match=r"SSL|TLS|reset"),
    ):
        connection.request("GET", "/healthz")


def test_a_renewed_certificate_is_used_without_a_restart(
    closes: list[Server], tmp_path: Path, authority: Authority
) -> None:
    """From the next connection on; a pair that is half replaced is left until it fits."""
    put(tmp_path, authority, "first")
    server = serve(closes, tmp_path)
    assert ask(server, authority) == (200, "first")
    (tmp_path / "tls.key").write_text("half")
    assert ask(server, authority) == (200, "first")
    put(tmp_path, authority, "second")
    assert ask(server, authority) == (200, "second")


def test_who_never_finishes_the_handshake_keeps_nobody_out(
    closes: list[Server], tmp_path: Path, authority: Authority
) -> None:
    """Connections that say nothing, more than there are places."""
    put(tmp_path, authority, "one")
    server = serve(closes, tmp_path)
    before = set(threading.enumerate())  # some of them end meanwhile
    silent = [socket.create_connection(server.address, timeout=GUARD) for _ in range(40)]
    until(lambda: len(set(threading.enumerate()) - before) >= 30)
    assert ask(server, authority) == (200, "one")
    for client in silent:
        client.close()


@pytest.mark.parametrize(
    ("file", "content", "key", "why"),
    [
        ("tls.crt", None, "certificate", "No such file or directory"),
        ("tls.key", None, "key", "No such file or directory"),
        ("tls.crt", "no PEM", "certificate", "not readable as PEM"),
        ("tls.key", "no PEM", "key", "not readable as PEM"),
        ("tls.key", "another", "key", "key values mismatch"),
        ("tls.key", "closed", "key", "not readable as PEM, or not opened by the password"),
    ],
)
def test_what_is_wrong_is_one_clear_line(
    tmp_path: Path, authority: Authority, file: str, content: str | None, key: str, why: str
) -> None:
    """It names the setting and the file; a password is asked of nobody, and not shown."""
    put(tmp_path, authority, "one")
    if content is None:
        (tmp_path / file).unlink()
    elif content in {"another", "closed"}:
        shutil.copy(authority.pair("other", PASSWORD if content == "closed" else "").key, tmp_path / file)
    else:
        (tmp_path / file).write_text(content)
    with pytest.raises(ConfigError) as caught:
        serve([], tmp_path, ", key_password: hunter2")
    line = str(caught.value)
    assert f"c.yaml:1: http.tls.{key}: {tmp_path / file}: {why}" in line
    assert line.endswith("; PEM files of a certificate and of its private key are needed")
    assert "hunter2" not in line
