"""`driftgauge retrain`: what can be learnt of forecasts that are decided, and why a forecast is what it is."""

import math
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from stream.errors import UsageError
from stream.files import write_atomically
from stream.retraining.explain import explained
from stream.retraining.fit import fit_forecasts
from stream.retraining.forecasts import Forecasted, changes_of, forecasts_of
from windows.need.learnt import INPUTS, Learnt, NeedFileError, learnt_json, learnt_of

app = typer.Typer(help="The probability that a model will need to be trained anew.", no_args_is_help=True)

Evaluations = Annotated[Path, typer.Option(help="Evaluations as JSON lines, such as those of: driftgauge replay.")]
Model = Annotated[list[str] | None, typer.Option("--model", help="Only of this model; may be repeated.")]


@app.command()
def fit(
    evaluations: Evaluations,
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write.")],
    actions: Annotated[
        Path | None, typer.Option(help="Steps of actions as JSON lines: what was done about models is no lesson.")
    ] = None,
    model: Model = None,
) -> None:
    """Learn to correct the filter by what else is known; used only if it proves better on what it had not seen."""
    found = fit_forecasts(_chosen(evaluations, model), {} if actions is None else changes_of(actions))
    learnt = found.learnt
    write_atomically(output, msgspec.json.format(msgspec.json.encode(learnt_json(learnt)), indent=2) + b"\n")
    typer.echo(
        f"{found.examples} forecasts of {found.models} models, of which {found.came} came; {found.waiting} are not "
        f"decided yet, {found.changed} left out: something was done about the model"
    )
    typer.echo(f"{output}: {'will be used' if learnt.used else 'will not be used, the filter alone is'}: {learnt.why}")
    weights = sorted(zip(learnt.names, learnt.weights, strict=True), key=lambda one: -abs(one[1]))
    for name, weight in weights[:5]:
        typer.echo(f"  odds x {math.exp(weight):.2f} for one deviation more of {INPUTS[name]} ({name})")


@app.command()
def explain(
    evaluations: Evaluations,
    model: Model = None,
    need: Annotated[Path | None, typer.Option(help="What `retrain fit` wrote, if that is used.")] = None,
) -> None:
    """Why the latest forecast of each version is what it is, in words and numbers."""
    latest = {(one.model, one.version): one for one in _chosen(evaluations, model)}
    if not latest:
        raise UsageError(f"{evaluations}: no forecasts of need; a model has them with `retrain: {{need: ...}}`")
    learnt = None if need is None else _learnt(need)
    for key in sorted(latest):
        for line in explained(latest[key], learnt):
            typer.echo(line)


def _chosen(evaluations: Path, model: list[str] | None) -> list[Forecasted]:
    found = forecasts_of(evaluations)
    if not model:
        return found
    known = {one.model for one in found}
    for name in model:
        if name not in known:
            raise UsageError(f"{evaluations}: no forecasts of {name!r}; there are {', '.join(sorted(known)) or 'none'}")
    return [one for one in found if one.model in model]


def _learnt(file: Path) -> Learnt:
    try:
        return learnt_of(msgspec.json.decode(file.read_bytes()))
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{file}: no JSON: {error}") from None
    except NeedFileError as error:
        raise UsageError(f"{file}: {error}") from None
