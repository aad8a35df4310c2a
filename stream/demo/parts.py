"""The parts of the demo, started in order and stopped in the opposite one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stream.config.load import Config, load, load_references
from stream.demo.alerts import AlertFeed
from stream.demo.click_model import MODEL
from stream.demo.reference import click_reference
from stream.demo.scenario import PANE, DemoTraffic, Schedule, config_text, feedback_of
from stream.errors import Unreachable
from stream.files import write_atomically
from stream.http.server import Server
from stream.kafka.embedded import EmbeddedBroker
from stream.metrics.registry import Registry
from stream.service import build_info
from stream.simulate.clock import FeedbackOut, TopicWriter
from stream.web.monitor import monitor_page
from stream.workers.supervisor import Policy, Supervisor
from stream.workers.worker import MonitorFlow
from windows.references.reference import to_json

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator
    from concurrent.futures import Future
    from pathlib import Path

    from stream.http.pages import Site
    from stream.workers.supervisor import Outcome

STOP_SECONDS = 10.0
"""How long the monitor may take to stop: it has nothing to lose here, and a busy machine is to see no warning."""


@dataclass(frozen=True, slots=True)
class Options:
    """What a user says to the demo: seconds of traffic (None: until stopped), where metrics are wanted."""

    duration: float | None = 30.0
    listen: str = "127.0.0.1:9108"


@dataclass(frozen=True, slots=True)
class Parts:
    """What runs during a demo.

    Attributes:
        broker: address of the embedded broker.
        config: of the monitor.
        registry: its metrics, served at `metrics`, beside the page at `page`.
        monitor: done when the monitor has ended.
        feed: reads the alerts topic.
        traffic: what is to be written by `writer`.
        feedback: the labels of it.
        features: how many the model has.
        pool: for the traffic.
        notes: what the user should know.
    """

    broker: str
    config: Config
    registry: Registry
    metrics: str
    page: str
    monitor: Future[Outcome]
    feed: AlertFeed
    traffic: DemoTraffic
    writer: TopicWriter
    feedback: FeedbackOut
    features: int
    pool: ThreadPoolExecutor
    notes: tuple[str, ...]


@contextmanager
def running(options: Options, stop: threading.Event, directory: Path) -> Iterator[Parts]:
    """Start everything but the traffic; at the end set `stop` and stop everything.

    Args:
        options: see Options.
        stop: ends the traffic.
        directory: for the config, the reference and the state; exists and is empty.
    """
    with ExitStack() as stack:
        broker = stack.enter_context(EmbeddedBroker())
        registry = Registry()
        registry.apply(build_info())
        config = _config(directory, broker.bootstrap, options.listen)
        references = load_references(config)
        page = monitor_page(config, references, registry)
        server, notes = page_server(options.listen, registry, page.site)
        stack.callback(server.close)
        stack.enter_context(page.open(registry))
        topics = config.topics
        named = (
            topics.predictions,
            topics.feedback,
            topics.alerts,
            topics.dead_letters,
            topics.actions,
            topics.control,
        )
        partitions = {name: broker.create(name) for name in named}
        pool = stack.enter_context(ThreadPoolExecutor(2, "demo"))
        supervisor = Supervisor(
            MonitorFlow(config, references), 1, registry, Policy(log_level="error", grace=STOP_SECONDS)
        )
        monitor = pool.submit(supervisor.run)
        stack.callback(supervisor.stop)
        stack.callback(stop.set)
        server.start()
        host, port = server.address
        traffic = DemoTraffic(references[MODEL], Schedule.within(options.duration))
        client = {"bootstrap.servers": broker.bootstrap}
        yield Parts(
            broker=broker.bootstrap,
            config=config,
            registry=registry,
            metrics=f"http://{host}:{port}/metrics",
            page=f"http://{host}:{port}/",
            monitor=monitor,
            feed=stack.enter_context(AlertFeed(broker.bootstrap, topics.alerts, partitions[topics.alerts])),
            traffic=traffic,
            writer=TopicWriter(client, topics.predictions),
            feedback=FeedbackOut(feedback_of(traffic), TopicWriter(client, topics.feedback).write),
            features=len(references[MODEL].features),
            pool=pool,
            notes=notes,
        )


def page_server(listen: str, registry: Registry, site: Site) -> tuple[Server, tuple[str, ...]]:
    """The wanted address, or a free one of the loopback when it is taken, with a note."""
    try:
        return Server(listen, registry, site=site), ()
    except Unreachable:
        server = Server("127.0.0.1:0", registry, site=site)
        host, port = server.address
        return server, (f"{listen} cannot be listened on, metrics are on {host}:{port} instead",)


def _config(directory: Path, broker: str, listen: str) -> Config:
    """The config and its reference, written and read as those of a user are."""
    write_atomically(directory / f"{MODEL}.reference.json", to_json(click_reference(PANE)))
    path = directory / "driftgauge.yaml"
    write_atomically(path, config_text(broker, listen).encode())
    return load(path, env={})
