"""One process of the monitor: waits for the broker, builds the dataflow on Kafka, runs it until stopped."""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import logging
import threading
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from operators.plans.model import plan_models
from operators.records import Topic
from operators.step import SnapshotError
from stream.config.inputs import sources_of
from stream.dataflow import Edges, build
from stream.engine.garbage import spared
from stream.engine.run import run_in_cluster
from stream.engine.witness import Witness
from stream.errors import UsageError
from stream.kafka.alignment import Alignment
from stream.kafka.changelog import Changelog
from stream.kafka.client import base, consumer_properties, producer_properties
from stream.kafka.matching import Matching
from stream.kafka.messages import (
    encode_action,
    encode_alert,
    encode_bare_dead_letter,
    encode_dead_letter,
    encode_evaluation,
    encode_short_action,
    encode_short_alert,
    encode_truncated_dead_letter,
)
from stream.kafka.output_topics import LEAST, OutputTopics, too_small
from stream.kafka.registry import registry_of
from stream.kafka.sink import TopicSink, Writing
from stream.kafka.source import Reading
from stream.kafka.sources import Part, TopicsSource
from stream.kafka.watcher import Watcher
from stream.metrics.heartbeats import EPOCH
from stream.metrics.reports import Concern, GaugeBlock, Observation, Status
from stream.state.directory import (
    JOIN,
    RESTORE,
    StateError,
    continuing,
    drop_outdated,
    has_state,
    prepare,
    with_generations,
)
from stream.state.join_stores import JoinStores
from stream.state.lock import occupied
from stream.state.logged_store import LoggedStore
from stream.state.unfinished import drop_unfinished
from stream.workers.gate import left_unlinked
from stream.workers.journal import DeadLetterJournal, log_alert
from stream.workers.pulse import CHANGELOG, DATAFLOW, Pulse
from stream.workers.refusals import Refusals
from stream.workers.topics import ReadTopic, census, chooser, halves_census, logs_changes, say, wait_for_all, written

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bytewax.recovery import RecoveryConfig

    from operators.alerts.event import AlertEvent
    from operators.plans.model import ModelPlan
    from stream.config.load import Config
    from stream.feedback_flow import Moved
    from stream.kafka.registry import Registry
    from stream.metrics.reports import Reporter
    from stream.workers.gate import Gate
    from windows.references.reference import Reference
    from windows.watermark import Place

_LOG = logging.getLogger("driftgauge.monitor")

DEAD_LETTER_WRITERS = 4

SILENT = 1_000
"""How long (ms) the control topic must be confirmed empty before time passes it by."""


def run(
    config: Config,
    references: Mapping[str, Reference],
    reporter: Reporter,
    stop: threading.Event,
    *,
    process: int,
    addresses: Sequence[str],
    gate: Gate | None = None,
) -> None:
    """Run until `stop` is set; a topic that grows is read anew with all its partitions.

    With a gate, which processes of several hosts have, it waits there for the others, and ends where a topic grows:
    they are all started anew.

    Raises:
        StateError: the state directory cannot be used.
        Exception: whatever ended the dataflow; the state is that of the last epoch.
    """
    reporter.send(Status(process, "starting"))
    models = plan_models(
        config.models, references, config.time, config.alerting, everything=config.topics.evaluations is not None
    )
    files = gate is None or process < config.cluster.processes
    recovery, continued = prepare(config.state, models, config.topics, config.sources, files=files, alone=gate is None)
    models = with_generations(config.state, models)
    waiting = partial(say, reporter, process, "starting", [])
    with spared(), Pulse(reporter, process) as pulse, occupied(config.state.directory, stop, waiting) as held:
        if held:
            drop_unfinished(config.state.directory)
            drop_outdated(config.state)
            _watch(config, models, recovery, reporter, stop, process, addresses, pulse, gate, continued=continued)
    reporter.send(Status(process, "stopping"))


