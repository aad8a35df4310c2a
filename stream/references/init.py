"""`driftgauge init`: a first config and reference from training rows."""

import datetime as dt
import math
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from operators.plans.model import plan_models
from operators.settings.durations import show_duration
from operators.settings.event_time import TimeSettings
from operators.settings.performance import Rule
from operators.settings.source import UTC
from stream.config.checks import UNREADABLE
from stream.config.environment import variables
from stream.config.live_template import LiveTraffic
from stream.config.load import Config, load, load_references
from stream.config.pace import PacePlan, at_pane, plan_pace
from stream.config.performance_template import starting_rules
from stream.config.problems import shorten
from stream.config.reachable import never, reference_value, why_absent
from stream.config.sight import pace_comments
from stream.config.template import NewModel, config_text
from stream.config.zones import known
from stream.errors import UsageError
from stream.files import file_name, write_atomically
from stream.references.build import BuildOptions, Progress, build
from stream.references.plan import OutcomeOptions, Plan, SeasonOptions, plan_build
from stream.references.public_holidays import SUNDAY, calendar_text, public_holidays, since
from stream.references.task_guess import codes_note, shared_codes, task_of
from stream.references.wishes import NOTHING_SAID, ColumnOptions, said_outcomes
from stream.rows.arrays import categories
from stream.rows.columns import Column, Rows, Wishes
from stream.rows.noted import NotedRows
from stream.rows.open import open_rows
from windows.outcomes.layout import Task, task_layout
from windows.outcomes.metrics import task_metrics
from windows.references.reference import Reference, to_json
from windows.sketches.profiles import NumericProfile

if TYPE_CHECKING:
    from operators.settings.features import FeatureKind

CONFIG_NAME = "driftgauge.yaml"
LABELLED = (
    "the rows have labels, so `performance` is on: it needs a prediction_id in each prediction and labels in the topic"
    " feedback; `performance: null` turns it off"
)

LONGEST_NAME = 200
FEW_NAMES = 5
SHOWN_NAME = 40
FEW_LABELS = 5
"""Labels that an error lists."""

PLAIN = ("0", "1", "true", "false")
"""Labels that say themselves whether they are positive; feedback may bring them as numbers and booleans."""


@dataclass(frozen=True, slots=True)
class InitOptions:
    """What a user says to `init`."""

    source: Path
    model: str
    output: Path = Path()
    segments: tuple[str, ...] = ()
    task: Task | None = None
    force: bool = False
    said: ColumnOptions = NOTHING_SAID
    timezone: str | None = None
    live: LiveTraffic | None = None
    per_day: float | None = None
    time: TimeSettings | None = None
    holidays: str | None = None
    local_times: str = UTC


@dataclass(frozen=True, slots=True)
class Started:
    """What `init` wrote."""

    config: Path
    reference_file: Path
    reference: Reference
    task: Task
    notes: tuple[str, ...]
    sights: tuple[str, ...] = ()


def initialise(options: InitOptions, progress: Progress) -> Started:
    """Build the reference, write it and the config, and check both as `driftgauge check` would.

    Raises:
        UsageError: files are there already, the rows cannot be profiled, or have no label that is the positive one.
    """
    config, reference_file = check_free(options)
    said = options.said
    rows = open_rows(options.source, Wishes(kinds=said.kinds, missing=said.missing))
    if options.live is not None:
        rows = NotedRows(rows, options.live.meaning)
    _check_positive(options, rows)
    holidays = () if options.holidays is None else public_holidays(options.holidays, dt.datetime.now(dt.UTC).date())
    asked: Task | None = options.task if said.positive is None else "binary"
    answers = [_column_of(options, rows, role) for role in ("prediction", "label")]
    codes = shared_codes(rows, *answers) if asked is None else ()
    asked = "multiclass" if codes else asked
    wanted = BuildOptions(
        model=options.model,
        segments=options.segments,
        task=asked,
        ignored=said.ignored,
        outcomes=said_outcomes(OutcomeOptions(), said),
        roles=said.roles,
        chosen=tuple(said.kinds),
        seasonal=SeasonOptions(
            options.timezone or "UTC",
            days=tuple((one.day, SUNDAY) for one in holidays),
            named=options.timezone is not None,
        ),
        timezone=options.local_times,
    )
    _check_names(rows, plan_build(rows, wanted))
    built = build(rows, wanted, progress)
    if said.positive is not None and not _positives(built.reference):
        has = ", ".join(repr(label) for label in _labels(options, rows)) or "none"
        raise UsageError(f"--positive: none of the labelled rows has the label {said.positive!r}; they have {has}")
    task = asked or task_of(built.reference, _prediction_kind(options, rows), _column_of(options, rows, "label"), rows)
    written = () if built.reference.seasons is None else since(holidays, built.reference.start)
    model = replace(_new_model(options, built.reference, task, reference_file.name), calendar=calendar_text(written))
    seen = _write_checked(config, model, reference_file, to_json(built.reference), options.per_day)
    labelled = [LABELLED] if built.reference.outcomes is not None else []
    unfit = (f"no rule is written on {metric}: {why}" for metric, why in _unfit(built.reference, task).items())
    told = [] if options.holidays is None else [_holidays_note(options.holidays, len(written))]
    notes = (*built.notes, *codes_note(codes), *told, *_unlabelled(options, rows), *labelled, *unfit)
    return Started(config, reference_file, built.reference, task, notes, seen)


