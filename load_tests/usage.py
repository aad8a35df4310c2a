"""What a process and its children have used: CPU seconds (all threads, librdkafka's too) and resident memory."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Usage:
    """Sums over a process tree: CPU seconds so far, resident bytes now."""

    cpu: float
    rss: int


def tree(pid: int) -> list[int]:
    """Return the process and its descendants that are alive."""
    found, todo = [], [pid]
    while todo:
        current = todo.pop()
        found.append(current)
        try:
            for task in Path(f"/proc/{current}/task").iterdir():
                todo += [int(child) for child in (task / "children").read_text().split()]
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended meanwhile
    return found


def workers_below(pid: int) -> list[int]:
    """Return the dataflow processes below a process that are alive: what tracks shared resources is none."""
    found = []
    for below in tree(pid)[1:]:
        try:
            command = Path(f"/proc/{below}/cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if b"--multiprocessing-fork" in command:
            found.append(below)
    return found


def usage(pid: int) -> Usage:
    """Return the usage of the process and its descendants."""
    cpu, rss = 0.0, 0
    for process in tree(pid):
        try:
            fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        cpu += (int(fields[11]) + int(fields[12])) / TICKS
        rss += int(fields[21]) * PAGE
    return Usage(cpu, rss)
