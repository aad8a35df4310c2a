"""Starting one model anew: what was counted under another meaning goes, and the state of all others stays as it is.

A model's windows are sums over the bins of its reference, and its waiting labels are kept by the segments and classes
that it tells apart. Where these change, what is kept of that model means nothing any more. Its clocks and counts since
the beginning do.
"""

from __future__ import annotations

import pickle
import sqlite3
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from operators.step import read_snapshot, snapshot_of
from stream.state.snapshots import FLOW, snapshot_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from operators.plans.model import ModelPlan

PANES = "close"
"""The step that holds the open panes of a model, and its clocks and counts, which stay."""

OF_PREDICTIONS = ("slice", "measure", "trail", "judge")
OF_LABELS = ("known", "cohorts", "judge_labels")
"""Steps whose state means nothing once predictions, or labels, are counted in another way."""

KEPT = ("alert", "act", "alert_actions")
"""Steps of a model whose state goes on: they are told what ends."""

GENERATION = "generation"
"""Key of the note of a model: how often its labels have started anew. Ids are told apart by it from then on."""

PENDING = "anew"
"""Key of the note: [step, model] of what is to be taken out of the recovery files before they are opened again."""

WORDS = {
    "edges": "edges and categories of the reference (edges)",
    "pane_ms": "time.pane (pane_ms)",
    "outcomes": "task, threshold, k or scores of its metrics (outcomes)",
    "tick_ms": "the step that performance.windows and baselines move in (tick_ms)",
    "keep_ms": "performance.windows or label_delay: how long predictions wait for labels (keep_ms)",
    "wait_ms": "performance.wait (wait_ms)",
    "negative_after_ms": "performance.negative_after (negative_after_ms)",
    "sample": "performance.sample (sample)",
}
"""What a user wrote, for what the note holds of it."""

SHARED = frozenset({"pane_ms", "shards"})
"""What all models have in common: it cannot change for one of them."""


@dataclass(frozen=True, slots=True)
class FreshStart:
    """A model that starts anew.

    Attributes:
        model: its name.
        predictions: what has changed of how predictions are counted, in words: its windows fill anew.
        labels: what has changed with that of how labels are joined: labels that wait for their prediction, and the
            other way round, are given up.
    """

    model: str
    predictions: tuple[str, ...]
    labels: tuple[str, ...] = ()

    @property
    def steps(self) -> tuple[str, ...]:
        """Those whose state means nothing any more."""
        return (PANES, *OF_PREDICTIONS, *(OF_LABELS if self.labels else ()))

    def __str__(self) -> str:
        lost = ", predictions before now get no labels any more" if self.labels else ""
        why = "; ".join((*self.predictions, *self.labels))
        return f"model {self.model} starts anew: {why}: its windows fill anew{lost}"


def shared_changes(known: dict[str, Any], note: dict[str, Any]) -> Iterator[str]:
    """What all of a state would be misread for, in words, between the note on it and that of a config."""
    for key in ("topic", "recovery_partitions"):
        if known[key] != note[key]:
            yield f"{key} was {known[key]!r} and is {note[key]!r}"
    if None not in {known["feedback"], note["feedback"]} and known["feedback"] != note["feedback"]:
        yield f"feedback was {known['feedback']!r} and is {note['feedback']!r}"
    for name, former, now in _pairs(known, note):
        yield from _differences(f"model {name}: ", former, now, SHARED & now.keys())
        found = _of_labels(former, now, shared=True)
        if not _of_predictions(former, now):  # an edit of `performance:` alone never gives up weeks of waiting labels
            found += _of_labels(former, now)
        yield from (f"model {name}: {one}" for one in found)


def fresh_starts(known: dict[str, Any], note: dict[str, Any]) -> list[FreshStart]:
    """The models that have to start anew, between the note on a state and that of a config."""
    found = []
    for name, former, now in _pairs(known, note):
        predictions = _of_predictions(former, now)
        if predictions:
            found.append(FreshStart(name, predictions, _of_labels(former, now)))
    return found


def _of_predictions(former: dict[str, Any], now: dict[str, Any]) -> tuple[str, ...]:
    """What has changed of how a model's predictions are counted."""
    # Counts on the same edges mean the same, whatever the reference's own counts are; old notes do not say edges.
    by = "edges" if "edges" in former else "reference"
    return tuple(
        _differences("", former, now, now.keys() - {"edges", "reference", "labels", GENERATION} - SHARED | {by})
    )


def _of_labels(former: dict[str, Any], now: dict[str, Any], *, shared: bool = False) -> tuple[str, ...]:
    """What has changed of how a model's labels are joined; `shared` for what all models have in common."""
    before, after = former["labels"], now["labels"]
    if before is None or after is None:  # labels may begin or cease to be awaited: there is nothing to misread then
        return ()
    keys = SHARED & after.keys() if shared else after.keys() - SHARED
    return tuple(_differences("performance: ", before, after, keys))


def _pairs(known: dict[str, Any], note: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    for name, now in note["models"].items():
        yield name, known["models"].get(name, now), now


def _differences(where: str, former: dict[str, Any], now: dict[str, Any], keys: Any) -> Iterator[str]:
    for key in sorted(keys):
        if former[key] != now[key]:
            yield f"{where}{WORDS.get(key, key)} was {former[key]!r} and is {now[key]!r}"


def start_anew(directory: Path, outdated: Sequence[tuple[str, str]]) -> None:
    """Take (step, model) out of the recovery files; of open panes only what they hold. Nobody may have them open.

    Raises:
        sqlite3.Error: a file cannot be written.
    """
    gone = {(f"{FLOW}.{step}", model) for step, model in outdated}
    for path in sorted(directory.glob("*.sqlite3")):
        with closing(sqlite3.connect(path)) as recovery, recovery:
            rows = recovery.execute("SELECT rowid, step_id, state_key FROM snaps").fetchall()
            for number, step, key in rows:
                if (step, _model_in(step, key)) not in gone:
                    continue
                if step == f"{FLOW}.{PANES}":
                    _empty_panes(recovery, number)
                else:
                    recovery.execute("DELETE FROM snaps WHERE rowid = ?", (number,))


def _empty_panes(recovery: sqlite3.Connection, number: int) -> None:
    (change,) = recovery.execute("SELECT ser_change FROM snaps WHERE rowid = ?", (number,)).fetchone()
    if change is not None:
        recovery.execute("UPDATE snaps SET ser_change = ? WHERE rowid = ?", (_without_panes(change), number))


def _model_in(step: str, key: str) -> str:
    """The model that a state is of: each window and each trail has a step of its own."""
    return key.rpartition("|")[0] if step in {f"{FLOW}.measure", f"{FLOW}.trail"} else key


def _without_panes(change: bytes) -> bytes:
    kept = snapshot_in(change)
    if kept is None:
        return change
    name, state = read_snapshot(PANES, kept)
    if state is None:
        return change
    state.open.clear()
    state.due.clear()
    return pickle.dumps(snapshot_of(PANES, name, state))


def of_generation(models: Mapping[str, ModelPlan], note: dict[str, Any]) -> dict[str, ModelPlan]:
    """The plans, with ids told apart by how often labels of their model have started anew."""
    return {name: _renumbered(plan, note["models"].get(name, {}).get(GENERATION, 0)) for name, plan in models.items()}


def _renumbered(plan: ModelPlan, generation: int) -> ModelPlan:
    if not generation or plan.labels is None:
        return plan
    join = replace(plan.labels.join, generation=generation)
    return replace(plan, labels=replace(plan.labels, join=join))
