"""Which part of a topic is read: messages since a time, at most so many, the latest of them."""

from __future__ import annotations

import datetime as dt
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from confluent_kafka import Consumer, KafkaException
from pydantic_core import PydanticCustomError

from operators.settings.durations import parse_duration
from stream.errors import Unreachable, UsageError
from stream.kafka.asking import offsets_at
from stream.kafka.client import Complaints
from stream.kafka.latest import ends_of, looking
from stream.redact import redact
from stream.replay.topics import Range

if TYPE_CHECKING:
    from stream.config.load import Config

MOST_ROWS = 2_000_000
"""Messages that are taken where nobody says otherwise."""

KAFKA = "kafka:"
_TIMES = "a duration such as -7d, a time such as 2026-01-31T08:00:00Z, or earliest"


@dataclass(frozen=True, slots=True)
class Since:
    """Since when: a time in ms; None for everything that is kept. `said` is how it was given."""

    time: int | None
    said: str


EVERYTHING = Since(None, "all that is kept")


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a topic.

    Attributes:
        ranges: the offsets of each partition.
        since: messages written at or after this time (ms) are in it; None for everything that is kept.
        cut: how many older ones that were asked for are left out.
    """

    ranges: tuple[Range, ...]
    since: int | None
    cut: int

    @property
    def count(self) -> int:
        """Offsets in it, which are its messages or nearly so."""
        return sum(one.end - one.begin for one in self.ranges)


def last(text: str, now: int | None = None) -> Since:
    """What `--last` says.

    Raises:
        UsageError: it is no duration.
    """
    if text == "all":
        return EVERYTHING
    try:
        length = parse_duration(text.removeprefix("-"))
    except PydanticCustomError as error:
        raise UsageError(f"--last {text}: {error.message()}, or all, is needed") from None
    return Since(_now(now) - length, f"the last {text.removeprefix('-')}")


def topic_since(text: str, now: int | None = None) -> tuple[str, Since]:
    """The topic and the time in `kafka:TOPIC?from=-7d`.

    Raises:
        UsageError: it says something else.
    """
    topic, _, query = text.removeprefix(KAFKA).partition("?")
    given = dict(parse_qsl(query.replace("+", "%2B"), keep_blank_values=True))
    unknown = given.keys() - {"from"}
    if not topic or unknown:
        raise UsageError(f"--from {text}: kafka:TOPIC?from=WHEN is needed, WHEN being {_TIMES}")
    at = given.get("from", "earliest")
    if at == "earliest":
        return topic, EVERYTHING
    if at.startswith("-"):
        try:
            return topic, Since(_now(now) - parse_duration(at[1:]), f"the last {at[1:]}")
        except PydanticCustomError:
            raise UsageError(f"--from {text}: from={at}: {_TIMES} is needed") from None
    try:
        moment = dt.datetime.fromisoformat(at)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise UsageError(f"--from {text}: from={at}: {_TIMES} is needed")
    return topic, Since(round(moment.timestamp() * 1e3), f"since {at}")


def span_of(config: Config, topic: str, since: Since, most: int = MOST_ROWS) -> Span:
    """The part of a topic since a time; of more than `most` messages the latest, in all partitions since one time.

    Raises:
        Unreachable: the broker does not answer.
        UsageError: there is no such topic, or no message since then.
    """
    complaints = Complaints()
    consumer = Consumer({**looking(config), "error_cb": complaints})
    try:
        ends = ends_of(consumer, topic)
        asked = _Asked(consumer, topic, ends)
        wanted = asked.offsets(since.time)
        total = asked.count(wanted)
        if not total:
            raise UsageError(f"{topic}: no message of {since.said}")
        at, chosen = since.time, wanted
        if total > most:
            at = asked.later(since.time, most)
            chosen = asked.offsets(at)
    except KafkaException as error:
        consumer.poll(0)  # hears the complaints
        said = redact(complaints.behind(error), config)
        raise Unreachable(f"{config.kafka.brokers}: no answer about {topic}: {said}") from None
    finally:
        consumer.close()
    ranges = tuple(Range(number, chosen[number], high, 0) for number, (_, high) in ends.items())
    return Span(ranges, at, total - asked.count(chosen))


class _Asked:
    """Asks for the offsets of times, all partitions together."""

    def __init__(self, consumer: Consumer, topic: str, ends: dict[int, tuple[int, int]]) -> None:
        self._consumer = consumer
        self._topic = topic
        self._ends = ends

    def offsets(self, at: int | None) -> dict[int, int]:
        """The first offset of each partition that was written at a time or later."""
        if at is None:
            return {number: low for number, (low, _) in self._ends.items()}
        found = offsets_at(self._consumer, self._topic, self._ends, at)
        # A time after the last message has no offset.
        return {
            number: min(max(offset, self._ends[number][0]), self._ends[number][1])
            if offset >= 0
            else self._ends[number][1]
            for number, offset in found.items()
        }

    def count(self, starts: dict[int, int]) -> int:
        """How many offsets there are from there on."""
        return sum(self._ends[number][1] - start for number, start in starts.items())

    def later(self, since: int | None, most: int) -> int:
        """The earliest time, to a second, from which on there are at most so many."""
        early, late = since or 0, _now(None) + 1_000
        while late - early > 1_000:
            middle = (early + late) // 2
            if self.count(self.offsets(middle)) > most:
                early = middle
            else:
                late = middle
        return late


def _now(given: int | None) -> int:
    return int(time.time() * 1e3) if given is None else given
