"""Runs the dataflow processes and keeps them running, all together: a cluster that lost a member cannot go on."""

from __future__ import annotations

import contextlib
import logging
import signal
import socket
import time
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Protocol

from stream.backoff import Backoff, BackoffPolicy
from stream.engine.cluster import free_addresses
from stream.errors import UsageError
from stream.metrics import catalog
from stream.metrics.reports import Increments, Report, Status
from stream.metrics.stores import UnknownReportError
from stream.workers.child import Child
from stream.workers.concord import Concord, Renewal
from stream.workers.gate import message_of
from stream.workers.usage import WorkerUsage
from stream.workers.vigil import LOOK, Vigil
from stream.workers.worker import LOST, Assignment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stream.cluster.seat import Seat
    from stream.metrics.registry import Registry
    from stream.metrics.reports import WorkerState
    from stream.workers.worker import Flow

_ONE_CTRL_C = 1.0  # seconds
_MOMENT = 1.0  # seconds that processes have to say what their threads do
FOLLOWED = 0.1
"""Seconds until processes start again that ended because of another one's end: they wait for it anyway."""
_LOG = logging.getLogger("driftgauge.supervisor")


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the run ended: the exit code, what the user should read, and whether all workers ended by themselves."""

    exit_code: int
    message: str = ""
    clean: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Death:
    """A process that ended without being asked to.

    `reason` is killed, failed, ended, not_started, silent, or peer: another process or host was the first.
    """

    process: int
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Renewed:
    """All processes were stopped, their state saved: there is another flow to run, or another host stops."""

    because: str = ""


class Renew(Renewal, Protocol):
    """Reads the config anew."""

    def __call__(self) -> Flow | None:
        """The flow that follows from it; None where the present one is to go on."""

    def settle(self) -> None:
        """The former flow has ended: nothing more comes from it."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How workers are treated.

    Attributes:
        grace: seconds that they have to stop before they are killed.
        backoff: between restarts.
        log_level: of the workers.
        redact: takes secrets out of what they log.
        replace_after: seconds without a sign of life after which one is replaced.
    """

    grace: float = 9.0  # a stop takes one or two; on a crowded machine more, and who stops containers waits for ten
    backoff: BackoffPolicy = field(default_factory=BackoffPolicy)
    log_level: str = "info"
    redact: Callable[[str], str] = field(default=str)
    replace_after: float = 120.0


class Supervisor:
    """Starts `processes` workers that run `flow`, and restarts the whole set when one of them ends.

    `renew` is asked for another flow when somebody asks for a reload; `seat` is that among other hosts, for a
    monitor on several.
    """

    def __init__(
        self,
        flow: Flow,
        processes: int,
        registry: Registry,
        policy: Policy | None = None,
        renew: Renew | None = None,
        seat: Seat | None = None,
    ) -> None:
        self._seat = seat
        self._first = 0 if seat is None else seat.places.first
        self._flow = flow
        self._renew = renew
        self._concord = None if seat is None or renew is None else Concord(seat, renew)
        self._reload = False
        self._processes = processes
        self._registry = registry
        self._policy = policy or Policy()
        self._backoff = Backoff(self._policy.backoff)
        self._children: tuple[Child, ...] = ()
        self._asked: float | None = None
        self._urgent = False
        self._leaving: int | None = None
        self._wake, self._waker = socket.socketpair()
        self._wake.setblocking(False)
        self._waker.setblocking(False)
        registry.add_probe(WorkerUsage(self.pids))
        if seat is not None:
            seat.tell(self._nudge)
            registry.ask_others(seat.others)

    def pids(self) -> dict[int, int]:
        """Process id of each worker that was started last."""
        return {child.index: child.pid for child in self._children}

    def stop(self) -> None:
        """Stop gracefully; again a second later, kill. To be called from anywhere, signal handlers included."""
        now = time.monotonic()
        if self._asked is None:
            self._asked = now
        # Sooner it is the same Ctrl-C, sent on by a program between the terminal and us.
        elif now - self._asked > _ONE_CTRL_C:
            self._urgent = True
        self._nudge()

    def reload(self) -> None:
        """Have the config read anew; to be called from anywhere, signal handlers included."""
        self._reload = True
        self._nudge()

    def run(self) -> Outcome:
        """Run until stopped, or until a worker says that the user has to mend something."""
        while self._asked is None:
            started = time.monotonic()
            ended = self._attempt()
            if isinstance(ended, Outcome):
                return ended
            if isinstance(ended, Renewed):
                if ended.because:
                    self._set_states("starting", f"saved, and starting again: {ended.because}")
                elif self._renew is not None:
                    self._renew.settle()
                continue
            pause = FOLLOWED if ended.reason == "peer" else self._backoff.after(time.monotonic() - started)
            self._announce(ended, pause)
            self._rest(pause)
        return Outcome(0)

    def _attempt(self) -> Outcome | Death | Renewed:
        """One life of the set of workers; all of them have ended when it returns."""
        try:
            self._start()
            return self._watch()
        except OSError as error:
            return Death(self._first + len(self._children), "not_started", f"could not be started: {error}")
        except UsageError as error:
            return self._refused(Outcome(error.exit_code, str(error)))
        finally:
            for child in self._children:
                child.kill()
            for child in self._children:
                child.bury()
            self._children = ()

    def _start(self) -> None:
        self._leaving = None
        if self._seat is not None:
            self._seat.begin()
        addresses = free_addresses(self._processes) if self._seat is None else self._seat.places.addresses
        for process in range(self._first, self._first + self._processes):
            gated = self._seat is not None
            assignment = Assignment(process, addresses, self._policy.log_level, self._policy.redact, gated)
            self._children = (*self._children, Child(self._flow, assignment, self._deliver))
        _LOG.info("started %d dataflow processes: %s", self._processes, list(self.pids().values()))

    def _watch(self) -> Outcome | Death | Renewed:
        vigil = Vigil(self._policy.replace_after)
        while True:
            ended = wait([self._wake, *(child.sentinel for child in self._children)], timeout=LOOK)
            self._forget_nudges()
            if self._asked is not None:
                self._set_states("stopping", "asked to stop")
                return Outcome(0, clean=self._wind_down(tell="it was stopped"))
            if self._renewed():
                self._set_states("starting", "the config has changed: all processes start with the new one")
                self._wind_down(tell="it goes on with another config")
                return Renewed()
            if self._leaving is not None:
                # In a cluster it cannot end before its peers do, and they would go on without its partitions.
                self._wind_down(tell="a process of it was sent a SIGTERM of its own")
                return Death(self._leaving, "ended", "was sent a SIGTERM of its own")
            dead = [child for child in self._children if child.sentinel in ended]
            if dead:
                return self._verdict(dead)
            parted = self._among_others()
            if parted is not None:
                return parted
            silences = self._registry.silences()
            hung = vigil.look(time.monotonic(), {process: one.seconds for process, one in silences.items()})
            if hung is not None:
                self._ask_where()
                return Death(hung, "silent", f"gives no sign of life: {silences[hung]}")

    def _ask_where(self) -> None:
        """Before a process that hangs is replaced: have all say in the log what their threads do, a moment long.

        Any of them may be what it waits for.
        """
        for child in self._children:
            child.ask_where()
        wait([child.sentinel for child in self._children], timeout=_MOMENT)

    def _among_others(self) -> Renewed | Death | None:
        """On several hosts: have the processes join the others' once all are there; why they must end, if they must.

        Raises:
            UsageError: the hosts cannot run one monitor.
        """
        seat = self._seat
        if seat is None:
            return None
        reasons, watermark = self._registry.own_reasons()
        seat.report(reasons, watermark=watermark)
        states = {status.state for status in self._registry.statuses()}
        if not seat.is_joined:
            joined = seat.wait() if states == {"waiting_for_hosts"} else None
            if joined is not None:
                for child in self._children:
                    child.let_in(message_of(joined))
            return None
        if not states & {"starting", "waiting_for_hosts"}:
            seat.listening()
        parted = seat.parted()
        if parted is None:
            return None
        if not parted.in_order:
            return Death(self._first, "peer", f"cannot go on: {parted.why}")
        _LOG.info("%s: saving", parted.why)
        self._set_states("starting", parted.why)
        self._wind_down(tell=parted.why)
        return Renewed(parted.why)

    def _renewed(self) -> bool:
        """Whether there is another flow to run from now on; on several hosts, on all of them."""
        asked, self._reload = self._reload, False
        if self._concord is not None:
            flow = self._concord.look(asked=asked)
        elif not asked:
            return False
        elif self._renew is None:
            _LOG.warning("SIGHUP: there is no config to be read again")
            return False
        else:
            flow = self._renew()
        if flow is None:
            return False
        self._flow = flow
        return True

    def _verdict(self, ended: list[Child]) -> Outcome | Death:
        for child in ended:
            child.settle()
        for child in self._children:
            child.kill()
        for child in self._children:
            child.bury()
        # A worker's last words explain more than the deaths of its peers, which may have come first.
        for child in self._children:
            if child.failure is not None:
                return self._refused(Outcome(child.failure.exit_code, child.failure.message))
        return _death(min(ended, key=lambda child: child.exit_code or 0))

    def _refused(self, outcome: Outcome) -> Outcome:
        """The outcome, once other hosts know of it: they wait for this one."""
        if self._seat is not None:
            self._seat.fall(outcome.message.partition("\n")[0])
        return outcome

    def _wind_down(self, *, tell: str = "") -> bool:
        """Have the workers stop; those that do not within the grace are left to be killed. Whether all saved.

        Told, other hosts do the same: no process ends before all do.
        """
        if self._seat is not None and tell:
            self._seat.stop(tell)
        unheard = [child.index for child in self._children if not child.begun]
        if unheard:
            # Nothing is read before all are there, and on a loaded machine one may load its modules for longer than the
            # grace.
            _LOG.info("stopped while processes %s were starting: there is nothing to save", unheard)
        for child in self._children:
            child.kill() if unheard else child.ask_to_stop()
        deadline = time.monotonic() + self._policy.grace
        running = list(self._children)
        while running and not self._urgent and (left := deadline - time.monotonic()) > 0:
            self._forget_nudges()
            wait([self._wake, *(child.sentinel for child in running)], timeout=left)
            running = [child for child in running if child.exit_code is None]
        for child in running:
            _LOG.warning("process %d does not stop: killed; its state is that of the last snapshot", child.index)
        return all(child.exit_code == 0 for child in self._children)

    def _announce(self, death: Death, pause: float) -> None:
        again = f"all processes start again in {pause:.1f} s"
        _LOG.error("process %d %s; %s", death.process, death.detail, again)
        row = (str(death.process), death.reason)
        self._registry.apply(Increments(catalog.WORKER_RESTARTS_TOTAL.name, {row: 1.0}))
        self._set_states("starting", f"process {death.process} {death.detail}; {again}")
        if self._seat is not None:
            self._seat.fall(f"process {death.process} {death.detail}")

    def _set_states(self, state: WorkerState, detail: str) -> None:
        for process in range(self._first, self._first + self._processes):
            self._registry.apply(Status(process, state, detail))

    def _rest(self, seconds: float) -> None:
        """Wait, unless asked to stop."""
        deadline = time.monotonic() + seconds
        while self._asked is None and (left := deadline - time.monotonic()) > 0:
            wait([self._wake], timeout=left)
            self._forget_nudges()

    def _nudge(self) -> None:
        """Have the main loop look around."""
        with contextlib.suppress(BlockingIOError):
            self._waker.send(b"x")

    def _forget_nudges(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._wake.recv(4096)

    def _deliver(self, report: Report) -> None:
        if isinstance(report, Status):
            if self._asked is not None:
                return  # "stopping" is the last word
            if report.state == "stopping":
                self._leaving = report.process
                self._nudge()
        try:
            self._registry.apply(report)
        except UnknownReportError as error:
            _LOG.error("a report is not shown: %s", error)
            self._registry.apply(Increments(catalog.REPORTS_DROPPED_TOTAL.name, {("undeclared",): 1.0}))
        if self._seat is not None and isinstance(report, Status):
            self._nudge()


def _death(child: Child) -> Death:
    code = child.exit_code or 0
    if code < 0:
        return Death(child.index, "killed", f"was killed by {_signal_name(-code)}")
    if code == LOST:
        return Death(child.index, "peer", "lost its connection to another one")
    if code > 0:
        return Death(child.index, "failed", f"failed with exit code {code}")
    return Death(child.index, "ended", "ended without being asked to")


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


@contextlib.contextmanager
def stopped_by_signals(supervisor: Supervisor) -> Iterator[None]:
    """SIGTERM and SIGINT stop the supervisor; the second of them kills its workers. For the main thread.

    SIGHUP has the config read again; it ends nothing, though a terminal that is closed sends it, too.
    """
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    handlers = (lambda *_: supervisor.stop(), lambda *_: supervisor.stop(), lambda *_: supervisor.reload())
    before = [signal.signal(number, handler) for number, handler in zip(numbers, handlers, strict=True)]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
