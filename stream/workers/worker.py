"""The main function of a dataflow process, from its start by the supervisor to its exit code."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import threading
from dataclasses import dataclass
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Any, Protocol

from stream import logs
from stream.errors import UsageError
from stream.metrics.reports import Status
from stream.workers.pipe import Failure, PipeReporter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from multiprocessing.connection import Connection

    from stream.config.load import Config
    from stream.metrics.reports import Reporter
    from windows.references.reference import Reference

_LOG = logging.getLogger("driftgauge.worker")
_LAST_WORDS = 1.0  # seconds to hand over the last reports
_ORPHAN_GRACE = 10.0  # seconds that a worker without parent has to end by itself


class Flow(Protocol):
    """What a worker runs; picklable. Returns when `stop` is set; raises UsageError for what the user has to mend."""

    def __call__(self, reporter: Reporter, stop: threading.Event, process: int, addresses: Sequence[str]) -> None:
        """Run until stopped."""


@dataclass(frozen=True)
class MonitorFlow:
    """The monitor's dataflow with what it needs; the parent reads the files, so all workers see the same."""

    config: Config
    references: Mapping[str, Reference]

    def __call__(self, reporter: Reporter, stop: threading.Event, process: int, addresses: Sequence[str]) -> None:
        """Run the dataflow until stopped."""
        # Only here, for the parent has no use for Bytewax and the Kafka client.
        from stream.kafka.connect import check_properties  # noqa: PLC0415
        from stream.workers.monitor import run  # noqa: PLC0415

        check_properties(self.config)
        run(self.config, self.references, reporter, stop, process=process, addresses=list(addresses))


@dataclass(frozen=True)
class Assignment:
    """What the supervisor tells a worker: which process of the cluster it is, where the others are, how to log."""

    process: int
    addresses: tuple[str, ...]
    log_level: str
    redact: Callable[[str], str]


def main(flow: Flow, channel: Connection[Any, Any], assignment: Assignment) -> None:
    """Run the flow and exit: 0 after a stop, the code of a UsageError, 1 for anything else."""
    logs.configure(assignment.log_level, assignment.redact, process=f"worker-{assignment.process}")
    stop, finished = threading.Event(), threading.Event()
    signals = _signals()
    reporter = PipeReporter(channel)

    def terminated() -> None:
        _LOG.info("SIGTERM: stopping")
        reporter.send(Status(assignment.process, "stopping", "SIGTERM"))
        stop.set()

    control = (channel, signals, terminated, stop, finished)
    threading.Thread(target=_control, args=control, name="control", daemon=True).start()
    failure: Failure | None = None
    exit_code = 0
    try:
        flow(reporter, stop, assignment.process, assignment.addresses)
    except BaseException as error:  # noqa: BLE001 - a panic of a native library is a BaseException
        failure = _failure(error)
        exit_code = failure.exit_code if failure is not None else 1
        if failure is None and stop.is_set():
            # A broker that is away at a stop leaves events undelivered: not saved, they are made again after the start.
            _LOG.warning("stopped without saving the last epoch: %s", error, exc_info=_LOG.isEnabledFor(logging.DEBUG))
        elif failure is None:
            _LOG.critical("the dataflow failed: %s", error, exc_info=True)
    finished.set()
    reporter.close(_LAST_WORDS, failure)
    # All is saved and said. Taking the interpreter apart, with its libraries and their threads, would take up to
    # a second on a loaded machine, out of the few that a stop has.
    logging.shutdown()
    sys.stderr.flush()
    os._exit(exit_code)


def _signals() -> socket.socket:
    """Make SIGTERM readable at the socket; ignore SIGINT, on which the parent decides.

    A handler in Python would wait for the main thread, which may be deep in native code; the wakeup descriptor is
    written at once.
    """
    readable, writable = socket.socketpair()
    writable.setblocking(False)
    signal.set_wakeup_fd(os.dup(writable.fileno()), warn_on_full_buffer=False)
    writable.close()
    signal.signal(signal.SIGTERM, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})  # blocked by the parent until now
    return readable


def _control(
    channel: Connection[Any, Any],
    signals: socket.socket,
    terminated: Callable[[], None],
    stop: threading.Event,
    finished: threading.Event,
) -> None:
    """Set `stop` at the word of the parent and at its end, which must be ours too; at SIGTERM call `terminated`."""
    while True:
        ready = wait([channel, signals])
        if signals in ready:
            signals.recv(64)
            terminated()
        if channel in ready:
            orphaned = not _heard(channel)
            stop.set()
            if orphaned:
                _LOG.warning("the parent process is gone: stopping")
                if not finished.wait(_ORPHAN_GRACE):
                    os._exit(1)
                return


def _heard(channel: Connection[Any, Any]) -> bool:
    """Whether the parent said something, rather than ended."""
    try:
        channel.recv_bytes()
    except (EOFError, OSError):
        return False
    return True


def _failure(error: BaseException) -> Failure | None:
    """The UsageError behind an error: the dataflow's runtime raises its own from those of the steps."""
    for cause in _chain(error):
        if isinstance(cause, UsageError):
            return Failure(cause.exit_code, str(cause))
    return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield link
        link = link.__cause__ or link.__context__
