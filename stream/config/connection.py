"""Where the brokers and the schema registry are, before there is a config: from options and the environment."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from stream.config.load import Config, from_document, load
from stream.config.yaml_file import Document
from stream.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

SECTIONS = ("DRIFTGAUGE__KAFKA__", "DRIFTGAUGE__SCHEMA_REGISTRY__")
"""What the names of variables begin with that count here."""

NOBODY = "none"
"""Stands for the model, which is not known yet."""


def connection(
    config: Path | None,
    brokers: str | None,
    properties: Sequence[str] = (),
    registry: str | None = None,
    env: Mapping[str, str] = os.environ,
) -> Config:
    """A config with where to connect to: that of a file, or one made of options.

    Raises:
        ConfigError: the file or an option cannot be used.
        UsageError: a property has no name or no value, or options stand beside a file.
    """
    if config is not None:
        if brokers or properties or registry:
            raise UsageError(f"--config {config}: says where the brokers and the registry are; give it alone")
        return load(config, env)
    told = {name: value for name, value in env.items() if name.upper().startswith(SECTIONS)}
    document = Document("the command line", {**edges(brokers, properties, registry), "models": [_STAND_IN]})
    return from_document(document, told)


def edges(brokers: str | None, properties: Sequence[str], registry: str | None) -> dict[str, Any]:
    """The sections of a config that say where to connect to, as the options say it.

    Raises:
        UsageError: a property has no name or no value.
    """
    kafka: dict[str, Any] = {}
    if brokers is not None:
        kafka["brokers"] = brokers
    if properties:
        kafka["properties"] = dict(map(_property, properties))
    found: dict[str, Any] = {"kafka": kafka} if kafka else {}
    return found if registry is None else {**found, "schema_registry": {"url": registry}}


_STAND_IN = {"name": NOBODY, "task": "binary"}


def _property(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name.strip() or not equals:
        raise UsageError(f"--property {text}: NAME=VALUE is needed, such as security.protocol=SASL_SSL")
    return name.strip(), value
