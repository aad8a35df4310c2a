"""The sinks: events to a Kafka topic, delivered and confirmed before the epoch is saved."""

from __future__ import annotations

import logging
import time
from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition
from confluent_kafka import KafkaError, KafkaException, Producer

from stream.throttle import Throttle

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from confluent_kafka import Message

    from stream.kafka.messages import Outgoing

_LOG = logging.getLogger("driftgauge.sink")

STOP_GRACE = 2.0
"""Seconds that outstanding deliveries get once it is time to stop.

What is not delivered then is sent again after the restart.
"""


HELD_UP = 2.0
"""Seconds after which messages that the broker does not take are news, and again after as many."""

AGAIN = 1.0
"""Seconds after which what was refused for now is sent again."""

_TOO_LARGE = {KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.RECORD_LIST_TOO_LARGE}
_FOR_NOW = {
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError._UNKNOWN_TOPIC,  # noqa: SLF001 - the client's name for it
    KafkaError._UNKNOWN_PARTITION,  # noqa: SLF001 - the same
}
"""What somebody mends on the cluster, while a restart mends nothing: a right, or a topic that was deleted."""


class Encode(Protocol):
    """Turns an item into a message, at the time (ms) it leaves."""

    def __call__(self, item: Any, now: int) -> Outgoing:
        """The message."""


class UndeliveredError(RuntimeError):
    """Messages that the broker refused, or did not take before the stop: the epoch must not be saved."""


@dataclass(frozen=True, slots=True)
class Writing:
    """Where and how items are written.

    Attributes:
        properties: of each producer.
        topic: what is written to.
        encode: makes the message of an item.
        stop: set when writing shall end.
        delivered: told each item that the broker has, and when (ms).
        smaller: what to try, in turn, instead of `encode` when the message of an item is too large.
        settled: called whenever everything up to a snapshot is delivered.
        held_up: told, in words, that the broker does not take the messages; with an empty text once it does again.
        waiting: told by each writer, by its number, for how many seconds it has waited for the broker to take messages,
            now and again while it waits; 0 at its start and once they are taken.
        moved: called while it waits: it does nothing else, and knows why.
    """

    properties: dict[str, Any]
    topic: str
    encode: Encode
    stop: threading.Event
    delivered: Callable[[Any, int], None] | None = None
    smaller: tuple[Encode, ...] = ()
    settled: Callable[[], None] | None = None
    held_up: Callable[[str], None] | None = None
    waiting: Callable[[str, float], None] | None = None
    moved: Callable[[], None] | None = None


def reason_of(error: KafkaError) -> str:
    """What to tell of a refusal: where to look when the broker gave no cause."""
    return f"{error.str()}: its own log says why" if error.code() == KafkaError.UNKNOWN else error.str()


@dataclass(frozen=True, slots=True)
class _Attempt:
    """An item on its way, and which of its encoders made the message."""

    item: Any
    encoder: int


