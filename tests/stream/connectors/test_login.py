"""Who we say we are: tokens that expire or are replaced while the courier runs, and passwords that Airflow trades."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from targets import FakeAirflow, Target

from stream.config.load import load
from stream.config.problems import ConfigError
from stream.connectors.airflow import Airflow
from stream.connectors.base import PassingError, RefusedError
from stream.connectors.make import connectors_of

if TYPE_CHECKING:
    from pathlib import Path

    from stream.connectors.base import Connector

ASKED = {"id": "a" * 32, "state": "requested", "action": "retrain", "model": "click", "version": "7"}


class Guarded(Target):
    """Takes what comes with the token of the moment, and repeats in its refusals what it was given."""

    token = "first-of-all"  # noqa: S105 - of a test

    def route(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, Any]:
        """Yes to those who know it."""
        del method, path, body
        given = headers.get("Authorization", "")
        return (200, {}) if given == f"Bearer {self.token}" else (401, {"detail": f"who is {given}?"})


def made(directory: Path, kind: str, target: dict[str, Any]) -> Connector:
    """The connector of a config with this target."""
    path = directory / "c.yaml"
    path.write_text(
        json.dumps(
            {
                "actions": {"mode": "live", "connectors": {"train": {kind: target}}},
                "models": [{"name": "click", "task": "binary", "retrain": {"via": ["train"]}}],
            }
        )
    )
    return connectors_of(load(path, {}))["train"]


def asked(server: Target) -> list[tuple[str, str]]:
    """Method and path of each request."""
    return [(method, path) for method, path, *_ in server.requests]


def test_a_password_is_traded_for_a_token_once(tmp_path: Path) -> None:
    """Airflow 3 takes no passwords elsewhere; the token serves all that follows."""
    with FakeAirflow(users={"ann": "of-ann"}) as server:
        auth = {"username": "ann", "password": "of-ann"}
        train = made(tmp_path, "airflow", {"url": server.url, "auth": auth})
        assert server.requests == []
        for _ in range(2):
            train.send({**ASKED, "via": ["train"]})
    assert asked(server).count(("POST", "/auth/token")) == 1
    assert len(server.made) == 1


def test_a_token_that_has_expired_is_had_anew(tmp_path: Path) -> None:
    """Though Airflow says 403 to it: the request is made again, and its run is one."""
    with FakeAirflow(users={"ann": "of-ann"}) as server:
        (tmp_path / "password").write_text("of-ann\n")
        auth = {"username": "ann", "password_file": "password"}
        train = made(tmp_path, "airflow", {"url": server.url, "auth": auth})
        train.send(ASKED)
        server.tokens.clear()
        server.users = {"ann": "changed"}
        (tmp_path / "password").write_text("changed\n")
        server.succeed()
        word = train.look(ASKED)
    assert word is not None
    assert word.kind == "done"
    assert len(server.tokens) == 1


def test_a_wrong_password_is_told_without_it(tmp_path: Path) -> None:
    """In Airflow's own words."""
    with FakeAirflow(users={"ann": "of-ann"}) as server:
        auth = {"username": "ann", "password": "not-of-ann"}
        train = made(tmp_path, "airflow", {"url": server.url, "auth": auth})
        with pytest.raises(RefusedError, match=r"no token for ann at /auth/token: 401: .*Invalid credentials") as told:
            train.send(ASKED)
    assert "not-of-ann" not in str(told.value)


def test_airflow_2_is_given_the_password_itself(tmp_path: Path) -> None:
    """Its api v1 knows nothing else."""
    with FakeAirflow("v1") as server:
        auth = {"username": "ann", "password": "of-ann"}
        made(tmp_path, "airflow", {"url": server.url, "api": "v1", "auth": auth}).send(ASKED)
    assert server.requests[0][2]["Authorization"] == "Basic YW5uOm9mLWFubg=="
    assert ("POST", "/auth/token") not in asked(server)


def test_a_file_with_a_token_is_read_again_when_it_is_not_believed(tmp_path: Path) -> None:
    """As Kubernetes replaces those of service accounts; the new one is in no word of ours."""
    token = tmp_path / "token"
    token.write_text("first-of-all\n")
    with Guarded() as server:
        hook = made(tmp_path, "webhook", {"url": server.url, "auth": {"token_file": "token"}})
        hook.send({**ASKED, "event_id": "1", "event_time": "2026-11-28T06:00:00Z"})
        server.token = "second-of-all"  # noqa: S105 - of a test
        token.write_text("second-of-all\n")
        hook.send({**ASKED, "event_id": "2", "event_time": "2026-11-28T06:00:00Z"})
        assert len(server.requests) == 3
        server.token = "third-of-all"  # noqa: S105 - of a test
        with pytest.raises(RefusedError) as told:
            hook.send({**ASKED, "event_id": "3", "event_time": "2026-11-28T06:00:00Z"})
        assert len(server.requests) == 4
        assert "second-of-all" not in str(told.value)
        token.unlink()
        with pytest.raises(PassingError, match="token"):
            hook.send({**ASKED, "event_id": "4", "event_time": "2026-11-28T06:00:00Z"})


def test_a_file_that_is_not_there_is_told_at_the_start(tmp_path: Path) -> None:
    """With the path of its key."""
    with pytest.raises(ConfigError, match=r"actions\.connectors\.train\.airflow\.auth\.password_file"):
        made(
            tmp_path,
            "airflow",
            {"url": "http://127.0.0.1:1", "auth": {"username": "ann", "password_file": "nowhere"}},
        )


def test_a_run_that_cannot_be_looked_at_goes_on(tmp_path: Path) -> None:
    """Whoever took our rights away has not ended it; what is not there any more is over."""
    with FakeAirflow(users={"ann": "of-ann"}) as server:
        train = made(tmp_path, "airflow", {"url": server.url, "auth": {"username": "ann", "password": "of-ann"}})
        assert isinstance(train, Airflow)
        train.send(ASKED)
        server.users = {"ann": "changed"}
        with pytest.raises(PassingError, match="does not tell of run"):
            made(tmp_path, "airflow", {"url": server.url, "auth": {"token": "old"}}).look(ASKED)
        server.users = {"ann": "of-ann"}
        server.runs.clear()
        with pytest.raises(RefusedError, match=r"no run dg-a* any more"):
            train.look(ASKED)


@pytest.mark.parametrize("api", ["v1", "v2"])
def test_a_paused_dag_is_told(tmp_path: Path, api: str, caplog: pytest.LogCaptureFixture) -> None:
    """Airflow takes the run and lets it wait; whoever reads of it must know why."""
    with FakeAirflow(api) as server:
        server.paused.add("retrain_click")
        train = made(tmp_path, "airflow", {"url": server.url, "api": api})
        words = [train.send(ASKED), train.send(ASKED)]
    assert len(server.made) == 1
    assert all(word is not None and "paused" in word.detail for word in words)
    assert "unpauses it" in caplog.messages[-1]