def _watch(
    config: Config,
    models: dict[str, ModelPlan],
    recovery: RecoveryConfig,
    reporter: Reporter,
    stop: threading.Event,
    process: int,
    addresses: Sequence[str],
    pulse: Pulse,
    gate: Gate | None,
    *,
    continued: dict[str, bool],
) -> None:
    """Run the dataflow until stopped, again from its start whenever a topic has changed."""
    known: frozenset[str] | None = None
    while not stop.is_set():
        topics = wait_for_all(config, reporter, stop, process, feedback=any(model.labels for model in models.values()))
        if not topics:
            break
        _refuse_small(config)
        if gate is not None:
            joined = gate.wait()
            if joined is None:
                break
            continued = continuing(config.topics, config.sources, saved=joined.saved, fed=joined.fed)
        changed = threading.Event()
        journal = DeadLetterJournal()
        matching = _matching(config, topics, changed, pulse)
        watchers = [
            Watcher(
                consumer_properties(config.kafka),
                topic.name,
                topic.partitions,
                process,
                reporter,
                changed,
                pulse.mover(f"watcher of {topic.name}"),
                None if matching is None else matching.complete_at,
            )
            for topic in topics
        ]
        registry = registry_of(config, partial(_waits_for_schemas, reporter, process))
        outputs = OutputTopics(base(config.kafka), written(config), process, reporter)
        with pulse.over(), outputs, _stores(config, reporter, stop, pulse) as stores:
            sources = _sources(config, topics, watchers, reporter, stop, continued, known, pulse, registry)
            flow = build(
                models,
                config.time,
                config.alerting,
                _edges(config, models, sources, stores, reporter, stop, process, journal, pulse, registry),
                config.actions,
            )
            if gate is None:
                reporter.send(Status(process, "running"))
            try:
                with (
                    Witness() as witness,
                    contextlib.nullcontext() if gate is None else gate.watched(),
                    left_unlinked(stop, partial(getattr, witness, "begun"), addresses),
                ):
                    epoch = dt.timedelta(milliseconds=config.state.epoch)
                    run_in_cluster(witness.over(flow), addresses, process, epoch, recovery)
            except SnapshotError as error:
                raise StateError(f"{config.state.directory}: {error}; {RESTORE}") from error
            finally:
                for one in (*watchers, *(() if matching is None else (matching,))):
                    one.close()
                if registry is not None:
                    registry.close()
                journal.tell_all()
        if not changed.is_set() or gate is not None:
            _LOG.info("stopped: state saved")
            break
        continued = dict.fromkeys(continued, has_state(config.state))
        known = frozenset(topic.name for topic in topics)


def _stores(config: Config, reporter: Reporter, stop: threading.Event, pulse: Pulse) -> JoinStores:
    """The join's stores, with a changelog where the config names one."""
    directory = config.state.directory / JOIN
    if not logs_changes(config):
        return JoinStores(directory, reporter)
    owner = hashlib.sha256(config.topics.model_dump_json().encode()).hexdigest()[
        :12
    ]  # no two write all the same topics
    log = Changelog(config.kafka, str(config.topics.changelog), owner, stop, partial(pulse.aside, CHANGELOG, DATAFLOW))
    return JoinStores(directory, reporter, partial(LoggedStore, log=log))


def _matching(config: Config, topics: Sequence[ReadTopic], changed: threading.Event, pulse: Pulse) -> Matching | None:
    """What notices that other topics match than those that are read; None where no source has a pattern."""
    if all(source.pattern is None for source in config.sources):
        return None
    choose, known = chooser(config), (topic.name for topic in topics if topic.pattern is not None)
    return Matching(consumer_properties(config.kafka), choose, known, changed, pulse.mover("watcher of patterns"))


def _refuse_small(config: Config) -> None:
    """Refuse an alerts topic that takes no alerts: the first one would be tried for ever.

    Raises:
        UsageError: its limit is too low.
    """
    most = too_small(base(config.kafka), config.topics.alerts)
    if most is not None:
        raise UsageError(
            f"topics.alerts: {config.topics.alerts} takes messages of {most} bytes at most, and an alert event may "
            f"need {LEAST}: raise its max.message.bytes"
        )


@dataclass(frozen=True, slots=True)
class _Sources:
    """Where predictions come from, feedback if any model awaits it, and what is said of actions if any are asked for.

    `moved` is told how far they have come.
    """

    predictions: TopicsSource
    feedback: TopicsSource | None
    control: TopicsSource | None
    moved: Moved


