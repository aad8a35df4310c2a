"""`driftgauge init`: a first config and reference from training rows."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stream.config.load import load, load_references
from stream.config.problems import shorten
from stream.config.template import NewModel, config_text
from stream.errors import UsageError
from stream.files import write_atomically
from stream.references.build import BuildOptions, Progress, build
from stream.references.plan import OutcomeOptions
from stream.rows.arrays import categories
from stream.rows.columns import Rows
from stream.rows.open import open_rows
from windows.outcomes.layout import Task, task_layout
from windows.outcomes.metrics import task_metrics
from windows.references.reference import Reference, to_json
from windows.sketches.profiles import CategoricalProfile, NumericProfile

if TYPE_CHECKING:
    from operators.settings.model import FeatureKind

CONFIG_NAME = "driftgauge.yaml"
LABELLED = (
    "the rows have labels, so `performance` is on: it needs a prediction_id in each prediction and labels in the topic"
    " feedback; `performance: null` turns it off"
)

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
    ignored: tuple[str, ...] = ()
    task: Task | None = None
    force: bool = False
    positive: str | None = None


@dataclass(frozen=True, slots=True)
class Started:
    """What `init` wrote."""

    config: Path
    reference_file: Path
    reference: Reference
    task: Task
    notes: tuple[str, ...]


def initialise(options: InitOptions, progress: Progress) -> Started:
    """Build the reference, write it and the config, and check both as `driftgauge check` would.

    Raises:
        UsageError: files are there already, the rows cannot be profiled, or have no label that is the positive one.
    """
    if not options.model or not options.model.isprintable() or len(options.model) > 200:
        raise UsageError("--model: a name of 1 to 200 printable characters is needed")
    config = options.output / CONFIG_NAME
    reference_file = options.output / f"{_slug(options.model)}.reference.json"
    for path in (config, reference_file):
        if path.exists() and not options.force:
            raise UsageError(f"{path} exists already; --force overwrites it")
    rows = open_rows(options.source, {})
    _check_positive(options, rows)
    asked: Task | None = options.task if options.positive is None else "binary"
    wanted = BuildOptions(
        model=options.model,
        segments=options.segments,
        task=asked,
        ignored=options.ignored,
        outcomes=OutcomeOptions(positive=options.positive),
    )
    built = build(rows, wanted, progress)
    if options.positive is not None and not _positives(built.reference):
        has = ", ".join(repr(label) for label in _labels(rows)) or "none"
        raise UsageError(f"--positive: none of the labelled rows has the label {options.positive!r}; they have {has}")
    task = asked or _task(built.reference, {column.name: column.kind for column in rows.columns})
    features: dict[str, FeatureKind] = {
        name: "numeric" if isinstance(profile, NumericProfile) else "categorical"
        for name, profile in built.reference.features.items()
    }
    labelled = built.reference.outcomes is not None
    model = NewModel(options.model, task, reference_file.name, options.segments, features, labelled, options.positive)
    write_atomically(reference_file, to_json(built.reference))
    write_atomically(config, config_text(model).encode())
    load_references(load(config, env={}))
    notes = (*built.notes, *_unlabelled(rows), *([LABELLED] if labelled else []))
    return Started(config, reference_file, built.reference, task, notes)


def _unlabelled(rows: Rows) -> Iterator[str]:
    """What to do where no labelled rows can be a baseline for want of a column."""
    given = {column.name for column in rows.columns if column.origin == "row"}
    missing = " and no ".join(f"column `{name}`" for name in ("label", "prediction") if name not in given)
    if missing:
        yield (
            f"the rows have no {missing}, so performance has no baseline in the reference; if it is there under"
            " another name, rename it and run init again with --force"
        )


def _labels(rows: Rows) -> list[str]:
    """The first few labels of the rows, each once."""
    found: dict[str, None] = {}
    for batch, _ in rows.batches(["label"]):
        found.update(dict.fromkeys(categories(batch.column(0))[1]))
        if len(found) >= FEW_LABELS:
            break
    return sorted(shorten(label) for label in list(found)[:FEW_LABELS])


def _check_positive(options: InitOptions, rows: Rows) -> None:
    """Refuse a positive label where labels are not binary text: numbers and booleans say themselves what they are."""
    if options.positive is None:
        return
    if options.task not in {None, "binary"}:
        raise UsageError(f"--positive: the task {options.task} has no positive label; binary has")
    if options.positive in PLAIN:
        raise UsageError(f"--positive: {', '.join(PLAIN)} are read without it")
    kind = next((column.kind for column in rows.columns if column.name == "label"), None)
    if kind != "category":
        has = "no column `label`" if kind is None else "labels that are no text"
        raise UsageError(f"--positive: {rows.path} has {has}; it is for binary labels that are text")


def _positives(reference: Reference) -> bool:
    """Whether any labelled row is positive."""
    if reference.outcomes is None or reference.task is None:
        return False
    layout = task_layout(reference.task, reference.prediction)
    found = task_metrics(layout, reference.outcomes[None], 0.5, ("positive_ratio",))["positive_ratio"]
    return bool(found.value[0] > 0)


def _slug(model: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", model).strip("-.") or "model"


def _task(reference: Reference, kinds: dict[str, str]) -> Task:
    """The task that the predictions look like; the config says so and may be corrected."""
    prediction = reference.prediction
    if prediction is None:
        return "ranking" if kinds.get("prediction") == "list" else "binary"
    if isinstance(prediction, CategoricalProfile):
        return "binary" if len(prediction.categories) <= 2 and kinds.get("prediction") != "list" else "multiclass"
    return "binary" if prediction.edges[0] >= 0 and prediction.edges[-1] <= 1.0000001 else "regression"
