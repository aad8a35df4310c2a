"""`driftgauge replay`: the monitor over files or a part of a topic, as fast as it goes."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from operators.judging.blind import rounded
from operators.judging.changes import Rows
from operators.records import Topic
from operators.settings.durations import show_duration
from stream.cli.progress import record_progress
from stream.cli.signals import stop_event
from stream.config.environment import SETTING
from stream.config.id_features import id_notes
from stream.config.inputs import inputs_of, matched
from stream.config.load import Config, load, load_references, with_pace
from stream.config.open_pace import left_open, settings_of_pace
from stream.errors import UsageError
from stream.replay.lanes import Lane
from stream.replay.summary import Summary
from windows.references.reference import Reference

if TYPE_CHECKING:
    from stream.replay.id_columns import IdColumns

KAFKA = "kafka"

LATE_FILE = (
    "the file is not in time order; sort it by timestamp, give one file for each partition, or use --predictions kafka"
)

UNREADABLE = ("empty", "oversized", "broken_json", "invalid_text", "wrong_type")
"""Reasons that records have when the whole file is of another format."""

EPILOG = (
    "Writes alerts.jsonl (emitted_at is the event time), evaluations.jsonl, dead_letters.jsonl (the records as they "
    "came, with topic or file, partition, offset or line number) and actions.jsonl (what models with `retrain:` or "
    "`on:` ask for). The same input and config give the same bytes. What-if: --set models.0.drift.ks.major=0.2"
)


def replay(
    *,
    config: Annotated[Path, typer.Option("--config", "-c", help="The config file.")],
    predictions: Annotated[
        list[str],
        typer.Option(
            help="A file of JSON lines, plain or gzip, or a .parquet or .csv file with a column a feature, or a quoted "
            "pattern; may be given several times. "
            "kafka: the predictions topic of the config.",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Directory to write to.")],
    feedback: Annotated[
        list[str] | None,
        typer.Option(
            help="Feedback about the predictions, in the same forms; kafka: the feedback topic, from --from to --to. "
            "Needs `performance:` in the config."
        ),
    ] = None,
    since: Annotated[
        str | None, typer.Option("--from", help="With kafka: an offset, an RFC 3339 time, earliest (the default).")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--to", help="With kafka: as --from, not included; latest (the default) is now.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="PATH=VALUE in place of what the config says, such as models.0.drift.ks.major=0.2."),
    ] = None,
    evaluations: Annotated[
        Rows,
        typer.Option(
            help="Evaluations to write: changes (a row when the status or the value's second digit changes, and one "
            "in a window's length), all (every metric at every look: it takes time and room), none."
        ),
    ] = "changes",
    pictures: Annotated[bool, typer.Option(help="Keep what `driftgauge report` draws, in DIR/history.")] = True,
    pace: Annotated[
        bool,
        typer.Option(
            help="Let the files tell the pace where the config was written without knowing any (`init` from rows "
            "without timestamps): pane and windows that suit it in place of those for any pace. It is told."
        ),
    ] = True,
) -> None:
    """Run the monitor's dataflow over predictions of the past, in event time, and write what it finds to files."""
    said = overrides(settings or ())
    loaded = load(config, {**os.environ, **said})
    references = load_references(loaded)
    if pace and predictions != [KAFKA]:
        found = _of_pace(loaded, references, predictions)
        loaded = load(config, {**os.environ, **said, **overrides(found)}) if found else loaded
    loaded = with_pace(loaded, references)
    ids = _ids(loaded, predictions, _awaited(loaded, feedback or []), references)
    lanes = [
        *_lanes(loaded, predictions, since, until, Topic.PREDICTIONS, references, ids.predictions),
        *_lanes(loaded, feedback or [], since, until, Topic.FEEDBACK, references, ids.labels),
    ]
    for note in dict.fromkeys((*filter(None, [ids.note]), *_notes(loaded, lanes, labelled=bool(feedback)))):
        typer.echo(f"note: {note}", err=True)
    # Only here, for a mistake in the options is told without waiting for the dataflow engine.
    from stream.replay.run import replay as run  # noqa: PLC0415

    with stop_event() as stop, record_progress("replay") as progress:
        summary = run(
            loaded, references, lanes, out, evaluations=evaluations, progress=progress, stop=stop, pictures=pictures
        )
    for line in summary.lines():
        typer.echo(line)
    typer.echo(f"written to {out}")
    topic = predictions == [KAFKA]
    if feedback and (not summary.matched or summary.much_unmatched):
        who = "much feedback" if summary.matched else "no feedback"
        typer.echo(f"{who} met {'no' if summary.matched else 'its'} prediction: {_why_unmatched(summary)}", err=True)
    if summary.useless:
        raise UsageError(none_folded(summary, out, topic=topic))
    if summary.much_late:
        late = f"{percent(summary.late, summary.read)} of the records came late"
        typer.echo(f"{late}: {_late_topic(loaded) if topic else LATE_FILE}", err=True)


