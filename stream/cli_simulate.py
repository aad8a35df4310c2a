"""`driftgauge simulate`: predictions like the reference, and shifts on request, to any broker."""

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import typer
from pydantic_core import PydanticCustomError
from rich.console import Console
from rich.markup import escape

from operators.durations import ALLOWED, parse_duration, show_duration
from stream import shifts
from stream.config import Config, load, load_references
from stream.errors import UsageError
from stream.signals import stop_event
from stream.simulate import Progress, TopicWriter
from stream.simulate import simulate as run
from stream.traffic import Generator

SHIFT_HELP = (
    f"{shifts.FORM}; may be given several times. "
    + "; ".join(f"{kind}: {meaning}" for kind, meaning in shifts.MEANINGS.items())
    + ". FEATURE may be prediction."
)


def simulate(
    *,
    config: Annotated[Path, typer.Option("--config", "-c", help="The config file.")],
    rate: Annotated[float, typer.Option(min=0.001, help="Predictions a second.")],
    duration: Annotated[str | None, typer.Option(help="How long, such as 90s or 10m; until Ctrl-C if absent.")] = None,
    shift: Annotated[list[str] | None, typer.Option(help=SHIFT_HELP)] = None,
    model: Annotated[str | None, typer.Option(help="Which model, if the config has several.")] = None,
    version: Annotated[str, typer.Option(help="Version that the predictions carry.")] = "1",
    seed: Annotated[int, typer.Option(min=0, help="The same seed draws the same values.")] = 0,
    error_rate: Annotated[
        float | None, typer.Option(min=0, max=1, help="Share of failed predictions; as in the reference if absent.")
    ] = None,
    late_share: Annotated[float, typer.Option(min=0, max=1, help="Share of predictions that come too late.")] = 0.0,
) -> None:
    """Write predictions drawn from the reference to the predictions topic, and let things go wrong on request.

    Without --shift nothing ought to fire on this traffic.
    """
    loaded = load(config)
    name = _model(loaded, model)
    seconds = None if duration is None else _seconds(duration)
    generator = Generator(
        load_references(loaded)[name],
        seed,
        version=version,
        shifts=[shifts.parse(text) for text in shift or []],
        error_rate=error_rate,
        late=(late_share, loaded.time.lateness + 2 * loaded.time.pane),
        prefix=f"{seed:x}-{time.time_ns() // 1_000_000:x}-",  # two runs never share an id
    )
    properties = {**loaded.kafka.properties, "bootstrap.servers": loaded.kafka.brokers}
    writer = TopicWriter(properties, loaded.topics.predictions)
    typer.echo(f"{name} v{version}: {rate:g}/s to {loaded.topics.predictions} at {loaded.kafka.brokers}", err=True)
    for item in generator.shifts:
        typer.echo(f"  after {show_duration(item.after)}, {item.meaning}", err=True)
    with stop_event() as stop, _display() as watch:
        done = run(generator, writer.write, rate=rate, duration=seconds, stop=stop, watch=watch)
    writer.flush()
    _summarise(done, writer)


def _model(config: Config, given: str | None) -> str:
    names = [item.name for item in config.models]
    if given is None and len(names) == 1:
        return names[0]
    if given is None or given not in names:
        said = "absent" if given is None else repr(given)
        raise UsageError(f"--model: given {said}, allowed {', '.join(names)}")
    return given


def _seconds(given: str) -> float:
    try:
        return parse_duration(given) / 1000
    except PydanticCustomError:
        raise UsageError(f"--duration {given}: allowed is {ALLOWED}") from None


@contextlib.contextmanager
def _display() -> Iterator["_Watch"]:
    """Yield what is told of the progress; on a terminal it shows one line that changes."""
    console = Console(stderr=True)
    with console.status("starting") as status:
        yield _Watch(status.update)


class _Watch:
    """Shows the progress once a second."""

    def __init__(self, show: Callable[[str], None]) -> None:
        self._show = show
        self._next = 0.0

    def __call__(self, progress: Progress) -> None:
        if progress.seconds >= self._next:
            self._next = progress.seconds + 1.0
            self._show(escape(describe(progress)))


def describe(progress: Progress) -> str:
    """Return one line: how many predictions, how fast, and how many this process could not make in time."""
    line = f"{progress.written:,} predictions in {progress.seconds:.1f} s, {progress.rate:,.0f}/s"
    if progress.given_up:
        line += f"; {progress.given_up:,} given up: this process cannot make them that fast"
    return line


def _summarise(done: Progress, writer: TopicWriter) -> None:
    typer.echo(describe(done), err=True)
    if writer.refused:
        typer.echo(f"{writer.refused:,} were not taken by the broker: {writer.last_refusal or 'no answer'}", err=True)
        raise typer.Exit(3)
