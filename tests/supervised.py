"""Supervisors over real worker processes, as the tests of processes start them."""

import threading
from pathlib import Path

from waiting import GUARD, until

from stream.backoff import BackoffPolicy
from stream.metrics.registry import Registry
from stream.workers.supervisor import Outcome, Policy, Supervisor
from stream.workers.worker import Flow

QUICK = BackoffPolicy(first=0.05, longest=0.2, forgiven_after=60.0)


class Run:
    """A supervisor in a thread, over real worker processes."""

    def __init__(self, flow: Flow, processes: int, policy: Policy) -> None:
        self.registry = Registry(processes)
        self.supervisor = Supervisor(flow, processes, self.registry, policy)
        self.outcome: Outcome | None = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        self.outcome = self.supervisor.run()

    def ended(self) -> Outcome:
        """How it ended."""
        self._thread.join(GUARD)
        assert self.outcome is not None, "the supervisor still runs"
        return self.outcome

    def ready(self) -> dict[int, int]:
        """The process ids, once all is ready."""
        until(lambda: not self.registry.not_ready())
        return self.supervisor.pids()

    def end(self) -> None:
        """Stop whatever still runs."""
        self.supervisor.stop()
        self.ended()

    def restarts(self) -> dict[tuple[str, ...], float]:
        """Restarts by process and reason."""
        return self.registry.values("worker_restarts_total")


class Start:
    """Starts runs and sees that they end with the test."""

    def __init__(self) -> None:
        self._runs: list[Run] = []

    def __call__(self, flow: Flow, processes: int = 2, grace: float = GUARD, backoff: BackoffPolicy = QUICK) -> Run:
        """A run of the flow."""
        run = Run(flow, processes, Policy(grace, backoff))
        self._runs.append(run)
        return run

    def end(self) -> None:
        """End them all."""
        for run in self._runs:
            run.end()


def gone(pid: int) -> bool:
    """Whether a process has ended."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state == "Z"


def lives(directory: Path, process: int) -> list[int]:
    """The process ids under which this process of the cluster has lived."""
    file = directory / f"lives.{process}"
    return [int(pid) for pid in file.read_text().split()] if file.exists() else []
