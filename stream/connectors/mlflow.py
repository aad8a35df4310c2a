"""MLflow's registry: a rollback or a promotion moves an alias. There is no compare-and-set: it is read back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from stream.connectors.airflow import named
from stream.connectors.base import PassingError, RefusedError, Step, Word

if TYPE_CHECKING:
    from stream.connectors.client import Client

API = "/api/2.0/mlflow/registered-models/alias"
MOVES = frozenset({"rollback", "promote"})


@dataclass(frozen=True, slots=True)
class Mlflow:
    """An alias of a registered model.

    Attributes:
        client: of the tracking server.
        name: template of the registered model's name.
        alias: that serving follows.
    """

    client: Client
    name: str
    alias: str
    poll: float | None = None

    def wants(self, step: Step) -> bool:
        """Requests alone."""
        return bool(step["state"] == "requested")

    def send(self, step: Step) -> Word:
        """Move the alias to the target version, unless it is there."""
        if step["action"] not in MOVES:
            raise RefusedError(f"a registry does not {step['action']}: it moves an alias, by rollback or promote")
        target = step.get("target_version")
        if not target:
            raise RefusedError("no version is known to go back to: move the alias by hand, and say: action done")
        before = self._version(step)
        if before != target:
            self.client.good("POST", API, {"name": self._name(step), "alias": self.alias, "version": target})
            if self._version(step) != target:
                raise PassingError(f"the alias {self.alias} is not at version {target}: somebody else moves it")
        return Word("done", f"{self.alias} of {self._name(step)} is version {target} (it was {before})", target)

    def look(self, step: Step) -> Word | None:  # noqa: ARG002 - it is done at once
        """Nothing: it is done at once."""
        return None

    def _version(self, step: Step) -> str | None:
        query = urlencode({"name": self._name(step), "alias": self.alias})
        answer = self.client.ask("GET", f"{API}?{query}")
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise RefusedError(f"MLflow refuses to tell the alias: {answer.status}: {answer.text}")
        return str(answer.body["model_version"]["version"])

    def _name(self, step: Step) -> str:
        return self.name.format(**named(step))
