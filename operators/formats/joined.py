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
    from collections.abc import Iterator, Sequence

    from operators.formats.plain import PlainReader, PlainRecord
    from operators.records import Headers, RawBatch
    from operators.settings.source import SourceSettings

CE_TYPE = f"{CE}type"

MOST = 100_000
"""Halves that wait at most; the oldest go alone then."""


@dataclass(slots=True)
class Joined:
    """Messages as they are read: where halves are joined, those are one.

    Attributes:
        batch: them.
        parts: which of the given messages each was made of.
        faults: number of a message -> why it is none that can be read.
        skipped: given messages that are neither requests nor responses.
    """

    batch: RawBatch
    parts: list[list[int]]
    faults: dict[int, Exception] = field(default_factory=dict)
    skipped: list[int] = field(default_factory=list)

    def records(self, reader: PlainReader, number: int) -> Iterator[PlainRecord]:
        """The records of one.

        Raises:
            UnreadableError: it is none of its format.
        """
        if number in self.faults:
            raise self.faults[number]
        yield from reader.records(self.batch.values[number], Surroundings(self.batch, [number]))


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


def joined(batch: RawBatch, source: SourceSettings) -> Joined:
    """Some messages, put together if the source has requests and responses as messages of their own."""
    joiner = Joiner(source)
    return joiner(batch, last=True)


class Joiner:
    """Puts the messages of a source together, batch after batch; keeps what waits for its other half."""

    def __init__(self, source: SourceSettings) -> None:
        self._reader = HalfReader(0, source) if source.in_halves else None
        self._pairs = source.pairing.wait > 0
        self._waiting: dict[tuple[str, bool], list[tuple[int, Half]]] = {}

    def __call__(self, batch: RawBatch, *, last: bool = False) -> Joined:
        """What can be read now; with `last`, everything."""
        if self._reader is None:
            return Joined(batch, [[number] for number in range(len(batch.values))])
        made = _Made(batch)
        for number, value in enumerate(batch.values):
            try:
                half = self._reader(value, number, batch)
            except ERRORS as error:
                made.refuse(number, error)
                continue
            if half is None:
                made.skipped.append(number)
            elif self._pairs:
                self._take(number, half, made)
            else:
                made.add([(number, half)])
        self._let_go(made, 0 if last else MOST)
        # Halves of earlier batches have other numbers than those of this one.
        self._waiting = {key: [(-1, half) for _, half in held] for key, held in self._waiting.items()}
        return made.joined()

    def _take(self, number: int, half: Half, made: _Made) -> None:
        held = self._waiting.get((half.key, not half.answers))
        if not held:
            self._waiting.setdefault((half.key, half.answers), []).append((number, half))
            return
        made.add([held.pop(0), (number, half)])
        if not held:
            del self._waiting[half.key, not half.answers]

    def _let_go(self, made: _Made, most: int) -> None:
        while len(self._waiting) > most:
            for one in self._waiting.pop(next(iter(self._waiting))):
                made.add([one])


@dataclass(slots=True)
class _Made:
    """Messages as they come to be."""

    batch: RawBatch
    values: list[bytes | None] = field(default_factory=list)
    written: list[int] = field(default_factory=list)
    keys: list[bytes | None] = field(default_factory=list)
    headers: list[Headers] = field(default_factory=list)
    places: list[tuple[int, int]] = field(default_factory=list)
    parts: list[list[int]] = field(default_factory=list)
    faults: dict[int, Exception] = field(default_factory=dict)
    skipped: list[int] = field(default_factory=list)

    def add(self, halves: Sequence[tuple[int, Half]]) -> None:
        """A message made of these."""
        request = next((half for _, half in halves if not half.answers), None)
        response = next((half for _, half in halves if half.answers), None)
        first = halves[0][1] if request is None else request
        self.parts.append(sorted(number for number, _ in halves if number >= 0))
        self.values.append(paired(request, response))
        self.written.append(first.written)
        self.keys.append(first.message_key)
        self.headers.append(tuple(header for _, half in halves for header in half.headers))
        self.places.append(first.place)

    def refuse(self, number: int, error: Exception) -> None:
        """A message that is none."""
        self.faults[len(self.values)] = error
        self.parts.append([number])
        self.values.append(self.batch.values[number])
        self.written.append(UNTIMED if self.batch.written is None else self.batch.written[number])
        self.keys.append(self.batch.envelopes.key(number))
        self.headers.append(self.batch.envelopes.headers(number))
        self.places.append((self.batch.origin.partition, self.batch.envelopes.offset(number)))

    def joined(self) -> Joined:
        """All of them."""
        envelopes = PairEnvelopes(self.keys, self.headers, self.places)
        about = Paired(None, places=self.places)
        whole = replace(self.batch, values=self.values, written=self.written, envelopes=envelopes, paired=about)
        return Joined(whole, self.parts, self.faults, self.skipped)
