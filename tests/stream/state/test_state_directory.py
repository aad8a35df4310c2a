"""The state directory: what may not be used is refused with one line that says what to do."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import threading
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import bytewax.operators as op
import numpy as np
import pytest
from bytewax.dataflow import Dataflow
from bytewax.testing import TestingSink, TestingSource, cluster_main
from estimated import binary_rows, built
from factories import click

from operators.plans.model import ModelPlan, plan_models
from operators.settings.alerting import AlertingSettings
from operators.settings.event_time import TimeSettings
from operators.settings.model import ModelSettings
from operators.settings.performance import PerformanceSettings
from stream.config.edges.kafka import TopicsSettings
from stream.config.edges.state import StateSettings
from stream.state.directory import (
    FORMAT,
    NOTE,
    Fit,
    StateError,
    drop_outdated,
    fit,
    has_state,
    prepare,
    with_generations,
)
from windows.references.edges import edges_id
from windows.references.reference import Reference, seal

if TYPE_CHECKING:
    from pathlib import Path

TOPICS = TopicsSettings()


def settings(directory: Path, partitions: int = 2) -> StateSettings:
    """Settings of a state directory."""
    return StateSettings(directory=directory, recovery_partitions=partitions)


def models(
    reference: Reference | None = None, *, pane: int = 10_000, segments: tuple[str, ...] = (), name: str = "click"
) -> dict[str, ModelPlan]:
    """The plan of one model."""
    reference = reference or click(name)
    model = ModelSettings(name=name, task="binary", segments=segments)
    time = TimeSettings.model_construct(pane=pane, lateness=5_000, idle_after=15_000, max_ahead=60_000)
    return plan_models([model], {name: reference}, time, AlertingSettings(), everything=False)


def note_of(directory: Path) -> dict[str, Any]:
    """The note in a state directory."""
    found: dict[str, Any] = json.loads((directory / NOTE).read_text())
    return found


def refused(
    directory: Path, plan: dict[str, ModelPlan] | None = None, topic: str = TOPICS.predictions, partitions: int = 2
) -> str:
    """Why a directory is refused, in one line."""
    with pytest.raises(StateError) as caught:
        prepare(settings(directory, partitions), models() if plan is None else plan, TopicsSettings(predictions=topic))
    assert caught.value.exit_code == 2
    (line,) = str(caught.value).splitlines()
    return line


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A state directory that was in use."""
    prepare(settings(tmp_path / "state"), models(), TOPICS)
    return tmp_path / "state"


def test_a_directory_is_made_for_its_owner_alone(made: Path) -> None:
    """0700, with as many recovery files as asked for; preparing it again is fine."""
    assert stat.S_IMODE(made.stat().st_mode) == 0o700
    assert len(list(made.glob("*.sqlite3"))) == 2
    prepare(settings(made), models(), TOPICS)
    assert note_of(made)["format"] == FORMAT


def test_several_processes_may_prepare_it_at_once(tmp_path: Path) -> None:
    """One of them makes it, the others find it."""
    errors: list[BaseException] = []

    def begin() -> None:
        try:
            prepare(settings(tmp_path / "state"), models(), TOPICS)
        except BaseException as error:  # noqa: BLE001 - for the assertion
            errors.append(error)

    threads = [threading.Thread(target=begin) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(list((tmp_path / "state").glob("*.sqlite3"))) == 2


@pytest.mark.parametrize("mode", [0o755, 0o770, 0o701])
def test_a_directory_that_others_may_enter_is_refused(made: Path, mode: int) -> None:
    """State is pickles: whoever can write there can run code here. The line says how to mend it."""
    made.chmod(mode)
    assert refused(made) == f"state.directory {made}: others may enter it; run: chmod 700 {made}"


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a directory away")
def test_a_directory_of_another_user_is_refused(made: Path) -> None:
    """Even with mode 0700 and even for root."""
    os.chown(made, 12_345, -1)
    assert refused(made) == f"state.directory {made}: belongs to user 12345, not to 0"


def test_a_file_in_its_place_is_refused(tmp_path: Path) -> None:
    """With the reason of the operating system."""
    (tmp_path / "state").touch(mode=0o600)
    assert refused(tmp_path / "state").startswith(f"state.directory {tmp_path}/state: ")


def test_foreign_recovery_files_are_refused(tmp_path: Path) -> None:
    """Recovery files without a note are somebody else's, or damaged."""
    (tmp_path / "state").mkdir(mode=0o700)
    (tmp_path / "state" / "part-0.sqlite3").touch()
    assert "holds recovery files but no driftgauge.json" in refused(tmp_path / "state")


def test_another_format_is_refused(made: Path) -> None:
    """State of another release cannot be read; the line names both formats."""
    (made / NOTE).write_text(json.dumps({**note_of(made), "format": FORMAT + 1}))
    assert f"state of format {FORMAT + 1}, this release reads format {FORMAT}" in refused(made)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '"x"',
        "{}",
        '{"format": 1}',
        '{"format": 1, "topic": "predictions", "recovery_partitions": 2, "models": 3}',
    ],
)
def test_a_damaged_note_is_refused(made: Path, text: str) -> None:
    """Whatever it holds, it is one line and no traceback."""
    (made / NOTE).write_text(text)
    assert str(made / NOTE) in refused(made)


