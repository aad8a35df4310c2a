"""The source: one consumer per partition, assigned and sought to the snapshot's offset.

A batch of raw messages an item.
"""

from __future__ import annotations

import datetime as dt
import logging
import time
from dataclasses import dataclass, field, replace
from operator import itemgetter
from typing import TYPE_CHECKING, Any, ClassVar

from bytewax.inputs import StatefulSourcePartition
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

from operators.records import Origin, RawBatch, Topic
from operators.step import read_snapshot, snapshot_of
from stream.engine.rhythm import Rhythm
from stream.kafka.absence import Absence
from stream.kafka.asking import ends
from stream.kafka.envelopes import MessageEnvelopes
from stream.kafka.inquiry import UNKNOWN, TopicIdentity
from stream.kafka.portion import POLL, Portions
from stream.metrics.reports import Increments
from stream.throttle import Throttle

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence

    from operators.records import Census
    from stream.kafka.alignment import Alignment
    from stream.kafka.inquiry import End
    from stream.kafka.watcher import Watcher
    from stream.metrics.reports import Reporter

BATCH = 8_000
"""Messages after which a batch is handed on even though more are waiting; for its bytes see `Portions`.

Large enough to spread the cost of numpy calls.
"""

PAUSE = 0.05
"""How long (s) an empty partition is left alone."""

TELL_EVERY = 1_000
"""Least time (ms) between two confirmations of the same kind."""

HOLD = 40
"""Times `idle_after` that a partition read to its end may be behind the clock and still hold the others: 10 min."""

COMMIT_EVERY = 5.0
"""Seconds between commits to the group, for lag tools only."""

_LOG = logging.getLogger("driftgauge.source")
_TIMESTAMP = itemgetter(1)
# The client's public names for its own errors begin with an underscore.
_AT_END = KafkaError._PARTITION_EOF  # noqa: SLF001
_NO_OFFSET = {KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE}  # noqa: SLF001
_PASSING = {KafkaError._ALL_BROKERS_DOWN, KafkaError._TRANSPORT}  # noqa: SLF001
_no_group = Throttle()


def _nothing() -> None:
    """Nobody wants to know."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How partitions are read.

    Attributes:
        properties: of each consumer.
        topic: what is read.
        partitions: how many it has.
        earliest: where a partition without a snapshot starts: its beginning, or its end.
        idle_after: how long (ms) a partition must be confirmed empty before its silence counts.
        lateness: how far (ms) before the confirmation its silence reaches.
        stop: set when reading shall end.
        holds: what its messages are.
        moved: called whenever a partition is looked at.
        saved: called whenever an epoch ends.
        source: number of the source by whose map messages are read; None for the contract's own shape.
        feed: a name of the topic that no other one has that holds the same; its own where it is empty.
        census: partitions of all topics that hold the same; nothing where it is the only one.
        prefix: what the names of its partitions begin with.
        also: the feed and the census of feedback, where the topic holds it beside predictions; None where it does not.
        ready: whether these messages can be decoded yet; what cannot is held back, and nothing behind it is read.
        epoch: from one snapshot to the next (ms).
        halves: of a topic that holds requests and responses: partitions of all topics that do.
    """

    properties: dict[str, Any]
    topic: str
    partitions: int
    earliest: bool
    idle_after: int
    lateness: int
    stop: threading.Event
    holds: Topic = Topic.PREDICTIONS
    moved: Callable[[], None] = field(default=_nothing)
    saved: Callable[[], None] = field(default=_nothing)
    source: int | None = None
    feed: str = ""
    census: Census = ()
    prefix: str = ""
    also: tuple[str, Census] | None = None
    ready: Callable[[Sequence[Message]], bool] | None = None
    epoch: int = 1_000
    halves: Census = ()


@dataclass(frozen=True, slots=True)
class Position:
    """The next message of a partition, and of which topic: the offset says nothing of another one of that name.

    The offset is None where reading begins at the oldest message and none has been read.
    """

    offset: int | None = None
    origin: TopicIdentity = UNKNOWN
    version: ClassVar[int] = 1


