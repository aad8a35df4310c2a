"""`driftgauge init`: from training rows to a config that works."""

from pathlib import Path
from typing import Annotated

import typer

from stream.cli import columns
from stream.cli.progress import progress_bar
from stream.references.init import InitOptions, initialise
from windows.outcomes.layout import Task


def init(
    source: Annotated[
        Path, typer.Option("--from", help="Training rows: a .parquet, .csv or .jsonl file, a directory or a pattern.")
    ],
    model: Annotated[str, typer.Option(help="Name of the model, as in its predictions.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Directory to write to.")] = Path(),
    segment: Annotated[
        list[str] | None,
        typer.Option(
            help="Column whose values are also watched one by one; with --ignore it is context and no feature."
        ),
    ] = None,
    ignore: columns.Ignore = None,
    task: Annotated[Task | None, typer.Option(help="What the predictions are; guessed if absent.")] = None,
    positive: columns.Positive = None,
    threshold: columns.Threshold = None,
    classes: columns.Classes = None,
    label: columns.Label = None,
    prediction: columns.Prediction = None,
    timestamp: columns.Timestamp = None,
    latency: columns.Latency = None,
    version: columns.Version = None,
    categorical: columns.Categorical = None,
    numeric: columns.Numeric = None,
    missing: columns.Missing = None,
    timezone: Annotated[
        str, typer.Option(help="Whose hours of the week count where a season is looked for, such as Europe/Berlin.")
    ] = "UTC",
    force: Annotated[bool, typer.Option("--force", help="Overwrite what is there.")] = False,
) -> None:
    """Write a commented config and the reference next to it."""
    said = columns.said(locals())
    options = InitOptions(source, model, output, tuple(segment or ()), task, force, said, timezone)
    with progress_bar() as progress:
        started = initialise(options, progress)
    for note in started.notes:
        typer.echo(f"note: {note}", err=True)
    guessed = "" if task or positive else f" (guessed: correct `task: {started.task}` in the config if it is not)"
    typer.echo(f"{started.reference_file}: {started.reference.rows:,} rows, {len(started.reference.features)} features")
    typer.echo(f"{started.config}: model {model}, task {started.task}{guessed}")
    for line in started.sights:
        typer.echo(f"  {line}")
    typer.echo(f"next: driftgauge check {started.config}")
