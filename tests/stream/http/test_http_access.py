from __future__ import annotations

import http.client
from base64 import b64encode
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from waiting import GUARD

from stream.config.load import load
from stream.config.problems import ConfigError
from stream.http.access import load_access
from stream.http.server import Server
from stream.metrics.registry import Registry
from stream.metrics.reports import GaugeBlock, Status

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from stream.config.load import Config

TOKEN = "t0ken-0f-the-scraper"  # noqa: S105 - planted, to be looked for
PASSWORD = "pässwörd with a : colon"  # noqa: S105 - planted, to be looked for


def configured(directory: Path, auth: str) -> Config:
    """A config with this `http.auth`; files named in it are beside it."""
    (directory / "token").write_text(f"{TOKEN}\n")
    (directory / "password").write_text(f"{PASSWORD}\n")
    file = directory / "c.yaml"
    file.write_text(f'http: {{listen: "127.0.0.1:0", auth: {auth}}}\nmodels: [{{name: m, task: binary}}]')
    return load(file, {"TOKEN": TOKEN, "PASSWORD": PASSWORD})


def basic(user: str, password: str) -> str:
    """The header of a user, as RFC 7617 says, in UTF-8."""
    return f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"


class Pages:
    """A server with the access of a config."""

    def __init__(self, config: Config) -> None:
        self.registry = Registry()
        self.registry.apply(Status(0, "broker_lost", "nobody answers"))
        self._server = Server("127.0.0.1:0", self.registry, access=load_access(config))
        self._server.start()

    def ask(self, path: str, authorization: str | None = None) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body."""
        headers = {} if authorization is None else {"Authorization": authorization}
        with closing(http.client.HTTPConnection(*self._server.address, timeout=GUARD)) as connection:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()

    def close(self) -> None:
        """Stop."""
        self._server.close()


@pytest.fixture
def closes() -> Iterator[list[Pages]]:
    """Servers to be closed."""
    opened: list[Pages] = []
    yield opened
    for pages in opened:
        pages.close()


@pytest.mark.parametrize(
    ("auth", "good"),
    [
        ('{token: "${TOKEN}"}', f"Bearer {TOKEN}"),
        ("{token_file: token}", f"Bearer {TOKEN}"),
        ("{token_file: token}", f"bearer  {TOKEN}"),
        ('{username: scraper, password: "${PASSWORD}"}', basic("scraper", PASSWORD)),
        ("{username: scraper, password_file: password}", basic("scraper", PASSWORD)),
    ],
)
def test_only_who_knows_the_secret_sees_metrics(tmp_path: Path, closes: list[Pages], auth: str, good: str) -> None:
    """From the environment or a file; without it, with another, with another scheme: 401, and which scheme is asked."""
    pages = Pages(configured(tmp_path, auth))
    closes.append(pages)
    status, _, body = pages.ask("/metrics", good)
    assert status == 200
    assert b"driftgauge_ready 0.0" in body
    wrong = (None, "", good[:-1], good + "x", f"Bearer {PASSWORD}".encode().decode("latin-1"), basic("scraper", TOKEN))
    for header in (*wrong, basic("other", PASSWORD), TOKEN, "Bearer", "Basic é"):
        status, headers, body = pages.ask("/metrics", header)
        assert status == 401, header
        assert headers["WWW-Authenticate"] == f'{good.partition(" ")[0].title()} realm="driftgauge"'
        assert b"driftgauge_" not in body


def test_probes_need_no_secret_and_are_told_no_reason(tmp_path: Path, closes: list[Pages]) -> None:
    """/healthz and the status of /readyz are for everybody; why it is not ready is for who is let in."""
    pages = Pages(configured(tmp_path, "{token_file: token}"))
    closes.append(pages)
    assert pages.ask("/healthz")[::2] == (200, b"alive\n")
    assert pages.ask("/readyz")[::2] == (503, b"not ready\n")
    status, _, body = pages.ask("/readyz", f"Bearer {TOKEN}")
    assert (status, b"nobody answers" in body) == (503, True)
    pages.registry.apply(Status(0, "running"))
    pages.registry.apply(GaugeBlock("w", "watermark_timestamp_seconds", (("m",),), (1.0,)))
    assert pages.ask("/readyz")[::2] == (200, b"ready\n")


@pytest.mark.parametrize(
    ("auth", "told"),
    [
        ("{}", "http.auth: a mapping; one of token, token_file, username with password, or"),
        ("{token: a, token_file: token}", "http.auth: a mapping; one of token"),
        ("{username: u}", "http.auth: a mapping; one of token"),
        ("{password: hunter2}", "http.auth: a mapping; one of token"),
        ('{username: "a:b", password: hunter2}', 'http.auth.username: given "a:b"; text that matches'),
        ("{token: 77001133}", "http.auth.token: given ***; text is needed"),
        ('{token: "hunter2 hunter2"}', "http.auth.token: given ***; text that matches"),
        ("{tokn: hunter2}", 'http.auth.tokn: unknown key; did you mean "token"?'),
    ],
)
def test_what_is_wrong_with_it_is_told_without_the_secret(tmp_path: Path, auth: str, told: str) -> None:
    """One line with the key path, and what is allowed."""
    with pytest.raises(ConfigError) as caught:
        configured(tmp_path, auth)
    assert told in str(caught.value)
    assert not any(secret in str(caught.value) for secret in ("hunter2", "77001133"))


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "No such file or directory"),
        (b"", "not one line"),
        (b"a\nb\n", "not one line"),
        (b"\xff\xfe", "not text"),
    ],
)
def test_a_file_that_holds_no_secret_is_one_clear_line(tmp_path: Path, content: bytes | None, why: str) -> None:
    """It names the setting and the file, and what the file may hold."""
    config = configured(tmp_path, "{token_file: secret}")
    if content is not None:
        (tmp_path / "secret").write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load_access(config)
    place = f"{tmp_path}/c.yaml:1: http.auth.token_file"
    assert str(caught.value) == f"{place}: {tmp_path}/secret: {why}; a file with one line, the token"
