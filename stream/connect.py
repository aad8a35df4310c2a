"""Asks the brokers whether they are there and have the topics."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from confluent_kafka import Consumer, KafkaException, Producer
from confluent_kafka.admin import AdminClient

from stream.config import Config
from stream.errors import Unreachable
from stream.kafka_client import Complaints, consumer_properties, producer_properties
from stream.problems import ConfigError
from stream.redact import redact

TIMEOUT_SECONDS = 10.0

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
    wanted = {key: name for key, name in config.topics if name is not None}
    command = f"driftgauge topics create --config {config.source}"
    missing = [
        config.problem((("topics", key), f"topic {name!r} does not exist", f"create it with: {command}"))
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
