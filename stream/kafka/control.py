"""Writes to the control topic, each message confirmed before the next step."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import msgspec
from confluent_kafka import Producer

from stream.errors import Unreachable

if TYPE_CHECKING:
    from confluent_kafka import Message

ANSWER_SECONDS = 10.0


class ControlWriter:
    """Writes messages. Safe to use from several threads.

    Args:
        properties: of the producer.
        topic: the control topic.
    """

    def __init__(self, properties: dict[str, Any], topic: str) -> None:
        self._topic = topic
        self._producer = Producer({**properties, "message.timeout.ms": int(ANSWER_SECONDS * 1e3)})
        self._lock = threading.Lock()

    def write(self, message: dict[str, Any]) -> None:
        """Write a message and return once the broker has it.

        Raises:
            Unreachable: it does not take it.
        """
        failures: list[str] = []

        def delivered(error: Any, _: Message) -> None:
            if error is not None:
                failures.append(error.str())

        with self._lock:
            key = message["model"].encode()
            self._producer.produce(self._topic, msgspec.json.encode(message), key=key, on_delivery=delivered)
            left = self._producer.flush(ANSWER_SECONDS + 1)
        if left or failures:
            why = failures[0] if failures else "no answer"
            raise Unreachable(f"topics.control: {self._topic} did not take it: {why}")
