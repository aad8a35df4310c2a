"""What `init` writes of live traffic: where it is, how it is read, and what a reference of it means."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field
from typing import Any

import yaml

WIDTH = 110


@dataclass(frozen=True, slots=True)
class LiveTraffic:
    """Where the rows of a reference came from, when it was a topic.

    Attributes:
        topic: of predictions.
        period: from when to when the rows are, in words.
        rows: how many.
        source: what `sources` says of the topic, beside its name; None where `topics.predictions` is enough.
        feedback: what it says of the topic of feedback, with its name, if one was named.
        brokers: where it was read.
        properties: of librdkafka, as they were given.
        registry: address of the schema registry.
        halves: the sources of requests and responses in two topics, in place of `source`.
        file: name of the file that the rows are from instead; "" where they are of the topic.
    """

    topic: str
    period: str
    rows: int
    source: dict[str, Any] | None = None
    feedback: dict[str, Any] | None = None
    brokers: str | None = None
    properties: dict[str, str] = field(default_factory=dict)
    registry: str | None = None
    halves: list[dict[str, Any]] | None = None
    file: str = ""

    @property
    def meaning(self) -> str:
        """What the reference stands for."""
        if self.file:
            return (
                f"this reference is of {self.rows:,} messages in {self.file} ({self.period}), read as `sources` says:"
                f" messages of that shape are expected in the topic {self.topic}"
            )
        return (
            f"this reference is live traffic of {self.topic} ({self.rows:,} rows, {self.period}), not training data:"
            " drift is told against that period, and what was wrong in it counts as normal"
        )

    @property
    def topics(self) -> dict[str, str]:
        """Names in `topics`."""
        return {"predictions": self.topic} if self.source is None else {}


def sources_text(live: LiveTraffic | None) -> str:
    """The sections `sources` and `schema_registry`; empty where nothing is said."""
    if live is None:
        return ""
    entries = list(live.halves or ([] if live.source is None else [{"topic": live.topic, **live.source}]))
    entries += [] if live.feedback is None else [live.feedback]
    text = ""
    if entries:
        text += "\n# how messages are read; `driftgauge peek TOPIC --config FILE` shows what is understood of each\n"
        text += _yaml({"sources": entries})
    if live.registry is not None:
        text += "\n# where schemas are kept\n" + _yaml({"schema_registry": {"url": live.registry}})
    return text


def meaning_text(live: LiveTraffic | None, indent: str) -> str:
    """The comment on what the reference stands for; empty where it is from files."""
    if live is None:
        return ""
    return "".join(f"{indent}# {line}\n" for line in textwrap.wrap(live.meaning, WIDTH))


def properties_text(live: LiveTraffic | None) -> str:
    """What stands behind `properties:`."""
    if live is None or not live.properties:
        return "{}"
    return yaml.safe_dump(live.properties, default_flow_style=True, width=10_000, sort_keys=False).strip()


def _yaml(value: dict[str, Any]) -> str:
    """YAML; a dollar sign in a text is doubled, since ${NAME} is replaced."""
    return yaml.safe_dump(_escaped(value), sort_keys=False, default_flow_style=None, width=WIDTH, allow_unicode=True)


def _escaped(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _escaped(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_escaped(inner) for inner in value]
    return value.replace("$", "$$") if isinstance(value, str) else value