def _holidays_note(country: str, count: int) -> str:
    if not count:
        return f"the holidays of {country} are not written: without a season no day is unlike others"
    return f"{count} holidays of {country} have the hours of a Sunday: see `calendar:`, and take out those that do not"


def check_free(options: InitOptions) -> tuple[Path, Path]:
    """The files that will be written: config and reference.

    Raises:
        UsageError: they are there already, or what names them cannot be used.
    """
    if not options.model or not options.model.isprintable() or len(options.model) > LONGEST_NAME:
        raise UsageError("--model: a name of 1 to 200 printable characters is needed")
    if options.timezone is not None and not known(options.timezone):
        raise UsageError(f"--timezone: no time zone {options.timezone!r}; a name such as Europe/Berlin is needed")
    config = options.output / CONFIG_NAME
    reference_file = options.output / f"{file_name(options.model)}.reference.json"
    for path in (config, reference_file):
        if path.exists() and not options.force:
            raise UsageError(f"{path} exists already; --force overwrites it")
    return config, reference_file


def _new_model(options: InitOptions, reference: Reference, task: Task, file: str) -> NewModel:
    features: dict[str, FeatureKind] = {
        name: "numeric" if isinstance(profile, NumericProfile) else "categorical"
        for name, profile in reference.features.items()
    }
    said, default = options.said, OutcomeOptions()
    return NewModel(
        options.model,
        task,
        file,
        options.segments,
        features,
        reference.outcomes is not None,
        said.positive,
        default.threshold if said.threshold is None else said.threshold,
        reference.readings,
        _pace(options, reference),
        classes=said.classes or (),
        unfit=_unfit(reference, task),
        timezone=_zone(reference),
        zone_known=options.timezone is not None or _zone(reference) != "UTC",
        live=options.live,
        local_times=options.local_times,
    )


def _zone(reference: Reference) -> str | None:
    """Whose hours of the week differ."""
    return None if reference.seasons is None else reference.seasons.clock.zone.name


def _pace(options: InitOptions, reference: Reference) -> PacePlan | None:
    """What suits the pace, with the pane that the config has already.

    Raises:
        UsageError: nothing is known of the pace, and windows for any would not go with that pane.
    """
    plan = plan_pace(reference, options.per_day)
    if options.time is None or (plan is None and options.time.pane == TimeSettings().pane):
        return plan
    if plan is None:
        pane = show_duration(options.time.pane)
        raise UsageError(f"--per-day: is needed, for the rows have no timestamps and the config has a pane of {pane}")
    return at_pane(plan, options.time.pane, options.time.lateness)


def _unfit(reference: Reference, task: Task) -> dict[str, str]:
    """Metrics that the labelled rows are no baseline of, and why."""
    if reference.outcomes is None:
        return {}
    found = {}
    for metric, rule in starting_rules(task).items():
        value = reference_value(metric, reference)
        if value is None or math.isnan(value):
            found[metric] = why_absent(metric, reference)
        elif (need := never(metric, Rule.model_validate(yaml.safe_load(rule)), value)) is not None:
            found[metric] = need
    return found


def _write_checked(
    config: Path, model: NewModel, reference_file: Path, reference: bytes, per_day: float | None
) -> tuple[str, ...]:
    """Write both files, if they pass what `driftgauge check` asks: else neither.

    Returns:
        what each window sees, for people.

    Raises:
        UsageError: they do not pass, or cannot be written.
    """
    with tempfile.TemporaryDirectory() as directory:
        drafts = (Path(directory) / config.name, Path(directory) / reference_file.name)
        for draft, data in zip(drafts, (config_text(model).encode(), reference), strict=True):
            write_atomically(draft, data)
        try:
            named = variables(drafts[0].read_text())
            env = {name: os.environ[name] for name in named if name in os.environ}
            seen = _seen(load(drafts[0], env=env), per_day)
        except UsageError as error:
            raise UsageError(str(error).replace(str(drafts[0]), str(config))) from None
    write_atomically(reference_file, reference)
    write_atomically(config, config_text(replace(model, sights=seen)).encode())
    return seen