def _of_pace(config: Config, references: Mapping[str, Reference], predictions: Sequence[str]) -> list[str]:
    """Settings for the pace of these files, where the config leaves it open; they are told."""
    if not left_open(config, references):
        return []
    lanes = _lanes(config, predictions, None, None, Topic.PREDICTIONS, references)
    if any(lane.source is not None and not config.sources[lane.source].in_own_shape for lane in lanes):
        return []
    from stream.replay.pace import paces_of  # noqa: PLC0415 - see above

    per_day = paces_of(lanes, config.models[0].name if len(config.models) == 1 else None)
    known = {model.name: per_day[model.name] for model in config.models if model.name in per_day}
    if not known:
        return []
    found = [f"{path}={value}" for path, value in settings_of_pace(config, references, known).items()]
    told = ", ".join(f"{rounded(rate):,} of {model}" for model, rate in known.items())
    typer.echo(
        f"pace: the config was written without knowing one (rows without timestamps). The files hold about {told} a "
        f"day, so this replay runs with what `init --per-day` writes for that; --no-pace keeps to the config:",
        err=True,
    )
    for setting in found:
        typer.echo(f"  --set '{setting}'", err=True)
    return found


replay.__doc__ = f"{replay.__doc__}\n\n{EPILOG}"


def percent(part: int, whole: int) -> str:
    """A share for people, with two digits at least."""
    share = 100 * part / whole
    return f"{share:.{0 if share >= 10 else 1}f} %"


def none_folded(summary: Summary, out: Path, *, topic: bool) -> str:
    """What to say when every record that was not late is a dead letter: the main reason, and what may be behind it."""
    from stream.replay.results import DEAD_LETTERS, lines_of  # noqa: PLC0415 - as in replay

    main, count = next(iter(summary.dead.items()))
    letters = out / DEAD_LETTERS
    detail = next(letter["detail"] for letter in lines_of(letters) if letter["reason"] == main)
    said = f"none of the {summary.read:,} records could be used: {count:,} are dead letters for {main} ({detail})"
    if main not in UNREADABLE:
        return f"{said}; all are in {letters}"
    form = "are the messages JSON predictions" if topic else "is the input JSON Lines, one prediction a line"
    return f"{said}; {form}? All are in {letters}"


def _late_topic(config: Config) -> str:
    lateness = show_duration(config.time.lateness)
    return f"more than time.lateness ({lateness}) behind the newest of their partition; they are late for `run` too"


def _why_unmatched(summary: Summary) -> str:
    """What is behind it when no label found its prediction."""
    if not summary.feedback and summary.skipped:
        return "no row of it has a label yet"
    if not summary.feedback and not summary.dead:
        return "it holds no row"
    if not summary.feedback:
        return "none of it could be read; dead_letters.jsonl says why, record by record"
    several = len(summary.why_unmatched) > 1
    known = "; ".join(f"{model}: {why}" if several else why for model, why in summary.why_unmatched.items())
    why = known or "is prediction_id in both, and the same?"
    return f"{why} Labels of older predictions need these, and a long enough `keep`" if "?" in why else why


def overrides(settings: Sequence[str]) -> dict[str, str]:
    """Overrides of a config, as `load` takes them, from `PATH=VALUE` settings; they win over environment variables.

    Raises:
        UsageError: one has not that form.
    """
    found: dict[str, str] = {}
    for text in settings:
        path, equals, value = text.partition("=")
        if not equals or not all(path.strip().split(".")):
            raise UsageError(f"--set {text}: allowed is PATH=VALUE, such as models.0.drift.ks.major=0.2")
        found[SETTING + path.strip()] = value
    return found


def _notes(config: Config, lanes: Sequence[Lane], *, labelled: bool) -> Iterator[str]:
    """What to know about the columns of tables."""
    from stream.replay.delays import delay_note  # noqa: PLC0415 - see above
    from stream.replay.tables import TableLane  # noqa: PLC0415 - see above
    from stream.rows.repeats import Repeats, repeats_note  # noqa: PLC0415 - see above

    found = Repeats()
    named = [lane for lane in lanes if isinstance(lane, TableLane) and lane.ids]
    for table in named:
        table.count_ids(found)
    if found.again:
        yield repeats_note(
            found.again, found.rows, named[0].ids, f" of {'these files' if named[1:] else named[0].topic}"
        )
    yield from delay_note(config, [lane for lane in lanes if isinstance(lane, TableLane)])
    for model in config.models:
        yield from id_notes(config.sources, model)
    for lane in lanes:
        if isinstance(lane, TableLane):
            yield from lane.notes
            if lane.label and not labelled:
                yield f"the labels of {lane.topic} (column {lane.label}) are read once it is given as --feedback too"


