"""`driftgauge demo`: see it work, with nothing but this package."""

import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from stream.cli.signals import stop_event
from stream.errors import UsageError

SHORTEST = 10.0
USUAL, A_DAY = 30.0, 60.0
"""Seconds of traffic, and those that a day takes."""
_LOG_LINES = 20


def demo(
    *,
    duration: Annotated[
        float | None,
        typer.Option(min=0.0, help="Seconds of traffic, 10 or more [30; a day takes 60]; 0: until Ctrl-C."),
    ] = None,
    listen: Annotated[
        str, typer.Option(help="Where /metrics is served; a free port if it is taken.")
    ] = "127.0.0.1:9108",
    seasonal: Annotated[
        bool, typer.Option("--seasonal", help="A day of traffic that follows the hours, in a minute.")
    ] = False,
    svg: Annotated[Path | None, typer.Option(hidden=True, help="Write the view, with the alert firing, there.")] = None,
) -> None:
    """An embedded broker, simulated traffic, one feature that shifts, and the monitor that notices.

    Needs no Java, no Docker and no file. Exits with 0 when the shifted feature's alert fired and nothing else did.
    """
    if duration is None:
        duration = A_DAY if seasonal else USUAL
    if 0.0 < duration < SHORTEST:
        raise UsageError(f"--duration {duration:g}: at least {SHORTEST:g} s are needed to see a shift, or 0 for no end")
    if seasonal and duration == 0.0:
        raise UsageError("--duration 0: a day has an end")
    begun = time.monotonic()
    console = Console(highlight=False)
    console.print("driftgauge demo: starting an embedded broker and the monitor", soft_wrap=True)
    with stop_event() as stop, tempfile.TemporaryDirectory(prefix="driftgauge-demo-") as made:
        asked = _Asked(duration or None, listen, svg, begun)
        raise typer.Exit((_day if seasonal else _play)(console, Path(made), asked, stop))


@dataclass(frozen=True, slots=True)
class _Asked:
    duration: float | None
    listen: str
    svg: Path | None
    begun: float


def _play(console: Console, directory: Path, asked: _Asked, stop: threading.Event) -> int:
    # Only now, for the first line is not to wait for numpy and the Kafka client.
    from stream import logs  # noqa: PLC0415
    from stream.demo.parts import Options, running  # noqa: PLC0415
    from stream.demo.play import Demo  # noqa: PLC0415
    from stream.demo.summary import summary, verdict_of  # noqa: PLC0415
    from stream.files import write_atomically  # noqa: PLC0415
    from stream.view.display import display_for  # noqa: PLC0415
    from stream.view.svg import picture  # noqa: PLC0415

    logs.configure("warning")
    log = directory / "stderr.log"
    log.touch()
    data = directory / "monitor"
    data.mkdir(mode=0o700)
    try:
        with running(Options(asked.duration, asked.listen), stop, data) as parts:
            for note in parts.notes:
                console.print(f"note: {note}", soft_wrap=True)
            console.print(f"look at {parts.page}", soft_wrap=True)
            playing = Demo(parts, asked.duration, stop, asked.begun)
            with display_for(console, log) as display:
                played = playing.play(display)
        verdict = verdict_of(played)
    except BaseException:
        _tell(log)
        raise
    if asked.svg is not None and playing.picture is not None:
        write_atomically(asked.svg, picture(playing.picture).encode())
    for heading, lines in summary(played, verdict):
        console.print(Text(heading, "bold"))
        for line in lines:
            console.print(Text(f"  {line}"), soft_wrap=True)
    if not verdict.good:
        _tell(log)
    return 0 if verdict.good else 1


def _day(console: Console, directory: Path, asked: _Asked, stop: threading.Event) -> int:
    """A day in a minute."""
    from stream import logs  # noqa: PLC0415 - the first line is not to wait for them
    from stream.demo.day_play import play_day  # noqa: PLC0415

    logs.configure("warning")
    good = play_day(
        lambda line: console.print(Text(line), soft_wrap=True), directory, asked.listen, stop, asked.duration or A_DAY
    )
    return 0 if good else 1


def _tell(log: Path) -> None:
    """Show the end of what went to the log instead of stderr."""
    for line in log.read_text(errors="replace").splitlines()[-_LOG_LINES:]:
        sys.stderr.write(f"{line}\n")
