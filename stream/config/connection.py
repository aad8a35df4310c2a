"""Where the brokers and the schema registry are, before there is a config: from options and the environment."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stream.config.load import Config, from_document
from stream.config.yaml_file import Document
from stream.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

SECTIONS = ("DRIFTGAUGE__KAFKA__", "DRIFTGAUGE__SCHEMA_REGISTRY__")
"""What the names of variables begin with that count here."""

_STAND_IN = {"name": "none", "task": "binary"}
"""Stands for the model, which is not known yet."""


@dataclass(frozen=True, slots=True)
class Edges:
    """What the options say.

    Attributes:
        brokers: host:port, several separated by commas.
        properties: of librdkafka, NAME=VALUE each; ${NAME} in a value is replaced by that variable.
        registry: address of the schema registry.
    """

    brokers: str | None = None
    properties: tuple[str, ...] = ()
    registry: str | None = None

    @property
    def named(self) -> dict[str, str]:
        """Properties by their names, as they were given.

        Raises:
            UsageError: one has no name or no value.
        """
        return dict(map(_property, self.properties))

    def config(self, env: Mapping[str, str] = os.environ) -> Config:
        """A config with where to connect to, and nothing else.

        Raises:
            ConfigError: an option or a variable cannot be used.
            UsageError: a property has no name or no value.
        """
        kafka: dict[str, Any] = {} if self.brokers is None else {"brokers": self.brokers}
        kafka |= {"properties": self.named} if self.properties else {}
        registry = {} if self.registry is None else {"url": self.registry}
        told = {name: value for name, value in env.items() if not _overrides(name) or name.upper().startswith(SECTIONS)}
        sections = {"kafka": kafka, "schema_registry": registry, "models": [_STAND_IN]}
        return from_document(Document("the command line", sections), told)


def _overrides(name: str) -> bool:
    return name.upper().startswith("DRIFTGAUGE__")


def _property(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name.strip() or not equals:
        raise UsageError(f"--property {text}: NAME=VALUE is needed, such as security.protocol=SASL_SSL")
    return name.strip(), value
