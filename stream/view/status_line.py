"""The status line: what `run` shows on a terminal instead of silence; log lines are written over it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Self, TextIO

from stream.logs import CLEAR

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

EVERY = 1.0
"""Seconds between two lines."""

WIDEST = 118
"""Characters: a line that wraps could not be taken back."""


class StatusLine:
    """Writes what `read` says every second. A context manager; leaving it clears the line.

    Args:
        out: a terminal.
        read: the line, without its end.
    """

    def __init__(self, out: TextIO, read: Callable[[], str]) -> None:
        self._out = out
        self._read = read
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="status-line", daemon=True)

    def _run(self) -> None:
        while not self._ending.wait(EVERY):
            self.write()

    def write(self) -> None:
        """Write it now, in place of the former one."""
        self._out.write(f"{CLEAR}{self._read()[:WIDEST]}")
        self._out.flush()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending.set()
        self._thread.join()
        self._out.write(CLEAR)
        self._out.flush()
