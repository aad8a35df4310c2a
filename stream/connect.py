"""Asks the brokers whether they are there and have the topics."""

import logging

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from stream.config import Config
from stream.errors import Unreachable
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
    try:
        client = AdminClient({**config.kafka.properties, "bootstrap.servers": config.kafka.brokers}, logger=_silent)
    except (KafkaException, ValueError, TypeError) as error:
        said = redact(_reason(error), config)
        raise ConfigError([config.problem((("kafka", "properties"), said, "properties of librdkafka"))]) from None
    try:
        found = client.list_topics(timeout=timeout).topics
    except KafkaException as error:
        said = redact(_reason(error), config)
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


def _reason(error: Exception) -> str:
    inner = error.args[0] if error.args else error
    return str(inner.str() if hasattr(inner, "str") else inner)
