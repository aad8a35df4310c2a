"""The parts of a Prometheus rules file, and their YAML text."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import yaml


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording rule: the name of the series, its expression, and labels put on every row."""

    record: str
    expr: str
    labels: dict[str, str] = field(default_factory=dict)

    def mapping(self) -> dict[str, Any]:
        """As it stands in the file."""
        found: dict[str, Any] = {"record": self.record, "expr": self.expr}
        return {**found, "labels": self.labels} if self.labels else found


@dataclass(frozen=True, slots=True)
class Alerting:
    """An alerting rule.

    Attributes:
        alert: its name.
        expr: gives a row for each alert.
        annotations: texts, which Prometheus expands.
        labels: fixed ones, over those of the row. Never a measured value: labels are the identity of an alert.
        pending: how long the expression must hold first ("for"); None for at once.
        keep_firing_for: how long the alert goes on after the expression; None for not at all.
    """

    alert: str
    expr: str
    annotations: dict[str, str]
    labels: dict[str, str] = field(default_factory=dict)
    pending: str | None = None
    keep_firing_for: str | None = None

    def mapping(self) -> dict[str, Any]:
        """As it stands in the file."""
        found: dict[str, Any] = {"alert": self.alert, "expr": self.expr}
        if self.pending is not None:
            found["for"] = self.pending
        if self.keep_firing_for is not None:
            found["keep_firing_for"] = self.keep_firing_for
        return {**found, "labels": self.labels, "annotations": self.annotations}


@dataclass(frozen=True, slots=True)
class Group:
    """Rules that are evaluated one after the other, at one timestamp."""

    name: str
    interval: str
    rules: tuple[Recording | Alerting, ...]

    def mapping(self) -> dict[str, Any]:
        """As it stands in the file."""
        return {"name": self.name, "interval": self.interval, "rules": [rule.mapping() for rule in self.rules]}


class _Dumper(yaml.SafeDumper):
    """Texts of several lines as blocks, as people write them; nothing by reference."""

    def ignore_aliases(self, data: Any) -> bool:
        """Write everything in full."""
        del data
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _text)


def rules_text(groups: tuple[Group, ...], header: str, resource: str | None = None) -> str:
    """The file: `header` as comments, then the groups; those without rules are left out.

    With the name of a resource it is a PrometheusRule, which the Prometheus Operator takes from Kubernetes.
    """
    comments = "".join(f"# {line}\n" for line in header.splitlines())
    document: dict[str, Any] = {"groups": [group.mapping() for group in groups if group.rules]}
    if resource is not None:
        kind = {"apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule"}
        document = {**kind, "metadata": {"name": resource}, "spec": document}
    body = yaml.dump(document, Dumper=_Dumper, sort_keys=False, width=10_000, allow_unicode=True)
    return comments + body


def promql(text: str) -> str:
    """The text as a PromQL string."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def literal(text: str) -> str:
    """The text in an annotation or a label, where Prometheus would take {{ for the beginning of a template."""
    return text.replace("{{", '{{ "{{" }}')