class PartitionReader(StatefulSourcePartition[RawBatch, bytes]):
    """Reads one partition. Its snapshot holds the position of the next message."""

    def __init__(
        self,
        reading: Reading,
        partition: int,
        step: str,
        resume: bytes | None,
        watcher: Watcher,
        alignment: Alignment,
        reporter: Reporter,
    ) -> None:
        """Stand where the partition was left; at its start or end when there is no snapshot."""
        self._reading = reading
        self._partition = partition
        self._place = (reading.feed or reading.topic, partition)
        self._watcher = watcher
        self._reporter = reporter
        self._alignment = alignment
        self._consumer = Consumer(reading.properties)
        self._step = step
        position: Position
        if resume is None:
            position = Position(None if reading.earliest else self._end())
        else:
            _, position = read_snapshot(step, resume)
        self._next, self._origin = position.offset, position.origin
        self._quiet_since = _now()
        self._told_silent = 0
        self._told = 0
        self._known = False
        self._ended = False
        self._awake: dt.datetime | None = None
        self._rhythm = Rhythm(reading.epoch / 1e3, PAUSE)
        self._portions = Portions()
        self._more = False
        self._absence = Absence(watcher, partition)
        self._waiting: tuple[list[Message], int | None] | None = None
        self._committed = time.monotonic()
        watcher.register(partition, lambda: self._next)

    def next_batch(self) -> list[RawBatch]:
        """What has come; nothing when nothing has; the confirmation of silence once it is due.

        Raises:
            StopIteration: it is time to stop, or the topic is not what it was at the start.
        """
        self._reading.moved()
        self._rhythm.asked(time.monotonic())
        if self._reading.stop.is_set() or self._watcher.changed.is_set():
            raise StopIteration
        now = _now()
        if not self._is_known():
            self._rest()
            return []
        if self._alignment.must_wait(self._place):
            # Not quiet: there may be anything to read.
            self._quiet_since = now
            self._rest()
            return []
        messages = self._readable()
        if messages is None:
            # Not quiet: there is something to read.
            self._quiet_since = now
            self._rest()
            return []
        if messages:
            # Not below the end that the poll may have found: markers of transactions follow the last message.
            self._next = max(int(messages[-1].offset() or 0) + 1, self._next or 0)
        # The client finds an end only where the broker had nothing for it: never in a steady stream.
        held = self._held()
        self._alignment.read(self._place, at_end=not held and (self._ended or self._caught_up() is not None))
        if held or messages:
            self._quiet_since = now
        if messages:
            self._awake = None
            if not self._more and self._rhythm.is_over(time.monotonic()):
                self._rest()  # there is nothing more, and it will not be asked before the epoch has ended everywhere
            self._commit()
            return [self._batch(messages, now), *self._hold(now)]
        self._rest()
        return self._silence(now) or self._hold(now)

    def next_awake(self) -> dt.datetime | None:
        """At once while there is data, else after a short pause."""
        return self._awake

    @property
    def position(self) -> Position:
        """The next message."""
        return Position(self._next, self._origin)

    def snapshot(self) -> bytes:
        """The position, as every snapshot is kept."""
        self._reading.saved()
        self._rhythm.saved(time.monotonic())
        return snapshot_of(self._step, f"{self._reading.prefix}{self._partition}", self.position)

    def close(self) -> None:
        """Leave the partition."""
        self._consumer.close()

    def _rest(self) -> None:
        self._awake = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=self._rhythm.rest(time.monotonic()))

    def _is_known(self) -> bool:
        """Whether the broker has said which topic this is; then it is assigned.

        If it is not the one of the snapshot, reading begins anew.
        """
        if not self._known and (origin := self._watcher.origin) is not None:
            self._known = True
            if origin.is_other_than(self._origin) and self._next is not None:
                self._gap(f"it is another topic than that of the state ({_named(self._origin)}), {_named(origin)}")
            else:
                self._assign(OFFSET_BEGINNING if self._next is None else self._next)
            self._origin = origin.beside(self._origin)
        return self._known

    def _readable(self) -> list[Message] | None:
        """The next messages; None while those that came cannot be decoded. The position stays before them then."""
        ready, before = self._reading.ready, self._next
        if self._waiting is None:
            messages = self._consume()
        else:
            messages, self._next = self._waiting
        if ready is None or ready(messages):
            self._waiting = None
            return messages
        self._waiting, self._next = (messages, self._next), before
        return None

    def _consume(self) -> list[Message]:
        messages: list[Message] = []
        if self._absence.is_over():
            self._assign(OFFSET_BEGINNING if self._next is None else self._next)
        limit = self._alignment.pace(self._place, BATCH)
        self._portions.begin()
        self._more = limit >= POLL
        while poll := self._portions.next(limit - len(messages)):
            polled = self._consumer.consume(poll, 0.0)
            self._portions.took(polled)
            if polled:
                last = polled[-1].error()
                self._ended = last is not None and last.code() == _AT_END
            if any(map(Message.error, polled)):
                polled = [message for message in polled if self._good(message)]
            elif polled:
                self._absence.given()
            messages += polled
            if len(polled) < poll:
                self._more = self._more and len(messages) >= POLL
                break
        return messages

    def _good(self, message: Message) -> bool:
        """Whether it is a message. Errors that the client overcomes by itself are not ours.

        Raises:
            KafkaException: the partition cannot be read.
        """
        error = message.error()
        if error is None:
            return True
        code = error.code()
        if code == _AT_END:
            self._absence.given()
            # The end may lie beyond the last message + 1: markers of transactions take offsets, too.
            self._next = max(message.offset() or 0, self._next or 0)
        elif code in _NO_OFFSET:
            self._gap("the broker does not have the next message")
        elif code == KafkaError.GROUP_AUTHORIZATION_FAILED:
            if _no_group.due():
                _LOG.warning("offsets for lag tools are not committed: %s; nothing else needs it", error.str())
        elif not self._absence.is_told_by(code) and not error.retriable() and code not in _PASSING:
            raise KafkaException(error)
        return False

    def _gap(self, why: str) -> None:
        """The position is gone: go on at the oldest message there is, and say that there is a gap."""
        low, high = self._ends()
        _LOG.error(
            "data gap: %s/%d: %s; it has offsets %d to %d, %s was next; going on at %d",
            self._reading.topic,
            self._partition,
            why,
            low,
            high,
            self._next,
            low,
        )
        self._reporter.send(Increments("data_gaps_total", {(self._reading.topic, str(self._partition)): 1.0}))
        self._next = low
        self._origin = self._watcher.ask_origin() or UNKNOWN
        self._assign(low)

    def _end(self) -> int:
        """The partition's end. Asked for at once: a snapshot without an offset would stand for the beginning.

        Raises:
            KafkaException: the broker does not answer.
        """
        return self._ends()[1]

    def _ends(self) -> tuple[int, int]:
        return ends(self._consumer, self._reading.topic, [self._partition])[self._partition]

    def _assign(self, offset: int) -> None:
        self._consumer.assign([TopicPartition(self._reading.topic, self._partition, offset)])

    def _batch(self, messages: list[Message], now: int) -> RawBatch:
        # -1 stands for a message without a timestamp (Kafka before 0.10).
        written = list(map(_TIMESTAMP, map(Message.timestamp, messages)))
        if -1 in written:
            written = [now if stamp == -1 else stamp for stamp in written]
        values, envelopes = list(map(Message.value, messages)), MessageEnvelopes(messages)
        origin = self._from()
        return RawBatch(origin, values, written, envelopes, now, self._reading.source, self._beside(origin))

    def _silence(self, now: int) -> list[RawBatch]:
        """A batch that says there is nothing, once the broker has confirmed it for long enough."""
        end = self._caught_up()
        if end is None:
            return []
        quiet_since = max(self._quiet_since, end.since)
        if end.asked - quiet_since < self._reading.idle_after or end.asked - self._told_silent < TELL_EVERY:
            return []
        self._told_silent = end.asked
        return [self._nothing_before(end.asked - self._reading.lateness, now)]

    def _hold(self, now: int) -> list[RawBatch]:
        """Bound how far back a partition can hold the others that has been read to its end.

        What it brings is older than that: a feed with a stuck clock, or one that delivers hours late. Its records are
        counted as late, instead of silencing every model. One that is not at its end tells only that all partitions
        are known still.
        """
        if now - self._told < TELL_EVERY:
            return []
        self._told = now
        end = self._caught_up()
        return [self._nothing_before(None if end is None else end.asked - HOLD * self._reading.idle_after, now)]

    def _caught_up(self) -> End | None:
        """The broker's word on the partition's end, when everything before it has been read."""
        end = self._watcher.end(self._partition)
        return None if end is None or end.held or self._next is None or self._next < end.offset else end

    def _held(self) -> bool:
        """Whether an open transaction keeps back what is in the log: not silence, and not the end."""
        end = self._watcher.end(self._partition)
        return end is not None and end.held

    def _nothing_before(self, silent_until: int | None, now: int) -> RawBatch:
        origin = self._from(silent_until)
        return RawBatch(origin, (), (), MessageEnvelopes(()), now, self._reading.source, self._beside(origin))

    def _beside(self, origin: Origin) -> Origin | None:
        """The partition as one of feedback, where it holds both."""
        if self._reading.also is None:
            return None
        feed, census = self._reading.also
        return replace(origin, holds=Topic.FEEDBACK, feed=feed, census=census)

    def _from(self, silent_until: int | None = None) -> Origin:
        """This partition, with what the broker confirmed."""
        reading = self._reading
        return Origin(
            reading.topic,
            self._partition,
            reading.partitions,
            reading.holds,
            reading.feed,
            reading.census,
            silent_until,
            self._complete_until(),
            halves=reading.halves,
        )

    def _complete_until(self) -> int | None:
        """What a partition that is yet to be noticed can bring is not older than this (ms)."""
        at = self._watcher.complete_at
        return None if at is None else at - self._reading.lateness

    def _commit(self) -> None:
        """Tell the group where we are. Nothing depends on it: recovery has its own offsets."""
        if self._next is None or time.monotonic() - self._committed < COMMIT_EVERY:
            return
        self._committed = time.monotonic()
        try:
            self._consumer.commit(
                offsets=[TopicPartition(self._reading.topic, self._partition, self._next)], asynchronous=True
            )
        except KafkaException as error:
            _LOG.debug("offsets for lag tools were not committed: %s", error)


def _named(origin: TopicIdentity) -> str:
    return f"{origin.topic or 'of unknown id'} of cluster {origin.cluster or 'unknown'}"


def _now() -> int:
    return int(time.time() * 1e3)
