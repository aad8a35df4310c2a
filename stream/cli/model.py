"""`driftgauge model`: the models of a config, each in a file of its own."""

import json
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from stream.cli import columns
from stream.cli.progress import progress_bar
from stream.config import model_files
from stream.config.load import load, load_references
from stream.config.problems import counted
from stream.errors import UsageError
from stream.files import write_atomically
from stream.references.init import CONFIG_NAME, InitOptions, Started, initialise
from windows.outcomes.layout import Task

app = typer.Typer(help="The models of a config, each in a file of its own.", no_args_is_help=True)

Config = Annotated[Path, typer.Option("--config", "-c", help="The config file.")]
RELOAD = "the running monitor takes it with: driftgauge reload -c"


@app.command("list")
def list_models(config: Config) -> None:
    """List the models: name, task, owner, whether it is watched, and the file."""
    rows = [
        ("model", "task", "owner", "state", "file"),
        *(
            (one.name, one.task, one.owner or "", "watched" if one.enabled else "disabled", str(one.path))
            for one in model_files.model_files(config)
        ),
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        typer.echo("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())


@app.command()
def add(
    config: Config,
    source: Annotated[
        Path, typer.Option("--from", help="Training rows: a .parquet, .csv or .jsonl file, a directory or a pattern.")
    ],
    model: Annotated[str, typer.Option(help="Name of the model, as in its predictions.")],
    owner: Annotated[str | None, typer.Option(help="Team whose alerts these are.")] = None,
    segment: Annotated[list[str] | None, typer.Option(help="Column whose values are also watched one by one.")] = None,
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
    per_day: Annotated[float | None, typer.Option(min=0.1, max=1e12, help="Predictions a day to be expected.")] = None,
) -> None:
    """Write a model's file and its reference to where the config includes models from: as `init` would, at its pane."""
    said = columns.said(locals())
    place, time = model_files.place_for(config, model), model_files.time_of(config)
    with tempfile.TemporaryDirectory() as directory, progress_bar() as progress:
        options = InitOptions(
            source, model, Path(directory), tuple(segment or ()), task, said=said, per_day=per_day, time=time
        )
        started = initialise(options, progress)
        _put(config, place, started, owner)
    for note in dict.fromkeys(started.notes):
        typer.echo(f"note: {note}", err=True)
    guessed = "" if task or positive else " (guessed; where that is wrong, remove it and add it with --task)"
    typer.echo(
        f"{place}: model {model}, task {started.task}{guessed}; {counted(started.reference.rows, 'row')} behind it"
    )
    for line in started.sights:
        typer.echo(f"  {line}")
    typer.echo(f"{RELOAD} {config}")


def _put(config: Path, place: Path, started: Started, owner: str | None) -> None:
    """Write the file of a new model and its reference; neither stays if the config is not right with them.

    Raises:
        UsageError: it is not, such as for a model of the same name.
    """
    text = (started.config.parent / CONFIG_NAME).read_text()
    own = text[text.index("\nmodels:\n") + 1 :]
    if owner is not None:
        own = own.replace("    owner: null\n", f"    owner: {json.dumps(owner)}\n", 1)
    reference = place.with_name(started.reference_file.name)
    if reference.exists():
        raise UsageError(f"{reference} exists already")
    place.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(reference, started.reference_file.read_bytes())
    write_atomically(place, own.encode())
    try:
        load_references(load(config))
    except UsageError:
        place.unlink()
        reference.unlink()
        raise


@app.command()
def disable(config: Config, model: Annotated[str, typer.Argument(help="Its name.")]) -> None:
    """Leave a model out: its file gets another name. What its windows hold is gone once the monitor has reloaded."""
    typer.echo(f"{model} is disabled: {model_files.disable(config, model)}; {RELOAD} {config}")


@app.command()
def enable(config: Config, model: Annotated[str, typer.Argument(help="Its name.")]) -> None:
    """Watch a model again that was disabled; its windows begin anew."""
    typer.echo(f"{model} is watched: {model_files.enable(config, model)}; {RELOAD} {config}")