class TopicWriter(StatefulSinkPartition[Any, None]):
    """Writes to one topic. Has no state of its own: the snapshot is the moment by which everything is delivered."""

    def __init__(self, writing: Writing, part: str = "0") -> None:
        """Connect, as the writer of this number."""
        self._writing = writing
        self._part = part
        self._encoders = (writing.encode, *writing.smaller)
        self._producer = Producer(writing.properties)
        self._failed: Counter[str] = Counter()
        self._too_large: list[_Attempt] = []
        self._for_now: list[_Attempt] = []
        self._reason = ""
        self._refused_as: int | None = None
        self._one_by_one = False
        self._log_shortened = Throttle()
        self._waited(0.0)

    def write_batch(self, values: list[Any]) -> None:
        """Hand the items to the client; waits only when its queue is full."""
        now = int(time.time() * 1e3)
        for item in values:
            self._produce(_Attempt(item, 0), now)
        self._producer.poll(0)

    def snapshot(self) -> None:
        """Wait until everything is delivered; what is too large, as a smaller message.

        Raises:
            UndeliveredError: something cannot be delivered, or not before the stop.
        """
        self._flush()
        self._one_by_one = True
        while self._too_large:
            self._produce(self._too_large.pop(0), int(time.time() * 1e3))
            self._flush()
        self._one_by_one = False
        if self._writing.settled is not None:
            self._writing.settled()

    def close(self) -> None:
        """Nothing is left: the last snapshot saw to that."""
        self._producer.poll(0)

    def _flush(self) -> None:
        """Wait until each message is delivered or found to be too large; what is refused for now is sent again."""
        stopping = None
        told = began = time.monotonic()
        while self._producer.flush(0.2) or self._for_now:
            if self._failed:
                break
            self._moved()
            now = time.monotonic()
            if self._writing.stop.is_set():
                stopping = stopping or now
                if now - stopping > STOP_GRACE:
                    raise UndeliveredError(f"{self._outstanding} messages to {self._writing.topic} are undelivered")
            if now - told > HELD_UP or (self._for_now and told == began):
                told = now
                self._tell(f"{self._outstanding} messages to {self._writing.topic} are not taken{self._because}")
                self._waited(now - began)
            self._send_again()
        if self._failed:
            raise UndeliveredError(f"{self._writing.topic} refused {self._failed.total()}: {'; '.join(self._failed)}")
        if told > began:
            self._refused_as = None
            self._tell("")
            self._waited(0.0)

    def _send_again(self) -> None:
        """What was refused for now, in its order, after a pause."""
        if not self._for_now or len(self._producer):
            return
        self._writing.stop.wait(AGAIN)
        refused, self._for_now = self._for_now, []
        for attempt in refused:
            self._produce(attempt, int(time.time() * 1e3))

    @property
    def _outstanding(self) -> int:
        return len(self._producer) + len(self._for_now)

    @property
    def _because(self) -> str:
        return f": {self._reason}" if self._for_now else ""

    def _moved(self) -> None:
        if self._writing.moved is not None:
            self._writing.moved()

    def _tell(self, why: str) -> None:
        if self._writing.held_up is not None:
            self._writing.held_up(why)

    def _waited(self, seconds: float) -> None:
        if self._writing.waiting is not None:
            self._writing.waiting(self._part, seconds)

    def _produce(self, attempt: _Attempt, now: int) -> None:
        message = self._encoders[attempt.encoder](attempt.item, now)
        while True:
            try:
                self._producer.produce(
                    self._writing.topic,
                    value=message.value,
                    key=message.key,
                    headers=list(message.headers),
                    on_delivery=partial(self._on_delivery, attempt=attempt),
                )
            except BufferError:
                self._producer.poll(0.2)
                self._moved()
                continue
            except KafkaException as error:
                self._refused(error.args[0], attempt, alone=True)
            return

    def _on_delivery(self, error: KafkaError | None, _: Message, attempt: _Attempt) -> None:
        if error is not None:
            self._refused(error, attempt, alone=self._one_by_one)
        elif self._writing.delivered is not None:
            self._writing.delivered(attempt.item, int(time.time() * 1e3))

    def _refused(self, error: KafkaError, attempt: _Attempt, *, alone: bool) -> None:
        """Note what to send again; not here, for this may be inside of a call of the client.

        A broker refuses a batch as a whole: what was not alone in it may be small enough as it is.
        """
        if error.code() in _FOR_NOW:
            if error.code() != self._refused_as:
                self._refused_as, self._reason = error.code(), reason_of(error)
                _LOG.error(
                    "not delivered to %s: %s; it is sent again until it is taken", self._writing.topic, self._reason
                )
            self._for_now.append(attempt)
            return
        following = attempt.encoder + 1 if alone else attempt.encoder
        if error.code() not in _TOO_LARGE or following == len(self._encoders):
            reason = reason_of(error)
            if reason not in self._failed:  # thousands at a time; how many is said when the writer gives up
                _LOG.error("not delivered to %s: %s", self._writing.topic, reason)
            self._failed[reason] += 1
            return
        if alone and self._log_shortened.due():
            _LOG.warning("a message to %s is too large, parts of it are left out: %s", self._writing.topic, error.str())
        self._too_large.append(_Attempt(attempt.item, following))


class TopicSink(FixedPartitionedSink[Any, None]):
    """One topic as a sink; `parts` writers share the work."""

    def __init__(self, writing: Writing, parts: int = 1) -> None:
        """Write as `writing` says."""
        self._writing = writing
        self._parts = parts

    def list_parts(self) -> list[str]:
        """Writer numbers as text."""
        return list(map(str, range(self._parts)))

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> TopicWriter:  # noqa: ARG002
        """A writer."""
        return TopicWriter(self._writing, for_part)
