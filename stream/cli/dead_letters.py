"""`driftgauge dead-letters`: what could not be read, counted by reason and field, and the latest of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stream.cli import connecting

HERE = Path("driftgauge.yaml")


def dead_letters(
    config: connecting.ConfigFile = None,
    last: Annotated[int, typer.Option(min=0, max=1_000, help="How many of the latest to show.")] = 20,
    most: Annotated[int, typer.Option("--count", min=1, help="How many of the latest are counted.")] = 10_000,
    topic: Annotated[str | None, typer.Option(help="The topic; otherwise the config's.")] = None,
    bootstrap: connecting.Bootstrap = None,
    properties: connecting.Properties = None,
) -> None:
    """Count dead letters by topic, reason and field, and show the latest.

    Without --config and --bootstrap, driftgauge.yaml of this directory says where they are. No offset is committed.
    """
    from stream.look.dead_letters import letters_in, told  # noqa: PLC0415 - no Kafka client for a mistake in the options

    if config is None and bootstrap is None and HERE.is_file():
        config = HERE
    connected = connecting.connected(config, bootstrap, properties, None)
    name = topic or connected.topics.dead_letters
    for line in told(letters_in(connected, name, last, max(most, last)), name):
        typer.echo(line)
