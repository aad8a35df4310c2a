"""Parse: a batch of raw messages becomes typed records in time, and one dead letter per record that cannot be read.

The usual batch is decoded in one call on its joined bytes. Only a batch that this refuses is looked at line by line,
and only a line that is refused field by field.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from operators.dead_letters import DETAIL_LIMIT, MAX_RECORD_BYTES, DeadLetter, Reason
from operators.formats.bounds import AT_ONCE, MOST_RECORDS, check_array, too_many
from operators.formats.literals import parsed
from operators.formats.packed import ERRORS, UnreadableError, unpacked
from operators.formats.parsed import Parsed, together
from operators.formats.times import timestamps_of
from operators.records import UNTIMED

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from operators.formats.lenient import Lenient
    from operators.records import RawBatch
    from windows.arrays import BoolArray, IntArray

NEWLINE, OPEN, CLOSE, BACKSLASH = b"\n{}\\"

SUSPECTS = (b"\\ud", b"\\uD", b"\\u0000")
"""Escapes that must be looked at; all others (accents, slashes) are left to the decoder."""

PIECE = 512
"""Lines tried together once a batch has turned out to hold a bad one."""

LONE_SURROGATE = re.compile(rb"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u).")
"""Near the end of a record msgspec takes the missing half of a pair for the end of the data."""

FRAME = 5
"""Bytes that a schema registry's serializers put before a record: 0, then the id of its schema."""

AHEAD = (
    "timestamp later than time.max_ahead after the message was written (without an offset it is UTC unless"
    " `time.timezone` says where its clock is, and local times east of Greenwich are ahead)"
)

_ELEMENTS: msgspec.json.Decoder[list[msgspec.Raw]] = msgspec.json.Decoder(list[msgspec.Raw])


Fault = tuple["BoolArray | None", Reason, "str | Callable[[int], str]"]
"""Which records have it (None: none), the reason and the words of their dead letters, or what gives those of each."""


@dataclass(frozen=True, slots=True)
class Lines:
    """The bytes behind each record, and which message each came in (None: one record a message)."""

    lines: Sequence[Any]
    owners: list[int] | None


@dataclass(frozen=True, slots=True)
class Read:
    """What a batch holds: records, the lines they came in, dead letters, how many are skipped, what does not fit.

    Of messages that are large together it is what the first of them hold; `rest` is the number of the next then.
    `tombstones` of the skipped are messages without a value.
    """

    records: list[Any]
    lines: Lines
    dead: list[DeadLetter]
    skipped: int = 0
    unfit: Counter[str] = field(default_factory=Counter)
    rest: int | None = None
    silent: Sequence[int] = ()
    tombstones: int = 0


