"""The gate: holds a process back until those of all other hosts wait for it, and tells when it is connected."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from typing import TYPE_CHECKING

import msgspec

from stream.cluster.seat import Joined
from stream.config.edges.addresses import split_address
from stream.engine.links import is_linked, links, listens
from stream.metrics.reports import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from stream.metrics.reports import Reporter

_LOG = logging.getLogger("driftgauge.worker")
_LOOK = 0.05  # seconds
_UNLINKED = 1.0
"""Seconds that a process may go on connecting after it was told to stop: Bytewax cannot be interrupted there."""


class Gate:
    """For one process of a host."""

    def __init__(self, reporter: Reporter, stop: threading.Event, process: int, addresses: Sequence[str]) -> None:
        self._reporter, self._stop, self._process = reporter, stop, process
        self._ports = [split_address(address)[1] for address in addresses]
        self._joined: Joined | None = None
        self._opened = threading.Event()

    def open(self, message: bytes) -> None:
        """The parent says that all are here."""
        self._joined = msgspec.json.decode(message, type=Joined)
        self._opened.set()

    def wait(self) -> Joined | None:
        """Wait to be let through; None when stopped before."""
        self._reporter.send(Status(self._process, "waiting_for_hosts"))
        while not self._stop.is_set():
            if self._opened.wait(_LOOK):
                return self._joined
        return None

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Around the run: tells when the process can be connected to, and when it is connected with all others."""
        done = threading.Event()
        threading.Thread(target=self._watch, args=(done,), name="links", daemon=True).start()
        try:
            yield
        finally:
            done.set()

    def _watch(self, done: threading.Event) -> None:
        last, told = self._process == len(self._ports) - 1, False
        while not done.wait(_LOOK):
            found = links()
            if is_linked(found, self._ports, self._process):
                self._reporter.send(Status(self._process, "running"))
                return
            if not told and (last or listens(found, self._ports[self._process])):
                told = True
                self._reporter.send(Status(self._process, "connecting"))


@contextlib.contextmanager
def left_unlinked(stop: threading.Event, begun: Callable[[], bool], addresses: Sequence[str]) -> Iterator[None]:
    """Around the run: ends the process if it is stopped while it connects: one that was stopped earlier never comes.

    Args:
        stop: set when it is to stop.
        begun: whether the dataflow runs; then it stops by itself, and saves. Until all are connected none does, so
            there is nothing to save.
        addresses: of the processes; a lone one has nobody to wait for.
    """
    done = threading.Event()
    if len(addresses) > 1:
        threading.Thread(target=_leave_unlinked, args=(stop, begun, done), name="leaving", daemon=True).start()
    try:
        yield
    finally:
        done.set()


def _leave_unlinked(stop: threading.Event, begun: Callable[[], bool], done: threading.Event) -> None:
    stopped: float | None = None
    while not done.wait(_LOOK) and not begun():
        if not stop.is_set():
            continue
        stopped = stopped or time.monotonic()
        if time.monotonic() - stopped > _UNLINKED:
            _LOG.info("stopped before all processes were connected: there is nothing to save")
            os._exit(0)


def message_of(joined: Joined) -> bytes:
    """What the parent sends to open the gate."""
    return msgspec.json.encode(joined)
