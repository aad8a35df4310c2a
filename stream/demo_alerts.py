"""The alerts topic as a subscriber reads it: with a consumer of its own, from the beginning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import msgspec
from confluent_kafka import Consumer, TopicPartition

if TYPE_CHECKING:
    from types import TracebackType

_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Announced:
    """An alert event as it was read.

    Attributes:
        at: when it was written to the topic, ms since the epoch.
        alert, state, severity, metric, value, lower, threshold, window, segment, reason: as in the contract.
        features: its causes, strongest first.
    """

    at: int
    alert: str
    state: str
    severity: str
    features: tuple[str, ...]
    metric: str
    value: float
    lower: float
    threshold: float
    window: str
    segment: str
    reason: str


def announced(value: bytes, at: int) -> Announced:
    """The event in a message of the alerts topic that was written at `at` (ms)."""
    event: dict[str, Any] = msgspec.json.decode(value)
    return Announced(
        at=at,
        features=tuple(cause["feature"] for cause in event["causes"] if cause["feature"]),
        window=event["window"]["size"],
        **{name: event[name] for name in ("alert", "state", "severity", "metric", "segment", "reason")},
        **{name: float(event[name]) for name in ("value", "lower", "threshold")},
    )


class AlertFeed:
    """Reads the alerts topic; a context manager.

    Args:
        bootstrap: address of the broker.
        topic: the alerts topic.
        partitions: how many it has.
    """

    def __init__(self, bootstrap: str, topic: str, partitions: int) -> None:
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": "driftgauge-demo-view",
                "enable.auto.commit": False,
                "fetch.wait.max.ms": 100,
                "log_level": 0,
            }
        )
        self._consumer.assign([TopicPartition(topic, partition, 0) for partition in range(partitions)])

    def take(self, seconds: float) -> list[Announced]:
        """What has come since; waits at most so long for something to come."""
        first = self._consumer.poll(seconds)
        if first is None:
            return []
        found = []
        for message in (first, *self._consumer.consume(_AT_ONCE, 0.0)):
            value = message.value()
            if message.error() is None and value is not None:
                found.append(announced(value if isinstance(value, bytes) else value.encode(), message.timestamp()[1]))
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._consumer.close()
