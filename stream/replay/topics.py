"""Partitions of a topic between two offsets or times, as lanes of a replay."""

from __future__ import annotations

import datetime as dt
import time
from dataclasses import dataclass
from operator import methodcaller
from typing import TYPE_CHECKING, Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from operators.records import UNTIMED, Topic
from stream.errors import Unreachable, UsageError
from stream.kafka.asking import ends, listing, offsets_at
from stream.kafka.client import consumer_properties
from stream.kafka.envelopes import MessageEnvelopes
from stream.kafka.messages import rfc3339
from stream.replay.lanes import Block

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stream.config.edges.kafka import KafkaSettings

SILENCE_SECONDS = 60.0
"""How long it may give no message of a range that it has."""

LARGEST = 8_000
POLL = 1_000
ALLOWED = "an offset, a time such as 2026-01-31T08:00:00Z, earliest or latest"

_AT_END = KafkaError._PARTITION_EOF  # noqa: SLF001 - the client's public name for it


@dataclass(frozen=True, slots=True)
class Place:
    """A place in every partition: exactly one of an offset and a time (ms), or neither for one of its ends."""

    offset: int | None = None
    time: int | None = None
    latest: bool = False


def parse_place(option: str, text: str) -> Place:
    """Read one side of a range.

    Raises:
        UsageError: it is none of ALLOWED.
    """
    if text in {"earliest", "latest"}:
        return Place(latest=text == "latest")
    if text.isascii() and text.isdigit() and len(text) <= 18:
        return Place(offset=int(text))
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise UsageError(f"{option} {text}: allowed is {ALLOWED}")
    return Place(time=round(moment.timestamp() * 1e3))


@dataclass(frozen=True, slots=True)
class Range:
    """Offsets of a partition that are to be read, [begin, end); `gone` of those asked for are no longer kept."""

    partition: int
    begin: int
    end: int
    gone: int


def quiet_consumer(kafka: KafkaSettings) -> dict[str, Any]:
    """Properties of a consumer whose troubles are told in one line where they end a replay, and nowhere else."""
    return {**consumer_properties(kafka), "error_cb": lambda _: None, "log_level": 0}


def ranges(properties: dict[str, Any], topic: str, begin: Place, end: Place) -> list[Range]:
    """The offsets of every partition between two places, the second not included, as the topic is now.

    Raises:
        Unreachable: the broker does not answer.
        UsageError: there is no such topic, or nothing between the places.
    """
    consumer = Consumer(properties)
    try:
        _, found = listing(consumer, topic)
        if found.error is not None:
            raise UsageError(f"topics.predictions: {topic}: {found.error.str()}")
        chosen = list(_ranges(consumer, topic, sorted(found.partitions), begin, end))
    except KafkaException as error:
        raise Unreachable(f"kafka.brokers: no answer about {topic}: {error.args[0].str()}") from None
    finally:
        consumer.close()
    if not any(each.end > each.begin for each in chosen):
        raise UsageError(f"topics.predictions: {topic} holds no message between --from and --to")
    return chosen


def _ranges(consumer: Consumer, topic: str, partitions: list[int], begin: Place, end: Place) -> Iterator[Range]:
    kept = ends(consumer, topic, partitions)
    firsts, lasts = (_offsets(consumer, topic, kept, place) for place in (begin, end))
    for number, (low, high) in kept.items():
        first, last = firsts[number], lasts[number]
        start = min(max(first, low), high)
        gone = max(0, min(low, last) - first) if begin.offset is not None else 0
        yield Range(number, start, min(max(last, start), high), gone)


def _offsets(consumer: Consumer, topic: str, kept: dict[int, tuple[int, int]], place: Place) -> dict[int, int]:
    """The offset of a place in each partition."""
    if place.offset is not None:
        return dict.fromkeys(kept, place.offset)
    if place.time is None:
        return {number: high if place.latest else low for number, (low, high) in kept.items()}
    found = offsets_at(consumer, topic, kept, place.time)
    # A time after the last message has no offset.
    return {number: offset if offset >= 0 else kept[number][1] for number, offset in found.items()}


class TopicLane:
    """One partition from one offset to another."""

    largest = LARGEST

    def __init__(
        self,
        properties: dict[str, Any],
        topic: str,
        chosen: Range,
        holds: Topic = Topic.PREDICTIONS,
        source: int | None = None,
    ) -> None:
        self.topic = topic
        self.holds = holds
        self.source = source
        self.total = chosen.end - chosen.begin
        self._range = chosen
        self._next = chosen.begin
        self._over = not self.total
        self._consumer: Consumer | None = None
        if self.total:
            self._consumer = Consumer(properties)
            self._consumer.assign([TopicPartition(topic, chosen.partition, chosen.begin)])

    @property
    def done(self) -> int:
        """Offsets passed."""
        return min(self._next, self._range.end) - self._range.begin

    def read(self, size: int) -> Block:
        """The next `size` messages, fewer at the end.

        Raises:
            Unreachable: the broker has given nothing for SILENCE_SECONDS.
            UsageError: it refuses to.
        """
        messages: list[Message] = []
        deadline = time.monotonic() + SILENCE_SECONDS
        while not self._over and len(messages) < size:
            # Never more than there are: the client would wait for them.
            polled = self._poll(min(POLL, size - len(messages), self._range.end - self._next))
            messages += polled
            if polled:
                deadline = time.monotonic() + SILENCE_SECONDS
            elif not self._over and time.monotonic() > deadline:
                raise Unreachable(f"{self._name}: no message for {SILENCE_SECONDS:.0f} s at offset {self._next}")
        if self._over:
            self.close()
        written = [stamp if kind else UNTIMED for kind, stamp in map(methodcaller("timestamp"), messages)]
        return Block(list(map(Message.value, messages)), written, MessageEnvelopes(messages), self._over)

    def close(self) -> None:
        """Leave the partition."""
        if self._consumer is not None:
            self._consumer.close()
            self._consumer = None

    @property
    def _name(self) -> str:
        return f"{self.topic}/{self._range.partition}"

    def _poll(self, count: int) -> list[Message]:
        """Messages of the range; notices its end, which need not be a message (transactions leave marks)."""
        polled = [] if self._consumer is None else self._consumer.consume(count, 0.5)
        found = []
        for message in polled:
            error = message.error()
            if error is not None:
                self._over = self._over or error.code() == _AT_END
                self._refuse(error)
            elif (message.offset() or 0) >= self._range.end:
                self._over = True
            else:
                found.append(message)
        if found:
            self._next = (found[-1].offset() or 0) + 1
            self._over = self._over or self._next >= self._range.end
        return found

    def _refuse(self, error: KafkaError) -> None:
        """Raise unless the client will overcome the error by itself.

        Raises:
            UsageError: the partition cannot be read on.
        """
        passing = error.code() in {_AT_END, KafkaError._ALL_BROKERS_DOWN, KafkaError._TRANSPORT}  # noqa: SLF001
        if not passing and not error.retriable():
            raise UsageError(f"{self._name}: cannot be read at offset {self._next}: {error.str()}")


def told(begin: Place, end: Place, chosen: list[Range]) -> Iterator[str]:
    """Lines that say what is read."""
    count = sum(each.end - each.begin for each in chosen)
    since, until = (f" {word} {rfc3339(at.time)}" if at.time else "" for word, at in (("from", begin), ("to", end)))
    yield f"{count:,} messages of {len(chosen)} partitions{since}{until}"
    for each in chosen:
        if each.gone:
            yield f"partition {each.partition}: {each.gone:,} messages of the range are no longer kept"
