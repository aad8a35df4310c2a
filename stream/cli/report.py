"""`driftgauge report`: the pictures of the page, and what they say, in one file."""

from pathlib import Path
from typing import Annotated

import typer

from operators.settings.durations import parse_duration
from stream.config.load import Config, load, load_references, with_pace
from stream.errors import UsageError
from stream.files import write_atomically

MEGABYTE = 1_000_000


def report(
    *,
    config: Annotated[Path, typer.Option("--config", "-c", help="The config file.")],
    replay: Annotated[
        Path | None,
        typer.Option(help="Directory that `driftgauge replay` wrote; without it, the history of the monitor."),
    ] = None,
    against: Annotated[
        Path | None, typer.Option(help="Directory of another replay, with other settings say: both side by side.")
    ] = None,
    last: Annotated[
        str | None,
        typer.Option(help="How far back from its end, such as 7d; all of a replay, 7d of a history by default."),
    ] = None,
    model: Annotated[list[str] | None, typer.Option(help="Only this model; may be given several times.")] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="The HTML file to write.")] = Path("report.html"),
) -> None:
    """Write one self-contained HTML file: what fired, what moved, and how it would have been at other thresholds."""
    loaded = load(config)
    # Only here, for a mistake in the options is told without waiting for numpy.
    from stream.web.results import Asked, of_results  # noqa: PLC0415

    references = load_references(loaded)
    loaded = with_pace(loaded, references)
    asked = Asked(loaded, references, tuple(_known(loaded, model or [])), None if last is None else _length(last))
    html = of_results(asked, replay, against)
    write_atomically(out, html.encode(errors="replace"))
    size = len(html.encode(errors="replace"))
    typer.echo(f"written to {out}, {f'{size / 1e6:.1f} MB' if size >= MEGABYTE else f'{size / 1e3:.0f} kB'}")


def _length(text: str) -> int:
    try:
        return parse_duration(text)
    except ValueError:
        raise UsageError(f"--last {text}: allowed is a duration, such as 7d") from None


def _known(config: Config, names: list[str]) -> list[str]:
    known = [model.name for model in config.models]
    for name in names:
        if name not in known:
            raise UsageError(f"--model {name}: {config.source} has {', '.join(known)}")
    return names or known
