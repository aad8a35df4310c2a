"""`driftgauge run`: the monitor on Kafka."""

import logging
import platform
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Literal

import typer

from stream import logs, metrics
from stream.config import load, load_references
from stream.http import Server
from stream.http_access import Access, load_access
from stream.http_tls import Tls, load_tls
from stream.push import Push, push_of, pushed
from stream.redact import redact
from stream.registry import Registry
from stream.reports import GaugeBlock
from stream.state_usage import StateUsage
from stream.supervisor import Outcome, Policy, Supervisor, stopped_by_signals
from stream.worker import Flow, MonitorFlow

_LOG = logging.getLogger("driftgauge.run")
LogLevel = Literal["debug", "info", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Service:
    """What `serve` needs to know: how many workers, where to listen, how to log, what not to show, and to whom.

    `state` is the state directory, whose size is shown; `push` tells Alertmanager what fires.
    """

    processes: int = 1
    listen: str = "127.0.0.1:9108"
    log_level: LogLevel = "info"
    redact: Callable[[str], str] = field(default=str)
    access: Access = field(default_factory=Access)
    tls: Tls | None = None
    state: Path | None = None
    push: Push | None = None


def run(
    config: Annotated[Path, typer.Option("--config", "-c", help="The config file.")],
    processes: Annotated[int, typer.Option(min=1, max=256, help="Dataflow processes on this machine.")] = 1,
    log_level: Annotated[LogLevel, typer.Option(help="Least severe log line to write.")] = "info",
) -> None:
    """Watch the predictions topic: alerts to Kafka, metrics on HTTP. SIGTERM or Ctrl-C stops it."""
    loaded = load(config)
    flow = MonitorFlow(loaded, load_references(loaded))
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
    )
    outcome = serve(flow, service)
    if outcome.message:
        typer.echo(service.redact(outcome.message), err=True)
    raise typer.Exit(outcome.exit_code)


def serve(flow: Flow, service: Service) -> Outcome:
    """Run the flow under a supervisor, with metrics on HTTP, until a signal or a failure that restarts cannot mend.

    Raises:
        Unreachable: the HTTP address is not to be had.
    """
    logs.configure(service.log_level, service.redact)
    registry = Registry(service.processes)
    registry.apply(build_info())
    policy = Policy(log_level=service.log_level, redact=service.redact)
    supervisor = Supervisor(flow, service.processes, registry, policy)
    if service.state is not None:
        registry.add_probe(StateUsage(service.state))
    server = Server(service.listen, registry, service.redact, service.access, service.tls)
    with stopped_by_signals(supervisor), pushed(service.push, registry):
        server.start()
        scheme = "http" if service.tls is None else "https"
        _LOG.info("metrics, health and readiness on %s://%s:%d", scheme, *server.address)
        try:
            return supervisor.run()
        finally:
            server.close()


def build_info() -> GaugeBlock:
    """What is running."""
    labels = (version("driftgauge"), platform.python_version(), version("bytewax"))
    return GaugeBlock("build", metrics.BUILD_INFO.name, (labels,), (1.0,))