class Parser:
    """Reads records with one decoder. Keeps nothing between batches.

    Args:
        decoder: of a tagged union with a type for each model; None where another way of reading takes its place.
        max_ahead: how far (ms) a timestamp may be beyond the time the message was written.
        faults: finds further faults among decoded records, given their times (ms).
        lenient: reads what the decoder refuses field by field; None where a record counts whole or not at all.
    """

    def __init__(
        self,
        decoder: msgspec.json.Decoder[Any] | None,
        max_ahead: int,
        faults: Callable[[list[Any], IntArray], Sequence[Fault]],
        lenient: Lenient | None = None,
    ) -> None:
        self._decoder = decoder
        self.max_ahead = max_ahead
        self.faults = faults
        self.lenient = lenient

    @property
    def decoder(self) -> msgspec.json.Decoder[Any]:
        """The decoder.

        Raises:
            TypeError: there is none.
        """
        if self._decoder is None:
            raise TypeError("this parser reads in another way")
        return self._decoder

    def __call__(self, batch: RawBatch) -> Parsed:
        """The records of one batch."""
        found = self._records(batch)
        parts = [self._timed(batch, found)]
        while found.rest is not None:
            found = self._from(batch, found.rest)
            parts.append(self._timed(batch, found))
        return parts[0] if len(parts) == 1 else together(parts)

    def _timed(self, batch: RawBatch, found: Read) -> Parsed:
        read = len(found.records) + len(found.dead)
        if not found.records:
            none = np.empty(0, dtype=np.int64)
            parts = (found.unfit, None, found.silent, found.tombstones)
            return Parsed([], none, none, found.dead, read, found.skipped, *parts)
        records, stamps, proven, more_dead, owners = self._check(batch, found.records, found.lines)
        dead = found.dead + more_dead
        rest = (found.unfit, owners, found.silent, found.tombstones)
        return Parsed(records, stamps, proven, dead, read, found.skipped, *rest)

    def _records(self, batch: RawBatch) -> Read:
        values = batch.values
        if not values:
            return Read([], Lines((), None), [])
        records = self._at_once(values)
        if records is not None:
            return Read(records, Lines(values, None), [])
        return self._from(batch, 0)

    def _at_once(self, lines: Sequence[Any]) -> list[Any] | None:
        """All lines in one call, or None when any line needs a closer look."""
        text = joined(lines)
        if text is None or suspicious(text):
            return None
        try:
            records = parsed(text, self.decoder.decode_lines)
        except ERRORS:
            return None
        return records if len(records) == len(lines) else None

    def _from(self, batch: RawBatch, start: int) -> Read:
        """The lines of messages from `start` on, in pieces: only one that holds a bad line is decoded line by line."""
        lines, owners, dead, rest = lines_from(batch, start)
        gone = tombstones_in(batch, start, rest)
        good = _Good([], [], [], Counter())
        for at in range(0, len(lines), PIECE):
            piece = slice(at, at + PIECE)
            records = self._at_once(lines[piece])
            if records is not None:
                good.add(records, lines[piece], owners[piece])
            else:
                dead += self._line_by_line(batch, lines[piece], owners[piece], good)
        lined = Lines(good.lines, good.owners)
        return Read(good.records, lined, dead, gone, unfit=good.unfit, rest=rest, tombstones=gone)

    def _line_by_line(self, batch: RawBatch, lines: list[bytes], owners: list[int], good: _Good) -> list[DeadLetter]:
        """Add the readable lines to `good`; the others as dead letters."""
        dead = []
        for line, owner in zip(lines, owners, strict=True):
            record, reason, detail = self._one(line, good.unfit)
            if reason is not None:
                dead.append(dead_letter(batch, owner, line, reason, detail))
            else:
                good.add([record], [line], [owner])
        return dead

    def _one(self, line: bytes, unfit: Counter[str]) -> tuple[Any, Reason | None, str]:
        if len(line) > MAX_RECORD_BYTES:
            return None, Reason.OVERSIZED, f"{len(line)} bytes; at most {MAX_RECORD_BYTES} are read"
        try:
            record = self._decoded(line, unfit)
            if BACKSLASH in line:
                msgspec.json.encode(record)  # a lone surrogate in any string is refused here
        except ERRORS as error:
            return None, *why_not(line, error)
        return record, None, ""

    def _decoded(self, line: bytes, unfit: Counter[str]) -> Any:
        """The record of a line, whole or with what does not fit set aside.

        Raises:
            msgspec.MsgspecError, UnicodeError, RecursionError: it cannot be read.
        """
        try:
            return parsed(line, self.decoder.decode)
        except msgspec.ValidationError:
            if self.lenient is None:
                raise
            (mended,) = self.lenient(line)
            if mended.error is not None:
                raise mended.error from None
            unfit.update(mended.unfit)
            return mended.record

    def _check(
        self, batch: RawBatch, records: list[Any], lines: Lines
    ) -> tuple[list[Any], IntArray, IntArray, list[DeadLetter], IntArray | None]:
        """Refuse records whose time is impossible or that have another fault; the rest, their times and messages."""
        written = _written(batch, lines, len(records))
        stamps, unreadable = timestamps_of(records, written)
        ahead = stamps > np.minimum(written, batch.received) + self.max_ahead
        untimed = stamps == UNTIMED
        faults: tuple[Fault, ...] = (
            (
                unreadable,
                Reason.BAD_TIMESTAMP,
                "timestamp before the year 2000: are these seconds instead of milliseconds?",
            ),
            (untimed, Reason.MISSING_FIELD, "no timestamp, neither in the record nor of its message"),
            (ahead, Reason.TIMESTAMP_AHEAD, AHEAD),
            *self.faults(records, stamps),
        )
        dead: list[DeadLetter] = []
        refused: BoolArray = np.zeros(len(records), dtype=bool)
        for mask, reason, detail in faults:
            if mask is None or not mask.any():
                continue
            for row in np.flatnonzero(mask & ~refused).tolist():
                owner = row if lines.owners is None else lines.owners[row]
                said = detail if isinstance(detail, str) else detail(row)
                dead.append(dead_letter(batch, owner, lines.lines[row], reason, said))
            refused |= mask
        owners = None if lines.owners is None else np.array(lines.owners, dtype=np.int64)
        proven = np.minimum(stamps, written)
        if dead:
            keep = np.flatnonzero(~refused)
            owners = keep if owners is None else owners[keep]
            return [records[row] for row in keep.tolist()], stamps[keep], proven[keep], dead, owners
        return records, stamps, proven, dead, owners


