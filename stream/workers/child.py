"""One dataflow process as its parent sees it: the process, the pipe to it, the thread that reads the pipe."""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
import threading
from multiprocessing import resource_tracker
from multiprocessing.reduction import ForkingPickler
from typing import TYPE_CHECKING, Any

from stream.workers import worker
from stream.workers.pipe import STOP, WHERE, Failure
from stream.workers.wire import Listener

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.connection import Connection

    from stream.metrics.reports import Report

    Deliver = Callable[[Report], None]

_MOMENT = 1.0  # seconds
_SPAWN = multiprocessing.get_context("spawn")


class Child:
    """A worker process, started by the constructor.

    A thread of its own reads its reports, for a worker may be frozen in the middle of one. Another hands it its flow:
    what `multiprocessing` is given is written by the one who starts it, who holds the other end meanwhile, too. A
    process that was killed before it had read more than a pipe holds (64 KiB) had its parent wait for ever.

    Attributes:
        index: which process of the cluster it is.
        failure: its last words, if it failed.

    Raises:
        OSError: it could not be started.
    """

    def __init__(self, flow: worker.Flow, assignment: worker.Assignment, deliver: Deliver) -> None:
        self.index = assignment.process
        self.failure: Failure | None = None
        self._spoke = False
        words = ForkingPickler.dumps(flow)
        self._channel, theirs = _SPAWN.Pipe(duplex=True)
        source, mouth = _SPAWN.Pipe(duplex=False)
        self._process = _SPAWN.Process(
            target=worker.main, args=(source, theirs, assignment), name=f"driftgauge-{self.index}", daemon=True
        )
        self._reader = threading.Thread(target=self._read, args=(deliver,), name=f"reader-{self.index}", daemon=True)
        try:
            _start(self._process)
        except OSError:
            self._channel.close()
            mouth.close()
            raise
        finally:
            # The worker has its own copy; with ours closed, its end is the end of the pipe.
            theirs.close()
            source.close()
        threading.Thread(target=_hand_over, args=(mouth, words), name=f"feeder-{self.index}", daemon=True).start()
        self._reader.start()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid or 0

    @property
    def sentinel(self) -> int:
        """Becomes ready when the process has ended; for multiprocessing.connection.wait."""
        return self._process.sentinel

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative for the number of the signal that killed it."""
        return self._process.exitcode

    @property
    def begun(self) -> bool:
        """Whether it has said anything: until then it loads its modules, and hears nothing.

        What it has said counts before it has been read: who is asked late is not taken for one that said nothing.
        """
        waiting = False
        with contextlib.suppress(OSError):  # closed: read to its end
            waiting = self._channel.poll()
        return waiting or self._spoke  # in this order: who takes something out has noted it first

    def ask_to_stop(self) -> None:
        """Tell it to stop; it may be gone already."""
        with contextlib.suppress(OSError):
            self._channel.send_bytes(STOP)

    def ask_where(self) -> None:
        """Have it log what its threads are doing; it may be gone already, or frozen."""
        with contextlib.suppress(OSError):
            self._channel.send_bytes(WHERE)

    def let_in(self, message: bytes) -> None:
        """Open its gate; it may be gone already."""
        with contextlib.suppress(OSError):
            self._channel.send_bytes(message)

    def kill(self) -> None:
        """End it now."""
        if self._process.is_alive():
            self._process.kill()

    def settle(self) -> None:
        """After its sentinel: wait for its exit code, which comes a moment later."""
        self._process.join(_MOMENT)

    def bury(self) -> None:
        """After its end or a kill: wait for it, and for the last of its reports."""
        self._process.join()
        self._reader.join(_MOMENT)
        self._channel.close()

    def _read(self, deliver: Deliver) -> None:
        listener = Listener()
        for message in self._messages():
            if isinstance(message, Failure):
                self.failure = message
            else:
                for report in listener(message):
                    deliver(report)

    def _messages(self) -> Iterator[Any]:
        # A worker killed in the middle of a message leaves half of it: EOFError too.
        with contextlib.suppress(EOFError, OSError):
            while self._channel.poll(None):
                self._spoke = True
                yield self._channel.recv()


def _hand_over(mouth: Connection[Any, Any], words: memoryview) -> None:
    """Give a process its flow; it may be gone already, or never read it."""
    with contextlib.suppress(OSError), mouth:
        mouth.send_bytes(words)


def _start(process: multiprocessing.process.BaseProcess) -> None:
    """Start with SIGINT blocked: a Ctrl-C before the worker ignores it would end it with a traceback."""
    resource_tracker.ensure_running()  # first, because it unblocks SIGINT when it has to be started
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
