"""Values: messages of formats that hold objects as JSON does are decoded to those, and read by the source's map.

Decoding gives dicts and lists; one call of msgspec makes the types of the map out of all of a batch. Only a batch that
this refuses is looked at record by record, and only a record that is refused field by field.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from operators.dead_letters import Reason
from operators.formats.json_lines import ERRORS, Lines, Read, dead_letter, why_not
from operators.formats.mapped_lines import CHUNK, Found, MappedParser
from operators.formats.packed import ASTRAY, UnreadableError, unpacked
from operators.formats.surroundings import Surroundings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from operators.formats.json_lines import Fault
    from operators.formats.mapped_lines import Reader
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
        UnreadableError: it is none.
    """
    try:
        return msgspec.msgpack.decode(value)
    except (msgspec.MsgspecError, UnicodeError, RecursionError, ValueError) as error:
        raise UnreadableError(Reason.BAD_FORMAT, f"MessagePack: {error}") from None


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
        values: list[Any] = []
        owners: list[int] = []
        dead = []
        hollow = 0
        for number, value in enumerate(batch.values):
            if not value:
                dead.append(dead_letter(batch, number, value, Reason.EMPTY, "a message without a record"))
                continue
            try:
                found = self._opened(value, Surroundings(batch, [number]))
            except UnreadableError as error:
                dead.append(dead_letter(batch, number, value, error.reason, str(error)))
                continue
            several = found if isinstance(found, list) else [found]
            values += several
            owners += [number] * len(several)
            hollow += not several
        if not values:
            return Read([], Lines((), None), dead, hollow)
        lines = [batch.values[owner] for owner in owners]
        unfit: Counter[str] = Counter()
        read = Found([], [])
        for start in range(0, len(values), CHUNK):
            piece = values[start : start + CHUNK]
            around = Surroundings(batch, owners[start : start + CHUNK])
            try:
                some = self.reader.of_values(piece, around)
            except ERRORS:
                some = self._each(piece, around, dead, unfit)
            read.add(some, len(piece))
        kept = self._kept(read, lines, owners, dead, unfit)
        return Read(kept.records, kept.lines, dead, kept.skipped + hollow, unfit)

    def _opened(self, value: bytes, around: Surroundings) -> Any:
        """What a message holds.

        Raises:
            UnreadableError: it is none of its format.
        """
        try:
            return self.codec(unpacked(value), around)
        except UnreadableError:
            raise
        except ASTRAY as error:
            raise UnreadableError(Reason.BAD_FORMAT, f"a value of another kind ({type(error).__name__})") from None

    def _each(self, values: list[Any], around: Surroundings, dead: list[Any], unfit: Counter[str]) -> Found:
        """The records of some values, one by one; the unreadable are added to `dead`, with a count of -1."""
        records: list[Any] = []
        counts: list[int] = []
        for row, value in enumerate(values):
            mine = around.of([row])
            try:
                found, refused = self._of_value(value, mine, unfit)
            except ERRORS as error:
                found, refused = [], [why_not(b"", error)]
            number = mine.numbers[0]
            dead += [dead_letter(around.batch, number, around.batch.values[number], *why) for why in refused]
            records += found
            counts.append(len(found) if found or not refused else -1)
        return Found(records, counts)

    def _of_value(
        self, value: Any, around: Surroundings, unfit: Counter[str]
    ) -> tuple[list[Any], list[tuple[Reason, str]]]:
        try:
            return self.reader.of_values([value], around).records, []
        except ERRORS:
            return self._mended(self.reader.lenient.of(value, around), unfit)
