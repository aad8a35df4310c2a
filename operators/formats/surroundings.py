"""Surroundings: what may be read from beside a message's value: its headers, its key, the name of its topic."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from operators.records import RawBatch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from operators.records import Envelopes, Headers
    from operators.settings.places import Place


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What surrounds some messages of a batch.

    Attributes:
        batch: it.
        numbers: which of its messages; one may come up several times, for it holds several records.
    """

    batch: RawBatch
    numbers: Sequence[int]

    def column(self, place: Place, field: str) -> list[str | None]:
        """What is at a place of each message; None where nothing is, or no text. `field` is what is read from there."""
        if place.topic is not None:
            return [_of_topic(place.topic, place.group, field, self.batch.origin.topic)] * len(self.numbers)
        if place.key:
            return [_text(self.batch.envelopes.key(number)) for number in self.numbers]
        return [_text(self._header(number, place.header)) for number in self.numbers]

    def of(self, rows: Sequence[int]) -> Surroundings:
        """Those of some of the messages."""
        return Surroundings(self.batch, [self.numbers[row] for row in rows])

    def _header(self, number: int, name: str | None) -> bytes | None:
        """The value of a header, the last one where it is there more than once."""
        headers = self.batch.envelopes.headers(number)
        return next((value for known, value in reversed(headers) if known == name), None)


@dataclass(frozen=True, slots=True)
class _Picked:
    """Envelopes of some messages of a batch."""

    envelopes: Envelopes
    numbers: Sequence[int]

    def key(self, index: int) -> bytes | None:
        """The key of message `index`."""
        return self.envelopes.key(self.numbers[index])

    def headers(self, index: int) -> Headers:
        """The headers of message `index`."""
        return self.envelopes.headers(self.numbers[index])

    def offset(self, index: int) -> int:
        """The offset of message `index`."""
        return self.envelopes.offset(self.numbers[index])


def part_of(batch: RawBatch, numbers: Sequence[int]) -> RawBatch:
    """Some messages of a batch."""
    return RawBatch(
        batch.origin,
        [batch.values[number] for number in numbers],
        None if batch.written is None else [batch.written[number] for number in numbers],
        _Picked(batch.envelopes, numbers),
        batch.received,
        batch.source,
    )


def _text(value: bytes | None) -> str | None:
    """Bytes as text."""
    if value is None:
        return None
    try:
        return value.decode()
    except UnicodeDecodeError:
        return None


@lru_cache(maxsize=1024)
def _of_topic(pattern: str, group: int, field: str, topic: str) -> str | None:
    """The part of a topic's name that a pattern finds: its group of the field's name, or the one of this number."""
    found = re.search(pattern, topic)
    if found is None:
        return None
    if field in found.re.groupindex:
        return found[field]
    return found[group] if found.re.groups else found[0]
