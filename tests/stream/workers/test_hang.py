"""A process that hangs ends nothing by itself: it is known by its silence, and replaced."""

from __future__ import annotations

import os
import re
import signal
from typing import TYPE_CHECKING

import pytest
from flows import Beating
from supervised import QUICK, Run, Start, gone
from waiting import until

from stream.metrics.heartbeats import EPOCH, Heartbeats
from stream.metrics.reports import Beat
from stream.workers.supervisor import Policy
from stream.workers.vigil import Vigil

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PATIENCE = 20.0  # well after a silent process is said to be not ready: a test sees both


class Hanging(Start):
    """Starts runs whose workers are replaced when they hang."""

    def __call__(self, directory: Path) -> Run:
        """A run of two beating processes."""
        run = Run(Beating(directory), 2, Policy(10.0, QUICK, replace_after=PATIENCE))
        self._runs.append(run)
        return run


@pytest.fixture
def start() -> Iterator[Hanging]:
    """Starts a supervisor; it is stopped after the test."""
    starter = Hanging()
    yield starter
    starter.end()


def says(run: Run, words: str) -> bool:
    """Whether a reason not to be ready contains these words."""
    return any(words in reason for reason in run.registry.not_ready())


def test_a_frozen_process_is_not_ready_and_replaced(start: Hanging, tmp_path: Path) -> None:
    """SIGSTOP of one of two: told within ten seconds, then both are replaced, and the monitor is ready again."""
    run = start(tmp_path)
    first = run.ready()
    os.kill(first[1], signal.SIGSTOP)
    until(lambda: says(run, "process 1: silent for "))
    run.registry.render()
    assert run.registry.values("worker_running") == {("0",): 1.0, ("1",): 0.0}
    assert run.registry.values("ready") == {(): 0.0}
    until(lambda: run.restarts() == {("1", "silent"): 1.0})
    second = run.ready()
    assert not set(first.values()) & set(second.values())
    assert all(gone(pid) for pid in first.values())


def test_a_stuck_dataflow_is_not_ready_and_replaced(
    start: Hanging, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Its process is alive and says so, but nothing moves in it: that is told, and where it is; then it is replaced."""
    run = start(tmp_path)
    run.ready()
    (tmp_path / "stuck").touch()
    until(lambda: says(run, "process 1: the dataflow has not moved for "))
    until(lambda: run.restarts() == {("1", "silent"): 1.0})
    run.ready()
    (line,) = [line for line in capfd.readouterr().err.splitlines() if "does not move" in line and "worker-1" in line]
    (main,) = re.findall(r"MainThread: ([^;]+)", line)
    assert re.search(
        r"Event\.wait \(threading\.py:\d+\) < Beating\.__call__ \(flows\.py:\d+\) < main \(worker\.py", main
    )
    assert "pulse: " in line


def test_the_longest_silence_is_told() -> None:
    """A part that moved long before its process last said so; the age of an epoch is shown, and is no silence."""
    now = 100.0
    heartbeats = Heartbeats(lambda: now)
    heartbeats.hear(Beat(0, (("dataflow", 9.0), (EPOCH, 50.0))))
    heartbeats.hear(Beat(1))
    now = 102.0
    assert str(heartbeats.silences()[0]) == "the dataflow has not moved for 11 s"
    assert str(heartbeats.silences()[1]) == "silent for 2 s"
    assert heartbeats.epochs() == {0: 52.0}
    heartbeats.forget(0)
    assert set(heartbeats.silences()) == {1}


def test_a_supervisor_that_was_suspended_itself_replaces_nobody() -> None:
    """Silence counts while somebody was awake to hear it: after a suspension workers get their time to speak."""
    vigil = Vigil(5.0)
    assert vigil.look(0.0, {0: 0.5}) is None
    assert vigil.look(600.0, {0: 600.5}) is None
    assert vigil.look(601.0, {0: 0.2}) is None
    assert [vigil.look(601.0 + second, {0: float(second)}) for second in range(1, 7)] == [*[None] * 5, 0]
