"""What enters the dataflow: messages of one partition as they were read, a whole batch an item."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from windows.watermark import Place

UNTIMED = (1 << 63) - 1
"""Stands for a time of writing that does not exist."""

Census = tuple[tuple[str, int], ...]
"""(feed, how many partitions it has), of all topics that hold the same."""

PAIRS = "#pairs"
"""The feed of what requests and responses are paired to: the name of no topic."""

SHARDS = 4
"""Its partitions: pairs are told apart by a hash of their id."""

Headers = tuple[tuple[str, bytes | None], ...]


class Topic(StrEnum):
    """What a topic holds."""

    PREDICTIONS = "predictions"
    FEEDBACK = "feedback"
    CONTROL = "control"


class Envelopes(Protocol):
    """What surrounds the values of a batch; asked for only where a record is rejected."""

    def key(self, index: int) -> bytes | None:
        """The key of message `index`."""

    def headers(self, index: int) -> Headers:
        """The headers of message `index`."""

    def offset(self, index: int) -> int:
        """The offset of message `index`."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a batch comes from, and what is known of what else is there.

    Attributes:
        topic: name of the topic, or path of the file.
        partition: of it.
        partitions: how many partitions the topic has.
        holds: what the values are.
        feed: a name of the topic that no other one has that holds the same, one that is read twice least of all; the
            topic's own where it is empty.
        census: partitions of all topics that hold the same; nothing where it is the only one.
        silent_until: the broker confirmed that the partition holds nothing written before this time (ms) that is not
            in this batch or an earlier one; None when it did not.
        complete_until: the broker confirmed that no partition beside these holds anything about a time (ms) before
            this one; None where partitions cannot come to be.
        ended: nothing will ever follow (the end of a file).
        halves: of a partition that holds requests and responses: the partitions of all topics that do; they are not in
            `census`, which has what they are paired to.
        account: what its account is keyed by, before its number; its place's where it is empty.
    """

    topic: str
    partition: int = 0
    partitions: int = 1
    holds: Topic = Topic.PREDICTIONS
    feed: str = ""
    census: Census = ()
    silent_until: int | None = None
    complete_until: int | None = None
    ended: bool = False
    halves: Census = ()
    account: str = ""

    @property
    def place(self) -> Place:
        """The partition, among those of all topics that hold the same."""
        return self.feed or self.topic, self.partition

    @property
    def name(self) -> str:
        """Of the partition, among those of all topics: what its account and its dead letters are keyed by."""
        return f"{self.account or self.feed or self.topic}/{self.partition}"


@dataclass(frozen=True, slots=True)
class Paired:
    """What is known of messages that were made of requests and responses.

    Attributes:
        floor: nothing about a time (ms) before this one follows from their place; None while that is unknown.
        known: the time (ms) that they came too late for; None where they came in time.
        bare: whether they are responses alone.
        places: partition and offset of each, where its request was read, or else its response.
    """

    floor: int | None
    known: int | None = None
    bare: bool = False
    places: Sequence[tuple[int, int]] = ()


@dataclass(frozen=True, slots=True)
class RawBatch:
    """Messages of one partition in order, possibly none.

    Attributes:
        origin: the partition.
        values: message values.
        written: each message's own timestamp, ms since the epoch; UNTIMED where there is none: a record then needs a
            timestamp of its own. None: all are UNTIMED (lines of a file).
        envelopes: keys, headers, offsets.
        received: when they were read, ms since the epoch.
        source: number of the source whose map they are read by; None for the contract's own shape.
        also: the partition as one of feedback, where it holds both; None where it does not.
        paired: of messages that were made of requests and responses; None for those that were read.
    """

    origin: Origin
    values: Sequence[bytes | None]
    written: Sequence[int] | None
    envelopes: Envelopes
    received: int
    source: int | None = None
    also: Origin | None = None
    paired: Paired | None = None


@dataclass(frozen=True, slots=True)
class NoEnvelopes:
    """Envelopes of messages that have neither key nor headers: lines of a file, numbered from `first`."""

    first: int = 0
    numbers: Sequence[int] = field(default=())

    def key(self, index: int) -> bytes | None:  # noqa: ARG002 - the protocol's signature
        """No key."""
        return None

    def headers(self, index: int) -> Headers:  # noqa: ARG002 - the protocol's signature
        """No headers."""
        return ()

    def offset(self, index: int) -> int:
        """The line's number."""
        return self.numbers[index] if self.numbers else self.first + index
