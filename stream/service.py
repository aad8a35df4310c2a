"""The parent process of a monitor: what it opens, and in which order."""

import contextlib
import logging
import platform
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from stream import logs
from stream.cluster.seat import Seat
from stream.config.load import Config
from stream.errors import UsageError
from stream.http.access import Access
from stream.http.server import Server
from stream.http.tls import Tls
from stream.metrics import catalog
from stream.metrics.registry import Registry
from stream.metrics.reports import GaugeBlock
from stream.native import chosen, described
from stream.push.replicas import Push, pushed
from stream.state.directory import NOTE
from stream.state.seal import seal
from stream.state.usage import StateUsage
from stream.view.status_line import StatusLine
from stream.web.monitor import MonitorPage
from stream.workers.courier import CourierKeeper
from stream.workers.reload import Reload
from stream.workers.supervisor import Outcome, Policy, Supervisor, stopped_by_signals
from stream.workers.worker import Flow

_LOG = logging.getLogger("driftgauge.run")

LogLevel = Literal["debug", "info", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Service:
    """What `serve` needs to know: how many workers, where to listen, how to log, what not to show, and to whom.

    `state` is the state directory, whose size is shown; `push` tells Alertmanager what fires; a worker that gives no
    sign of life for `replace_after` seconds is replaced; `page` makes what people look at; `courier` has the
    actions to be carried out; `reload` makes what reads the config again at a SIGHUP; `seat` is the one among other
    hosts, for a monitor on several.
    """

    processes: int = 1
    listen: str = "127.0.0.1:9108"
    log_level: LogLevel = "info"
    redact: Callable[[str], str] = field(default=str)
    access: Access = field(default_factory=Access)
    tls: Tls | None = None
    state: Path | None = None
    push: Push | None = None
    replace_after: float = 120.0
    page: Callable[[Registry], MonitorPage] | None = None
    courier: Config | None = None
    reload: Callable[[Registry, MonitorPage | None], Reload] | None = None
    seat: Seat | None = None


def serve(flow: Flow, service: Service) -> Outcome:
    """Run the flow under a supervisor, with metrics on HTTP, until a signal or a failure that restarts cannot mend.

    Raises:
        Unreachable: the HTTP address is not to be had.
        UsageError: driftgauge-native is insisted on and cannot be had.
    """
    logs.configure(service.log_level, service.redact)
    registry = Registry(service.processes, first=0 if service.seat is None else service.seat.places.first)
    registry.apply(build_info())
    _LOG.info(described())
    policy = Policy(log_level=service.log_level, redact=service.redact, replace_after=service.replace_after)
    page = None if service.page is None else service.page(registry)
    site = None if page is None else page.site
    reload = None if service.reload is None else service.reload(registry, page)
    if reload is not None and page is not None:
        page.follow(reload)
    supervisor = Supervisor(flow, service.processes, registry, policy, reload, service.seat)
    if service.state is not None:
        registry.add_probe(StateUsage(service.state))
    desk = None if page is None else page.desk
    server = Server(service.listen, registry, service.redact, service.access, service.tls, site, desk)
    shown = contextlib.nullcontext() if page is None else page.open(registry)
    courier = _courier(service, registry)
    quiet = page is None or not sys.stdout.isatty()
    status = contextlib.nullcontext() if quiet or page is None else StatusLine(sys.stdout, page.line)
    with stopped_by_signals(supervisor), pushed(service.push, registry), shown, courier, status:
        server.start()
        scheme = "http" if service.tls is None else "https"
        _LOG.info("the page, metrics, health and readiness on %s://%s:%d", scheme, *server.address)
        try:
            with service.seat or contextlib.nullcontext():
                outcome = supervisor.run()
        finally:
            server.close()
    if outcome.clean and service.state is not None:
        _seal(service.state)
    return outcome


def _courier(service: Service, registry: Registry) -> contextlib.AbstractContextManager[object]:
    """What carries actions out, where there is anything to carry."""
    if service.courier is None:
        return contextlib.nullcontext()
    return CourierKeeper(service.courier, registry, service.log_level, service.redact)


def _seal(directory: Path) -> None:
    """Have damage found that comes between this stop and the next start."""
    try:
        if (directory / NOTE).exists():
            seal(directory)
    except (OSError, UsageError) as error:
        _LOG.warning("the state is not sealed; it is checked less at the next start: %s", error)


def build_info() -> GaugeBlock:
    """What is running.

    Raises:
        UsageError: driftgauge-native is insisted on and cannot be had.
    """
    native = chosen()
    path = "no" if native is None else native.__version__
    labels = (version("driftgauge"), platform.python_version(), version("bytewax"), path)
    return GaugeBlock("build", catalog.BUILD_INFO.name, (labels,), (1.0,))
