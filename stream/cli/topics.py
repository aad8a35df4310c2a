"""`driftgauge topics`: the topics that driftgauge reads and writes."""

from pathlib import Path
from typing import Annotated

import typer
from pydantic_core import PydanticCustomError
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from operators.settings.durations import ALLOWED, parse_duration
from stream.config.inputs import inputs_of
from stream.config.load import load
from stream.errors import UsageError
from stream.kafka.topics import BROKER_DEFAULT, POLICIES, TopicResult, create, plan

EPILOG = "Kept for: " + "; ".join(
    f"{role.replace('_', ' ')} {policy.retention // 86_400_000} days ({policy.why})"
    for role, policy in POLICIES.items()
)


def topics_app() -> typer.Typer:
    """Return the commands of `driftgauge topics`."""
    app = typer.Typer(help="The topics that driftgauge reads and writes.", no_args_is_help=True)
    app.command("create", epilog=EPILOG)(create_topics)
    app.callback()(_group)
    return app


def _group() -> None:
    """The topics that driftgauge reads and writes."""


def create_topics(
    *,
    config: Annotated[Path, typer.Option("--config", "-c", help="The config file.")],
    partitions: Annotated[
        int, typer.Option(min=1, help="Partitions of predictions and feedback; as many processes can read at once.")
    ] = 4,
    replication: Annotated[
        int, typer.Option(min=-1, help="Copies of each record; -1: as the broker says.")
    ] = BROKER_DEFAULT,
    retention: Annotated[
        str | None, typer.Option(help="How long predictions and feedback are kept, such as 12h or 7d.")
    ] = None,
) -> None:
    """Create the topics of a config that are missing, not those of sources; what exists is shown and left as it is."""
    loaded = load(config)
    read = inputs_of(loaded.topics, loaded.sources)
    theirs = frozenset({one.holds.value for one in read if one.source is not None})
    wanted = plan(
        loaded.topics,
        theirs,
        partitions=partitions,
        replication=_replication(replication),
        retention=_retention(retention),
    )
    results = create({**loaded.kafka.properties, "bootstrap.servers": loaded.kafka.brokers}, wanted)
    _show(results)
    failed = [result for result in results if result.outcome == "failed"]
    if failed:
        typer.echo(f"{len(failed)} of {len(results)} topics could not be created", err=True)
        raise typer.Exit(1)


def _replication(given: int) -> int:
    if given == 0:
        raise UsageError("--replication 0: given 0, allowed 1 or more, or -1 for what the broker says")
    return given


def _retention(given: str | None) -> int | None:
    if given is None:
        return None
    try:
        return parse_duration(given)
    except PydanticCustomError:
        raise UsageError(f"--retention {given}: allowed is {ALLOWED}") from None


def _show(results: list[TopicResult]) -> None:
    table = Table(box=None, pad_edge=False)
    for column in ("topic", "for", "outcome", "partitions", "remarks"):
        table.add_column(column, overflow="fold")
    for result in results:
        remarks = "; ".join(result.differences)
        partitions = str(result.partitions or "")
        table.add_row(escape(result.name), result.role.replace("_", " "), result.outcome, partitions, escape(remarks))
    Console().print(table)
