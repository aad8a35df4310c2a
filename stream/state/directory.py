"""The state directory: Bytewax's recovery partitions, this user's alone, with a note of the config they came from."""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
import sqlite3
import stat
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bytewax.recovery import RecoveryConfig, init_db_dir

from operators.plans.join import SHARDS
from operators.records import Topic
from stream.config.inputs import inputs_of
from stream.errors import UsageError
from stream.files import write_atomically
from stream.state.anew import (
    GENERATION,
    PENDING,
    FreshStart,
    fresh_starts,
    of_generation,
    shared_changes,
    start_anew,
)
from stream.state.seal import SEAL, broken, unseal
from stream.state.snapshots import damaged, replaced
from stream.state.unfinished import resume_epoch
from windows.references.edges import edges_id

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from operators.plans.join import JoinPlan
    from operators.plans.model import ModelPlan
    from operators.settings.source import SourceSettings
    from stream.config.edges.kafka import TopicsSettings
    from stream.config.edges.state import StateSettings
    from stream.config.inputs import Input

_LOG = logging.getLogger("driftgauge.state")

FORMAT = 6
"""Version of everything that is kept in the state directory; raised when a state class changes."""

NOTE = "driftgauge.json"

JOIN = "join"
"""Directory of the join's stores, one a shard."""

UNFINISHED = "driftgauge.unfinished"
"""There from before the first recovery file until after the note: what a kill in between leaves is no state yet."""


class StateError(UsageError):
    """The state directory cannot be used as it is."""


def prepare(
    settings: StateSettings,
    models: Mapping[str, ModelPlan],
    topics: TopicsSettings,
    sources: Sequence[SourceSettings] = (),
    *,
    files: bool = True,
    alone: bool = True,
) -> tuple[RecoveryConfig, dict[str, bool]]:
    """Create the directory, or check that what it holds was written by this user, this format, and fits the config.

    A model that is counted in another way than the state says starts anew, and the log says so. Safe to call from
    several processes at once, before any of them has opened the files.

    Args:
        settings: where it is.
        models: whose state it is to keep.
        topics: that are read.
        sources: that are read.
        files: whether the recovery files are here; of several hosts the first has them all.
        alone: whether this is the only host; of several, none starts a model anew by itself.

    Returns:
        Bytewax's recovery, and of each topic that is read whether the state knows how far.

    Raises:
        StateError: the directory belongs to somebody else, has another format, is damaged, or its state would be
        misread under this config.
    """
    directory = Path(settings.directory)
    _own(directory)
    with (directory / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if found := broken(directory):
            raise StateError(f"{directory}: damaged: {found}; {RESTORE}; {_UNSEALED}")
        read = inputs_of(topics, sources)
        note = _note(models, read, settings.recovery_partitions)
        path = directory / NOTE
        used, fed = path.exists(), False
        if used:
            known = _check(path, note)
            fed = known["feedback"] is not None
            if files:
                _check_files(directory, settings.recovery_partitions, sealed=(directory / SEAL).exists())
            _note_starts(directory, known, note, alone=alone)
        elif any(directory.glob("*.sqlite3")) and not (directory / UNFINISHED).exists():
            raise StateError(
                f"{directory}: holds recovery files but no {NOTE}: not a driftgauge state directory, or damaged"
            )
        elif files:
            _initialise(directory, settings.recovery_partitions)
        temporary = path.with_suffix(".tmp")
        temporary.write_text(json.dumps(note, indent=1, sort_keys=True))
        temporary.replace(path)
        (directory / UNFINISHED).unlink(missing_ok=True)
        unseal(directory)
    continued = continuing(topics, sources, saved=used and has_state(settings), fed=fed)
    return RecoveryConfig(str(directory)), continued  # type: ignore[no-untyped-call]


def continuing(topics: TopicsSettings, sources: Sequence[SourceSettings], *, saved: bool, fed: bool) -> dict[str, bool]:
    """Of each topic that is read whether the state knows how far.

    Args:
        topics: that are read.
        sources: that are read.
        saved: whether the state holds anything.
        fed: whether feedback was read when it was saved.
    """
    read = inputs_of(topics, sources)
    return {one.topic: saved and (fed or one.holds == Topic.PREDICTIONS) for one in reversed(read)}


@dataclass(frozen=True, slots=True)
class Fit:
    """How a state fits a config: what of all of it would be misread, in words, and the models that start anew."""

    misread: tuple[str, ...] = ()
    anew: tuple[FreshStart, ...] = ()


def fit(
    settings: StateSettings,
    models: Mapping[str, ModelPlan],
    topics: TopicsSettings,
    sources: Sequence[SourceSettings] = (),
) -> Fit:
    """How the state that is kept fits another config; only looks.

    Raises:
        StateError: the note on the state cannot be read.
    """
    path = settings.directory / NOTE
    if not path.exists():
        return Fit()
    note = _note(models, inputs_of(topics, sources), settings.recovery_partitions)
    try:
        known = json.loads(path.read_text())
        return Fit(tuple(shared_changes(known, note)), tuple(fresh_starts(known, note)))
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise StateError(f"{path}: cannot be read: {error}") from error


def with_generations(settings: StateSettings, models: Mapping[str, ModelPlan]) -> dict[str, ModelPlan]:
    """The plans as the state is kept under them, once it was prepared.

    Raises:
        StateError: the note on the state cannot be read.
    """
    path = settings.directory / NOTE
    try:
        return of_generation(models, json.loads(path.read_text()))
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise StateError(f"{path}: cannot be read: {error}") from error


def _initialise(directory: Path, partitions: int) -> None:
    """Create the recovery files, in place of those of a start that did not come to its end."""
    (directory / UNFINISHED).touch()
    for path in directory.glob("*.sqlite3*"):
        path.unlink()
    init_db_dir(directory, partitions)  # type: ignore[no-untyped-call]


def has_state(settings: StateSettings) -> bool:
    """Whether anything was ever saved: every partition that was there then has a snapshot.

    What a kill left of the very first epoch is nothing: it may hold one partition, and not the others.

    Raises:
        StateError: a file cannot be read.
    """
    query = "SELECT 1 FROM snaps WHERE snap_epoch < ? LIMIT 1"
    try:
        with ExitStack() as stack:
            parts = [
                stack.enter_context(closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)))
                for path in sorted(settings.directory.glob("*.sqlite3"))
            ]
            epoch = resume_epoch(parts)
            return any(part.execute(query, (epoch,)).fetchone() is not None for part in parts)
    except sqlite3.Error as error:
        raise StateError(f"{settings.directory}: damaged: a recovery file: {error}; {RESTORE}") from error


