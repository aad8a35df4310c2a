"""Memory and CPU time of the dataflow processes, asked of the kernel at each scrape."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from stream.metrics import catalog
from stream.metrics.reports import GaugeBlock, Totals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from stream.metrics.reports import Labels, Report


class Usage(NamedTuple):
    """Resident bytes now, CPU seconds since the start of the process."""

    resident: float
    cpu: float


def usage(pid: int) -> Usage | None:
    """What a process uses, from /proc; None if it is gone or this system has no /proc."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # Field 2 is the program's name in parentheses and may hold anything; what follows starts at field 3 (proc(5)).
    fields = text.rpartition(")")[2].split()
    ticks = int(fields[11]) + int(fields[12])
    return Usage(int(fields[21]) * float(os.sysconf("SC_PAGE_SIZE")), ticks / os.sysconf("SC_CLK_TCK"))


class WorkerUsage:
    """A probe for the registry. CPU time goes on across restarts: what a dead worker was last seen to have used counts.

    Args:
        pids: gives the present processes, index -> process id.
    """

    def __init__(self, pids: Callable[[], Mapping[int, int]]) -> None:
        self._pids = pids
        self._seen: dict[int, tuple[int, float]] = {}
        self._before: dict[int, float] = {}

    def __call__(self) -> Iterable[Report]:
        """Memory and CPU time of each process that is there."""
        found = {process: (pid, usage(pid)) for process, pid in self._pids().items()}
        used = {process: (pid, now) for process, (pid, now) in found.items() if now is not None}
        rows = tuple((str(process),) for process in used)
        resident = tuple(now.resident for _, now in used.values())
        yield GaugeBlock("workers", catalog.WORKER_RESIDENT_MEMORY_BYTES.name, rows, resident)
        cpu: dict[Labels, float] = {
            (str(process),): self._cpu(process, pid, now.cpu) for process, (pid, now) in used.items()
        }
        yield Totals(catalog.WORKER_CPU_SECONDS_TOTAL.name, cpu)

    def _cpu(self, process: int, pid: int, cpu: float) -> float:
        former_pid, former = self._seen.get(process, (pid, 0.0))
        if former_pid != pid:
            self._before[process] = self._before.get(process, 0.0) + former
        self._seen[process] = (pid, cpu)
        return self._before.get(process, 0.0) + cpu
