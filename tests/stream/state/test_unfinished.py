"""Epochs that a kill did not let end leave snapshots, which must not be taken for the state."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from bytewax.recovery import init_db_dir

from stream.config.edges.state import StateSettings
from stream.state.directory import has_state
from stream.state.unfinished import drop_unfinished

if TYPE_CHECKING:
    from pathlib import Path

EX, FRONT, SNAP = (
    "INSERT INTO exs (ex_num, worker_count, resume_epoch) VALUES (?, ?, ?)",
    "INSERT INTO fronts (ex_num, worker_index, worker_frontier) VALUES (?, ?, ?)",
    "INSERT INTO snaps (step_id, state_key, snap_epoch, ser_change) VALUES (?, ?, ?, ?)",
)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Two recovery files: an execution of two workers that resumed at epoch 5, one of which ended epochs 5 and 6."""
    init_db_dir(tmp_path, 2)
    with closing(sqlite3.connect(tmp_path / "part-0.sqlite3")) as one, one:
        one.executemany(EX, [(1, 3, 1), (2, 2, 5)])
        one.execute(FRONT, (1, 0, 9))
        one.executemany(SNAP, [("flow.close", "click", 4, b"old"), ("flow.close", "click", 6, b"half")])
    with closing(sqlite3.connect(tmp_path / "part-1.sqlite3")) as other, other:
        other.executemany(FRONT, [(2, 0, 7), (2, 1, 6)])
        other.executemany(SNAP, [("flow.slice", "click", epoch, b"%d" % epoch) for epoch in (5, 6, 7)])
    return tmp_path


def snapshots(directory: Path) -> set[tuple[str, int]]:
    """Step and epoch of every snapshot."""
    found: set[tuple[str, int]] = set()
    for path in directory.glob("*.sqlite3"):
        with closing(sqlite3.connect(path)) as part:
            found |= set(part.execute("SELECT step_id, snap_epoch FROM snaps"))
    return found


def test_what_is_not_resumed_from_is_dropped(state: Path) -> None:
    """The slowest worker has ended epoch 5: what was saved in 6 and later never was, in all files; once."""
    assert drop_unfinished(state) == 3
    assert snapshots(state) == {("flow.close", 4), ("flow.slice", 5)}
    assert drop_unfinished(state) == 0


def test_a_worker_that_ended_no_epoch_is_where_it_resumed(state: Path) -> None:
    """Without a word of it nothing counts that came after the resume, whatever the others ended."""
    with closing(sqlite3.connect(state / "part-1.sqlite3")) as part, part:
        part.execute("DELETE FROM fronts WHERE worker_index = 1")
    drop_unfinished(state)
    assert snapshots(state) == {("flow.close", 4)}


def test_a_state_that_nothing_ran_on_is_empty(tmp_path: Path) -> None:
    """There is nothing to drop before the first execution."""
    init_db_dir(tmp_path, 2)
    assert drop_unfinished(tmp_path) == 0


@pytest.mark.parametrize(("ended", "saved"), [((), False), ((2,), False), ((2, 1), False), ((2, 2), True)], ids=str)
def test_what_a_kill_left_of_the_first_epoch_is_no_state(tmp_path: Path, ended: tuple[int, ...], saved: bool) -> None:
    """Nothing goes on from it, so partitions start where the config says, and not as new ones at their oldest."""
    init_db_dir(tmp_path, 2)
    with closing(sqlite3.connect(tmp_path / "part-0.sqlite3")) as part, part:
        part.execute(EX, (0, 2, 1))
        part.executemany(FRONT, [(0, worker, epoch) for worker, epoch in enumerate(ended)])
    with closing(sqlite3.connect(tmp_path / "part-1.sqlite3")) as part, part:
        part.execute(SNAP, ("flow.predictions", "0", 1, b"1"))
    assert has_state(StateSettings(directory=tmp_path)) == saved
    drop_unfinished(tmp_path)
    assert has_state(StateSettings(directory=tmp_path)) == saved