def test_a_missing_recovery_file_is_refused(made: Path) -> None:
    """The line names it."""
    (made / "part-1.sqlite3").unlink()
    assert refused(made).startswith(f"{made}: damaged: part-1.sqlite3 is missing; restore it")


@pytest.mark.parametrize("size", [0, 50, 3_000, 5_000])
def test_a_truncated_recovery_file_is_refused(made: Path, size: int) -> None:
    """However little is left of it."""
    path = made / "part-0.sqlite3"
    path.write_bytes(path.read_bytes()[:size])
    assert refused(made).startswith(f"{path}: damaged: ")


def test_a_recovery_file_in_use_is_not_refused(made: Path) -> None:
    """A writer in the middle of a transaction is neither damage nor disturbed."""
    with closing(sqlite3.connect(made / "part-0.sqlite3", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("CREATE TABLE some (thing)")
        prepare(settings(made), models(), TOPICS)
        other.execute("COMMIT")
    prepare(settings(made), models(), TOPICS)


def anew(directory: Path, plan: dict[str, ModelPlan]) -> str:
    """What starts anew under another plan, in a line; the state is prepared for it, and then goes on with it."""
    (start,) = fit(settings(directory), plan, TOPICS).anew
    prepare(settings(directory), plan, TOPICS)
    assert fit(settings(directory), plan, TOPICS) == Fit()
    return str(start)


def test_a_model_with_other_edges_starts_anew(made: Path) -> None:
    """Counts are kept in bins of the reference: with others they would be misread. What is to go is noted once."""
    known, now = edges_id(click()), edges_id(other_edges())
    assert anew(made, models(other_edges())) == (
        f"model click starts anew: edges and categories of the reference (edges) was '{known}' and is '{now}': "
        "its windows fill anew"
    )
    steps = [[step, "click"] for step in ("close", "slice", "measure", "trail", "judge")]
    assert note_of(made)["anew"] == steps
    prepare(settings(made), models(other_edges()), TOPICS)
    assert note_of(made)["anew"] == steps
    drop_outdated(settings(made))
    assert "anew" not in note_of(made)


def joining(wait: str, reference: Reference | None = None) -> dict[str, ModelPlan]:
    """The plan of a model with labels."""
    performance = PerformanceSettings.model_validate({"windows": ["1h"], "label_delay": "1h", "wait": wait})
    model = ModelSettings(name="click", task="binary", performance=performance)
    time = TimeSettings.model_construct(pane=10_000, lateness=5_000, idle_after=15_000, max_ahead=60_000)
    return plan_models([model], {"click": reference or click()}, time, AlertingSettings(), everything=False)


def test_waiting_labels_are_given_up_with_the_windows_alone(tmp_path: Path) -> None:
    """An edit of `performance:` is refused by its key, as all would be lost for it; beside another reference it counts.

    Ids are then told apart from those of before.
    """
    directory = tmp_path / "labels"
    before = joining("1h")
    prepare(settings(directory), before, TOPICS)
    said = "model click: performance: performance.wait (wait_ms) was 3600000 and is 7200000"
    assert fit(settings(directory), joining("2h"), TOPICS) == Fit((said,), ())
    assert said in refused(directory, joining("2h"))
    assert anew(directory, joining("1h", other_edges())).endswith(": its windows fill anew")
    told = anew(directory, joining("2h"))
    assert told.endswith(": its windows fill anew, predictions before now get no labels any more")
    seeds = [
        None if plan["click"].labels is None else plan["click"].labels.join.seed
        for plan in (before, with_generations(settings(directory), joining("2h")))
    ]
    assert None not in seeds
    assert seeds[0] != seeds[1]


def test_several_hosts_start_no_model_anew(made: Path) -> None:
    """Each has a part of the state: they have to agree, and nobody asks them to yet."""
    with pytest.raises(StateError, match="several hosts start anew together only; start with"):
        prepare(settings(made), models(other_edges()), TOPICS, alone=False)
    assert fit(settings(made), models(), TOPICS) == Fit()


def test_a_reference_of_other_rows_on_the_same_edges_keeps_the_state(made: Path) -> None:
    """As one built like the former; and so does one that a version gets for itself."""
    other = seal(replace(click(), error_rows=7))
    prepare(settings(made), models(other), TOPICS)
    prepare(settings(made), models(replace(click(), versions={"2": other})), TOPICS)


def test_a_note_that_does_not_know_edges_goes_by_the_reference(made: Path) -> None:
    """Of a former release: its state goes on with the same reference, from then on by edges; with another it cannot."""
    note = note_of(made)
    del note["models"]["click"]["edges"]
    (made / NOTE).write_text(json.dumps(note))
    other = seal(replace(click(), error_rows=7))
    (start,) = fit(settings(made), models(other), TOPICS).anew
    assert start.predictions == (f"reference was '{click().id}' and is '{other.id}'",)
    prepare(settings(made), models(), TOPICS)
    prepare(settings(made), models(other), TOPICS)


def other_edges() -> Reference:
    """The reference with another edge."""
    age: Any = click().features["age"]
    edges = np.array([18.0, 30.0, 45.0, 61.0, 99.0])
    return seal(replace(click(), features={**click().features, "age": replace(age, edges=edges)}))


def test_a_reference_with_labels_is_another_one(tmp_path: Path) -> None:
    """An estimator adds slots to every vector: the model starts anew with them, without them, and with others."""
    rows = binary_rows(2_000)
    with_labels = built(rows, "binary").reference
    without = seal(replace(with_labels, task=None, outcomes=None, estimator=None))
    others = built({**rows, "label": 1 - rows["label"]}, "binary").reference
    for before, after in ((without, with_labels), (with_labels, without), (with_labels, others)):
        directory = tmp_path / before.id[-8:] / after.id[-8:]
        prepare(settings(directory), models(before, name="m"), TOPICS)
        said = anew(directory, models(after, name="m"))
        assert f"edges and categories of the reference (edges) was '{edges_id(before)}'" in said


@pytest.mark.parametrize(
    ("plan", "topic", "partitions", "said"),
    [
        ({"pane": 5_000}, "predictions", 2, "model click: time.pane (pane_ms) was 10000 and is 5000"),
        ({}, "other", 2, "topic was 'predictions' and is 'other'"),
        ({}, "predictions", 3, "recovery_partitions was 2 and is 3"),
    ],
)
def test_what_would_misread_the_state_is_refused(
    made: Path, plan: dict[str, Any], topic: str, partitions: int, said: str
) -> None:
    """Pane, topic and the number of recovery files belong to all of the state; nothing of it is changed."""
    before = note_of(made)
    assert said in refused(made, models(**plan), topic, partitions)
    assert note_of(made) == before


def test_models_may_come_and_go(made: Path) -> None:
    """A model that is taken out is remembered: it goes on when it comes back as it was, and else starts anew."""
    prepare(settings(made), models(name="other"), TOPICS)
    assert set(note_of(made)["models"]) == {"click", "other"}
    prepare(settings(made), models(), TOPICS)
    assert "anew" not in note_of(made)
    assert "model click starts anew: edges" in anew(made, models(other_edges()))
    assert "model click starts anew: segments" in anew(made, models(other_edges(), segments=("country",)))


def test_a_directory_has_state_once_something_was_saved(made: Path, tmp_path: Path) -> None:
    """Not when it is absent, nor when it was only prepared; but after a dataflow has run on it."""
    assert not has_state(settings(tmp_path / "absent"))
    assert not has_state(settings(made))
    flow = Dataflow("some")
    counted = op.stateful_map("count", op.input("in", flow, TestingSource([("a", 1)])), lambda s, v: ((s or 0) + v, v))
    op.output("out", counted, TestingSink([]))
    recovery, _ = prepare(settings(made), models(), TOPICS)
    cluster_main(flow, [], 0, recovery_config=recovery)  # type: ignore[no-untyped-call]
    assert has_state(settings(made))
