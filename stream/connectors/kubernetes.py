"""Kubernetes: a Job, or an Argo Workflow, for each action, made from a manifest of the user's.

Its name follows from the action, so that making it twice makes one; of one that is there a label tells whether it is
ours. Its end is the action's.
"""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from stream.connectors.airflow import conf_of, named
from stream.connectors.base import RefusedError, Step, Word

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stream.connectors.client import Client

LABEL = "driftgauge.io/action"
"""By which an object is known to be ours."""
VARIABLE = "DRIFTGAUGE_ACTION"
"""Environment variable of every container: the action as JSON."""
DIGITS = 20
"""Of the action's id in the name: names are short, and this many tell a billion billion actions apart."""

PATHS = {
    ("batch/v1", "Job"): "/apis/batch/v1/namespaces/{namespace}/jobs",
    ("argoproj.io/v1alpha1", "Workflow"): "/apis/argoproj.io/v1alpha1/namespaces/{namespace}/workflows",
}
"""(apiVersion, kind) that a manifest may have -> where such objects are."""

PLAIN = re.compile(r"[A-Za-z0-9._-]*")
"""What is filled into a manifest: a version comes from messages, and a manifest may hand it to a shell."""

CONFLICT, MISSING = 409, 404


@dataclass(frozen=True, slots=True)
class Kubernetes:
    """A namespace of a cluster.

    Attributes:
        client: of the API server.
        namespace: of the objects.
        manifest: of a Job or a Workflow; names in braces stand for what is known of the action.
        poll: seconds between two looks.
    """

    client: Client
    namespace: str
    manifest: Mapping[str, Any]
    poll: float | None

    def wants(self, step: Step) -> bool:
        """Requests alone."""
        return bool(step["state"] == "requested")

    def send(self, step: Step) -> Word:
        """Make the object, or find that it is there."""
        answer = self.client.ask("POST", self._path, self.object_of(step))
        if answer.status == CONFLICT:
            found = self.client.ask("GET", f"{self._path}/{name_of(step)}")
            labels = ((found.body or {}).get("metadata") or {}).get("labels") or {}
            if labels.get(LABEL) != step["id"]:
                raise RefusedError(f"another {self._kind} is called {name_of(step)}: {found.text}")
        elif not 200 <= answer.status < 300:
            raise RefusedError(f"the cluster refuses the {self._kind}: {answer.status}: {answer.text}")
        return Word("dispatched", f"{self._kind} {self.namespace}/{name_of(step)}")

    def look(self, step: Step) -> Word | None:
        """How the object stands."""
        answer = self.client.ask("GET", f"{self._path}/{name_of(step)}")
        if answer.status == MISSING:
            raise RefusedError(f"the {self._kind} {name_of(step)} was removed before it ended")
        if answer.status != 200:
            raise RefusedError(f"the cluster does not show {name_of(step)}: {answer.status}: {answer.text}")
        return _word(self._kind, name_of(step), (answer.body or {}).get("status") or {})

    def object_of(self, step: Step) -> dict[str, Any]:
        """The manifest with a name, a label, and the action in every container."""
        made: dict[str, Any] = _filled(copy.deepcopy(dict(self.manifest)), named(step))
        metadata = made.setdefault("metadata", {})
        metadata["name"] = name_of(step)
        metadata.setdefault("labels", {})[LABEL] = step["id"]
        told = msgspec.json.encode(conf_of(step)).decode()
        for container in _containers(made):
            container.setdefault("env", []).append({"name": VARIABLE, "value": told})
        return made

    @property
    def _kind(self) -> str:
        return str(self.manifest["kind"])

    @property
    def _path(self) -> str:
        return PATHS[self.manifest["apiVersion"], self.manifest["kind"]].format(namespace=self.namespace)


def name_of(step: Step) -> str:
    """The name of the object of an action."""
    return f"dg-{step['id'][:DIGITS]}"


def _word(kind: str, name: str, status: Mapping[str, Any]) -> Word | None:
    """What a status says: of a Job by its conditions, of a Workflow by its phase."""
    kinds = {one.get("type") for one in status.get("conditions") or () if one.get("status") == "True"}
    phase = status.get("phase")
    if phase == "Succeeded" or "Complete" in kinds:
        return Word("done", f"{kind} {name} succeeded")
    if phase in {"Failed", "Error"} or "Failed" in kinds:
        why = status.get("message") or next((one.get("message") for one in status.get("conditions") or ()), "")
        return Word("fail", f"{kind} {name} failed: {why}"[:300])
    return Word("running", f"{kind} {name}") if phase == "Running" or status.get("active") else None


def _containers(made: Mapping[str, Any]) -> list[dict[str, Any]]:
    """All containers: of a Job's pod, or of a Workflow's templates."""
    spec = made.get("spec") or {}
    pods = [(spec.get("template") or {}).get("spec") or {}]
    found = [one for pod in pods for one in pod.get("containers") or ()]
    return found + [one["container"] for one in spec.get("templates") or () if "container" in one]


def _filled(value: Any, names: Mapping[str, str]) -> Any:
    """A manifest with names in braces replaced; braces that stand for something else are left.

    Raises:
        RefusedError: a name stands for what is no plain word.
    """
    if isinstance(value, dict):
        return {key: _filled(one, names) for key, one in value.items()}
    if isinstance(value, list):
        return [_filled(one, names) for one in value]
    if isinstance(value, str):
        for name, text in names.items():
            if f"{{{name}}}" in value and not PLAIN.fullmatch(text):
                raise RefusedError(f"{name} {text!r} is not filled into a manifest: read it from {VARIABLE}")
            value = value.replace(f"{{{name}}}", text)
    return value
