"""`driftgauge export`: what the topics hold, as a file that a training can read."""

import datetime as dt
import time
from pathlib import Path
from typing import Annotated

import typer

from operators.settings.alerts import SPOILING, listed
from operators.settings.durations import ALLOWED, parse_duration
from stream.cli.progress import record_progress
from stream.config.load import load, load_references, model_named
from stream.errors import UsageError

app = typer.Typer(no_args_is_help=True, help="Write what the topics hold to files.")


@app.callback()
def _root() -> None:
    """Commands of their own, for there will be more than one."""


@app.command()
def labelled(
    model: Annotated[str, typer.Option("--model", "-m", help="Name of the model in the config.")],
    since: Annotated[str, typer.Option("--from", help="First event time, RFC 3339 with offset.")],
    until: Annotated[str, typer.Option("--until", help="First event time that is not wanted, likewise.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The Parquet file to write.")],
    config: Annotated[Path, typer.Option("--config", "-c", help="The config file.")] = Path("driftgauge.yaml"),
    exclude_incidents: Annotated[
        bool, typer.Option("--exclude-incidents", help=f"Leave out periods in which {listed(SPOILING, 'or')} stood.")
    ] = False,
    exclude: Annotated[
        list[str] | None, typer.Option(help="FROM/TO: a period to leave out; may be given several times.")
    ] = None,
    version: Annotated[str | None, typer.Option("--version", help="Only predictions of this version.")] = None,
    sample: Annotated[float, typer.Option(help="Share of the predictions, by hash of their id.")] = 1.0,
    late: Annotated[str, typer.Option(help="How long after --until predictions may have been written.")] = "1d",
    unlabelled: Annotated[bool, typer.Option("--unlabelled", help="Predictions without a label, too.")] = False,
) -> None:
    """Join features, predictions and labels out of the topics: a row a prediction, with the latest label."""
    loaded = load(config)
    settings = model_named(loaded, model)
    references = load_references(loaded)
    begin, end = _moment("--from", since), _moment("--until", until)
    if not begin < end or begin > time.time() * 1e3:
        raise UsageError(f"--until {until}: a time after --from ({since}) is needed, and that must have come")
    if not 0 < sample <= 1:
        raise UsageError(f"--sample {sample}: a share above 0, up to 1, is needed")
    from stream.export.incidents import Period, incidents_of  # noqa: PLC0415 - mistakes are told without waiting
    from stream.export.labelled import Asked, Labelled  # noqa: PLC0415 - the same

    periods = [Period(*_period(text), "an excluded period") for text in exclude or ()]
    if exclude_incidents:
        periods += incidents_of(loaded, model, end)
    asked = Asked(
        settings,
        references[model],
        begin,
        end,
        _length(late),
        tuple(periods),
        version,
        sample,
        unlabelled,
    )
    found = Labelled(loaded, asked, record_progress).write(output)
    for line in found.lines():
        typer.echo(line)
    typer.echo(f"written to {output}, {output.stat().st_size / 1e6:.1f} MB")


def _moment(option: str, text: str) -> int:
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise UsageError(f"{option} {text}: a time such as 2026-01-31T08:00:00Z is needed")
    return round(moment.timestamp() * 1e3)


def _period(text: str) -> tuple[int, int]:
    since, slash, until = text.partition("/")
    found = _moment("--exclude", since), _moment("--exclude", until) if slash else 0
    if not found[0] < found[1]:
        raise UsageError(f"--exclude {text}: FROM/TO, such as 2026-01-31T08:00:00Z/2026-01-31T09:00:00Z, is needed")
    return found


def _length(text: str) -> int:
    try:
        return parse_duration(text)
    except ValueError:
        raise UsageError(f"--late {text}: {ALLOWED}, is needed") from None
