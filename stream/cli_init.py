"""`driftgauge init` and `driftgauge check`: the way to a config that works."""

from pathlib import Path
from typing import Annotated

import typer

from operators.settings import Task
from stream.cli_progress import progress_bar
from stream.config import Config, load, load_references
from stream.init import InitOptions, initialise


def init(
    source: Annotated[Path, typer.Option("--from", help="Training rows: a .parquet, .csv or .jsonl file.")],
    model: Annotated[str, typer.Option(help="Name of the model, as in its predictions.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Directory to write to.")] = Path(),
    segment: Annotated[list[str] | None, typer.Option(help="Column whose values are watched one by one.")] = None,
    ignore: Annotated[list[str] | None, typer.Option(help="Column that is no feature.")] = None,
    task: Annotated[Task | None, typer.Option(help="What the predictions are; guessed if absent.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite what is there.")] = False,
) -> None:
    """Write a commented config and the reference next to it."""
    options = InitOptions(source, model, output, tuple(segment or ()), tuple(ignore or ()), task, force)
    with progress_bar() as progress:
        started = initialise(options, progress)
    for note in started.notes:
        typer.echo(f"note: {note}", err=True)
    guessed = "" if task else f" (guessed: correct `task: {started.task}` in the config if it is not)"
    typer.echo(f"{started.reference_file}: {started.reference.rows:,} rows, {len(started.reference.features)} features")
    typer.echo(f"{started.config}: model {model}, task {started.task}{guessed}")
    typer.echo(f"next: driftgauge check {started.config}")


def check(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="The config file.")],
    connect: Annotated[bool, typer.Option("--connect", help="Also ask the brokers for the topics.")] = False,
) -> None:
    """Check a config and its references; every problem is one line."""
    loaded = load(config)
    references = load_references(loaded)
    for model in loaded.models:
        reference = references[model.name]
        windows = len({*model.drift.windows, *model.prediction.windows, *model.quality.windows})
        typer.echo(
            f"model {model.name}: {model.task}, {len(reference.features)} features, {len(model.segments)} segment keys"
            f", {windows} windows, {len(model.sla)} objectives; reference of {reference.rows:,} rows"
        )
    if connect:
        _connect(loaded)
    typer.echo(f"{config}: OK")


def _connect(config: Config) -> None:
    from stream.connect import check_brokers  # noqa: PLC0415 - the Kafka client is not needed without --connect

    for topic, partitions in check_brokers(config).items():
        typer.echo(f"topic {topic}: {partitions} partitions")
