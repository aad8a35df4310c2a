"""`driftgauge run`: the monitor on Kafka."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from stream.cluster.seat import Seat
from stream.config.load import Config, load, load_references, with_pace
from stream.connectors.make import connectors_of
from stream.errors import UsageError
from stream.http.access import load_access
from stream.http.tls import load_tls
from stream.push.replicas import push_of
from stream.redact import redact
from stream.service import LogLevel, Service, serve
from stream.web.monitor import monitor_page
from stream.workers.courier import is_needed
from stream.workers.hosts import host_number, refuse_part, seat_of
from stream.workers.reload import Reload
from stream.workers.worker import MonitorFlow
from windows.references.reference import Reference


def run(
    config: Annotated[Path, typer.Option("--config", "-c", help="The config file.")],
    processes: Annotated[
        int | None, typer.Option(min=1, max=256, help="Dataflow processes on this machine.", show_default="1")
    ] = None,
    host: Annotated[
        int | None, typer.Option(min=0, envvar="DRIFTGAUGE_HOST", help="Which of cluster.hosts this is, from 0.")
    ] = None,
    log_level: Annotated[LogLevel, typer.Option(help="Least severe log line to write.")] = "info",
) -> None:
    """Watch the predictions topic: alerts to Kafka, metrics on HTTP. SIGTERM or Ctrl-C stops it, SIGHUP reloads."""
    loaded = load(config)
    references = load_references(loaded)
    loaded = with_pace(loaded, references)
    loaded, seat = _seated(loaded, references, processes, host)
    flow = MonitorFlow(loaded, references)
    shown = partial(redact, config=loaded)
    service = Service(
        loaded.cluster.processes,
        loaded.http.listen,
        log_level,
        shown,
        load_access(loaded),
        load_tls(loaded),
        loaded.state.directory,
        push_of(loaded) if seat is None else push_of(loaded, seat.places.judges),
        loaded.workers.replace_after / 1e3,
        partial(monitor_page, loaded, references, redact=shown),
        _courier(loaded) if seat is None or seat.places.host == 0 else None,
        partial(Reload, config, loaded, references),
        seat,
    )
    outcome = serve(flow, service)
    if outcome.message:
        typer.echo(service.redact(outcome.message), err=True)
    raise typer.Exit(outcome.exit_code)


def _seated(
    config: Config, references: Mapping[str, Reference], processes: int | None, host: int | None
) -> tuple[Config, Seat | None]:
    """The config with the number of processes; and, on several hosts, the seat of this one.

    Raises:
        UsageError: it is none of them, or the state is not what belongs here.
    """
    if config.cluster.several and processes not in {None, config.cluster.processes}:
        raise UsageError(f"--processes: on several hosts cluster.processes says it, here {config.cluster.processes}")
    if processes is not None:
        cluster = config.cluster.model_copy(update={"processes": processes})
        config = config.model_copy(update={"cluster": cluster})
    if config.cluster.several:
        return config, seat_of(config, references, host_number(config, host))
    refuse_part(config.state.directory)
    return config, None


def _courier(config: Config) -> Config | None:
    """The config, if any action goes through a connector.

    Raises:
        ConfigError: one of them has a certificate, a key or a file with a secret that cannot be used.
    """
    if not is_needed(config):
        return None
    connectors_of(config)
    return config
