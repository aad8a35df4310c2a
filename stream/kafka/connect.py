"""Asks the brokers whether they are there and have the topics."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient

from operators.actions.plan import acting
from stream.config.inputs import inputs_of
from stream.config.problems import ConfigError
from stream.errors import Unreachable
from stream.kafka.client import Complaints, consumer_properties, producer_properties
from stream.redact import redact

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator

    from stream.config.load import Config
    from stream.config.problems import KeyPath


TIMEOUT_SECONDS = 10.0

_ANOTHER = "the name of a topic that is there is needed"

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
    read = {"predictions", "feedback"}
    wanted: dict[KeyPath, str] = {}
    for one in inputs_of(config.topics, config.sources):
        wanted[("topics", one.holds.value) if one.source is None else ("sources", one.source, "topic")] = one.topic
    read |= set() if acting(config.actions, config.models) else {"control"}
    wanted |= {("topics", key): name for key, name in config.topics if name is not None and key not in read}
    command = f"create it with: driftgauge topics create --config {config.source}"
    missing = [
        config.problem((key, f"topic {name!r} does not exist", _ANOTHER if key[0] == "sources" else command))
        for key, name in wanted.items()
        if name not in found
    ]
    if missing:
        raise ConfigError(missing)
    return {name: len(found[name].partitions) for name in wanted.values()}


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
) -> int | None:
    """Ask until the broker answers and the topic exists; then how many partitions it has. None when stopped meanwhile.

    `waiting` is told, in words, what is being waited for; `remedy` is what it is told to do about a missing topic. A
    broker that creates topics by itself creates what a Producer asks for.
    """
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
                    return len(found.partitions)
                if found.error is None or found.error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
                    waiting(f"topic {topic} does not exist{remedy}")
                else:
                    waiting(f"topic {topic}: {found.error.str()}")
            if stop.wait(delay):
                return None
    finally:
        client.close()
    return None


def _backoff() -> Any:
    delay = 0.25
    while True:
        yield delay
        delay = min(delay * 2, 5.0)
