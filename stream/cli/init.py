"""`driftgauge init`: from training rows to a config that works."""

from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from stream.cli import columns, connecting
from stream.cli.progress import progress_bar, record_progress
from stream.config.problems import counted
from stream.errors import UsageError
from stream.references.init import InitOptions, Started, initialise
from windows.outcomes.layout import Task


def init(
    model: Annotated[str, typer.Option(help="Name of the model, as in its predictions.")],
    source: Annotated[
        Path | None,
        typer.Option("--from", help="Training rows: a .parquet, .csv or .jsonl file, a directory or a pattern."),
    ] = None,
    topic: Annotated[
        str | None, typer.Option("--from-topic", metavar="TOPIC", help="Live predictions instead of training rows.")
    ] = None,
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
    local_times: columns.LocalTimes = None,
    timezone: Annotated[
        str | None,
        typer.Option(help="Whose hours of the week count where a season is looked for, such as Europe/Berlin."),
    ] = None,
    holidays: Annotated[
        str | None,
        typer.Option(
            metavar="COUNTRY",
            help="Public holidays have the hours of a Sunday: of DE, of US-NY. Needs driftgauge[holidays].",
        ),
    ] = None,
    last: Annotated[
        str | None,
        typer.Option(help="With --from-topic: how far back, by the time messages were written [7d]; or all."),
    ] = None,
    feedback_topic: Annotated[
        str | None, typer.Option(metavar="TOPIC", help="With --from-topic: where labels come.")
    ] = None,
    responses: connecting.Responses = None,
    most: Annotated[
        int | None, typer.Option("--rows", min=1, help="With --from-topic: at most so many, the latest [2000000].")
    ] = None,
    preset: connecting.Preset = None,
    map_file: connecting.MapFile = None,
    bootstrap: connecting.Bootstrap = None,
    properties: connecting.Properties = None,
    registry: connecting.RegistryUrl = None,
    per_day: Annotated[
        float | None,
        typer.Option(
            min=0.1,
            max=1e12,
            help="Predictions a day to be expected: pane, windows and limits are chosen for them. The default is the "
            "pace of the rows, where they have timestamps.",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite what is there.")] = False,
) -> None:
    """Write a commented config and the reference next to it, from training rows or from live traffic."""
    said = columns.said(locals())
    if (source is None) == (topic is None):
        raise UsageError("one of --from FILE and --from-topic TOPIC is needed")
    given: dict[str, Any] = {
        "--last": last,
        "--feedback-topic": feedback_topic,
        "--responses": responses,
        "--rows": most,
        "--preset": preset,
        "--map": map_file,
    }
    given |= {"--bootstrap": bootstrap, "--property": properties, "--registry": registry}
    options = InitOptions(
        source or Path(),
        model,
        output,
        tuple(segment or ()),
        task,
        force,
        said,
        timezone,
        per_day=per_day,
        holidays=holidays,
        local_times=columns.checked_zone(local_times),
    )
    if topic is None:
        for name, value in given.items():
            if value is not None and name not in {"--preset", "--map"}:
                raise UsageError(f"{name}: needs --from-topic")
        started = _of_file(options, preset, map_file)
    else:
        from stream.look.start import Bars, Wanted, started_from  # noqa: PLC0415 - no Kafka client for training rows

        edges = connecting.Edges(bootstrap, tuple(properties or ()), registry)
        topic, responses = connecting.halves_of(edges.config(), topic, responses, map_file)
        wanted = Wanted(topic, last or "7d", feedback_topic, most, preset, map_file, responses)
        started = started_from(
            wanted, edges, options, typer.echo, Bars(partial(record_progress, "reading"), progress_bar)
        )
    _tell(started, model, guessed=not (task or positive))


def _of_file(options: InitOptions, preset: str | None, map_file: Path | None) -> Started:
    """From rows; or from messages, where a map is given, or they are nested."""
    from stream.look.nested import is_nested, started_from_file  # noqa: PLC0415 - not for training rows in tables

    if preset is not None or map_file is not None or is_nested(options.source):
        return started_from_file(options, preset, map_file, typer.echo, progress_bar)
    with progress_bar() as progress:
        return initialise(options, progress)


def _tell(started: Started, model: str, *, guessed: bool) -> None:
    """What was written, and what to know about it."""
    for note in dict.fromkeys(started.notes):
        typer.echo(f"note: {note}", err=True)
    correct = " (guessed; where that is wrong, init again with --task and --force)" if guessed else ""
    size = f"{counted(started.reference.rows, 'row')}, {counted(len(started.reference.features), 'feature')}"
    typer.echo(f"{started.reference_file}: {size}")
    typer.echo(f"{started.config}: model {model}, task {started.task}{correct}")
    for line in started.sights:
        typer.echo(f"  {line}")
    typer.echo(f"next: driftgauge check {started.config}")
