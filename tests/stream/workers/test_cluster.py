import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster_flows import Alone, Cluster
from supervised import Start, gone
from waiting import GUARD, until

from stream.workers.supervisor import Outcome


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a supervisor; it is stopped after the test."""
    starter = Start()
    yield starter
    starter.end()


@pytest.mark.parametrize("processes", [1, 2])
def test_a_stop_ends_a_running_cluster_gracefully(start: Start, processes: int) -> None:
    """Every partition is read before, none of the workers has to be killed."""
    run = start(Cluster("none"), processes)
    until(lambda: len(run.registry.values("records_read_total")) == processes)
    run.supervisor.stop()
    assert run.ended() == Outcome(0)
    assert run.restarts() == {}


def test_a_process_that_waits_for_stopped_ones_is_not_waited_for(start: Start) -> None:
    """They never connect to it any more, and Bytewax cannot be interrupted: the grace is longer than the test waits."""
    run = start(Alone("none"), grace=10 * GUARD)
    pids = run.ready()
    run.supervisor.stop()
    assert run.ended() == Outcome(0)
    assert all(gone(pid) for pid in pids.values())


def test_a_process_without_a_partition_stops_as_one_that_runs(start: Start) -> None:
    """It holds keys of steps, and has their state to save: only what has not begun may leave."""
    run = start(Cluster("idle"), grace=10 * GUARD)
    until(lambda: run.registry.values("records_read_total"))
    run.supervisor.stop()
    assert run.ended() == Outcome(0)
    told = run.registry.values("watermark_timestamp_seconds")
    assert {name: begun for (name,), begun in told.items() if name != "ticks"} == {"begun-0": 1, "begun-1": 1}


@pytest.mark.parametrize(("number", "reason"), [(signal.SIGKILL, "killed"), (signal.SIGTERM, "ended")])
def test_a_cluster_comes_back_whole(start: Start, number: signal.Signals, reason: str) -> None:
    """Whether one of its processes is killed or told to end: all are replaced, and all partitions are read again."""
    run = start(Cluster("none"))
    until(lambda: len(run.registry.values("records_read_total")) == 2)
    first = run.ready()
    os.kill(first[1], number)
    until(lambda: run.restarts() == {("1", reason): 1.0})
    second = run.ready()
    before = run.registry.values("records_read_total")
    until(lambda: all(count > before[row] for row, count in run.registry.values("records_read_total").items()))
    assert not set(first.values()) & set(second.values())
    assert all(gone(pid) for pid in first.values())


def test_a_usage_error_in_a_partition_is_the_outcome(start: Start) -> None:
    """It comes through Bytewax, which in a cluster would lose it."""
    run = start(Cluster("source"), 2)
    assert run.ended() == Outcome(2, "the topic has fewer partitions than it had")


def test_an_error_in_a_step_is_logged_as_what_it_is(start: Start, capfd: pytest.CaptureFixture[str]) -> None:
    """Even one that comes out of a lazy output: message and the line of our own code."""
    run = start(Cluster("step"), 2)
    until(run.restarts)
    log = capfd.readouterr().err
    assert "the dataflow failed: 11 is one too many" in log
    assert f"{Path('tests') / 'cluster_flows.py'}" in log