def fed_before(settings: StateSettings) -> bool:
    """Whether feedback was read by what keeps its state here; not where nothing readable says so."""
    try:
        return json.loads((settings.directory / NOTE).read_text())["feedback"] is not None
    except (OSError, ValueError, LookupError, TypeError):
        return False


def _own(directory: Path) -> None:
    """State is pickles: whoever can write there can run code here."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        facts = directory.stat()
    except OSError as error:
        raise StateError(f"state.directory {directory}: {error.strerror}") from error
    if not stat.S_ISDIR(facts.st_mode):
        raise StateError(f"state.directory {directory}: not a directory")
    if facts.st_uid != os.getuid():
        raise StateError(f"state.directory {directory}: belongs to user {facts.st_uid}, not to {os.getuid()}")
    if facts.st_mode & 0o077:
        raise StateError(f"state.directory {directory}: others may enter it; run: chmod 700 {directory}")


def _note(models: Mapping[str, ModelPlan], read: Sequence[Input], partitions: int) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "topic": _names(read, Topic.PREDICTIONS),
        "feedback": _names(read, Topic.FEEDBACK) if any(model.labels for model in models.values()) else None,
        "recovery_partitions": partitions,
        "models": {name: _fingerprint(model) for name, model in models.items()},
    }


def _names(read: Sequence[Input], holds: Topic) -> str:
    """The topics of a kind in their order: the first one's positions have no name. Those of patterns come and go.

    Where a topic holds both, feedback has no positions of its own.
    """
    shared = {(one.topic, one.source) for one in read if one.holds != holds}
    marks = (
        " with predictions" if holds == Topic.FEEDBACK and (one.topic, one.source) in shared else "" for one in read
    )
    return ",".join(
        ("*" if one.pattern else one.topic) + mark for one, mark in zip(read, marks, strict=True) if one.holds == holds
    )


def _fingerprint(model: ModelPlan) -> dict[str, Any]:
    """What the meaning of a model's state depends on."""
    layout = [[field.name, field.start, field.stop] for field in model.layout.columns]
    layout += [[span.name, span.start, *span.rule.metrics] for span in model.layout.allowed]
    if model.layout.usage is not None:
        layout.append(["usage", model.layout.usage.start, model.layout.usage.stop])
    if model.layout.joint is not None:
        layout.append(["joint", model.layout.joint.start, model.layout.joint.stop])
    segments = hashlib.sha256(json.dumps(model.layout.segments).encode()).hexdigest()[:12]
    return {
        "reference": model.reference.id,
        "edges": edges_id(model.reference),
        "columns": hashlib.sha256(json.dumps(layout).encode()).hexdigest()[:12],
        "segments": segments,
        "pane_ms": model.pane,
        "labels": None if model.labels is None else _joining(model.labels.join),
    }


