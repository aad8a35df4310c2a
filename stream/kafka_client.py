"""Client settings for consumers and producers: ours first, the user's `kafka.properties` over them."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from confluent_kafka import KafkaError

    from stream.settings import KafkaSettings

GROUP = "driftgauge"
"""Consumer group under which offsets are committed, for lag tools only."""

_LOG = logging.getLogger("driftgauge.kafka")

_CONSUMER = {
    "group.id": GROUP,
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "enable.partition.eof": True,
    # A position that the broker no longer holds must be an event, not a silent jump.
    "auto.offset.reset": "error",
    "fetch.min.bytes": 1,
    "fetch.wait.max.ms": 100,
    # Past this many queued messages the client stops fetching for fetch.queue.backoff.ms, by default a whole second:
    # a short queue with a short pause is faster than a long one, and takes a third of the memory.
    "queued.min.messages": 20_000,
    "queued.max.messages.kbytes": 65_536,
    "fetch.queue.backoff.ms": 2,
    "reconnect.backoff.max.ms": 2_000,
    "log.connection.close": False,
}

_PRODUCER = {
    "enable.idempotence": True,
    "linger.ms": 5,
    "compression.type": "lz4",
    # An event is tried until it is delivered: the epoch is not saved before it is.
    "message.timeout.ms": 0,
    "reconnect.backoff.max.ms": 2_000,
    "log.connection.close": False,
}


def _log_error(error: KafkaError) -> None:
    _LOG.warning("kafka: %s", error.str())


def base(kafka: KafkaSettings) -> dict[str, Any]:
    """Where the brokers are and the user's properties."""
    return {"bootstrap.servers": kafka.brokers, "error_cb": _log_error, **kafka.properties}


def consumer_properties(kafka: KafkaSettings) -> dict[str, Any]:
    """Properties of a consumer of one partition."""
    return {**_CONSUMER, **base(kafka)}


def producer_properties(kafka: KafkaSettings) -> dict[str, Any]:
    """Properties of the producer of one output topic."""
    return {**_PRODUCER, **base(kafka)}
