"""Where frames of the view go: a terminal that is redrawn, or a log of plain lines for pipes and CI."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack, contextmanager
from typing import IO, TYPE_CHECKING, Protocol, Self

from rich.live import Live

from stream.view.frame import render

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

    from rich.console import Console

    from stream.view.state import View

WIDEST = 120
"""Columns beyond which bars only become harder to compare."""

PLAIN_EVERY = 3.0
"""Seconds between lines of progress in the log."""


class Display(Protocol):
    """Shows frames."""

    def frame(self, view: View) -> None:
        """Show one frame."""


class LiveScreen:
    """The terminal's alternate screen, redrawn in place; the last frame stays behind on the normal one."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._last: View | None = None
        # No thread of its own: a frame is drawn when there is one, in one write.
        self._live = Live(
            console=console, screen=True, auto_refresh=False, redirect_stdout=False, redirect_stderr=False
        )

    def frame(self, view: View) -> None:
        """Draw the frame at the size that the terminal has now."""
        self._last = view
        self._live.update(render(view, self._width, self._console.height), refresh=True)

    @property
    def _width(self) -> int:
        return min(WIDEST, self._console.width)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()
        if self._last is not None:
            self._console.print(render(self._last, self._width))


class PlainLog:
    """One line for each thing that happens, and one for the progress now and then; no control codes."""

    def __init__(self, out: IO[str]) -> None:
        self._out = out
        self._story: str | None = None
        self._alerts = 0
        self._next = PLAIN_EVERY

    def frame(self, view: View) -> None:
        """Write what is new in the frame."""
        if self._story is None:
            self._write(view.elapsed, f"broker {view.broker}, metrics {view.metrics}")
        if view.story != self._story:
            self._write(view.elapsed, view.story)
        self._story = view.story
        for alert in view.alerts[self._alerts :]:
            self._write(alert.seconds, f"ALERT {alert.state} {alert.severity} {alert.alert}: {alert.reason}")
        self._alerts = len(view.alerts)
        if view.elapsed >= self._next:
            self._next = view.elapsed + PLAIN_EVERY
            self._write(view.elapsed, progress_line(view))

    def _write(self, seconds: float, text: str) -> None:
        self._out.write(f"{seconds:6.1f} s  {text}\n")
        self._out.flush()


def progress_line(view: View) -> str:
    """The figures of a frame on one line."""
    readings = view.readings
    parts = [f"{readings.predictions:,} predictions", f"{view.rate:,.0f}/s"]
    if view.lag is not None:
        parts.append(f"watermark {view.lag:.1f} s behind")
    if readings.drift:
        top = readings.drift[0]
        parts.append(f"largest {view.metric} over {view.window}: {top.feature} {top.value:.3f} (bound {top.lower:.3f})")
    quality = readings.quality
    seen = [
        f"{name} {one.value:.3f}"
        for name, one in (("estimated", quality.estimated), ("by labels", quality.realised))
        if one is not None
    ]
    if seen:
        parts.append(f"{view.watched.metric} {', '.join(seen)}")
    if readings.latency and "0.99" in readings.latency:
        parts.append(f"p99 {readings.latency['0.99'] * 1e3:.0f} ms")
    return ", ".join(parts)


@contextmanager
def display_for(console: Console, log: Path) -> Iterator[Display]:
    """A live screen on a terminal that can be redrawn, with stderr in the file `log` meanwhile; else a plain log.

    Whether it is a terminal is asked of stdout itself: variables that force colours do not make a pipe one.
    """
    if not console.file.isatty() or console.is_dumb_terminal:
        yield PlainLog(console.file)
        return
    with ExitStack() as stack:
        stack.enter_context(stderr_in(log))
        yield stack.enter_context(LiveScreen(console))


@contextmanager
def stderr_in(log: Path) -> Iterator[None]:
    """Send what this process, its children and its C libraries write to stderr to a file: it would tear the screen."""
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with log.open("ab") as file:
            os.dup2(file.fileno(), 2)
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)
