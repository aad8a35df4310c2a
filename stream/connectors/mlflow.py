"""MLflow's registry: a rollback or a promotion moves an alias. There is no compare-and-set: it is read back.

People move it, too, so it is watched: a rollback that nobody has approved yet, or for which no target is known, is done
once somebody has moved it, and a retraining once it is at a version that was made since.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from stream.connectors.airflow import named
from stream.connectors.base import PassingError, RefusedError, Step, Word

if TYPE_CHECKING:
    from stream.connectors.client import Client

API = "/api/2.0/mlflow"
ALIAS = "/registered-models/alias"
MOVES = frozenset({"rollback", "promote"})
WATCHED = MOVES | {"retrain"}
"""What can be seen at an alias, whoever did it."""


@dataclass(frozen=True, slots=True)
class Mlflow:
    """An alias of a registered model.

    Attributes:
        client: of the tracking server.
        name: template of the registered model's name.
        alias: that serving follows.
        poll: seconds between two looks at it.
    """

    client: Client
    name: str
    alias: str
    poll: float | None = None

    def wants(self, step: Step) -> bool:
        """Requests, to be carried out; and what waits for approval, to see whether somebody was faster."""
        waits = step["state"] == "awaiting_approval" and step["action"] in WATCHED
        return step["state"] == "requested" or (waits and self.poll is not None)

    def send(self, step: Step) -> Word | None:
        """Move the alias to the target version, unless it is there; or begin to watch it."""
        target = step.get("target_version")
        if step["state"] == "requested" and step["action"] in MOVES and target:
            return self._move(step, target)
        if step["action"] not in (MOVES if self.poll is None else WATCHED):
            raise RefusedError(f"a registry does not {step['action']}: it moves an alias, by rollback or promote")
        if self.poll is None:
            raise RefusedError("no version is known to go back to: move the alias by hand, and say: action done")
        if self.client.ask("GET", f"{API}/registered-models/get?{urlencode({'name': self._name(step)})}").status == 404:
            raise RefusedError(f"MLflow has no registered model {self._name(step)}, whose alias could be watched")
        word = self.look(step)
        if word is not None or step["state"] != "requested":
            return word
        return Word("dispatched", f"{self.alias} of {self._name(step)} is watched until somebody moves it")

    def look(self, step: Step) -> Word | None:
        """Whether somebody has moved the alias to where the action wants it."""
        at = self._alias(step)
        if at is None:
            return None
        version, said = str(at["version"]), f"{self.alias} of {self._name(step)} is version {at['version']}"
        target = step.get("target_version")
        if step["action"] not in MOVES:
            made = int(at.get("creation_timestamp") or 0)
            since = dt.datetime.fromisoformat(str(step["requested_at"])).timestamp() * 1e3
            return Word("done", f"{said}, made since this was asked for", version) if made > since else None
        if target:
            return Word("done", f"{said}: somebody has moved it there", version) if version == target else None
        if version != step["version"] and self._knows(step):
            return Word("done", f"{said}: somebody has moved it away from {step['version']}", version)
        return None

    def _move(self, step: Step, target: str) -> Word:
        before = self._version(step)
        if before != target:
            self.client.good("POST", API + ALIAS, {"name": self._name(step), "alias": self.alias, "version": target})
            if self._version(step) != target:
                raise PassingError(f"the alias {self.alias} is not at version {target}: somebody else moves it")
        return Word("done", f"{self.alias} of {self._name(step)} is version {target} (it was {before})", target)

    def _version(self, step: Step) -> str | None:
        at = self._alias(step)
        return None if at is None else str(at["version"])

    def _alias(self, step: Step) -> Any:
        """The version that the alias is at, as MLflow describes it; None where there is none: 400 of today's MLflow."""
        query = urlencode({"name": self._name(step), "alias": self.alias})
        answer = self.client.ask("GET", f"{API}{ALIAS}?{query}")
        if answer.status == 404 or (answer.status == 400 and "not found" in answer.text):
            return None
        if answer.status != 200:
            raise RefusedError(f"MLflow refuses to tell the alias: {answer.status}: {answer.text}")
        return answer.body["model_version"]

    def _knows(self, step: Step) -> bool:
        """Whether the registry has a version of the name that serves: otherwise the two cannot be compared."""
        query = urlencode({"name": self._name(step), "version": str(step["version"])})
        return self.client.ask("GET", f"{API}/model-versions/get?{query}").status == 200

    def _name(self, step: Step) -> str:
        return self.name.format(**named(step))
