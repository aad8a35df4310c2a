"""A progress bar on a terminal, nothing or a line now and then elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)


@contextmanager
def progress_bar() -> Iterator[Callable[[str, float], None]]:
    """A function to be told (name of the pass, share done); each pass has a bar of its own, on stderr."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _name, _share: None
        return
    columns = (TextColumn("{task.description:>9}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as bars:
        tasks = {}

        def told(name: str, share: float) -> None:
            if name not in tasks:
                tasks[name] = bars.add_task(name, total=1.0)
            bars.update(tasks[name], completed=share)

        yield told


NOTE_EVERY = 10.0
"""Seconds between two lines of progress where there is no terminal; none comes sooner than after the first."""


@contextmanager
def record_progress(name: str) -> Iterator[Callable[[float, int], None]]:
    """A function to be told (share done, records done): a bar with rate and time left, or a line now and then."""
    console = Console(stderr=True)
    began = time.monotonic()
    if not console.is_terminal:
        due = began + NOTE_EVERY

        def noted(share: float, records: int) -> None:
            nonlocal due
            now = time.monotonic()
            if now >= due and share < 1.0:
                due = now + NOTE_EVERY
                typer.echo(f"{name}: {100 * share:.0f} %, {pace(now - began, share, records)}", err=True)

        yield noted
        return
    rate = TextColumn("{task.fields[pace]}")
    columns = (TextColumn("{task.description:>9}"), BarColumn(), TaskProgressColumn(), rate)
    with Progress(*columns, console=console) as bars:
        task = bars.add_task(name, total=1.0, pace="starting")
        due = 0.0

        def told(share: float, records: int) -> None:
            nonlocal due
            now = time.monotonic()
            if share >= 1.0 or now >= due:
                due = now + 0.1
                bars.update(task, completed=share, pace=pace(now - began, share, records))

        yield told


def pace(seconds: float, share: float, records: int) -> str:
    """Rate so far and time left at it, for people."""
    rate = records / max(seconds, 1e-3)
    if share <= 0.0:
        return f"{rate:,.0f} records/s"
    left = round(seconds * (1.0 - share) / share)
    return f"{rate:,.0f} records/s, {left // 3600}:{left // 60 % 60:02}:{left % 60:02} left"