def _awaited(config: Config, feedback: Sequence[str]) -> Sequence[str]:
    """The feedback that is asked for.

    Raises:
        UsageError: no model awaits any.
    """
    if feedback and not any(model.performance for model in config.models):
        raise UsageError(f"--feedback {feedback[0]}: no model of {config.source} has `performance:`")
    return feedback


def _lanes(
    config: Config,
    given: Sequence[str],
    since: str | None,
    until: str | None,
    holds: Topic,
    references: Mapping[str, Reference],
    ids: str = "",
) -> list[Lane]:
    """What to read of predictions or of feedback; `ids` is the column of ids where no name says it."""
    option = f"--{holds}"
    if given == [KAFKA]:
        return _topic_lanes(config, since, until, holds)
    if given and holds == Topic.PREDICTIONS:
        for name, text in (("--from", since), ("--to", until)):
            if text is not None:
                raise UsageError(f"{name} {text}: needs --predictions {KAFKA}; files are read whole")
    if KAFKA in given and not Path(KAFKA).exists():
        raise UsageError(f"{option} {KAFKA}: cannot be combined with files")
    from stream.replay.files import FileLane, files_of  # noqa: PLC0415 - see above
    from stream.replay.tables import TableLane  # noqa: PLC0415 - see above

    files = files_of(given, option)
    tables, source = _tables(files, holds, config, references, f"{option} {given[0]}" if given else option)
    return [
        TableLane(path, holds, config, references, ids) if path in tables else FileLane(path, holds, source)
        for path in files
    ]


def _tables(
    files: Sequence[Path], holds: Topic, config: Config, references: Mapping[str, Reference], option: str
) -> tuple[set[Path], int | None]:
    """Which of the files are tables, and the source whose map the messages in others are read by."""
    from stream.replay.tables import is_flat, is_table  # noqa: PLC0415 - see above

    source = None if all(map(is_table, files)) else _source(config, holds, option)
    own = source is None or config.sources[source].in_own_shape
    return {path for path in files if is_table(path) or (own and is_flat(path, holds, config, references))}, source


def _ids(
    config: Config, predictions: Sequence[str], feedback: Sequence[str], references: Mapping[str, Reference]
) -> "IdColumns":
    """The columns of ids of tables, where no name says them."""
    from stream.replay.files import files_of  # noqa: PLC0415 - see above
    from stream.replay.id_columns import IdColumns, id_columns  # noqa: PLC0415 - see above

    found = []
    for given, holds in ((predictions, Topic.PREDICTIONS), (feedback, Topic.FEEDBACK)):
        if not given or KAFKA in given:
            return IdColumns()
        files = files_of(given, f"--{holds}")
        if set(files) != _tables(files, holds, config, references, f"--{holds} {given[0]}")[0]:
            return IdColumns()
        found.append(files)
    served, told = found
    return id_columns(served, told, config, references)


def _source(config: Config, holds: Topic, option: str) -> int | None:
    """The source whose map the messages in a file are read by.

    Raises:
        UsageError: there are several.
    """
    found = {read.source for read in inputs_of(config.topics, config.sources) if read.holds == holds}
    if len(found) > 1:
        raise UsageError(
            f"{option}: several sources of {config.source} hold {holds}, and a file does not say which it is from; "
            f"give a config with that source only, or --{holds} {KAFKA}"
        )
    return found.pop()


def _topic_lanes(config: Config, since: str | None, until: str | None, holds: Topic) -> list[Lane]:
    from stream.kafka.offsets import names  # noqa: PLC0415 - see above
    from stream.replay.topics import TopicLane, parse_place, quiet_consumer, ranges, told  # noqa: PLC0415 - see above

    begin, end = parse_place("--from", since or "earliest"), parse_place("--to", until or "latest")
    for name, text in (("--from", since), ("--to", until)):
        if holds == Topic.FEEDBACK and text is not None and text.isdecimal():
            raise UsageError(f"{name} {text}: offsets of two topics have nothing in common; allowed is a time")
    properties = quiet_consumer(config.kafka)
    lanes: list[Lane] = []
    inputs = inputs_of(config.topics, config.sources)
    if any(read.pattern is not None for read in inputs):
        inputs = matched(inputs, config.topics, names(properties))
    for read in inputs:
        if read.holds == holds:
            chosen = ranges(properties, read.topic, begin, end)
            for line in told(begin, end, chosen):
                typer.echo(f"{read.topic}: {line}", err=True)
            lanes += [TopicLane(properties, read.topic, each, holds, read.source) for each in chosen]
    return lanes
