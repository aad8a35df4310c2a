"""`driftgauge reference`: build, show and merge references."""

import os
from functools import partial, reduce
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from operators.records import Topic
from stream.cli import columns
from stream.cli.adopt import adopt_command
from stream.cli.progress import progress_bar, record_progress
from stream.config.environment import SETTING
from stream.config.explain import suggestion
from stream.config.inputs import timezone_of
from stream.config.load import Config, load, load_reference, model_named
from stream.config.problems import counted
from stream.errors import UsageError
from stream.files import write_atomically
from stream.references.build import BuildOptions, Built
from stream.references.build import build as build_reference
from stream.references.like import asked_like
from stream.references.plan import joint_options, outcome_options, season_options
from stream.references.show import drawing
from stream.references.wishes import resolutions_of, said_outcomes, wishes_of
from stream.rows.columns import Wishes
from stream.rows.open import open_rows
from windows.references.merge import merge as merge_references
from windows.references.reference import Reference, ReferenceError_, to_json

app = typer.Typer(no_args_is_help=True, help="Build, show and merge references: profiles of what is normal.")

Output = Annotated[Path, typer.Option("--output", "-o", help="The reference file to write.")]


@app.command()
def build(
    config: Annotated[Path, typer.Option("--config", "-c", help="The config file.")],
    model: Annotated[str, typer.Option("--model", "-m", help="Name of the model in it.")],
    source: Annotated[
        str,
        typer.Option(
            "--from",
            help="Rows: .parquet, .csv, .jsonl; a directory; a pattern. Or live traffic: 'kafka:TOPIC?from=-7d'.",
        ),
    ],
    output: Output,
    like: Annotated[
        Path | None,
        typer.Option(help="The model's reference, whose edges and categories to take: for a version in `references:`."),
    ] = None,
    ignore: columns.Ignore = None,
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
    local_times: columns.LocalTimes = None,
    most: Annotated[
        int | None, typer.Option("--rows", min=1, help="Of a topic: at most so many, the latest [2000000].")
    ] = None,
) -> None:
    """Build a model's reference from rows, or from the traffic of a topic."""
    said = columns.said(locals())
    loaded = load(config, {**os.environ, **_zone(local_times)})
    settings = model_named(loaded, model)
    features = settings.features
    options = BuildOptions(
        model=model,
        features=None if features is None else {name: feature.kind for name, feature in features.items()},
        segments=settings.segments,
        task=settings.task,
        pane=loaded.time.pane,
        ignored=said.ignored,
        outcomes=said_outcomes(outcome_options(settings), said),
        roles=said.roles,
        chosen=tuple(said.kinds),
        resolutions=resolutions_of(settings),
        seasonal=season_options(settings),
        joint=joint_options(settings),
        timezone=local_times or timezone_of(Topic.PREDICTIONS, loaded.time.timezone, loaded.sources),
    )
    if like is not None:
        options = asked_like(options, _load(like))
    wishes = wishes_of(settings, said)
    if source.startswith("kafka:"):
        built = _of_topic(loaded, source, most, options, wishes)
    else:
        if most is not None:
            raise UsageError(f"--rows {most}: needs --from kafka:TOPIC; files are read whole")
        with progress_bar() as progress:
            built = build_reference(open_rows(Path(source), wishes), options, progress)
    for note in dict.fromkeys(built.notes):
        typer.echo(f"note: {note}", err=True)
    _write(output, built.reference)


def _zone(local_times: str | None) -> dict[str, str]:
    """What the config is to say of times without an offset."""
    return {} if local_times is None else {f"{SETTING}time.timezone": columns.checked_zone(local_times)}


def _of_topic(config: Config, source: str, most: int | None, options: BuildOptions, wishes: Wishes) -> Built:
    """Build it from the traffic of a topic."""
    from stream.look.build import built_of  # noqa: PLC0415 - no Kafka client for files
    from stream.look.start import Bars  # noqa: PLC0415 - the same

    bars = Bars(partial(record_progress, "reading"), progress_bar)
    return built_of(config, source, most, options, wishes, typer.echo, bars)


app.command(name="adopt")(adopt_command)


@app.command()
def show(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The reference file.")],
    feature: Annotated[list[str] | None, typer.Option("--feature", "-f", help="Only this feature.")] = None,
) -> None:
    """Draw the histograms of a reference."""
    reference = _load(file)
    known = [*reference.features, *(["prediction"] if reference.prediction is not None else [])]
    for name in feature or ():
        if name not in known:
            raise UsageError(f"{file}: no feature {name!r}; {suggestion(name, known)}")
    Console(highlight=False).print(drawing(reference, tuple(feature or ())))


@app.command()
def merge(
    files: Annotated[list[Path], typer.Argument(metavar="FILES...", help="References of the same model, two or more.")],
    output: Output,
) -> None:
    """Merge references built from parts of the rows."""
    if len(files) < 2:
        raise UsageError("merge: at least two reference files are needed")

    def step(one: Reference, file: Path) -> Reference:
        try:
            merged = merge_references(one, _load(file))
        except ReferenceError_ as error:
            raise UsageError(f"{file}: cannot be merged with {files[0]}: {error}") from None
        for name, share in merged.errors.items():
            typer.echo(
                f"note: {file}: {name}: bins differ; a share of it may be off by up to {100 * share:.2g} %", err=True
            )
        for note in merged.notes:
            typer.echo(f"note: {file}: {note}", err=True)
        return merged.reference

    _write(output, reduce(step, files[1:], _load(files[0])))


def _load(file: Path) -> Reference:
    try:
        return load_reference(file)
    except ReferenceError_ as error:
        raise UsageError(f"{file}: {error}") from None


def _write(output: Path, reference: Reference) -> None:
    write_atomically(output, to_json(reference))
    size = f"{counted(reference.rows, 'row')}, {counted(len(reference.features), 'feature')}"
    typer.echo(f"{output}: model {reference.model}, {size}")
    typer.echo(reference.id)
