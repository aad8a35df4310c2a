"""The MLflow connector on a real MLflow server: an alias is moved back by a rollback.

Needs an `mlflow` program: on PATH, or named by DRIFTGAUGE_MLFLOW (pip install mlflow, in an environment of its own).
"""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from kafka_node import free_ports
from waiting import until

from stream.connectors.base import PassingError, RefusedError
from stream.connectors.client import Client
from stream.connectors.mlflow import Mlflow

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROGRAM = os.environ.get("DRIFTGAUGE_MLFLOW") or shutil.which("mlflow")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A tracking server with a registered model of two versions; the alias champion is at the second."""
    if PROGRAM is None:
        pytest.skip("no mlflow: pip install mlflow into an environment of its own and set DRIFTGAUGE_MLFLOW")
    place: Path = tmp_path_factory.mktemp("mlflow")
    (port,) = free_ports(1)
    address = ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    store = ["--backend-store-uri", f"sqlite:///{place}/mlflow.db", "--default-artifact-root", str(place / "artifacts")]
    with (place / "log").open("wb") as log:
        process = subprocess.Popen(
            [PROGRAM, "server", *address, *store], stdout=log, stderr=log, start_new_session=True
        )
    client = Client(f"http://127.0.0.1:{port}", 60.0)
    try:
        until(lambda: _is_up(client))
        _register(client)
        yield client
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, 15)
        process.wait()


def _is_up(client: Client) -> bool:
    with suppress(PassingError):
        return client.ask("GET", "/health").status == 200
    return False


def _register(client: Client) -> None:
    api = "/api/2.0/mlflow"
    client.good("POST", f"{api}/registered-models/create", {"name": "click"})
    for _ in range(2):
        source = {"name": "click", "source": "s3://nowhere/model"}
        client.good("POST", f"{api}/model-versions/create", source)
    client.good("POST", f"{api}/registered-models/alias", {"name": "click", "alias": "champion", "version": "2"})


def step(**changes: Any) -> dict[str, Any]:
    """A rollback of click."""
    given = {"id": "a" * 32, "state": "requested", "action": "rollback", "model": "click", "version": "2"}
    return {**given, "target_version": "1", **changes}


def test_a_rollback_moves_the_alias_and_twice_is_once(server: Client) -> None:
    """From version 2 to 1, seen by MLflow itself; the second time there is nothing to do."""
    registry = Mlflow(server, "{model}", "champion")
    words = [registry.send(step()) for _ in range(2)]
    assert [word.version for word in words] == ["1", "1"]
    assert "(it was 2)" in words[0].detail
    assert "(it was 1)" in words[1].detail
    found = server.good("GET", "/api/2.0/mlflow/registered-models/alias?name=click&alias=champion")
    assert found["model_version"]["version"] == "1"


def test_a_version_that_is_not_there_is_refused(server: Client) -> None:
    """In the server's own words."""
    with pytest.raises(RefusedError, match="404"):
        Mlflow(server, "{model}", "champion").send(step(target_version="99"))
