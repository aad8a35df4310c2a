"""The MLflow connector on a real MLflow server: an alias is moved back by a rollback, and watched where people move it.

Needs an `mlflow` program: on PATH, named by DRIFTGAUGE_MLFLOW, or installed before. Where DRIFTGAUGE_REQUIRE_SERVERS=1
it is installed.
"""

from __future__ import annotations

import datetime as dt
import os
from typing import TYPE_CHECKING, Any

import pytest
from installed import NotInstalledError
from mlflow_node import MlflowNode, found, install

from stream.connectors.base import RefusedError
from stream.connectors.mlflow import Mlflow

if TYPE_CHECKING:
    from collections.abc import Iterator

REQUIRED = "DRIFTGAUGE_REQUIRE_SERVERS"


@pytest.fixture(scope="module")
def server() -> Iterator[MlflowNode]:
    """A tracking server."""
    required = os.environ.get(REQUIRED) == "1"
    try:
        program = install() if required else found()
    except NotInstalledError as error:
        pytest.fail(f"{REQUIRED}=1 and {error}", pytrace=False)
    if program is None:
        pytest.skip(
            f"no mlflow: pip install mlflow into an environment of its own and set DRIFTGAUGE_MLFLOW, or {REQUIRED}=1"
        )
    with MlflowNode(program) as node:
        yield node


@pytest.fixture
def model(server: MlflowNode, request: pytest.FixtureRequest) -> str:
    """The name of a registered model of two versions; the alias champion is at the second."""
    name = str(request.node.name)
    server.register(name, 2)
    server.move(name, "2")
    return name


def step(model: str, action: str = "rollback", **changes: Any) -> dict[str, Any]:
    """A request of now."""
    asked = dt.datetime.now(dt.UTC).isoformat()
    given = {"id": "a" * 32, "state": "requested", "action": action, "model": model, "version": "2"}
    return {**given, "target_version": None, "requested_at": asked, **changes}


def connector(server: MlflowNode) -> Mlflow:
    """As `make` makes it."""
    return Mlflow(server.client, "{model}", "champion", 30.0)


def test_a_rollback_moves_the_alias_and_twice_is_once(server: MlflowNode, model: str) -> None:
    """From version 2 to 1, seen by MLflow itself; the second time there is nothing to do."""
    words = [connector(server).send(step(model, target_version="1")) for _ in range(2)]
    assert [word.version for word in words if word is not None] == ["1", "1"]
    assert [word.detail.partition("(")[2] for word in words if word is not None] == ["it was 2)", "it was 1)"]
    assert server.at(model) == "1"


def test_a_version_that_is_not_there_is_refused(server: MlflowNode, model: str) -> None:
    """In the server's own words."""
    with pytest.raises(RefusedError, match="404"):
        connector(server).send(step(model, target_version="99"))


def test_an_alias_that_nobody_has_set_is_set(server: MlflowNode) -> None:
    """MLflow says 400 to who asks for it."""
    server.register("fresh", 2)
    word = connector(server).send(step("fresh", "promote", target_version="2"))
    assert word is not None
    assert server.at("fresh") == "2"


def test_what_somebody_else_does_is_noticed(server: MlflowNode, model: str) -> None:
    """A rollback that waits for approval, or has no target, is done by hand."""
    registry = connector(server)
    waiting, open_end = step(model, state="awaiting_approval", target_version="1"), step(model)
    assert registry.send(waiting) is None
    first = registry.send(open_end)
    assert first is not None
    assert first.kind == "dispatched"
    assert registry.look(open_end) is None
    server.move(model, "1")
    words = [registry.look(one) for one in (waiting, open_end)]
    assert [(word.kind, word.version) for word in words if word is not None] == [("done", "1")] * 2


def test_a_version_that_was_made_since_is_the_retraining(server: MlflowNode, model: str) -> None:
    """As soon as the alias is at it; an older one is not, wherever the alias goes. A model of no such name is told."""
    registry, asked = connector(server), step(model, "retrain")
    first = registry.send(asked)
    assert first is not None
    assert first.kind == "dispatched"
    server.move(model, "1")
    assert registry.look(asked) is None
    assert server.add(model) == "3"
    assert registry.look(asked) is None
    server.move(model, "3")
    word = registry.look(asked)
    assert word is not None
    assert (word.kind, word.version) == ("done", "3")
    with pytest.raises(RefusedError, match="no registered model nobody"):
        registry.send(step("nobody", "retrain"))
