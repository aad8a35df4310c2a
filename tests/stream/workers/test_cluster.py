import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster_flows import Cluster
from supervised import Start, gone
from waiting import until

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
