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
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from stream import logs
from stream.engine.memory import keep_freed
from stream.errors import UsageError
from stream.metrics.reports import Status
from stream.workers.gate import Gate
from stream.workers.pipe import STOP, WHERE, Failure, PipeReporter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from multiprocessing.connection import Connection
    from types import FrameType

    from stream.config.load import Config
    from stream.metrics.reports import Reporter
    from windows.references.reference import Reference

_LOG = logging.getLogger("driftgauge.worker")
LOST = 75
"""Exit code of a process that lost its connection to another one (EX_TEMPFAIL)."""

_LAST_WORDS = 1.0  # seconds to hand over the last reports
_ORPHAN_GRACE = 10.0  # seconds that a worker without parent has to end by itself
_DEPTH = 8  # calls of a thread that are told


class Flow(Protocol):
    """What a worker runs; picklable. Returns when `stop` is set; raises UsageError for what the user has to mend."""

    def __call__(self, reporter: Reporter, stop: threading.Event, process: int, addresses: Sequence[str]) -> None:
        """Run until stopped."""


class JoiningFlow(Protocol):
    """A flow whose processes are on several hosts; it waits at the gate for the others."""

    def __call__(
        self, reporter: Reporter, stop: threading.Event, process: int, addresses: Sequence[str], gate: Gate | None
    ) -> None:
        """Run until stopped."""


@dataclass(frozen=True)
class MonitorFlow:
    """The monitor's dataflow with what it needs; the parent reads the files, so all workers see the same."""

    config: Config
    references: Mapping[str, Reference]

    def __call__(
        self,
        reporter: Reporter,
        stop: threading.Event,
        process: int,
        addresses: Sequence[str],
        gate: Gate | None = None,
    ) -> None:
        """Run the dataflow until stopped."""
        # Only here, for the parent has no use for Bytewax and the Kafka client.
        from stream.kafka.connect import check_properties  # noqa: PLC0415
        from stream.workers.monitor import run  # noqa: PLC0415

        check_properties(self.config)
        run(self.config, self.references, reporter, stop, process=process, addresses=list(addresses), gate=gate)


@dataclass(frozen=True)
class Assignment:
    """What the supervisor tells a worker: which process of the cluster it is, where the others are, how to log.

    `gated`: some of the others are on other hosts.
    """

    process: int
    addresses: tuple[str, ...]
    log_level: str
    redact: Callable[[str], str]
    gated: bool = False


def main(source: Connection[Any, Any], channel: Connection[Any, Any], assignment: Assignment) -> None:
    """Run the flow that comes from `source` and exit: 0 after a stop, the code of a UsageError, 1 for anything else."""
    logs.configure(assignment.log_level, assignment.redact, process=f"worker-{assignment.process}")
    keep_freed()
    stop, finished = threading.Event(), threading.Event()
    signals = _signals()
    reporter = PipeReporter(channel)

    def terminated() -> None:
        _LOG.info("SIGTERM: stopping")
        reporter.send(Status(assignment.process, "stopping", "SIGTERM"))
        stop.set()

    gate = Gate(reporter, stop, assignment.process, assignment.addresses) if assignment.gated else None
    control = (channel, signals, terminated, stop, finished, gate)
    threading.Thread(target=_control, args=control, name="control", daemon=True).start()
    failure: Failure | None = None
    exit_code = 0
    try:
        with source:
            flow: Flow = source.recv()
        if gate is None:
            flow(reporter, stop, assignment.process, assignment.addresses)
        else:
            cast("JoiningFlow", flow)(reporter, stop, assignment.process, assignment.addresses, gate)
    except BaseException as error:  # noqa: BLE001 - a panic of a native library is a BaseException
        failure = _failure(error)
        exit_code = failure.exit_code if failure is not None else 1
        if failure is None and gate is not None and is_broken_link(error):
            exit_code = LOST
            _LOG.warning("the connection to a process of another host, or of this one, is broken: %s", error)
        elif failure is None and stop.is_set():
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
    gate: Gate | None,
) -> None:
    """Set `stop` at the word of the parent and at its end, which must be ours too; at SIGTERM call `terminated`.

    Asked where the process is, say what its threads do.
    """
    while True:
        ready = wait([channel, signals])
        if signals in ready:
            signals.recv(64)
            terminated()
        if channel in ready:
            heard = _heard(channel)
            if heard == WHERE:
                _LOG.error("does not move; its threads: %s", threads_text(sys._current_frames()))  # noqa: SLF001 - there is no other way
                continue
            if heard and heard != STOP and gate is not None:
                gate.open(heard)
                continue
            stop.set()
            if heard is None:
                _LOG.warning("the parent process is gone: stopping")
                if not finished.wait(_ORPHAN_GRACE):
                    os._exit(1)
                return


def _heard(channel: Connection[Any, Any]) -> bytes | None:
    """What the parent said; None when it has ended."""
    try:
        return channel.recv_bytes()
    except (EOFError, OSError):
        return None


def threads_text(frames: Mapping[int, FrameType]) -> str:
    """What threads are doing, in one line: the innermost functions of each, the latest call first."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    return "; ".join(
        f"{names.get(ident, ident)}: " + " < ".join(_calls(frame))
        for ident, frame in sorted(frames.items(), key=lambda one: str(names.get(one[0], one[0])))
    )


def _calls(frame: FrameType | None) -> Iterator[str]:
    for _ in range(_DEPTH):
        if frame is None:
            return
        yield f"{frame.f_code.co_qualname} ({Path(frame.f_code.co_filename).name}:{frame.f_lineno})"
        frame = frame.f_back


def is_broken_link(error: BaseException) -> bool:
    """Whether Bytewax ended because another process did; what went wrong in our own code is never a panic."""
    return type(error).__name__ == "PanicException" and "thread panic" in str(error)


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
