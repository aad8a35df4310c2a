"""A process that dies at any moment leaves its parent free to go on."""

from __future__ import annotations

import os
import signal
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from waiting import GUARD, until

from stream.metrics.reports import Status
from stream.workers.child import Child
from stream.workers.worker import Assignment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.metrics.reports import Reporter


@dataclass
class Large:
    """A flow with more than a pipe holds."""

    ballast: bytes = b"x" * 50_000_000

    def __call__(self, reporter: object, stop: threading.Event, process: int, addresses: Sequence[str]) -> None:
        """Wait for the end."""
        del reporter, process, addresses
        stop.wait()


@dataclass
class Talking:
    """A flow that says that it has begun."""

    def __call__(self, reporter: Reporter, stop: threading.Event, process: int, addresses: Sequence[str]) -> None:
        """Wait for the end."""
        del addresses
        reporter.send(Status(process, "starting"))
        stop.wait()


def children() -> set[int]:
    """Those of this process that run."""
    found = Path("/proc/self/task").glob("*/children")
    return {int(pid) for path in found for pid in path.read_text().split()}


def start(found: list[Child]) -> None:
    """Start a process, here or in a thread."""
    found.append(Child(Large(), Assignment(0, (), "error", str), lambda _: None))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_process_that_dies_before_it_has_read_its_flow_holds_nobody_up(number: signal.Signals) -> None:
    """Killed, or frozen and then killed, as soon as it is there."""
    before = children()
    found: list[Child] = []
    starting = threading.Thread(target=start, args=(found,), daemon=True)
    starting.start()
    new = until(lambda: [pid for pid in children() - before if b"spawn_main" in command(pid)])
    os.kill(new[0], number)
    starting.join(GUARD)
    assert not starting.is_alive(), "the parent waits for a process that reads no more"
    found[0].kill()
    found[0].bury()
    assert found[0].exit_code == -signal.SIGKILL


def test_what_a_process_says_counts_before_it_has_been_read() -> None:
    """Who stops it must not take it for one that has nothing to save yet: here nobody reads on, and it has begun."""
    blocked = threading.Event()
    child = Child(Talking(), Assignment(0, (), "error", str), lambda _: blocked.wait() and None)
    try:
        until(lambda: child.begun)
    finally:
        blocked.set()
        child.kill()
        child.bury()


def test_a_process_that_has_said_nothing_has_not_begun() -> None:
    """It loads its modules, or is frozen there."""
    child = Child(Large(), Assignment(0, (), "error", str), lambda _: None)
    assert not child.begun
    child.kill()
    child.bury()


def command(pid: int) -> bytes:
    """Its command line; of one that is not itself yet its parent's."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
