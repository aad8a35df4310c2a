"""`driftgauge run`: the monitor on Kafka."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from stream.config.load import Config, load, load_references, with_pace
from stream.connectors.make import connectors_of
from stream.http.access import load_access
from stream.http.tls import load_tls
from stream.push.replicas import push_of
from stream.redact import redact
from stream.service import LogLevel, Service, serve
from stream.web.monitor import monitor_page
from stream.workers.courier import is_needed
from stream.workers.reload import Reload
from stream.workers.worker import MonitorFlow


def run(
    config: Annotated[Path, typer.Option("--config", "-c", help="The config file.")],
    processes: Annotated[int, typer.Option(min=1, max=256, help="Dataflow processes on this machine.")] = 1,
    log_level: Annotated[LogLevel, typer.Option(help="Least severe log line to write.")] = "info",
) -> None:
    """Watch the predictions topic: alerts to Kafka, metrics on HTTP. SIGTERM or Ctrl-C stops it, SIGHUP reloads."""
    loaded = load(config)
    references = load_references(loaded)
    loaded = with_pace(loaded, references)
    flow = MonitorFlow(loaded, references)
    shown = partial(redact, config=loaded)
    service = Service(
        processes,
        loaded.http.listen,
        log_level,
        shown,
        load_access(loaded),
        load_tls(loaded),
        loaded.state.directory,
        push_of(loaded),
        loaded.workers.replace_after / 1e3,
        partial(monitor_page, loaded, references, redact=shown),
        _courier(loaded),
        partial(Reload, config, loaded, references),
    )
    outcome = serve(flow, service)
    if outcome.message:
        typer.echo(service.redact(outcome.message), err=True)
    raise typer.Exit(outcome.exit_code)


def _courier(config: Config) -> Config | None:
    """The config, if any action goes through a connector.

    Raises:
        ConfigError: one of them has a certificate, a key or a file with a secret that cannot be used.
    """
    if not is_needed(config):
        return None
    connectors_of(config)
    return config
