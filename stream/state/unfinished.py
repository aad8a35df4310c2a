"""Snapshots of an epoch that never ended: what a kill leaves of it must not be taken for the state.

Bytewax (0.21.1) resumes at the epoch after the last one that ended, and numbers epochs on from there. A process that
was killed in the middle of an epoch leaves snapshots under that number. They are not read at the resume; but where a
step does not change in the new epoch of the same number, the former row stands for it from then on: one step is ahead
of the others ("slice 957 enters after slice 967"). And before that epoch ends, every older snapshot of such a step
counts as superseded and is removed: after a second kill the step begins anew. Both came of 70 kills and stops on a
machine under load. So these rows go before anything is resumed.
"""

from __future__ import annotations

import logging
import sqlite3
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_LOG = logging.getLogger("driftgauge.state")


def drop_unfinished(directory: Path) -> int:
    """Remove the snapshots of epochs that never ended; how many there were. Nobody may be writing."""
    with ExitStack() as stack:
        parts = [stack.enter_context(closing(sqlite3.connect(path))) for path in sorted(directory.glob("*.sqlite3"))]
        epoch = resume_epoch(parts)
        dropped = 0
        for part in parts:
            with part:
                dropped += part.execute("DELETE FROM snaps WHERE snap_epoch >= ?", (epoch,)).rowcount
    if dropped:
        _LOG.info("%d snapshots of an epoch that did not end are left out; going on at epoch %d", dropped, epoch)
    return dropped


def resume_epoch(parts: list[sqlite3.Connection]) -> int:
    """The epoch that Bytewax resumes at: the least that any worker of the last execution has come to."""
    executions = [row for part in parts for row in part.execute("SELECT ex_num, worker_count, resume_epoch FROM exs")]
    if not executions:
        return 1
    last, workers, begun = max(executions)
    reached = dict.fromkeys(range(workers), begun)
    for part in parts:
        for worker, epoch in part.execute("SELECT worker_index, worker_frontier FROM fronts WHERE ex_num = ?", (last,)):
            reached[worker] = max(epoch, reached.get(worker, begun))
    return int(min(reached.values()))
