"""The state lock: only the workers of one supervisor at a time may touch a state directory.

A supervisor that was killed leaves workers that need a moment to end. Workers of the next one must not read the state
before they have: what the former ones still save would be mixed with it.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import multiprocessing
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stream.errors import UsageError

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator

PATIENCE = 20.0
"""Seconds that former workers get to end by themselves; they give themselves 10."""

_POLL = 0.05
_PREFIX = "worker-"


class StateInUseError(UsageError):
    """Another driftgauge uses the state directory."""


@contextlib.contextmanager
def occupied(
    directory: Path, stop: threading.Event, waiting: Callable[[str], None], patience: float = PATIENCE
) -> Iterator[bool]:
    """Hold the directory for the workers of our supervisor; the value is whether it is held: not when stopped before.

    The kernel gives the hold up when the process ends, however it ends. `waiting` is told, in words, what is waited
    for.

    Raises:
        StateInUseError: workers of another supervisor do not end.
    """
    deadline = time.monotonic() + patience
    mine: _Own | None = None
    while mine is None and not stop.is_set():
        mine, other = _try(directory)
        if mine is None:
            if time.monotonic() > deadline:
                raise StateInUseError(f"{directory}: process {other} of another driftgauge uses this state directory")
            waiting(f"process {other} of a former run has not ended yet")
            stop.wait(_POLL)
    try:
        yield mine is not None
    finally:
        if mine is not None:
            mine.path.unlink(missing_ok=True)
            os.close(mine.descriptor)


@dataclass(frozen=True, slots=True)
class _Own:
    """Our lock file; the lock is as long as the descriptor is open."""

    path: Path
    descriptor: int


def _try(directory: Path) -> tuple[_Own | None, str]:
    """Our own lock file; or None and the process that stands in the way."""
    with (directory / ".lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        for path in directory.glob(f"{_PREFIX}*.lock"):
            other = _holder(path)
            if other:
                return None, other
        descriptor, name = tempfile.mkstemp(".lock", _PREFIX, directory)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        os.write(descriptor, f"{os.getpid()} {_family()}".encode())
        return _Own(Path(name), descriptor), ""


def supervisor_of(directory: Path) -> int | None:
    """The process id of the monitor whose workers use the directory; None where none does, or /proc does not say."""
    for path in directory.glob(f"{_PREFIX}*.lock"):
        try:
            worker = path.read_text().partition(" ")[0]
            # "pid (name) state parent ...": the name may hold anything
            return int(Path(f"/proc/{worker}/stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError, IndexError):
            continue
    return None


def _holder(path: Path) -> str:
    """The process that holds the lock file, unless it is of our own family. What a dead one has left is removed."""
    try:
        file = path.open("r+")
    except FileNotFoundError:  # its holder ended this very moment
        return ""
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            process, _, family = file.read().partition(" ")
            return "" if family == _family() else process
        path.unlink(missing_ok=True)
        return ""


def _family() -> str:
    """The same for all workers of one supervisor and for no other: a hash of the secret they share."""
    return hashlib.sha256(bytes(multiprocessing.current_process().authkey) + b"state lock").hexdigest()[:16]
