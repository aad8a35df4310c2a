"""`driftgauge check`: what is wrong with a config, before it runs."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated

import typer

from operators.plans.model import ModelPlan, plan_models
from stream.config.checks import reference_notes
from stream.config.id_features import id_notes
from stream.config.learnt import learnt_notes
from stream.config.load import Config, ConfigError, load, load_references, with_pace
from stream.config.sight import pace_lines
from stream.config.summary import model_lines
from stream.config.unwatched import unwatched
from stream.errors import UsageError
from stream.http.access import load_access
from stream.http.tls import load_tls
from stream.native import described
from stream.push.client import clients_of
from windows.references.reference import Reference


def check(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="The config file.")],
    connect: Annotated[
        bool, typer.Option("--connect", help="Also ask the brokers for the topics, and Alertmanager.")
    ] = False,
    against_state: Annotated[
        bool, typer.Option("--against-state", help="Also say what of the state that is kept would start anew.")
    ] = False,
    sample: Annotated[
        Path | None,
        typer.Option(
            help="A file with a message, or several on a line each: what is understood of it, field by field."
        ),
    ] = None,
) -> None:
    """Check a config and its references; every problem is one line."""
    loaded = load(config)
    references = load_references(loaded)
    loaded = with_pace(loaded, references)
    load_access(loaded)
    load_tls(loaded)
    clients = clients_of(loaded)
    plans = plan_models(loaded.models, references, loaded.time, loaded.alerting, everything=False)
    for model in loaded.models:
        reference = references[model.name]
        for line in (*model_lines(loaded, model, reference), *pace_lines(plans[model.name])):
            typer.echo(line)
        for lack in unwatched(model, reference):
            typer.echo(f"  {lack}")
    of_ids = (f"note: {note}" for model in loaded.models for note in id_notes(loaded.sources, model))
    for line in (*notes_of(references), *_of_need(loaded), *of_ids):
        typer.echo(line, err=True)
    typer.echo(described())
    if sample is not None:
        _show(loaded, references, sample)
    if against_state:
        _against_state(loaded, plans)
    if connect:
        _connect(loaded, references)
        for client in clients:
            client.check()
            typer.echo(f"alertmanager {client.url}: takes alerts")
    typer.echo(f"{config}: OK")


FEW = 3
"""Models that a note names."""


def notes_of(references: Mapping[str, Reference]) -> Iterator[str]:
    """What is to be known of the references, a line for each note that is not the same as another's."""
    models: dict[str, list[str]] = {}
    for name, reference in references.items():
        for note in dict.fromkeys((*reference.notes, *reference_notes(reference))):
            models.setdefault(note, []).append(name)
    for note, names in models.items():
        shown = names if len(names) <= FEW + 1 else [*names[:FEW], f"{len(names) - FEW} more"]
        yield f"note: {', '.join(shown)}: {note}"


def _of_need(config: Config) -> Iterator[str]:
    """What is to be known of forecasts that something was learnt for."""
    return (f"note: {model.name}: {note}" for model in config.models for note in learnt_notes(model))


def _show(config: Config, references: dict[str, Reference], sample: Path) -> None:
    """What is understood of a sample.

    Raises:
        UsageError: a message of it cannot be read.
    """
    from stream.cli.sample import understood  # noqa: PLC0415 - decoding is not needed without --sample

    found = understood(config, references, sample)
    for line in found.lines:
        typer.echo(line)
    if found.refused:
        raise UsageError(f"--sample {sample}: {found.refused} of its records cannot be read")


def _against_state(config: Config, plans: Mapping[str, ModelPlan]) -> None:
    """What becomes of the state that is kept.

    Raises:
        UsageError: all of it would be misread.
    """
    from stream.state.directory import NOTE, fit  # noqa: PLC0415 - Bytewax is not needed without --against-state

    directory = config.state.directory
    if not (directory / NOTE).exists():
        typer.echo(f"state {directory}: none yet")
        return
    found = fit(config.state, plans, config.topics, config.sources)
    if found.misread:
        words = "; ".join(found.misread)
        raise UsageError(f"{directory}: {words}: the state kept there would be misread; name a new state.directory")
    for one in found.anew:
        typer.echo(f"state {directory}: {one}")
    typer.echo(f"state {directory}: {'what is not named' if found.anew else 'all of it'} goes on")


def _connect(config: Config, references: dict[str, Reference]) -> None:
    """Ask for the topics, and look at what is in them.

    Raises:
        ConfigError: a topic is missing, or none of its latest messages can be read.
    """
    from stream.kafka.connect import check_brokers  # noqa: PLC0415 - the Kafka client is not needed without --connect
    from stream.look.sampled import sampled  # noqa: PLC0415 - the same

    there = check_brokers(config)
    for topic, partitions in there.items():
        typer.echo(f"topic {topic}: {partitions} partition{'' if partitions == 1 else 's'}")
    found = sampled(config, references, there)
    for line in found.lines:
        typer.echo(line)
    for note in dict.fromkeys(found.notes):
        typer.echo(f"note: {note}", err=True)
    if found.findings:
        raise ConfigError(config.problems(found.findings))
