"""Client settings for consumers and producers: ours first, the user's `kafka.properties` over them."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any

from confluent_kafka import KafkaError

from stream.throttle import Throttle

if TYPE_CHECKING:
    from stream.config.edges.kafka import KafkaSettings

GROUP = "driftgauge"
"""Consumer group under which offsets are committed, for lag tools only."""

MOCK = "mockCluster"
"""How the embedded broker's cluster id begins, which leaves questions of administration unanswered."""

_LOG = logging.getLogger("driftgauge.kafka")

_ALL = {
    # Errors come through error_cb; of what the client would write to stderr by itself only what ends it is left.
    "log_level": 2,
    "reconnect.backoff.ms": 250,
    "reconnect.backoff.max.ms": 2_000,
    "log.connection.close": False,
}

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
    # The same in bytes, for each partition: it is what bounds a queue of messages that hold many records.
    "queued.max.messages.kbytes": 16_384,
    "fetch.queue.backoff.ms": 2,
}

_PRODUCER = {
    "enable.idempotence": True,
    "linger.ms": 5,
    "compression.type": "lz4",
    # An event is tried until it is delivered: the epoch is not saved before it is.
    "message.timeout.ms": 0,
    # Larger than what brokers take: which message is too large is for the broker to say, not for this client.
    "message.max.bytes": 16 << 20,
}

_throttle = Throttle()
_HOW_LONG = re.compile(r" \(after .*|, \d+ identical error.*", re.DOTALL)
"""What differs each time that the same error is met."""


def _log_error(error: KafkaError) -> None:
    """Once in a while: without a broker each client meets the same error several times a second."""
    due = _throttle.due(_HOW_LONG.sub("", error.str()))
    _LOG.log(logging.WARNING if due else logging.DEBUG, "kafka: %s", error.str())


class Complaints:
    """An error_cb that keeps why a client gets no answer: a refused password or certificate is told nowhere else."""

    def __init__(self) -> None:
        self._said = ""

    def __call__(self, error: KafkaError) -> None:
        """Keep what is said, but for what follows from it."""
        if error.code() != KafkaError._ALL_BROKERS_DOWN:  # noqa: SLF001 - the client's name for it
            self._said = " ".join(_HOW_LONG.sub("", error.str()).split())

    def forget(self) -> None:
        """There was an answer: what was said before is no reason of what comes."""
        self._said = ""

    def behind(self, error: Exception) -> str:
        """The reason of an error that only says that there was no answer."""
        inner = error.args[0] if error.args else error
        return self._said or str(inner.str() if hasattr(inner, "str") else inner)


def base(kafka: KafkaSettings) -> dict[str, Any]:
    """Where the brokers are, what all clients share, and the user's properties."""
    return {"bootstrap.servers": kafka.brokers, "error_cb": _log_error, **_ALL, **kafka.properties}


def consumer_properties(kafka: KafkaSettings) -> dict[str, Any]:
    """Properties of a consumer of one partition."""
    return {**_CONSUMER, **base(kafka)}


def producer_properties(kafka: KafkaSettings) -> dict[str, Any]:
    """Properties of the producer of one output topic."""
    return {**_PRODUCER, **base(kafka)}
