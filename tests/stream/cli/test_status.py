"""Asking a running monitor in a terminal: status, alerts and explain, over real HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pictured import Pictured, pictured
from typer.testing import CliRunner

from stream.cli.app import app
from stream.errors import Unreachable, UsageError
from stream.http.access import Access
from stream.http.server import Server
from stream.metrics.registry import Registry
from stream.web.config_lines import lines_of
from stream.web.site import Site
from stream.web.views.alert import Outside

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from click.testing import Result


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Pictured:
    """A replay with its history."""
    return pictured(tmp_path_factory.mktemp("status"))


@pytest.fixture(scope="module")
def address(shown: Pictured) -> Iterator[str]:
    """Where the pages of it are served, to who knows the token."""
    site = Site(shown.knowledge, lambda: 1, Outside(lambda event: lines_of(shown.config, event)))
    server = Server("127.0.0.1:0", Registry(), access=Access("Bearer sesame"), site=site)
    server.start()
    host, port = server.address
    yield f"http://{host}:{port}"
    server.close()


@pytest.fixture
def config(shown: Pictured, address: str, tmp_path: Path) -> str:
    """The config of that monitor, with its address and its token."""
    path = tmp_path / "c.yaml"
    listen = address.removeprefix("http://")
    path.write_text(shown.config.source.read_text() + f'\nhttp: {{listen: "{listen}", auth: {{token: sesame}}}}\n')
    return str(path)


def run(*arguments: str) -> Result:
    """A command of ours."""
    return CliRunner().invoke(app, list(arguments), catch_exceptions=False)


def test_status_says_who_needs_a_person_and_exits_so(config: str) -> None:
    """One line for the monitor, one for the model with what fires; exit 1, for scripts."""
    done = run("status", "--config", config)
    assert done.exit_code == 1
    first, *models = done.output.splitlines()
    assert first.startswith("ready, ")
    assert "1 models" in first
    assert [line.split()[:2] for line in models] == [["click", "critical"]]
    assert "DataDrift" in models[0]


def test_alerts_lists_what_fired(shown: Pictured, config: str) -> None:
    """Each with its reason and the key to explain it by."""
    done = run("alerts", "--config", config)
    fired = [row for row in shown.rows("alerts") if row["state"] == "firing"]
    assert done.exit_code == 0
    for row in fired:
        assert row["fingerprint"] in done.output
    assert run("alerts", "--config", config, "--model", "none").output == ""


def test_explain_says_what_decided_and_what_would_clear(shown: Pictured, config: str) -> None:
    """The numbers are those of the event, the lines those of the config, and the end is foreseen."""
    (row,) = [row for row in shown.rows("alerts") if row["alert"] == "DataDrift" and row["state"] == "firing"]
    done = run("explain", row["id"], "--config", config)
    assert done.exit_code == 0
    for said in (
        f"{row['samples']:,} rows",
        f"rule {row['monitor']}",
        "c.yaml:",
        "resolve_after: 5s",
        "cause      age",
        "clears     when",
    ):
        assert said in done.output


def test_who_cannot_be_asked_is_said(address: str) -> None:
    """Nobody there, no token, no such alert: each in a line that says what to do."""
    with pytest.raises(Unreachable, match="no monitor answers"):
        run("status", "--url", "http://127.0.0.1:1")
    with pytest.raises(UsageError, match="give the config with --config"):
        run("status", "--url", address)


def test_an_unknown_alert_is_said(config: str) -> None:
    """By its name."""
    with pytest.raises(UsageError, match="no alert 'none' is known"):
        run("explain", "none", "--config", config)
