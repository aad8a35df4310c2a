from pathlib import Path

import pytest
from bytewax.recovery import init_db_dir

from stream.config.edges.kafka import TopicsSettings
from stream.config.edges.state import StateSettings
from stream.state.directory import UNFINISHED, StateError, prepare


def test_a_start_that_was_killed_halfway_is_begun_anew(tmp_path: Path) -> None:
    """Some recovery files are there, the note is not: nothing was saved yet, so nothing is lost."""
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    (state / UNFINISHED).touch()
    init_db_dir(state, 1)  # type: ignore[no-untyped-call]
    prepare(StateSettings(directory=state, recovery_partitions=2), {}, TopicsSettings())
    assert sorted(path.name for path in state.iterdir()) == [
        ".lock",
        "driftgauge.json",
        "part-0.sqlite3",
        "part-1.sqlite3",
    ]


def test_recovery_files_of_somebody_else_are_refused(tmp_path: Path) -> None:
    """Without a note and without the mark of a start under way they are not ours to replace."""
    init_db_dir(tmp_path, 1)  # type: ignore[no-untyped-call]
    tmp_path.chmod(0o700)
    with pytest.raises(StateError, match="not a driftgauge state directory"):
        prepare(StateSettings(directory=tmp_path), {}, TopicsSettings())
    assert (tmp_path / "part-0.sqlite3").exists()
