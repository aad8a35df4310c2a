"""The snapshots in the recovery files, checked one by one where no seal says that the files are as they were."""

from __future__ import annotations

import pickle
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from operators.step import MAGIC, SnapshotError, written_in

if TYPE_CHECKING:
    from pathlib import Path

FLOW = "driftgauge"
"""What Bytewax puts before the name of a step: the dataflow's own."""

_NOTHING = pickle.dumps(None)
_HEAD = 32
"""Bytes within which what Bytewax pickled begins."""


def damaged(path: Path) -> str:
    """Which snapshot of a recovery file is not what was saved; empty when all are.

    SQLite may have found no damage: it checks the structure of its pages, not what they hold.
    """
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as recovery:
        recovery.text_factory = replaced
        for step, key, change in recovery.execute("SELECT step_id, state_key, ser_change FROM snaps"):
            if change is not None and not _is_whole(step, key, change):
                return f"the snapshot of {step} for {key} is not what was saved"
    return ""


def replaced(text: bytes) -> str:
    """Text of a file that may be damaged, and then is no UTF-8."""
    return text.decode(errors="replace")


def snapshot_in(change: bytes) -> bytes | None:
    """The snapshot in a row, without unpickling anything; None where the row is none of ours."""
    kept = change[max(change.find(MAGIC, 0, _HEAD), 0) : -2]
    return kept if pickle.dumps(kept) == change else None


def _is_whole(step: str, key: str, change: bytes) -> bool:
    """Whether a row holds a snapshot of its step and its key.

    Bytewax pickles what a step or source gives it: bytes of ours, with a checksum, or nothing. It is not unpickled
    before it is known to be whole.
    """
    if change == _NOTHING:
        return True
    kept = snapshot_in(change)
    if kept is None:
        return False
    try:
        written_by, name = written_in(kept)
    except SnapshotError:
        return False
    return step == f"{FLOW}.{written_by}" and (key == name or key.startswith(f"{name}|"))
