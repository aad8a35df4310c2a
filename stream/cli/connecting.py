"""Where to connect to and how messages are read, on the command line: options of commands that look at a topic."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stream.config.connection import Edges
from stream.config.load import Config, load
from stream.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Edges"]

Preset = Annotated[str | None, typer.Option("--preset", help="The system that writes the messages, such as mlflow.")]
MapFile = Annotated[
    Path | None,
    typer.Option("--map", metavar="FILE", help="YAML: a map, or a source as `peek` prints it."),
]
Responses = Annotated[
    str | None,
    typer.Option(
        "--responses",
        metavar="TOPIC",
        help="Where the responses are, if TOPIC holds requests alone; Seldon's topics are found by their names.",
    ),
]
Bootstrap = Annotated[
    str | None,
    typer.Option(
        "--bootstrap", metavar="HOST:PORT", help="The brokers; otherwise DRIFTGAUGE__KAFKA__BROKERS, localhost:9092."
    ),
]
Properties = Annotated[
    list[str] | None,
    typer.Option(
        "--property",
        metavar="NAME=VALUE",
        help="A property of librdkafka, such as 'sasl.password=${KAFKA_PASSWORD}'; may be given several times.",
    ),
]
RegistryUrl = Annotated[
    str | None, typer.Option("--registry", metavar="URL", help="The schema registry, for Avro and Protobuf.")
]
ConfigFile = Annotated[
    Path | None, typer.Option("--config", "-c", help="A config that says where to connect to, and its sources.")
]


def connected(
    config: Path | None, bootstrap: str | None, properties: Sequence[str] | None, registry: str | None
) -> Config:
    """A config with where to connect to.

    Raises:
        UsageError, ConfigError: an option or the file cannot be used.
    """
    if config is None:
        return Edges(bootstrap, tuple(properties or ()), registry).config()
    if bootstrap or properties or registry:
        raise UsageError(f"--config {config}: says where the brokers and the registry are; give it alone")
    return load(config)


def source_in(config: Config, topic: str) -> dict[str, Any] | None:
    """What the config says of a topic; None where it says nothing."""
    found = next((one for one in config.sources if one.reads(topic)), None)
    return (
        None
        if found is None
        else found.model_dump(exclude={"topic", "topics", "pattern"}, exclude_unset=True, by_alias=True)
    )


def halves_of(config: Config, topic: str, responses: str | None, map_file: Path | None) -> tuple[str, str | None]:
    """The topic of requests and that of their responses: as they are named, as a file with sources or Seldon has it."""
    from operators.formats.halves import INPUTS, other_topic  # noqa: PLC0415 - no formats for a mistake in the options
    from stream.kafka.latest import looking  # noqa: PLC0415 - no Kafka client for one
    from stream.kafka.offsets import names  # noqa: PLC0415 - the same
    from stream.look.source_file import said_responses  # noqa: PLC0415 - the same

    found = responses or said_responses(topic, map_file)
    other = other_topic(topic)
    if found is not None or other is None or other not in names(looking(config)):
        return topic, found
    return (topic, other) if topic.endswith(INPUTS) else (other, topic)
