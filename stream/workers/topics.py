"""Topics: which ones a process reads and writes, once the broker has them all."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from confluent_kafka import Producer

from operators.actions.plan import acting
from operators.records import PAIRS, SHARDS, Topic
from stream.config.inputs import inputs_of, matched
from stream.kafka.client import base, consumer_properties, producer_properties
from stream.kafka.connect import wait_for_matches, wait_for_topic
from stream.kafka.rights import READ, WRITE, Rights
from stream.metrics.reports import Status

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable, Sequence

    from confluent_kafka.admin import AclOperation  # type: ignore[attr-defined]

    from operators.records import Census
    from stream.config.inputs import Input
    from stream.config.load import Config
    from stream.metrics.reports import Reporter, WorkerState

_LOG = logging.getLogger("driftgauge.monitor")


@dataclass(frozen=True, slots=True)
class ReadTopic:
    """A topic that is read.

    Attributes:
        name: of the topic.
        partitions: how many it has.
        holds: what its records are.
        source: by which source's map; None: they have the contract's own shape.
        feed: as in Input.
        pattern: the one that it matches; None where it is named.
        prefix: what the names of its partitions begin with.
        also: the feed that it is of feedback, where it holds that beside predictions; None where it does not.
        in_halves: whether its requests and responses are messages of their own.
    """

    name: str
    partitions: int
    holds: Topic
    source: int | None = None
    feed: str = ""
    pattern: str | None = None
    prefix: str = ""
    also: str | None = None
    in_halves: bool = False


def census(topics: Iterable[ReadTopic], holds: Topic) -> Census:
    """The partitions of all topics that hold something; what is paired is in partitions of its own."""
    mine = [topic for topic in topics if topic.holds == holds]
    own = [(topic.feed, topic.partitions) for topic in mine if not topic.in_halves]
    if len(own) < len(mine):
        own.append((PAIRS, SHARDS))
    if holds == Topic.FEEDBACK:
        own += [(topic.also, topic.partitions) for topic in topics if topic.also is not None]
    return tuple(own)


def halves_census(topics: Iterable[ReadTopic]) -> Census:
    """The partitions of all topics that hold requests and responses."""
    return tuple((topic.feed, topic.partitions) for topic in topics if topic.in_halves)


def chooser(config: Config) -> Callable[[Iterable[str]], list[str]]:
    """Which of the names of all topics match a pattern of the sources."""
    inputs = inputs_of(config.topics, config.sources)

    def choose(names: Iterable[str]) -> list[str]:
        return [one.topic for one in matched(inputs, config.topics, names) if one.pattern is not None]

    return choose


def wait_for_all(
    config: Config, reporter: Reporter, stop: threading.Event, process: int, *, feedback: bool
) -> tuple[ReadTopic, ...]:
    """Wait until there is a broker with every topic; then what there is to read. Nothing when stopped."""
    waiting = partial(say, reporter, process, "waiting_for_broker", [])
    remedy = f"; run: driftgauge topics create --config {config.source}"
    rights = Rights(base(config.kafka))
    read: list[ReadTopic] = []
    for one in inputs_of(config.topics, config.sources):
        if one.holds == Topic.FEEDBACK and not feedback:
            continue
        some = _wait(config, one, stop, waiting, remedy, rights)
        if not some:
            return ()
        read += some
    if acting(config.actions, config.models):
        name = config.topics.control
        properties = consumer_properties(config.kafka)
        count = wait_for_topic(properties, name, stop, waiting, remedy=remedy, needed=[READ], rights=rights)
        if count is None:
            return ()
        read.append(ReadTopic(name, count, Topic.CONTROL, feed=name))
    # Without it the client would try for ever, and nothing would ever leave.
    properties = producer_properties(config.kafka)
    for topic, needed in written(config).items():
        found = wait_for_topic(
            properties, topic, stop, waiting, kind=Producer, remedy=remedy, needed=needed, rights=rights
        )
        if found is None:
            return ()
    halves = {number for number, source in enumerate(config.sources) if source.in_halves}
    return tuple(replace(topic, in_halves=topic.source in halves) for topic in _named(_read_once(read)))


def _wait(
    config: Config, one: Input, stop: threading.Event, waiting: Callable[[str], None], remedy: str, rights: Rights
) -> list[ReadTopic]:
    """The topics of an input, once there are any."""
    properties = consumer_properties(config.kafka)
    if one.pattern is None:
        count = wait_for_topic(properties, one.topic, stop, waiting, remedy=remedy, needed=[READ], rights=rights)
        return [] if count is None else [ReadTopic(one.topic, count, one.holds, one.source, one.feed)]
    inputs = inputs_of(config.topics, config.sources)

    def choose(names: Iterable[str]) -> list[str]:
        return [
            other.topic
            for other in matched(inputs, config.topics, names)
            if (other.source, other.holds, other.pattern) == (one.source, one.holds, one.pattern)
        ]

    found = wait_for_matches(properties, one.pattern, choose, stop, waiting) or {}
    return [ReadTopic(name, count, one.holds, one.source, name, one.pattern) for name, count in found.items()]


def _read_once(topics: Sequence[ReadTopic]) -> list[ReadTopic]:
    """A topic that one source reads as predictions and as feedback is read once, as both."""
    feeds = {(topic.name, topic.source): topic.feed for topic in topics if topic.holds == Topic.FEEDBACK}
    also = {(topic.name, topic.source) for topic in topics if topic.holds == Topic.PREDICTIONS}
    return [
        replace(topic, also=feeds.get((topic.name, topic.source))) if topic.holds == Topic.PREDICTIONS else topic
        for topic in topics
        if topic.holds != Topic.FEEDBACK or (topic.name, topic.source) not in also
    ]


def _named(topics: Sequence[ReadTopic]) -> list[ReadTopic]:
    """Each with a prefix; the first of a kind has none, as if it were the only one, for no list has it twice."""
    seen: set[Topic] = set()
    found = []
    for topic in topics:
        alone = topic.holds not in seen and topic.pattern is None
        seen.add(topic.holds)
        found.append(replace(topic, prefix="" if alone else f"{topic.source}/{topic.name}/"))
    return found


def written(config: Config) -> dict[str, tuple[AclOperation, ...]]:
    """The topics that are written, with the rights that each needs."""
    topics = config.topics
    actions = topics.actions if acting(config.actions, config.models) else None
    changelog = topics.changelog if logs_changes(config) else None
    names = (topics.alerts, topics.dead_letters, topics.evaluations, actions, changelog)
    return {name: (READ, WRITE) if name == changelog else (WRITE,) for name in names if name is not None}


def logs_changes(config: Config) -> bool:
    """Whether what waits for labels is in a topic, too."""
    return config.topics.changelog is not None and any(model.performance is not None for model in config.models)


def say(reporter: Reporter, process: int, state: WorkerState, said: list[str], why: str) -> None:
    """Report what is waited for; log it when it is not what was said last."""
    if said[-1:] != [why]:
        said[:] = [why]
        _LOG.warning("waiting: %s", why)
    reporter.send(Status(process, state, why))
