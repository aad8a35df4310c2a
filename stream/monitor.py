"""One process of the monitor: waits for the broker, builds the dataflow on Kafka, runs it until stopped."""

from __future__ import annotations

import datetime as dt
import logging
from functools import partial
from typing import TYPE_CHECKING

from bytewax._bytewax import cluster_main
from confluent_kafka import Producer

from operators.model_steps import plan_models
from stream.alignment import Alignment
from stream.collector import spared
from stream.dataflow import Edges, build
from stream.journal import DeadLetterJournal, log_alert
from stream.kafka_client import consumer_properties, producer_properties
from stream.kafka_sink import TopicSink, Writing
from stream.kafka_source import KafkaSource, Reading, wait_for_topic
from stream.outputs import (
    encode_alert,
    encode_bare_dead_letter,
    encode_dead_letter,
    encode_evaluation,
    encode_short_alert,
    encode_truncated_dead_letter,
)
from stream.reports import Observation, Status
from stream.state_directory import has_state, prepare
from stream.state_lock import occupied
from stream.watcher import Watcher
from stream.witness import Witness

if TYPE_CHECKING:
    import threading
    from collections.abc import Mapping, Sequence

    from bytewax.recovery import RecoveryConfig

    from operators.alert_event import AlertEvent
    from operators.model_steps import ModelPlan
    from stream.config import Config
    from stream.reports import Reporter, WorkerState
    from windows.reference import Reference

_LOG = logging.getLogger("driftgauge.monitor")

DEAD_LETTER_WRITERS = 4


def run(
    config: Config,
    references: Mapping[str, Reference],
    reporter: Reporter,
    stop: threading.Event,
    *,
    process: int,
    addresses: Sequence[str],
) -> None:
    """Run until `stop` is set; a topic that grows is read anew with all its partitions.

    Raises:
        StateError: the state directory cannot be used.
        Exception: whatever ended the dataflow; the state is that of the last epoch.
    """
    reporter.send(Status(process, "starting"))
    models = plan_models(
        config.models, references, config.time, config.alerting, everything=config.topics.evaluations is not None
    )
    recovery = prepare(config.state, models, config.topics.predictions)
    waiting = partial(_say, reporter, process, "starting", [])
    with spared(), occupied(config.state.directory, stop, waiting) as held:
        if held:
            _watch(config, models, recovery, reporter, stop, process, addresses)
    reporter.send(Status(process, "stopping"))


def _watch(
    config: Config,
    models: dict[str, ModelPlan],
    recovery: RecoveryConfig,
    reporter: Reporter,
    stop: threading.Event,
    process: int,
    addresses: Sequence[str],
) -> None:
    """Run the dataflow until stopped, again from its start whenever the topic has grown."""
    while not stop.is_set():
        count = _wait(config, reporter, stop, process)
        if count is None:
            break
        watcher = Watcher(consumer_properties(config.kafka), config.topics.predictions, count, process, reporter)
        journal = DeadLetterJournal()
        edges = _edges(config, count, watcher, reporter, stop, process, journal)
        flow = build(models, config.time, config.alerting, edges)
        reporter.send(Status(process, "running"))
        try:
            with Witness() as witness:
                cluster_main(  # type: ignore[no-untyped-call]
                    witness.over(flow),
                    list(addresses),
                    process,
                    epoch_interval=dt.timedelta(milliseconds=config.state.epoch),
                    recovery_config=recovery,
                )
        finally:
            watcher.close()
            journal.tell_all()
        if not watcher.more_partitions.is_set():
            _LOG.info("stopped: state saved")
            break


def _wait(config: Config, reporter: Reporter, stop: threading.Event, process: int) -> int | None:
    """Wait until there is a broker with every topic; then how many partitions there are to read. None when stopped."""
    waiting = partial(_say, reporter, process, "waiting_for_broker", [])
    remedy = f"; run: driftgauge topics create --config {config.source}"
    topics = config.topics
    count = wait_for_topic(consumer_properties(config.kafka), topics.predictions, stop, waiting, remedy=remedy)
    # Without it the client would try for ever, and nothing would ever leave.
    for topic in (topics.alerts, topics.dead_letters, topics.evaluations):
        if topic is None or count is None:
            continue
        properties = producer_properties(config.kafka)
        if wait_for_topic(properties, topic, stop, waiting, kind=Producer, remedy=remedy) is None:
            return None
    return count


def _say(reporter: Reporter, process: int, state: WorkerState, said: list[str], why: str) -> None:
    """Report what is waited for; log it when it is not what was said last."""
    if said[-1:] != [why]:
        said[:] = [why]
        _LOG.warning("waiting: %s", why)
    reporter.send(Status(process, state, why))


def _edges(
    config: Config,
    count: int,
    watcher: Watcher,
    reporter: Reporter,
    stop: threading.Event,
    process: int,
    journal: DeadLetterJournal,
) -> Edges:
    # With a state, a partition that has no snapshot is a new one, and new ones are read from their beginning.
    continued = has_state(config.state)
    topics = config.topics
    whence = "continuing from state" if continued else f"from {config.kafka.start}"
    _LOG.info("reading %s: %d partitions, %s", topics.predictions, count, whence)
    reading = Reading(
        consumer_properties(config.kafka),
        topics.predictions,
        count,
        earliest=config.kafka.start == "earliest" or continued,
        idle_after=config.time.idle_after,
        lateness=config.time.lateness,
        stop=stop,
    )
    alignment = Alignment()

    def delivered(event: AlertEvent, now: int) -> None:
        log_alert(event)
        if event.state == "firing":
            labels = (event.model, event.alert)
            reporter.send(Observation("event_to_alert_seconds", labels, (now - event.window.end) / 1e3))

    writing = partial(
        Writing, producer_properties(config.kafka), stop=stop, held_up=partial(_held_up, reporter, process)
    )
    alerts = writing(topics.alerts, encode_alert, delivered=delivered, smaller=(encode_short_alert,))
    dead_letters = writing(
        topics.dead_letters,
        encode_dead_letter,
        delivered=journal.count,
        smaller=(encode_truncated_dead_letter, encode_bare_dead_letter),
        settled=journal.tell,
    )
    return Edges(
        source=KafkaSource(reading, watcher, alignment, reporter),
        alerts=TopicSink(alerts),
        dead_letters=TopicSink(dead_letters, DEAD_LETTER_WRITERS),
        evaluations=None if topics.evaluations is None else TopicSink(writing(topics.evaluations, encode_evaluation)),
        reporter=reporter,
        moved=alignment.moved,
    )


def _held_up(reporter: Reporter, process: int, why: str) -> None:
    """An output topic takes no messages; or, without a reason, takes them again."""
    reporter.send(Status(process, "broker_lost", why) if why else Status(process, "running"))
