"""The alerts topic as a subscriber reads it: with a consumer of its own, from the beginning."""

from __future__ import annotations

import datetime as dt
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import msgspec
from confluent_kafka import Consumer, TopicPartition

if TYPE_CHECKING:
    from types import TracebackType

_AT_ONCE = 100
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class _Cause(msgspec.Struct):
    feature: str


class _Event(msgspec.Struct):
    """What the demo needs of an alert event."""

    alert: str
    state: str
    severity: str
    segment: str
    metric: str
    causes: list[_Cause]
    reason: str
    model: str = ""
    event_time: dt.datetime = EPOCH


@dataclass(frozen=True, slots=True)
class Announced:
    """An alert event as a subscriber has it.

    Attributes:
        at: when it was read, ms since the epoch.
        alert, state, severity, segment, metric, reason: as in the contract.
        features: its causes, strongest first.
        model, event_time: as in the contract; event time in ms.
    """

    at: int
    alert: str
    state: str
    severity: str
    segment: str
    metric: str
    features: tuple[str, ...]
    reason: str
    model: str = ""
    event_time: int = 0


def announced(value: bytes, at: int) -> Announced:
    """The event in a message that was read at `at` (ms)."""
    event = msgspec.json.decode(value, type=_Event)
    return Announced(
        at=at,
        alert=event.alert,
        state=event.state,
        severity=event.severity,
        segment=event.segment,
        metric=event.metric,
        features=tuple(cause.feature for cause in event.causes if cause.feature),
        reason=event.reason,
        model=event.model,
        event_time=round(event.event_time.timestamp() * 1e3),
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
        now = int(time.time() * 1e3)
        messages = [first, *self._consumer.consume(_AT_ONCE, 0.0)]
        values = [message.value() for message in messages if message.error() is None]
        return [announced(value, now) for value in values if isinstance(value, bytes)]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._consumer.close()