def _sources(
    config: Config,
    topics: Sequence[ReadTopic],
    watchers: Sequence[Watcher],
    reporter: Reporter,
    stop: threading.Event,
    continued: dict[str, bool],
    known: frozenset[str] | None,
    pulse: Pulse,
    registry: Registry | None,
) -> _Sources:
    lead = Alignment()
    alignments = {Topic.PREDICTIONS: lead, Topic.FEEDBACK: Alignment(lead=lead), Topic.CONTROL: Alignment()}
    parts: dict[Topic, list[Part]] = {holds: [] for holds in Topic}
    for topic, watcher in zip(topics, watchers, strict=True):
        # With a state, a partition that has no snapshot is a new one, and new ones are read from their beginning.
        saved = continued.get(topic.pattern or topic.name, False) or (known is not None and topic.name not in known)
        whence = "continuing from state" if saved else f"from {config.kafka.start}"
        if topic.holds == Topic.CONTROL and any(continued.values()):
            whence = f"continuing from state, or from {config.kafka.start} where actions are new"
        _LOG.info("reading %s: %d partitions, %s", topic.name, topic.partitions, whence)
        reading = Reading(
            consumer_properties(config.kafka),
            topic.name,
            topic.partitions,
            earliest=config.kafka.start == "earliest" or saved,
            # The control topic is silent by nature: what is said late by no more than the lateness is in time still.
            idle_after=min(config.time.idle_after, SILENT) if topic.holds == Topic.CONTROL else config.time.idle_after,
            lateness=config.time.lateness,
            stop=stop,
            holds=topic.holds,
            moved=pulse.mover(DATAFLOW),
            saved=pulse.mover(EPOCH),
            source=topic.source,
            feed=topic.feed,
            census=census(topics, topic.holds),
            prefix=topic.prefix,
            also=None if topic.also is None else (topic.also, census(topics, Topic.FEEDBACK)),
            ready=None if registry is None or not _named(config, topic.source) else registry.ready,
            epoch=config.state.epoch,
            halves=halves_census(topics) if topic.in_halves else (),
        )
        parts[topic.holds].append(Part(reading, watcher))
    sources = {holds: TopicsSource(mine, alignments[holds], reporter) for holds, mine in parts.items() if mine}

    def moved(holds: Topic, partition: Place, floor: int | None) -> None:
        alignments[holds].moved(partition, floor)

    return _Sources(sources[Topic.PREDICTIONS], sources.get(Topic.FEEDBACK), sources.get(Topic.CONTROL), moved)


def _named(config: Config, source: int | None) -> bool:
    """Whether the messages of a source name schemas of the registry."""
    if source is None:
        return False
    return config.sources[source].registered


def _edges(
    config: Config,
    models: Mapping[str, ModelPlan],
    sources: _Sources,
    stores: JoinStores,
    reporter: Reporter,
    stop: threading.Event,
    process: int,
    journal: DeadLetterJournal,
    pulse: Pulse,
    registry: Registry | None,
) -> Edges:
    topics = config.topics

    def delivered(event: AlertEvent, now: int) -> None:
        log_alert(event)
        if event.state == "firing":
            labels = (event.model, event.alert)
            reporter.send(Observation("event_to_alert_seconds", labels, (now - event.window.end) / 1e3))

    writing = partial(
        Writing,
        producer_properties(config.kafka),
        stop=stop,
        held_up=partial(_held_up, reporter, process),
        moved=pulse.keeper(DATAFLOW),
    )
    alerts = writing(
        topics.alerts,
        encode_alert,
        delivered=delivered,
        smaller=(encode_short_alert,),
        waiting=partial(_waited, reporter, "alerts", topics.alerts),
    )
    dead_letters = writing(
        topics.dead_letters,
        encode_dead_letter,
        delivered=journal.count,
        smaller=(encode_truncated_dead_letter, encode_bare_dead_letter),
        settled=journal.tell,
        waiting=partial(_waited, reporter, "dead_letters", topics.dead_letters),
    )
    features = {name: [one.name for one in plan.layout.features] for name, plan in models.items()}
    read = replace(sources_of(config.sources, config.models), schemas=registry)
    return Edges(
        source=sources.predictions,
        alerts=TopicSink(alerts),
        dead_letters=TopicSink(dead_letters, DEAD_LETTER_WRITERS),
        evaluations=None if topics.evaluations is None else TopicSink(writing(topics.evaluations, encode_evaluation)),
        reporter=reporter,
        moved=sources.moved,
        feedback=sources.feedback,
        control=sources.control,
        actions=TopicSink(
            writing(
                topics.actions,
                encode_action,
                smaller=(encode_short_action,),
                waiting=partial(_waited, reporter, "actions", topics.actions),
            )
        )
        if sources.control is not None
        else None,
        open_store=stores,
        sources=read,
        decoded=Refusals(process, reporter, read, features),
        looks=True,
    )


def _waits_for_schemas(reporter: Reporter, process: int, why: str) -> None:
    """Sources wait for schemas; or, without a reason, do not any more."""
    reporter.send(Concern(process, "schemas", why))


def _waited(reporter: Reporter, sink: str, topic: str, part: str, seconds: float) -> None:
    """For how long a writer of an output topic has waited for the broker."""
    row = (sink, topic, part)
    reporter.send(GaugeBlock(f"sink/{topic}/{part}", "sink_held_up_seconds", (row,), (seconds,)))


def _held_up(reporter: Reporter, process: int, why: str) -> None:
    """An output topic takes no messages; or, without a reason, takes them again."""
    reporter.send(Status(process, "broker_lost", why) if why else Status(process, "running"))
