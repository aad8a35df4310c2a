"""`driftgauge simulate`: predictions like the reference, their labels, and shifts on request, to any broker."""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from pydantic_core import PydanticCustomError
from rich.console import Console
from rich.markup import escape

from operators.settings.durations import ALLOWED, parse_duration, show_duration
from stream.cli.signals import stop_event
from stream.config.load import Config, load, load_references
from stream.errors import UsageError
from stream.simulate import shifts
from stream.simulate.clock import FeedbackOut, Progress, TopicWriter
from stream.simulate.clock import simulate as run
from stream.simulate.feedback import FeedbackOptions, FeedbackTraffic, Kind
from stream.simulate.generator import Generator
from stream.simulate.label_queue import MOST
from stream.simulate.labels import Labels, labels_of
from stream.web.text import versioned
from windows.references.reference import Reference

DAY = 86_400_000
FASTEST = 10
"""ms; the shortest median delay that is chosen."""

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
    label_ratio: Annotated[
        float | None,
        typer.Option(
            min=0, max=1, help="Share of predictions that get a label; if absent 0.2, or all with negative_after."
        ),
    ] = None,
    label_delay: Annotated[
        str | None,
        typer.Option(help="Median time to a label, such as 30s; an eighth of what the config allows if absent."),
    ] = None,
    label_kind: Annotated[Kind | None, typer.Option(help="Kind of feedback; as the config suggests if absent.")] = None,
    label_duplicates: Annotated[
        float, typer.Option(min=0, max=1, help="Share of labels that come a second time.")
    ] = 0.0,
    label_revisions: Annotated[
        float, typer.Option(min=0, max=1, help="Share of labels that are wrong at first and corrected later.")
    ] = 0.0,
) -> None:
    """Write predictions drawn from the reference to the predictions topic, and let things go wrong on request.

    Of a model with `performance` in the config, labels go to the feedback topic. They agree with the predictions as
    well as those of the reference's rows do. Without --shift nothing ought to fire on this traffic.
    """
    loaded = load(config)
    name = _model(loaded, model)
    seconds = None if duration is None else _seconds("--duration", duration)
    reference = load_references(loaded)[name]
    asked = _Asked(label_ratio, label_delay, label_kind, label_duplicates, label_revisions)
    labels, options = _labels(loaded, name, reference, asked)
    generator = Generator(
        reference,
        seed,
        version=version,
        shifts=[shifts.parse(text) for text in shift or []],
        error_rate=error_rate,
        late=(late_share, loaded.time.lateness + 2 * loaded.time.pane),
        prefix=f"{seed:x}-{time.time_ns() // 1_000_000:x}-",  # two runs never share an id
        labels=labels,
    )
    properties = {**loaded.kafka.properties, "bootstrap.servers": loaded.kafka.brokers}
    writers = [TopicWriter(properties, loaded.topics.predictions)]
    typer.echo(
        f"{name} {versioned(str(version))}: {rate:g}/s to {loaded.topics.predictions} at {loaded.kafka.brokers}",
        err=True,
    )
    feedback = None
    if labels is not None:
        writers.append(TopicWriter(properties, loaded.topics.feedback))
        feedback = FeedbackOut(FeedbackTraffic(generator, labels, options, seed), writers[1].write)
        typer.echo(f"  labels to {loaded.topics.feedback}: {_told(options)}", err=True)
    for item in generator.shifts:
        typer.echo(f"  after {show_duration(item.after)}, {item.meaning}", err=True)
    with stop_event() as stop, _display() as watch:
        done = run(generator, writers[0].write, rate=rate, duration=seconds, stop=stop, watch=watch, feedback=feedback)
    for writer in writers:
        writer.flush()
    _summarise(done, writers)


@dataclass(frozen=True, slots=True)
class _Asked:
    """The options of labels as given."""

    ratio: float | None
    delay: str | None
    kind: Kind | None
    duplicates: float
    revisions: float


def _labels(config: Config, name: str, reference: Reference, asked: _Asked) -> tuple[Labels | None, FeedbackOptions]:
    """What draws the labels of a model, and how they come; none without `performance`."""
    settings = next(item for item in config.models if item.name == name)
    performance = settings.performance
    labels = None if performance is None else labels_of(reference, settings.task, performance.positive, performance.k)
    if performance is None or labels is None:
        if asked != _Asked(None, None, None, 0.0, 0.0):
            why = "has no performance in the config" if performance is None else "has no predictions in its reference"
            raise UsageError(f"--label-...: {name} {why}, so that no labels are simulated")
        return None, FeedbackOptions()
    silence = performance.negative_after
    slowest = performance.label_delay if silence is None else silence
    delay = max(FASTEST, slowest // 8) if asked.delay is None else round(1000 * _seconds("--label-delay", asked.delay))
    suggested: Kind = "explicit" if performance.label_delay < DAY else "delayed"
    options = FeedbackOptions(
        ratio=asked.ratio if asked.ratio is not None else 0.2 if silence is None else 1.0,
        delay=delay,
        kind=asked.kind or (suggested if silence is None else "implicit"),
        positives_only=silence is not None,
        duplicates=asked.duplicates,
        revisions=asked.revisions,
    )
    return labels, options


def _told(options: FeedbackOptions) -> str:
    of = "positive ones" if options.positives_only else "predictions"
    share, delay = f"{100 * options.ratio:.3g}%", show_duration(options.delay)
    return f"{options.kind}, for {share} of the {of}, after {delay} in the median"


def _model(config: Config, given: str | None) -> str:
    names = [item.name for item in config.models]
    if given is None and len(names) == 1:
        return names[0]
    if given is None or given not in names:
        said = "absent" if given is None else repr(given)
        raise UsageError(f"--model: given {said}, allowed {', '.join(names)}")
    return given


def _seconds(option: str, given: str) -> float:
    try:
        return parse_duration(given) / 1000
    except PydanticCustomError:
        raise UsageError(f"{option} {given}: allowed is {ALLOWED}") from None


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
    if progress.labels or progress.waiting:
        line += f"; {progress.labels:,} labels, {progress.waiting:,} still to come"
    if progress.lost:
        line += f", {progress.lost:,} lost: no more than {MOST:,} can wait"
    return line


def _summarise(done: Progress, writers: list[TopicWriter]) -> None:
    typer.echo(describe(done), err=True)
    refused = sum(writer.refused for writer in writers)
    if refused:
        why = next((writer.last_refusal for writer in writers if writer.last_refusal), "no answer")
        typer.echo(f"{refused:,} were not taken by the broker: {why}", err=True)
        raise typer.Exit(3)
