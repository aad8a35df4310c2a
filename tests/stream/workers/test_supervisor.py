import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from flows import Deaf, Failing, Flooding, Loading, Recovering, Refusing, Steady
from supervised import Start, gone, lives
from waiting import GUARD, until

from stream.backoff import BackoffPolicy
from stream.engine.cluster import free_addresses
from stream.metrics.registry import Registry
from stream.workers.supervisor import Outcome, Supervisor


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a supervisor; it is stopped after the test."""
    starter = Start()
    yield starter
    starter.end()


def test_a_stop_lets_every_process_end_gracefully(start: Start, tmp_path: Path) -> None:
    """Each flow sees the stop and finishes; the outcome is exit code 0; /readyz said "stopping" before."""
    run = start(Steady(tmp_path))
    pids = run.ready()
    run.supervisor.stop()
    assert run.ended() == Outcome(0)
    assert {path.name for path in tmp_path.glob("stopped.*")} == {"stopped.0", "stopped.1"}
    assert all(gone(pid) for pid in pids.values())
    assert {status.state for status in run.registry.statuses()} == {"stopping"}


def test_processes_of_a_cluster_get_an_address_each(start: Start, tmp_path: Path) -> None:
    """All are told the same distinct addresses on the loopback; a lone process gets none."""
    run = start(Steady(tmp_path))
    run.ready()
    told = {status.detail for status in run.registry.statuses()}
    assert len(told) == 1
    addresses = told.pop().split(",")
    assert len(set(addresses)) == 2
    assert all(address.startswith("127.0.0.1:") for address in addresses)
    assert free_addresses(1) == ()


def test_a_kill_of_one_restarts_all_together(start: Start, tmp_path: Path) -> None:
    """The peers of a killed process are replaced too; the restart is counted; what was shown stays, counters go on."""
    run = start(Recovering(tmp_path))
    first = run.ready()
    until(lambda: len(run.registry.values("alert_active")) == 2)
    os.kill(first[1], signal.SIGKILL)
    until(lambda: run.restarts() == {("1", "killed"): 1.0})
    assert len(run.registry.values("alert_active")) == 2
    until(lambda: len(lives(tmp_path, 0)) == len(lives(tmp_path, 1)) == 2)
    second = run.ready()
    assert not set(first.values()) & set(second.values())
    assert all(gone(pid) for pid in first.values())
    until(lambda: sum(run.registry.values("alerts_total").values()) == 4.0)
    assert set(run.registry.values("predictions_total").values()) == {100.0}
    assert len(run.registry.values("alert_active")) == 2


def test_readiness_says_who_died_of_what_and_when_it_goes_on(start: Start, tmp_path: Path) -> None:
    """While the supervisor waits to restart, every process is "starting", with the cause."""
    run = start(Steady(tmp_path), backoff=BackoffPolicy(first=36_000.0, longest=36_000.0))
    os.kill(run.ready()[0], signal.SIGKILL)
    why = "starting (process 0 was killed by SIGKILL; all processes start again in 36000.0 s)"
    until(lambda: run.registry.not_ready() == (f"process 0: {why}", f"process 1: {why}"))
    run.supervisor.stop()
    assert run.ended() == Outcome(0)


def test_a_flow_that_fails_is_tried_again_and_again(start: Start, tmp_path: Path) -> None:
    """Each failure restarts all; the failing process is the one that is counted."""
    run = start(Failing(tmp_path))
    until(lambda: run.restarts().get(("1", "failed"), 0.0) >= 3.0)
    assert len(lives(tmp_path, 1)) >= 3
    assert set(run.restarts()) == {("1", "failed")}


def test_a_failure_that_the_user_must_mend_ends_it(start: Start, tmp_path: Path) -> None:
    """A UsageError in one process, here wrapped by the runtime, is the outcome; the other process is ended as well."""
    run = start(Refusing(tmp_path))
    assert run.ended() == Outcome(2, "state: /var/lib/driftgauge is of format 7, this is format 1")
    assert run.restarts() == {}
    assert all(gone(pid) for process in range(2) for pid in lives(tmp_path, process))


def test_a_process_that_does_not_stop_is_killed_after_the_grace(start: Start, tmp_path: Path) -> None:
    """It was asked first; the outcome is 0 all the same, for recovery starts from the snapshot."""
    run = start(Deaf(tmp_path), grace=0.5)
    pids = run.ready()
    run.supervisor.stop()
    assert run.ended() == Outcome(0)
    assert {path.name for path in tmp_path.glob("asked.*")} == {"asked.0", "asked.1"}
    assert all(gone(pid) for pid in pids.values())


def test_processes_that_still_load_their_modules_are_not_waited_for(start: Start, tmp_path: Path) -> None:
    """They hear nothing, and nothing has been read that could be lost: the grace is longer than the test waits."""
    run = start(Loading(tmp_path), grace=10 * GUARD)
    until(lambda: len(list(tmp_path.glob("loading.*"))) == 2)
    pids = run.supervisor.pids()
    run.supervisor.stop()
    assert run.ended() == Outcome(0)
    assert all(gone(pid) for pid in pids.values())


def test_a_frozen_process_is_killed_after_the_grace(start: Start, tmp_path: Path) -> None:
    """One that does not run at all, stopped by a debugger or the kernel, does not hold up the end."""
    run = start(Steady(tmp_path), grace=0.5)
    pids = run.ready()
    os.kill(pids[0], signal.SIGSTOP)
    run.supervisor.stop()
    assert run.ended() == Outcome(0)
    assert all(gone(pid) for pid in pids.values())
    assert (tmp_path / "stopped.1").exists()


def test_a_sigterm_to_one_process_ends_all_gracefully_and_restarts_them(start: Start, tmp_path: Path) -> None:
    """It finishes as at a stop, its peers are asked to as well, and the set starts again."""
    run = start(Steady(tmp_path))
    os.kill(run.ready()[1], signal.SIGTERM)
    until(lambda: run.restarts() == {("1", "ended"): 1.0})
    assert {path.name for path in tmp_path.glob("stopped.*")} == {"stopped.0", "stopped.1"}
    until(lambda: len(lives(tmp_path, 0)) == 2)
    run.ready()


def test_more_than_the_pipe_holds_arrives(start: Start, tmp_path: Path) -> None:
    """The last of each report is shown, undeclared ones are counted, and what was sent at the very end still comes."""
    run = start(Flooding(tmp_path), processes=1)
    until(lambda: set(run.registry.values("feature_drift").values()) == {19.0})
    until(lambda: run.registry.values("reports_dropped_total").get(("undeclared",), 0.0) >= 1.0)
    run.supervisor.stop()
    run.ended()
    assert run.registry.values("predictions_total") == {("m", "1", "ok"): 1_000.0}


def test_memory_and_cpu_time_of_the_workers_are_shown(start: Start, tmp_path: Path) -> None:
    """Resident memory is that of a Python process; CPU time does not fall when a worker is replaced."""
    run = start(Steady(tmp_path), processes=1)
    run.ready()
    run.registry.render()
    assert 5e6 < run.registry.values("worker_resident_memory_bytes")["0",] < 1e9
    before = run.registry.values("worker_cpu_seconds_total")["0",]
    os.kill(run.supervisor.pids()[0], signal.SIGKILL)
    until(lambda: len(lives(tmp_path, 0)) == 2)
    run.ready()
    run.registry.render()
    assert run.registry.values("worker_cpu_seconds_total")["0",] > before > 0


def test_a_stop_before_the_start_starts_nothing(tmp_path: Path) -> None:
    """A signal that comes early is not lost."""
    supervisor = Supervisor(Steady(tmp_path), 1, Registry())
    supervisor.stop()
    assert supervisor.run() == Outcome(0)
    assert lives(tmp_path, 0) == []
