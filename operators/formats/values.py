"""Values: messages of formats that hold objects as JSON does are decoded to those, and read by the source's map.

Decoding gives dicts and lists; one call of msgspec makes the types of the map out of all of a batch. Only a batch that
this refuses is looked at record by record, and only a record that is refused field by field.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from operators.dead_letters import MAX_RECORD_BYTES, Reason
from operators.formats.bounds import AT_ONCE, MOST_RECORDS, Behind, too_many
from operators.formats.json_lines import Lines, Read, dead_letter, tombstones_in, why_not
from operators.formats.mapped_lines import CHUNK, Found, MappedParser, letters_of
from operators.formats.packed import ASTRAY, ERRORS, UnreadableError, unpacked
from operators.formats.surroundings import Surroundings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from operators.formats.json_lines import Fault
    from operators.formats.mapped_lines import Reader, Refused
    from operators.records import RawBatch
    from windows.arrays import IntArray


class Codec(Protocol):
    """Decodes messages of a format."""

    def __call__(self, value: bytes, around: Surroundings) -> Any:
        """What a message holds: an object, or a list of them.

        Raises:
            UnreadableError: it is of another format.
        """


def msgpack_codec(value: bytes, around: Surroundings) -> Any:  # noqa: ARG001 - the protocol's signature
    """MessagePack.

    Raises:
        UnreadableError: it is none, or has too many elements.
    """
    if _length(value) > MOST_RECORDS:
        raise too_many()
    try:
        return msgspec.msgpack.decode(value)
    except (msgspec.MsgspecError, UnicodeError, RecursionError, ValueError) as error:
        raise UnreadableError(Reason.BAD_FORMAT, f"MessagePack: {error}") from None


def _length(value: bytes) -> int:
    """How many elements the array has that MessagePack begins with; 0 where it is none, or a short one."""
    width = {0xDC: 2, 0xDD: 4}.get(value[0], 0) if value else 0
    return int.from_bytes(value[1 : 1 + width], "big")


class ValuesParser(MappedParser):
    """Reads the records of one source whose messages are not JSON. Keeps nothing between batches.

    Args:
        codec: decodes its messages.
        reader: of the source.
        max_ahead: as for Parser.
        faults: the same.
        silent: as for MappedParser.
    """

    def __init__(
        self,
        codec: Codec,
        reader: Reader,
        max_ahead: int,
        faults: Callable[[list[Any], IntArray], Sequence[Fault]],
        silent: Callable[[Any], bool] | None = None,
    ) -> None:
        super().__init__(reader, max_ahead, faults, silent)
        self.codec = codec

    def _records(self, batch: RawBatch) -> Read:
        return self._from(batch, 0)

    def _from(self, batch: RawBatch, start: int) -> Read:
        values: list[Any] = []
        owners: list[int] = []
        dead = []
        hollow = 0
        size, rest = 0, None
        for number in range(start, len(batch.values)):
            if size > AT_ONCE:
                rest = number
                break
            value = batch.values[number]
            if value is None:
                continue
            if not value:
                dead.append(dead_letter(batch, number, value, Reason.EMPTY, "a message without a record"))
                continue
            try:
                several, length = self._opened(value, Surroundings(batch, [number]))
            except UnreadableError as error:
                dead.append(dead_letter(batch, number, value, error.reason, str(error)))
                continue
            values += several
            owners += [number] * len(several)
            hollow += not several
            size += length
        gone = tombstones_in(batch, start, rest)
        hollow += gone
        if not values:
            return Read([], Lines((), None), dead, hollow, rest=rest, tombstones=gone)
        often = Counter(owners)
        lines = Behind(batch.values, owners, values, [often[number] > 1 for number in range(len(batch.values))])
        unfit: Counter[str] = Counter()
        read = Found([], [])
        for at in range(0, len(values), CHUNK):
            piece = values[at : at + CHUNK]
            around = Surroundings(batch, owners[at : at + CHUNK])
            behind = Behind(lines, range(at, at + len(piece)))
            try:
                some = self.reader.of_values(piece, around)
            except ERRORS:
                some = self._each(piece, around, behind, dead, unfit)
            read.add(some, len(piece))
        kept = self._kept(read, lines, owners, dead, unfit)
        return replace(kept, skipped=kept.skipped + hollow, rest=rest, tombstones=gone)

    def _opened(self, value: bytes, around: Surroundings) -> tuple[list[Any], int]:
        """The objects that a message holds, and its bytes when it is unpacked.

        Raises:
            UnreadableError: it is none of its format, or too large for so many.
        """
        plain = unpacked(value)
        try:
            found = self.codec(plain, around)
        except UnreadableError:
            raise
        except ASTRAY as error:
            raise UnreadableError(Reason.BAD_FORMAT, f"a value of another kind ({type(error).__name__})") from None
        several = found if isinstance(found, list) else [found]
        if len(several) > MOST_RECORDS:
            raise too_many()
        if len(plain) > MAX_RECORD_BYTES * max(len(several), 1):
            raise UnreadableError(Reason.OVERSIZED, f"{len(plain)} bytes; at most {MAX_RECORD_BYTES} a record are read")
        return several, len(plain)

    def _each(
        self, values: list[Any], around: Surroundings, lines: Sequence[Any], dead: list[Any], unfit: Counter[str]
    ) -> Found:
        """The records of some values, one by one; the unreadable are added to `dead`, with a count of -1."""
        records: list[Any] = []
        counts: list[int] = []
        for row, value in enumerate(values):
            mine = around.of([row])
            try:
                found, refused = self._of_value(value, mine, unfit)
            except ERRORS as error:
                found, refused = [], [(*why_not(b"", error), value)]
            number = mine.numbers[0]
            if refused:
                dead += letters_of(around.batch, number, lines[row], refused)
            records += found
            counts.append(len(found) if found or not refused else -1)
        return Found(records, counts)

    def _of_value(self, value: Any, around: Surroundings, unfit: Counter[str]) -> tuple[list[Any], list[Refused]]:
        try:
            return self.reader.of_values([value], around).records, []
        except ERRORS:
            return self._mended(self.reader.lenient.of(value, around), unfit)
