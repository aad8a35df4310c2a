"""The Airflow connector on the API server of a real Airflow 3, which takes runs and begins none.

Airflow must have been installed before (load_tests/retraining.py does so, and plays the whole way to a finished run);
where DRIFTGAUGE_REQUIRE_SERVERS=1 it is installed.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from airflow_node import ADMIN, VERSION, AirflowNode
from installed import NotInstalledError, is_there
from waiting import until

from stream.connectors.airflow import Airflow
from stream.connectors.airflow_token import AirflowToken
from stream.connectors.base import RefusedError
from stream.connectors.client import Client
from stream.connectors.login import Login

if TYPE_CHECKING:
    from collections.abc import Iterator

REQUIRED = "DRIFTGAUGE_REQUIRE_SERVERS"
DAGS = {
    "dags.py": """
from airflow.sdk import Param, dag, task


@dag(dag_id="retrain_click", schedule=None, is_paused_upon_creation=False)
def click():
    task(lambda: None, task_id="train")()


@dag(dag_id="retrain_paused", schedule=None, is_paused_upon_creation=True)
def paused():
    task(lambda: None, task_id="train")()


@dag(
    dag_id="retrain_strict",
    schedule=None,
    is_paused_upon_creation=False,
    params={"gpu": Param(type="integer", minimum=1)},
)
def strict():
    task(lambda: None, task_id="train")()


click(), paused(), strict()
"""
}


@pytest.fixture(scope="module")
def node() -> Iterator[AirflowNode]:
    """Its API server, which knows three DAGs."""
    required = os.environ.get(REQUIRED) == "1"
    if not required and not is_there("apache-airflow", VERSION):
        pytest.skip(f"no Airflow: run load_tests/retraining.py once, or set {REQUIRED}=1")
    try:
        made = AirflowNode(DAGS, command="api-server")
    except NotInstalledError as error:
        pytest.fail(f"{REQUIRED}=1 and {error}", pytrace=False)
    with made as node:
        node.start("retrain_click")
        for dag in ("retrain_paused", "retrain_strict"):
            until(lambda: node.client.ask("GET", f"/api/v2/dags/{dag}").status == 200)  # noqa: B023 - asked at once
        yield node


def step(number: int, model: str = "click") -> dict[str, Any]:
    """A request."""
    given = {"id": f"{number:032x}", "state": "requested", "action": "retrain", "model": model, "version": "7"}
    return {**given, "data": {"from": "2026-08-01T00:00:00Z", "until": "2026-10-30T00:00:00Z"}}


def connector(client: Client) -> Airflow:
    """As `make` makes it."""
    return Airflow(client, "v2", "retrain_{model}", 30.0)


def test_twice_is_one_run_that_is_told_what_to_train_on(node: AirflowNode) -> None:
    """Airflow says 409 the second time, and what is there is ours."""
    train = connector(node.client)
    words = [train.send(step(1)) for _ in range(2)]
    assert [word.kind for word in words if word is not None] == ["dispatched"] * 2
    (run,) = [run for run in node.runs("retrain_click") if run["dag_run_id"] == f"dg-{1:032x}"]
    assert run["conf"]["driftgauge_action"] == step(1)["id"]
    assert run["conf"]["data"] == step(1)["data"]
    assert train.look(step(1)) is None  # it is queued: nobody begins it here


def test_a_run_of_the_same_name_that_is_not_ours_is_told(node: AirflowNode) -> None:
    """Whatever Airflow's 409 says."""
    run = {"dag_run_id": f"dg-{2:032x}", "logical_date": None, "conf": {}}
    node.client.good("POST", "/api/v2/dags/retrain_click/dagRuns", run)
    with pytest.raises(RefusedError, match="stands in the way"):
        connector(node.client).send(step(2))


def test_what_airflow_refuses_is_told_in_its_words(node: AirflowNode) -> None:
    """A DAG that is not there, a run that is not, params that its schema does not take."""
    train = connector(node.client)
    with pytest.raises(RefusedError, match="retrain_nobody: 404"):
        train.send(step(3, "nobody"))
    with pytest.raises(RefusedError, match="no run"):
        train.look(step(4))
    with pytest.raises(RefusedError, match=r"retrain_strict: 4\d\d: .*gpu"):
        train.send(step(5, "strict"))


def test_a_dag_that_is_paused_takes_the_run_and_that_is_told(node: AirflowNode) -> None:
    """It waits until somebody unpauses it."""
    word = connector(node.client).send(step(6, "paused"))
    assert word is not None
    assert "paused" in word.detail
    assert [run["state"] for run in node.runs("retrain_paused")] == ["queued"]


def test_a_token_that_airflow_does_not_believe_is_had_anew(node: AirflowNode) -> None:
    """As after a day. A wrong password is refused, and so is whoever says nothing."""
    plain = Client(node.url, 60.0)
    trade = AirflowToken(plain, ADMIN, lambda: node.password)
    given = iter(["Bearer of-yesterday"])
    login = Login(lambda: next(given, None) or trade())
    word = connector(Client(node.url, 60.0, login=login)).send(step(7))
    assert word is not None
    assert word.kind == "dispatched"
    wrong = Client(node.url, 60.0, login=Login(AirflowToken(plain, ADMIN, lambda: "wrong")))
    with pytest.raises(RefusedError, match="no token for admin"):
        connector(wrong).send(step(8))
    with pytest.raises(RefusedError, match="401"):
        connector(plain).send(step(8))
