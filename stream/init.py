"""`driftgauge init`: a first config and reference from training rows."""

import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from operators.settings import FeatureKind, Task
from stream.config import load, load_references
from stream.config_template import NewModel, config_text
from stream.errors import UsageError
from stream.reference_build import BuildOptions, Progress, build
from stream.rows import open_rows
from windows.profiles import CategoricalProfile, NumericProfile
from windows.reference import Reference, to_json

CONFIG_NAME = "driftgauge.yaml"
LABELLED = (
    "the rows have labels, so `performance` is on: it needs a prediction_id in each prediction and labels in the topic"
    " feedback; `performance: null` turns it off"
)


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
        UsageError: files are there already, or the rows cannot be profiled.
    """
    if not options.model or not options.model.isprintable() or len(options.model) > 200:
        raise UsageError("--model: a name of 1 to 200 printable characters is needed")
    config = options.output / CONFIG_NAME
    reference_file = options.output / f"{_slug(options.model)}.reference.json"
    for path in (config, reference_file):
        if path.exists() and not options.force:
            raise UsageError(f"{path} exists already; --force overwrites it")
    rows = open_rows(options.source, {})
    wanted = BuildOptions(model=options.model, segments=options.segments, task=options.task, ignored=options.ignored)
    built = build(rows, wanted, progress)
    task = options.task or _task(built.reference, {column.name: column.kind for column in rows.columns})
    features: dict[str, FeatureKind] = {
        name: "numeric" if isinstance(profile, NumericProfile) else "categorical"
        for name, profile in built.reference.features.items()
    }
    labelled = built.reference.outcomes is not None
    model = NewModel(options.model, task, reference_file.name, options.segments, features, labelled)
    write_atomically(reference_file, to_json(built.reference))
    write_atomically(config, config_text(model).encode())
    load_references(load(config, env={}))
    return Started(config, reference_file, built.reference, task, (*built.notes, *([LABELLED] if labelled else [])))


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file whole or not at all; its directory is made if need be.

    Raises:
        UsageError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            try:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
                Path(file.name).chmod(0o644)
                Path(file.name).replace(path)
            except BaseException:
                Path(file.name).unlink(missing_ok=True)
                raise
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror or error}") from None


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
