"""Client settings for consumers and producers: ours first, the user's `kafka.properties` over them."""

from __future__ import annotations

import logging
import time
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


REPEAT_EVERY = 30.0
"""Seconds in which an error of one kind is logged once: without a broker a consumer meets it twenty times a second."""

_said: dict[int, float] = {}


def _log_error(error: KafkaError) -> None:
    now, code = time.monotonic(), error.code()
    again = now - _said.get(code, -REPEAT_EVERY) < REPEAT_EVERY
    if not again:
        _said[code] = now
    _LOG.log(logging.DEBUG if again else logging.WARNING, "kafka: %s", error.str())


def base(kafka: KafkaSettings) -> dict[str, Any]:
    """Where the brokers are and the user's properties."""
    return {"bootstrap.servers": kafka.brokers, "error_cb": _log_error, **kafka.properties}


def consumer_properties(kafka: KafkaSettings) -> dict[str, Any]:
    """Properties of a consumer of one partition."""
    return {**_CONSUMER, **base(kafka)}


def producer_properties(kafka: KafkaSettings) -> dict[str, Any]:
    """Properties of the producer of one output topic."""
    return {**_PRODUCER, **base(kafka)}
