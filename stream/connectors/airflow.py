"""Airflow: one DAG run for each action, whatever answers are lost.

The id of the run follows from that of the action, so asking twice makes one run. Airflow answers 409 both where the run
is there and where another run takes its place (its issues 66905, 72876), so what is there is looked at: it is ours only
if its `conf` names the action. Airflow takes runs of a DAG that is paused and never begins them: that is told.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from stream.connectors.base import PassingError, RefusedError, Step, Word

if TYPE_CHECKING:
    from typing import Any

    from stream.connectors.client import Answer, Client

_LOG = logging.getLogger("driftgauge.courier")

MARK = "driftgauge_action"
"""Key in `conf` by which a run is known to be ours."""

CONFLICT, MISSING, OK = 409, 404, 200


@dataclass(frozen=True, slots=True)
class Airflow:
    """A DAG of an Airflow.

    Attributes:
        client: of its web server.
        api: v2 (Airflow 3) or v1 (Airflow 2).
        dag: template of the DAG's id.
        poll: seconds between two looks at a run.
    """

    client: Client
    api: str
    dag: str
    poll: float | None

    def wants(self, step: Step) -> bool:
        """Requests alone."""
        return bool(step["state"] == "requested")

    def send(self, step: Step) -> Word:
        """Start the run, or find that it has been started."""
        body: dict[str, Any] = {"dag_run_id": run_id(step), "conf": conf_of(step)}
        if self.api == "v2":
            body["logical_date"] = None  # must be there, and be null: two runs may then be of one moment
        answer = self.client.ask("POST", f"/api/{self.api}/dags/{self._dag(step)}/dagRuns", body)
        if answer.status == CONFLICT:
            return self._known(step)
        if not OK <= answer.status < 300:
            raise RefusedError(f"Airflow refuses the run of {self._dag(step)}: {answer.status}: {answer.text}")
        return self._dispatched(step)

    def look(self, step: Step) -> Word | None:
        """The state of the run."""
        answer = self._run(step)
        if answer.status == MISSING:
            raise RefusedError(f"Airflow has no run {run_id(step)} any more: {answer.status}: {answer.text}")
        if answer.status != OK:  # the run goes on, whoever may look at it
            raise PassingError(f"Airflow does not tell of run {run_id(step)}: {answer.status}: {answer.text}")
        state = (answer.body or {}).get("state")
        if state == "success":
            return Word("done", f"run {run_id(step)} succeeded")
        if state == "failed":
            return Word("fail", f"run {run_id(step)} failed")
        return Word("running", f"run {run_id(step)}") if state == "running" else None

    def _known(self, step: Step) -> Word:
        answer = self._run(step)
        if answer.status == MISSING:
            raise PassingError("Airflow answers 409 and does not know the run: another is being made")
        if ((answer.body or {}).get("conf") or {}).get(MARK) != step["id"]:
            raise RefusedError(f"another run of {self._dag(step)} stands in the way of {run_id(step)}: {answer.text}")
        return self._dispatched(step)

    def _dispatched(self, step: Step) -> Word:
        said = f"run {run_id(step)} of {self._dag(step)}"
        if not self._paused(step):
            return Word("dispatched", said)
        _LOG.warning("%s: the DAG is paused, and the run waits until somebody unpauses it", said)
        return Word("dispatched", f"{said}; the DAG is paused, and the run waits until somebody unpauses it")

    def _paused(self, step: Step) -> bool:
        """Whether the DAG is known to be paused; the run is there, so nothing depends on the answer."""
        try:
            answer = self.client.ask("GET", f"/api/{self.api}/dags/{self._dag(step)}")
        except (PassingError, RefusedError):
            return False
        return isinstance(answer.body, dict) and answer.body.get("is_paused") is True

    def _run(self, step: Step) -> Answer:
        return self.client.ask("GET", f"/api/{self.api}/dags/{self._dag(step)}/dagRuns/{quote(run_id(step), safe='')}")

    def _dag(self, step: Step) -> str:
        dag = self.dag.format(**named(step))
        if not dag.strip("."):
            raise RefusedError(f"{self.dag} names no DAG for version {step.get('version')!r}")
        return quote(dag, safe="")


def run_id(step: Step) -> str:
    """The id of the run of an action."""
    return f"dg-{step['id']}"


def conf_of(step: Step) -> dict[str, Any]:
    """What the run is told: the action, and all that a training needs to know."""
    told = ("model", "version", "target_version", "action", "trigger", "cause", "reason", "complete_by", "data")
    return {MARK: step["id"], **{name: step.get(name) for name in told}}


def named(step: Step) -> dict[str, str]:
    """What templates may name."""
    return {name: str(step.get(name) or "") for name in ("model", "version", "action", "id", "target_version")}
