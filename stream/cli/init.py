"""`driftgauge init`: from training rows to a config that works."""

from pathlib import Path
from typing import Annotated

import typer

from stream.cli.progress import progress_bar
from stream.references.init import InitOptions, initialise
from windows.outcomes.layout import Task


def init(
    source: Annotated[Path, typer.Option("--from", help="Training rows: a .parquet, .csv or .jsonl file.")],
    model: Annotated[str, typer.Option(help="Name of the model, as in its predictions.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Directory to write to.")] = Path(),
    segment: Annotated[
        list[str] | None,
        typer.Option(
            help="Column whose values are also watched one by one; with --ignore it is context and no feature."
        ),
    ] = None,
    ignore: Annotated[list[str] | None, typer.Option(help="Column that is no feature.")] = None,
    task: Annotated[Task | None, typer.Option(help="What the predictions are; guessed if absent.")] = None,
    positive: Annotated[
        str | None, typer.Option(metavar="LABEL", help="The label that is positive, where binary labels are text.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite what is there.")] = False,
) -> None:
    """Write a commented config and the reference next to it."""
    options = InitOptions(source, model, output, tuple(segment or ()), tuple(ignore or ()), task, force, positive)
    with progress_bar() as progress:
        started = initialise(options, progress)
    for note in started.notes:
        typer.echo(f"note: {note}", err=True)
    guessed = "" if task or positive else f" (guessed: correct `task: {started.task}` in the config if it is not)"
    typer.echo(f"{started.reference_file}: {started.reference.rows:,} rows, {len(started.reference.features)} features")
    typer.echo(f"{started.config}: model {model}, task {started.task}{guessed}")
    typer.echo(f"next: driftgauge check {started.config}")
