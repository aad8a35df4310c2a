"""`driftgauge reference adopt`: the last clean days of a version become its reference."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from operators.plans.model import plan_models
from operators.settings.alerts import UNCLEAN
from stream.config.load import load, load_references, model_named, with_pace
from stream.config.problems import ConfigError
from stream.errors import UsageError
from stream.files import write_atomically
from stream.history.archive import HISTORY, Archive
from stream.history.tiles import bins_of
from stream.references.adopt import DAY, Adoption, Kept, adopt, day_text
from windows.references.reference import to_json

MOST_EVENTS = 1_000_000
"""Alert events that are looked through: more than a history holds."""


def adopt_command(
    config: Annotated[Path, typer.Option("--config", "-c", help="The config file.")],
    model: Annotated[str, typer.Option("--model", "-m", help="Name of the model in it.")],
    version: Annotated[str, typer.Option("--version", help="Whose days they are.")],
    days: Annotated[int, typer.Option(min=1, max=400, help="How many of its last clean days (UTC).")] = 7,
    despite: Annotated[
        list[str] | None, typer.Option(help="An alert that does not make a day unclean; may be given several times.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The file; MODEL.VERSION.json beside the model's by default.")
    ] = None,
) -> None:
    """Make a version's last clean days its reference, from the monitor's history."""
    loaded = load(config)
    references = load_references(loaded)
    loaded = with_pace(loaded, references)
    settings, known = model_named(loaded, model), references[model]
    for name in despite or ():
        if name not in UNCLEAN:
            raise UsageError(f"--despite {name}: allowed are {', '.join(UNCLEAN)}")
    if known.seasons is not None or known.joint is not None or settings.multivariate is not None:
        given = "references of classes of hours" if known.seasons is not None else "multivariate"
        raise ConfigError([loaded.problem((("models",), f"{model} has {given}", "a version has no such of its own"))])
    path = loaded.state.directory / HISTORY
    if not path.exists():
        raise UsageError(f"{path}: there is no history; the monitor writes it while it runs (history.keep)")
    archive = Archive(path)
    _, ends = archive.extent([model])
    if ends is None:
        raise UsageError(f"{path}: nothing was measured of {model}, or the file cannot be read")
    plan = plan_models(loaded.models, references, loaded.time, loaded.alerting, everything=False)[model]
    stored = archive.sketches(model, 0, ends + DAY)
    mine = [one for one in stored if one.version == version]
    if not mine:
        seen = ", ".join(dict.fromkeys(one.version for one in stored)) or "none"
        raise UsageError(f"--version {version}: the history of {model} has {seen}")
    usable = [Kept(one.start, one.end, one.counts) for one in mine if one.layout in bins_of(known)]
    if not usable:
        raise UsageError(
            f"{path}: version {version} was counted in bins of another reference than {settings.reference}"
        )
    events = [event for event in archive.events(MOST_EVENTS) if event.model == model]
    asked = Adoption(version, days, ends, frozenset(despite or ()))
    found = adopt(asked, known, plan.layout, usable, events)
    file = output or _beside(settings.reference, model, version)
    write_atomically(file, to_json(found.reference))
    _tell(found.days, found.left_out, file)
    typer.echo(f"{file}: model {model}, version {version}, {found.reference.rows:,} rows")
    if settings.segments:
        typer.echo("note: the history keeps no segments: drift of this version is judged on the whole only", err=True)
    if settings.performance is not None:
        typer.echo("note: no labels: its performance is compared with the model's reference", err=True)
    typer.echo(f'now add to the model:  references: {{"{version}": {file.name}}}   and: driftgauge reload')


def _beside(reference: Path | None, model: str, version: str) -> Path:
    """Where the file goes where nobody says."""
    name = "".join(letter if letter.isalnum() or letter in "._-" else "_" for letter in f"{model}.{version}")
    return (Path() if reference is None else reference.parent) / f"{name}.json"


def _tell(days: tuple[int, ...], left_out: tuple[tuple[int, str], ...], file: Path) -> None:
    """Which days they are, and which were left out."""
    typer.echo(f"{file}: {len(days)} clean days: {', '.join(map(day_text, days))}")
    for day, why in left_out:
        typer.echo(f"note: {day_text(day)} is left out: {why}", err=True)
