"""Arrow: messages that are an IPC stream, whose record batches hold a column a field.

Only types whose values take bytes in the message are read, and no compressed buffers: a few bytes must not stand for
gigabytes. A whole message may be compressed, as in every format.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from operators.dead_letters import Reason
from operators.formats.packed import UnreadableError
from operators.formats.tables import bounded, rows_of, standing_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from operators.formats.surroundings import Surroundings

MOST_COLUMNS = 10_000
"""Columns of a message, those inside of others with them."""

MOST_DEPTH = 16

KNOWN, MEMORABLE = 16, 1 << 16
"""Schemas that are remembered with the number of their columns, and the bytes that such a one may have."""

CONTINUED = b"\xff\xff\xff\xff"
"""What a message of a stream begins with; before format version 5 it was left out."""

_SIZE = struct.Struct("<i")
_TABLE, _SHORT, _OFFSET = struct.Struct("<i"), struct.Struct("<H"), struct.Struct("<I")
_HEADER_TYPE, _HEADER, _DATA, _COMPRESSION = 1, 2, 1, 3
_DICTIONARY, _BATCH = 2, 3

_BROKEN = (pa.ArrowException, OSError, ValueError, TypeError, KeyError, IndexError, MemoryError, struct.error)


def arrow_codec(value: bytes, around: Surroundings) -> list[Any]:  # noqa: ARG001 - the protocol's signature
    """The rows of all record batches of a stream.

    Raises:
        UnreadableError: it is none, or has too many rows or cells.
    """
    found: list[Any] = []
    try:
        for batch in batches_of(value):
            found += rows_of({name: values_of(array) for name, array in columns_of(batch)}, batch.num_rows)
    except pa.ArrowException as error:
        raise UnreadableError(Reason.BAD_FORMAT, f"Arrow: {_said(error)}") from None
    return found


def batches_of(value: bytes) -> list[pa.RecordBatch]:
    """The record batches of a stream, checked: offsets, dictionaries and texts are what they claim to be.

    Raises:
        UnreadableError: it is none, or has too many rows or cells, or types or buffers that are not read.
    """
    try:
        _check_buffers(value)
        with pa.ipc.open_stream(pa.py_buffer(value)) as stream:
            schema = _first(value)
            columns = _width(schema) if len(schema) <= MEMORABLE else _width.__wrapped__(schema)
            batches = list(_bounded(stream, columns))
        for batch in batches:
            batch.validate(full=True)
    except UnreadableError:
        raise
    except _BROKEN as error:
        raise UnreadableError(Reason.BAD_FORMAT, f"Arrow: {_said(error)}") from None
    return batches


def columns_of(batch: pa.RecordBatch) -> Iterator[tuple[str, pa.Array]]:
    """Name and values of each column; of several of one name the last counts."""
    return zip(batch.schema.names, batch.columns, strict=True)


def _bounded(stream: pa.RecordBatchReader, columns: int) -> Iterator[pa.RecordBatch]:
    rows = 0
    for batch in stream:
        rows += batch.num_rows
        bounded(rows, columns)
        yield batch


def _first(value: bytes) -> bytes:
    """The first message of a stream: its schema."""
    begin = 4 if value[:4] == CONTINUED else 0
    return value[: begin + 4 + _SIZE.unpack_from(value, begin)[0]]


@lru_cache(maxsize=KNOWN)
def _width(schema: bytes) -> int:
    """How many columns a schema has: nearly all messages of a topic have the same one.

    Raises:
        UnreadableError: some of them are not read.
    """
    return sum(_count(field.type) for field in pa.ipc.read_schema(pa.py_buffer(schema)))


def _count(kind: pa.DataType, depth: int = 0) -> int:
    """How many columns a type is.

    Raises:
        UnreadableError: it is not read.
    """
    if depth > MOST_DEPTH:
        raise UnreadableError(Reason.BAD_FORMAT, "Arrow: nested too deep")
    if pa.types.is_struct(kind):
        found = 1 + sum(_count(field.type, depth + 1) for field in kind)
        if found > MOST_COLUMNS:
            raise UnreadableError(Reason.OVERSIZED, f"more than {MOST_COLUMNS} columns")
        return found
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        inner = kind.value_type
        if not (_plain(inner) and not pa.types.is_dictionary(inner)):
            raise UnreadableError(Reason.BAD_FORMAT, f"Arrow: lists of {inner} are not read")
        return 1
    if pa.types.is_null(kind) or (_plain(kind.value_type) if pa.types.is_dictionary(kind) else _plain(kind)):
        return 1
    raise UnreadableError(Reason.BAD_FORMAT, f"Arrow: columns of {kind} are not read")


def _plain(kind: pa.DataType) -> bool:
    """Whether its values take bytes of their own."""
    return bool(
        pa.types.is_boolean(kind)
        or pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_timestamp(kind)
    )


def values_of(array: pa.Array) -> Any:
    """A column as Python values: objects as the columns in them, unless some of them are null."""
    if pa.types.is_struct(array.type):
        names = [field.name for field in array.type]
        inner = {name: values_of(column) for name, column in zip(names, array.flatten(), strict=True)}
        if not array.null_count:
            return inner
        rows = rows_of(inner, len(array))
        return [row if valid else None for row, valid in zip(rows, array.is_valid().to_pylist(), strict=True)]
    if pa.types.is_dictionary(array.type):
        _check_texts(array)
        texts = array.dictionary.to_pylist()  # once, and not once a row
        return [None if at is None else texts[at] for at in array.indices.to_pylist()]
    return times(array).to_pylist()


def _check_texts(array: pa.DictionaryArray) -> None:
    """Refuse a long text that many rows refer to, for what is said of each row may show it.

    Raises:
        UnreadableError: it is too long for so many.
    """
    kind = array.dictionary.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        longest = pc.max(pc.binary_length(array.dictionary)).as_py() or 0
        standing_for(longest, len(array))


def times(array: pa.Array) -> pa.Array:
    """A column of times in microseconds, in UTC unless it has no zone; any other one as it is."""
    kind = array.type
    if not pa.types.is_timestamp(kind):
        return array
    return array.cast(pa.timestamp("us", None if kind.tz is None else "UTC"), safe=False)


def _check_buffers(value: bytes) -> None:
    """Refuse compressed buffers, whose size nobody knows before they are unpacked.

    Raises:
        UnreadableError, struct.error: there are some, or it is no stream.
    """
    at = 0
    while at + 8 <= len(value):
        begin = at + 4 if value[at : at + 4] == CONTINUED else at
        (size,) = _SIZE.unpack_from(value, begin)
        if size == 0:
            return
        if size < 0:
            raise UnreadableError(Reason.BAD_FORMAT, "Arrow: no IPC stream")
        head = value[begin + 4 : begin + 4 + size]
        root = _OFFSET.unpack_from(head)[0]
        kind = _at(head, root, _HEADER_TYPE)
        table = _table(head, root, _HEADER)
        if kind is not None and head[kind] == _DICTIONARY and table is not None:
            table = _table(head, table, _DATA)
        holds = kind is not None and head[kind] in {_DICTIONARY, _BATCH}
        if holds and table is not None and _at(head, table, _COMPRESSION) is not None:
            said = "Arrow: compressed buffers are not read; compress the whole message"
            raise UnreadableError(Reason.BAD_FORMAT, said)
        body = _at(head, root, 3)
        length = 0 if body is None else struct.unpack_from("<q", head, body)[0]
        if length < 0:
            raise UnreadableError(Reason.BAD_FORMAT, "Arrow: no IPC stream")
        at = begin + 4 + size + length


def _at(head: bytes, table: int, slot: int) -> int | None:
    """Where a field of a flatbuffer's table is; None where it has none."""
    directory = table - _TABLE.unpack_from(head, table)[0]
    where = 4 + 2 * slot
    if directory < 0 or _SHORT.unpack_from(head, directory)[0] <= where:
        return None
    offset = _SHORT.unpack_from(head, directory + where)[0]
    return table + offset if offset else None


def _table(head: bytes, table: int, slot: int) -> int | None:
    """Where the table is that a field of another one names."""
    at = _at(head, table, slot)
    return None if at is None else at + _OFFSET.unpack_from(head, at)[0]


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
