"""Joined: requests and responses of some messages put together where they are looked at, not monitored."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from operators.formats.halves import (
    CE,
    INPUTS,
    OUTPUTS,
    REQUEST,
    RESPONSE,
    Half,
    HalfReader,
    kind_of,
)
from operators.formats.packed import ERRORS
from operators.formats.pair_message import PairEnvelopes, paired
from operators.formats.surroundings import Surroundings
from operators.records import UNTIMED, Paired

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from operators.formats.plain import PlainReader, PlainRecord
    from operators.records import Headers, RawBatch
    from operators.settings.source import SourceSettings

CE_TYPE = f"{CE}type"

MOST = 100_000
"""Halves that wait at most; the oldest go alone then."""


@dataclass(frozen=True, slots=True)
class Answers:
    """Messages of a topic that holds the responses to the requests of another one, and how they are read."""

    batch: RawBatch
    source: SourceSettings


@dataclass(slots=True)
class Joined:
    """Messages as they are read: where halves are joined, those are one.

    Attributes:
        batch: them.
        parts: which of the given messages each was made of.
        faults: number of a message -> why it is none that can be read.
        skipped: given messages that are neither requests nor responses.
        topics: where the first half of each was read; nothing where all are of the batch's own topic.
    """

    batch: RawBatch
    parts: list[list[int]]
    faults: dict[int, Exception] = field(default_factory=dict)
    skipped: list[int] = field(default_factory=list)
    topics: list[str] = field(default_factory=list)

    def records(self, reader: PlainReader, number: int) -> Iterator[PlainRecord]:
        """The records of one.

        Raises:
            UnreadableError: it is none of its format.
        """
        if number in self.faults:
            raise self.faults[number]
        batch = self.batch
        if self.topics and self.topics[number] != batch.origin.topic:
            batch = replace(batch, origin=replace(batch.origin, topic=self.topics[number]))
        yield from reader.records(batch.values[number], Surroundings(batch, [number]))


def halves_in(batch: RawBatch) -> list[tuple[str, str]]:
    """The preset, and whose messages it reads, where these are requests and responses of a system that is known."""
    if batch.origin.topic.endswith((INPUTS, OUTPUTS)):
        return [("seldon", "requests or responses of Seldon Core 2")]
    kinds = [
        value
        for number in range(len(batch.values))
        for name, value in batch.envelopes.headers(number)
        if name == CE_TYPE
    ]
    kinds += [kind.encode() for value in batch.values if value and value[:1] == b"{" and (kind := kind_of(value))]
    mine = [
        kind.decode("utf-8", "replace")
        for kind in kinds
        if kind and kind.endswith((REQUEST.encode(), RESPONSE.encode()))
    ]
    if not mine:
        return []
    if any("seldon" in kind for kind in mine):
        return [("seldon", "the log of Seldon's requests and responses")]
    return [("kserve", "the log of KServe's requests and responses")]


def joined(batch: RawBatch, source: SourceSettings, answers: Answers | None = None) -> Joined:
    """Some messages, put together if the source has requests and responses as messages of their own.

    The numbers of the messages of `answers` go on behind those of the batch.
    """
    if answers is None or not source.in_halves:
        return Joiner(source)(batch, last=True)
    joiner = Joiner(source, {answers.batch.origin.topic: answers.source})
    made = _Made(batch)
    for one in (batch, answers.batch):
        joiner.read(one, made)
    return joiner.end(made)


class Joiner:
    """Puts the messages of a source together, batch after batch; keeps what waits for its other half.

    Args:
        source: what reads them, and the pairs.
        answers: topic -> the source of responses that reads it, where that is another one.
    """

    def __init__(self, source: SourceSettings, answers: Mapping[str, SourceSettings] | None = None) -> None:
        self._reader = HalfReader(0, source) if source.in_halves else None
        self._answers = {topic: HalfReader(0, one) for topic, one in (answers or {}).items()}
        self._pairs = source.pairing.wait > 0
        self._waiting: dict[tuple[str, bool], list[tuple[int, Half]]] = {}
        self._read = 0

    def __call__(self, batch: RawBatch, *, last: bool = False) -> Joined:
        """What can be read now; with `last`, everything."""
        if self._reader is None:
            return Joined(batch, [[number] for number in range(len(batch.values))])
        made = _Made(batch)
        self.read(batch, made)
        return self.end(made, 0 if last else MOST)

    def read(self, batch: RawBatch, made: _Made) -> None:
        """Take a batch, and make what it completes."""
        first, reader = self._read, self._answers.get(batch.origin.topic, self._reader)
        self._read += len(batch.values)
        if reader is None:
            return
        for number, value in enumerate(batch.values):
            try:
                half = reader(value, number, batch)
            except ERRORS as error:
                made.refuse(batch, number, first + number, error)
                continue
            if half is None:
                made.skipped.append(first + number)
            elif self._pairs:
                self._take(first + number, half, made)
            else:
                made.add([(first + number, half)])

    def end(self, made: _Made, most: int = 0) -> Joined:
        """Let the oldest of what waits go alone, but so many."""
        while len(self._waiting) > most:
            for one in self._waiting.pop(next(iter(self._waiting))):
                made.add([one])
        return made.joined()

    def _take(self, number: int, half: Half, made: _Made) -> None:
        held = self._waiting.get((half.key, not half.answers))
        if not held:
            self._waiting.setdefault((half.key, half.answers), []).append((number, half))
            return
        made.add([held.pop(0), (number, half)])
        if not held:
            del self._waiting[half.key, not half.answers]


@dataclass(slots=True)
class _Made:
    """Messages as they come to be."""

    batch: RawBatch
    values: list[bytes | None] = field(default_factory=list)
    written: list[int] = field(default_factory=list)
    keys: list[bytes | None] = field(default_factory=list)
    headers: list[Headers] = field(default_factory=list)
    places: list[tuple[int, int]] = field(default_factory=list)
    topics: list[str] = field(default_factory=list)
    parts: list[list[int]] = field(default_factory=list)
    faults: dict[int, Exception] = field(default_factory=dict)
    skipped: list[int] = field(default_factory=list)

    def add(self, halves: Sequence[tuple[int, Half]]) -> None:
        """A message made of these."""
        request = next((half for _, half in halves if not half.answers), None)
        response = next((half for _, half in halves if half.answers), None)
        first = halves[0][1] if request is None else request
        self.parts.append(sorted(number for number, _ in halves))
        self.values.append(paired(request, response))
        self.written.append(first.written)
        self.keys.append(first.message_key)
        self.headers.append(tuple(header for _, half in halves for header in half.headers))
        self.places.append(first.place)
        self.topics.append(first.topic)

    def refuse(self, batch: RawBatch, number: int, called: int, error: Exception) -> None:
        """Message `number` of a batch, which is none."""
        self.faults[len(self.values)] = error
        self.parts.append([called])
        self.values.append(batch.values[number])
        self.written.append(UNTIMED if batch.written is None else batch.written[number])
        self.keys.append(batch.envelopes.key(number))
        self.headers.append(batch.envelopes.headers(number))
        self.places.append((batch.origin.partition, batch.envelopes.offset(number)))
        self.topics.append(batch.origin.topic)

    def joined(self) -> Joined:
        """All of them."""
        envelopes = PairEnvelopes(self.keys, self.headers, self.places)
        about = Paired(None, places=self.places)
        whole = replace(self.batch, values=self.values, written=self.written, envelopes=envelopes, paired=about)
        return Joined(whole, self.parts, self.faults, self.skipped, self.topics)