def _joining(join: JoinPlan) -> dict[str, Any]:
    """What the meaning of joined state depends on."""
    names = json.dumps([family.names for family in join.families])
    return {
        "outcomes": hashlib.sha256(repr(join.task.options).encode() + str(join.task.size).encode()).hexdigest()[:12],
        "segments": hashlib.sha256(names.encode()).hexdigest()[:12],
        "classes": [*join.labels.classes],
        "tick_ms": join.tick,
        "keep_ms": join.keep,
        "wait_ms": join.wait,
        "negative_after_ms": join.negative_after,
        "sample": join.sample,
        "shards": SHARDS,
    }


def _check(path: Path, note: dict[str, Any]) -> dict[str, Any]:
    """Refuse a state that would be misread as a whole; give the note on it."""
    try:
        known = json.loads(path.read_text())
    except ValueError as error:
        raise StateError(f"{path}: not readable as JSON: {error}") from error
    found = known.get("format") if isinstance(known, dict) else None
    if found != FORMAT:
        raise StateError(f"{path}: state of format {found}, this release reads format {FORMAT}; {_REMEDY}")
    try:
        changes = list(shared_changes(known, note))
        for name, former in known["models"].items():
            mine = note["models"].setdefault(name, former)
            mine[GENERATION] = former.get(GENERATION, 0)
    except (LookupError, TypeError, AttributeError) as error:
        raise StateError(f"{path}: damaged: {_INCOMPLETE}; {_REMEDY}") from error
    for change in changes:
        raise StateError(f"{path.parent}: {change}: the state kept there would be misread; {_REMEDY}")
    return dict(known)


def _note_starts(directory: Path, known: dict[str, Any], note: dict[str, Any], *, alone: bool) -> None:
    """Note what is to be given up of models that are counted in another way from now on."""
    try:
        starts = fresh_starts(known, note)
    except (LookupError, TypeError, AttributeError) as error:
        raise StateError(f"{directory / NOTE}: damaged: {_INCOMPLETE}; {_REMEDY}") from error
    if starts and not alone:
        words = "; ".join(map(str, starts))
        raise StateError(f"{directory}: {words}: several hosts start anew together only; {_REMEDY}")
    outdated = known.get(PENDING, []) + [[step, one.model] for one in starts for step in one.steps]
    if outdated:
        note[PENDING] = outdated
    for one in starts:
        note["models"][one.model][GENERATION] += bool(one.labels)
        _LOG.warning("%s", one)


def drop_outdated(settings: StateSettings) -> None:
    """Take out of the recovery files what models that start anew have left there.

    Once the directory is this monitor's alone, and before any of its processes opens them: a former worker may have
    saved its state until then.

    Raises:
        StateError: a file cannot be read or written.
    """
    path = settings.directory / NOTE
    with (settings.directory / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            note = json.loads(path.read_text())
            if note.get(PENDING):
                start_anew(settings.directory, [(step, model) for step, model in note.pop(PENDING)])
                write_atomically(path, json.dumps(note, indent=1, sort_keys=True).encode())
        except (OSError, ValueError, sqlite3.Error) as error:
            raise StateError(f"{settings.directory}: a model that starts anew could not be cleared: {error}") from error


def _check_files(directory: Path, partitions: int, *, sealed: bool) -> None:
    """Whether the recovery files are all there and whole: Bytewax would panic, at every start anew.

    What is sealed has been compared already.

    Only reads, so that it disturbs no Bytewax of another process.
    """
    paths = [directory / f"part-{number}.sqlite3" for number in range(partitions)]
    missing = [path.name for path in paths if not path.exists()]
    if missing:
        raise StateError(f"{directory}: damaged: {', '.join(missing)} is missing; {RESTORE}")
    for path in paths:
        found = "" if sealed else _damage(path)
        if found:
            raise StateError(f"{path}: damaged: {found}; {RESTORE}")


def _damage(path: Path) -> str:
    """What is wrong with a recovery file; empty when nothing is, or when somebody keeps it locked."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as recovery:
            recovery.text_factory = replaced
            (found,) = recovery.execute("PRAGMA quick_check(1)").fetchone()
            recovery.execute("SELECT 1 FROM snaps LIMIT 1").fetchone()
        if found == "ok":
            return damaged(path)
    except UnicodeDecodeError:  # what SQLite says of a file may quote it
        return "it holds what is no text where there must be some"
    except sqlite3.Error as error:
        return "" if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY else str(error)
    return " ".join(str(found).split())


RESTORE = "restore it from a backup of the whole directory, or start with a new state.directory (windows fill anew)"
_UNSEALED = f"if it was changed on purpose, remove {SEAL}"
_INCOMPLETE = "it does not say what every note says"
_REMEDY = "start with a new state.directory (windows fill anew), or go back to the former config"