@dataclass(frozen=True, slots=True)
class _Good:
    """Readable records with the line and the message that each came in; how often a field of theirs does not fit."""

    records: list[Any]
    lines: list[bytes]
    owners: list[int]
    unfit: Counter[str]

    def add(self, records: list[Any], lines: list[bytes], owners: list[int]) -> None:
        """Append."""
        self.records.extend(records)
        self.lines.extend(lines)
        self.owners.extend(owners)


def lines_from(
    batch: RawBatch, start: int, *, arrays: bool = True
) -> tuple[list[bytes], list[int], list[DeadLetter], int | None]:
    """The lines of messages from `start` on, the message of each, and dead letters of those that have none.

    They end once they are AT_ONCE bytes; the last value is the number of the next message then. Of a message without a
    value there is neither.
    """
    lines: list[bytes] = []
    owners: list[int] = []
    dead: list[DeadLetter] = []
    size = 0
    for number in range(start, len(batch.values)):
        if size > AT_ONCE:
            return lines, owners, dead, number
        value = batch.values[number]
        if value is None:
            continue
        try:
            parts = records_in(value, arrays=arrays)
        except UnreadableError as error:
            dead.append(dead_letter(batch, number, value, error.reason, str(error)))
            continue
        if not parts:
            dead.append(dead_letter(batch, number, value, Reason.EMPTY, "a message without a record"))
        lines += parts
        owners += [number] * len(parts)
        size += sum(map(len, parts))
    return lines, owners, dead, None


def tombstones_in(batch: RawBatch, start: int, end: int | None) -> int:
    """How many of these messages have no value, with which compacted topics say that what a key held is gone."""
    return sum(value is None for value in batch.values[start:end])


def _written(batch: RawBatch, lines: Lines, count: int) -> IntArray:
    """When each of `count` records was written, ms; UNTIMED where the medium does not say."""
    if batch.written is None:
        return np.full(count, UNTIMED, dtype=np.int64)
    written = np.asarray(batch.written, dtype=np.int64)
    return written if lines.owners is None else written[lines.owners]


def joined(values: Sequence[Any]) -> bytes | None:
    """The values as lines, if each is one {...} on one line: only then do records and messages stay in step."""
    try:
        found = b"\n".join(values)
    except TypeError:  # a message without a value
        return None
    if not found:
        return None
    text = np.frombuffer(found, dtype=np.uint8)
    breaks = np.flatnonzero(text == NEWLINE)
    if len(breaks) != len(values) - 1 or text[0] != OPEN or text[-1] != CLOSE:
        return None
    if int(np.diff(breaks, prepend=-1, append=len(text)).max()) > MAX_RECORD_BYTES:
        return None
    return found if (text[breaks - 1] == CLOSE).all() and (text[breaks + 1] == OPEN).all() else None