def _seen(config: Config, per_day: float | None) -> tuple[str, ...]:
    """What the windows of the only model see, once its reference fits."""
    references = load_references(config)
    (plan,) = plan_models(config.models, references, config.time, config.alerting, everything=False).values()
    return pace_comments(plan, per_day)


def _check_names(rows: Rows, plan: Plan) -> None:
    """Refuse names of features and segments that a config or a record cannot have.

    Raises:
        UsageError: with every such name.
    """
    odd = [name for name in dict.fromkeys((*plan.features, *plan.segments)) if not _is_name(name)]
    if odd:
        shown = ", ".join(
            repr(name if len(name) <= SHOWN_NAME else f"{name[:SHOWN_NAME]}...") for name in odd[:FEW_NAMES]
        )
        more = f" and {len(odd) - FEW_NAMES} more" if len(odd) > FEW_NAMES else ""
        raise UsageError(
            f"{rows.path}: column {shown}{more}: names are 1 to {LONGEST_NAME} printable characters without quotation"
            " marks and backslashes; rename them or --ignore them"
        )


def _is_name(name: str) -> bool:
    return 0 < len(name) <= LONGEST_NAME and name.isprintable() and not set(name) & UNREADABLE


def _unlabelled(options: InitOptions, rows: Rows) -> Iterator[str]:
    """What to do where no labelled rows can be a baseline for want of a column."""
    given = {column.name for column in rows.columns if column.origin == "row"} | options.said.roles.keys()
    lacking = [name for name in ("label", "prediction") if name not in given]
    if lacking and options.live is not None:
        yield "labels are read from feedback once the model has `performance:`; the reference has no baseline for it"
    elif lacking:
        missing = " and no ".join(f"column `{name}`" for name in lacking)
        named = ", ".join(f"--{name} COLUMN" for name in lacking)
        yield (
            f"the rows have no {missing}, so performance has no baseline in the reference; if it is there under"
            f" another name: {named}"
        )


def _column_of(options: InitOptions, rows: Rows, role: str) -> Column | None:
    """The column that has this role in the rows."""
    name = options.said.roles.get(role, role)
    return next((column for column in rows.columns if column.name == name), None)


def _labels(options: InitOptions, rows: Rows) -> list[str]:
    """The first few labels of the rows, each once."""
    found: dict[str, None] = {}
    column = _column_of(options, rows, "label")
    for batch, _ in rows.batches([] if column is None else [column.name]):
        found.update(dict.fromkeys(categories(batch.column(0))[1]))
        if len(found) >= FEW_LABELS:
            break
    return sorted(shorten(label) for label in list(found)[:FEW_LABELS])


def _check_positive(options: InitOptions, rows: Rows) -> None:
    """Refuse a positive label where labels are not binary text: numbers and booleans say themselves what they are."""
    positive = options.said.positive
    if positive is None:
        return
    if options.task not in {None, "binary"}:
        raise UsageError(f"--positive: the task {options.task} has no positive label; binary has")
    column = _column_of(options, rows, "label")
    if column is None:
        raise UsageError(f"--positive: {rows.path} has no column `label`; it is for binary labels that are names")
    if column.kind == "list":
        raise UsageError(f"--positive: {rows.path} has lists for labels; it is for one name each")
    names = _labels(options, rows)
    if positive in PLAIN and (positive not in names or {*names} <= {*PLAIN}):
        raise UsageError(f"--positive: {', '.join(PLAIN)} are read without it")
    if column.kind != "category" and positive not in names:
        raise UsageError(f"--positive: {rows.path} has labels that are no text ({', '.join(names)})")


def _positives(reference: Reference) -> bool:
    """Whether any labelled row is positive."""
    if reference.outcomes is None or reference.task is None:
        return False
    layout = task_layout(reference.task, reference.prediction)
    found = task_metrics(layout, reference.outcomes[None], 0.5, ("positive_ratio",))["positive_ratio"]
    return bool(found.value[0] > 0)


def _prediction_kind(options: InitOptions, rows: Rows) -> str | None:
    column = _column_of(options, rows, "prediction")
    return None if column is None else column.kind
