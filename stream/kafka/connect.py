"""Asks the brokers whether they are there and have the topics."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient

from operators.actions.plan import acting
from stream.config.inputs import inputs_of, matched
from stream.config.problems import ConfigError
from stream.errors import Unreachable
from stream.kafka.client import Complaints, consumer_properties, producer_properties
from stream.kafka.rights import DENIED, Rights, hidden
from stream.redact import redact

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from confluent_kafka.admin import AclOperation  # type: ignore[attr-defined]

    from stream.config.inputs import Input
    from stream.config.load import Config
    from stream.config.problems import KeyPath


TIMEOUT_SECONDS = 10.0

_ANOTHER = "the name of a topic that is there is needed"
_ANY = "a regular expression is needed that matches the whole name of a topic that is there"

_silent = logging.Logger("librdkafka")  # noqa: LOG001 - kept out of the tree: the one line of the error says it all
_silent.addHandler(logging.NullHandler())


def check_brokers(config: Config, timeout: float = TIMEOUT_SECONDS) -> dict[str, int]:
    """Partitions of each topic that is there.

    Raises:
        ConfigError: librdkafka refuses the properties, or a topic is missing.
        Unreachable: no broker answers within `timeout` seconds.
    """
    complaints = Complaints()
    ours: dict[str, Any] = {"bootstrap.servers": config.kafka.brokers, "error_cb": complaints}
    with _told(config):
        client = AdminClient({**config.kafka.properties, **ours}, logger=_silent)
    try:
        found = client.list_topics(timeout=timeout).topics
    except KafkaException as error:
        client.poll(0)  # hears the complaints
        said = redact(complaints.behind(error), config)
        raise Unreachable(f"{config.source}: kafka.brokers: no answer from {config.kafka.brokers}: {said}") from None
    inputs = inputs_of(config.topics, config.sources)
    read = {"predictions", "feedback"} | (set() if acting(config.actions, config.models) else {"control"})
    outputs = [(("topics", key), name) for key, name in config.topics if name is not None and key not in read]
    wanted = [(_key(one, config), one.topic) for one in inputs if one.pattern is None] + outputs
    there = matched(inputs, config.topics, found)
    command = f"create it with: driftgauge topics create --config {config.source}"
    missing = [
        config.problem((key, f"topic {name!r} does not exist", _ANOTHER if key[0] == "sources" else command))
        for key, name in wanted
        if name not in found
    ]
    missing += [
        config.problem((_key(one, config), f"no topic matches {one.pattern!r}", _ANY))
        for one in inputs
        if one.pattern is not None and not any(other.source == one.source for other in there)
    ]
    if missing:
        raise ConfigError(missing)
    names = dict.fromkeys([*(one.topic for one in there), *(name for _, name in outputs)])
    return {name: len(found[name].partitions) for name in names}


def _key(one: Input, config: Config) -> KeyPath:
    """Where in the config an input is named."""
    if one.source is None:
        return "topics", one.holds.value
    given = config.sources[one.source]
    return "sources", one.source, next(key for key in ("topic", "topics", "pattern") if getattr(given, key) is not None)


def check_properties(config: Config) -> None:
    """Make the clients that the monitor will need; no broker is asked.

    Raises:
        ConfigError: librdkafka refuses the properties.
    """
    with _told(config):
        Consumer(consumer_properties(config.kafka)).close()
        Producer(producer_properties(config.kafka)).close()


@contextmanager
def _told(config: Config) -> Iterator[None]:
    """What librdkafka says against the properties, as a problem of the config."""
    try:
        yield
    except (KafkaException, ValueError, TypeError) as error:
        said = redact(Complaints().behind(error), config)
    else:
        return
    raise ConfigError([config.problem((("kafka", "properties"), said, "properties of librdkafka"))])


def wait_for_topic(
    properties: dict[str, Any],
    topic: str,
    stop: threading.Event,
    waiting: Callable[[str], None],
    *,
    kind: type[Consumer | Producer] = Consumer,
    remedy: str = "",
    needed: Sequence[AclOperation] = (),
    rights: Rights | None = None,
) -> int | None:
    """Ask until the broker answers, the topic exists, and may be used; then how many partitions it has.

    None when stopped meanwhile. `waiting` is told, in words, what is being waited for; `remedy` is what it is told to
    do about a missing topic; `needed` are the rights on it, which `rights` asks for if given. A broker that creates
    topics by itself creates what a Producer asks for.
    """
    rights = rights or Rights(properties)
    complaints = Complaints()
    client = kind({**properties, "error_cb": complaints})
    try:
        for delay in _backoff():
            try:
                found = client.list_topics(topic, timeout=3.0).topics[topic]
            except KafkaException as error:
                client.poll(0)  # hears the complaints
                waiting(f"the broker does not answer: {complaints.behind(error)}")
            else:
                if found.error is None and found.partitions:
                    wrong = rights.fault(topic, *needed)
                    if not wrong:
                        return len(found.partitions)
                    waiting(f"topic {topic} {wrong}")
                elif found.error is None or found.error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
                    waiting(f"topic {topic} does not exist{remedy}")
                elif found.error.code() == DENIED:
                    waiting(f"topic {topic} {hidden(topic, needed, properties)}")
                else:
                    waiting(f"topic {topic}: {found.error.str()}")
            if stop.wait(delay):
                return None
    finally:
        client.close()
    return None


def wait_for_matches(
    properties: dict[str, Any],
    pattern: str,
    choose: Callable[[Iterable[str]], Collection[str]],
    stop: threading.Event,
    waiting: Callable[[str], None],
) -> dict[str, int] | None:
    """Ask until the broker answers and has topics that are chosen; then how many partitions each of them has.

    None when stopped meanwhile.
    """
    complaints = Complaints()
    ours: dict[str, Any] = {**properties, "error_cb": complaints}
    client = AdminClient(ours)
    for delay in _backoff():
        try:
            found = client.list_topics(timeout=3.0).topics
        except KafkaException as error:
            client.poll(0)  # hears the complaints
            waiting(f"the broker does not answer: {complaints.behind(error)}")
        else:
            counts = {name: len(topic.partitions) for name, topic in found.items() if topic.error is None}
            chosen = {name: counts[name] for name in choose([name for name, count in counts.items() if count])}
            if chosen:
                return chosen
            waiting(f"no topic that may be looked at matches {pattern}")
        if stop.wait(delay):
            return None
    return None


def _backoff() -> Any:
    delay = 0.25
    while True:
        yield delay
        delay = min(delay * 2, 5.0)