def suspicious(text: bytes) -> bool:
    """Whether a surrogate is escaped somewhere, which may be a lone one, or a NUL, which may name a model."""
    return BACKSLASH in text and any(escape in text for escape in SUSPECTS)


def lines_of(value: bytes | None) -> list[bytes]:
    """The records of a message: its lines, or the whole when it is one object spread over several lines.

    Raises:
        UnreadableError: there are too many.
    """
    if value is None or not value.strip():
        return []
    if NEWLINE not in value:
        return [value]
    if value.count(b"\n") > MOST_RECORDS:
        if not value.lstrip().split(b"\n", 1)[0].rstrip().endswith(b"}"):
            return [value]
        raise too_many()
    lines = [line for line in value.split(b"\n") if line.strip()]
    if len(lines) > 1 and not lines[0].rstrip().endswith(b"}"):
        return [value]
    return lines


def records_in(value: bytes | None, *, arrays: bool = True) -> list[bytes]:
    """The records of a message, unpacked: its lines, or, with `arrays`, the elements of its array.

    Raises:
        UnreadableError: it cannot be unpacked, or has too many.
    """
    plain = None if value is None else _unframed(unpacked(value))
    if arrays and plain is not None and plain.lstrip()[:1] == b"[":
        check_array(plain)
        try:
            return [bytes(element) for element in parsed(plain, _ELEMENTS.decode)]
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            return [plain]  # whatever is wrong with it is said by who reads it
    return lines_of(plain)


def _unframed(value: bytes) -> bytes:
    """Without the five bytes that a schema registry's JSON serializers put before a record."""
    return value[FRAME:] if value[:1] == b"\0" and value[FRAME : FRAME + 1] in {b"{", b"["} else value


def dead_letter(batch: RawBatch, number: int, value: bytes | None, reason: Reason, detail: str) -> DeadLetter:
    """The dead letter of a record in message `number` of a batch."""
    place = batch.origin.partition, batch.envelopes.offset(number)
    partition, offset = place if batch.paired is None else batch.paired.places[number]
    return DeadLetter(
        value,
        batch.envelopes.key(number),
        batch.envelopes.headers(number),
        reason,
        detail[:DETAIL_LIMIT],
        batch.origin.topic,
        partition,
        offset,
        None if batch.written is None else batch.written[number],
    )


def why_not(line: bytes, error: Exception, renamed: Callable[[str], str] = lambda said: said) -> tuple[Reason, str]:
    """The reason behind an error of decoding a line; `renamed` puts what is said of a valid one in other words."""
    if isinstance(error, UnreadableError):
        return error.reason, str(error)
    if isinstance(error, msgspec.ValidationError):
        return _validation_reason(renamed(str(error)))
    if isinstance(error, UnicodeError):
        return Reason.INVALID_TEXT, "a string that is not valid Unicode"
    if isinstance(error, RecursionError):
        return Reason.BROKEN_JSON, "nested too deep"
    if not isinstance(error, msgspec.MsgspecError):
        return Reason.WRONG_TYPE, f"a value that no field holds ({type(error).__name__})"
    return _syntax_reason(line, str(error))


def _validation_reason(message: str) -> tuple[Reason, str]:
    """The reason behind msgspec's account of a record that is JSON but not a prediction."""
    if message.startswith("Invalid value") and message.endswith("`$.model`"):
        return Reason.UNKNOWN_MODEL, "a model that the config does not name"
    if "missing required field" in message:
        return Reason.MISSING_FIELD, message
    if message.startswith("Number out of range"):
        return Reason.NON_FINITE, message
    if "datetime" in message and "got" not in message:
        return Reason.BAD_TIMESTAMP, message
    return Reason.WRONG_TYPE, message


def _syntax_reason(line: bytes, message: str) -> tuple[Reason, str]:
    """The reason behind bytes that are not JSON."""
    if "surrogate" in message or ("truncated" in message and LONE_SURROGATE.search(line)):
        return Reason.INVALID_TEXT, "a lone surrogate in a string"
    return Reason.BROKEN_JSON, message
