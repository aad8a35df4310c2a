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
_LOG_LINES = 20


def demo(
    *,
    duration: Annotated[float, typer.Option(min=0.0, help="Seconds of traffic, 10 or more; 0: until Ctrl-C.")] = 30.0,
    listen: Annotated[
        str, typer.Option(help="Where /metrics is served; a free port if it is taken.")
    ] = "127.0.0.1:9108",
    svg: Annotated[Path | None, typer.Option(hidden=True, help="Write the view, with the alert firing, there.")] = None,
) -> None:
    """An embedded broker, simulated traffic, one feature that shifts, and the monitor that notices.

    Needs no Java, no Docker and no file. Exits with 0 when the shifted feature's alert fired and nothing else did.
    """
    if 0.0 < duration < SHORTEST:
        raise UsageError(f"--duration {duration:g}: at least {SHORTEST:g} s are needed to see a shift, or 0 for no end")
    begun = time.monotonic()
    console = Console(highlight=False)
    console.print("driftgauge demo: starting an embedded broker and the monitor", soft_wrap=True)
    with stop_event() as stop, tempfile.TemporaryDirectory(prefix="driftgauge-demo-") as made:
        raise typer.Exit(_play(console, Path(made), _Asked(duration or None, listen, svg, begun), stop))


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


def _tell(log: Path) -> None:
    """Show the end of what went to the log instead of stderr."""
    for line in log.read_text(errors="replace").splitlines()[-_LOG_LINES:]:
        sys.stderr.write(f"{line}\n")
