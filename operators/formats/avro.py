"""Avro: records written with a schema of a registry, or with one that a file holds."""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING, Any

import fastavro
import msgspec
from fastavro.schema import SchemaParseException

from operators.dead_letters import Reason
from operators.formats.packed import UnreadableError
from operators.formats.schemas import framed, schema_of

if TYPE_CHECKING:
    from pathlib import Path

    from operators.formats.schemas import SchemaKey, Schemas
    from operators.formats.surroundings import Surroundings

_TIMES = ("timestamp-", "local-timestamp-")
"""What the logical types begin with that stay numbers: their size, or the map, tells their unit."""

_LOCAL = frozenset({"local-timestamp-millis", "local-timestamp-micros"})
"""Of these what fastavro reads as times without an offset."""

_BROKEN = (
    EOFError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    OverflowError,
    MemoryError,
    AttributeError,
    ArithmeticError,
    RecursionError,
    struct.error,
)
"""What fastavro raises of bytes that are no record of the schema."""


class AvroCodec:
    """Decodes Avro. Keeps the schemas that it has parsed.

    Args:
        schemas: the registry; None where `own` is the schema of all messages.
        own: a file with a schema, of messages without a registry's framing.
        clocks: fields that are read from clocks of a zone: their local timestamps are times without an offset, and no
            numbers, which would be moments.

    Raises:
        OSError, ValueError: the file cannot be read, or holds no schema.
    """

    def __init__(self, schemas: Schemas | None, own: Path | None = None, clocks: frozenset[str] = frozenset()) -> None:
        self._schemas = schemas
        self._clocks = clocks
        self._own = None if own is None else parsed(own.read_text(), clocks)
        self._parsed: dict[SchemaKey, Any] = {}

    def __call__(self, value: bytes, around: Surroundings) -> Any:
        """The record of a message.

        Raises:
            UnreadableError: it is none, or its schema is not to be had.
        """
        schema, body = (self._own, value) if self._own is not None else self._written_with(value, around)
        stream = io.BytesIO(body)
        try:
            found = fastavro.schemaless_reader(stream, schema, None)
        except _BROKEN as error:
            raise UnreadableError(Reason.BAD_FORMAT, f"Avro: {type(error).__name__}") from None
        if stream.tell() != len(body):
            raise UnreadableError(Reason.BAD_FORMAT, f"Avro: {len(body) - stream.tell()} bytes behind the record")
        return found

    def _written_with(self, value: bytes, around: Surroundings) -> tuple[Any, bytes]:
        key, body = framed(value, around.batch.envelopes.headers(around.numbers[0]))
        if key not in self._parsed:
            text = schema_of(self._schemas, key)
            try:
                schema = parsed(text, self._clocks)
            except ValueError as error:
                raise UnreadableError(Reason.UNKNOWN_SCHEMA, f"schema {key}: {error}") from None
            if key is not None:
                self._parsed[key] = schema
        return self._parsed[key], body  # type: ignore[index]


def parsed(text: str, clocks: frozenset[str] = frozenset()) -> Any:
    """A schema out of its text; `clocks` are fields whose local timestamps are times.

    Raises:
        ValueError: it is none, or one by which a few bytes may be endless.
    """
    try:
        schema = msgspec.json.decode(text)
    except msgspec.MsgspecError as error:
        raise ValueError(f"no Avro schema: {error}") from None
    plain = _plain(schema, clocks)
    try:
        return fastavro.parse_schema(plain)
    except (SchemaParseException, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"no Avro schema: {type(error).__name__} {error}") from None


def _plain(schema: Any, clocks: frozenset[str], *, local: bool = False) -> Any:
    """The schema with times as the numbers that they are, but local ones of some fields.

    Raises:
        ValueError: items of an array take no bytes, so that a count in a message may stand for any number of them.
    """
    if isinstance(schema, list):
        return [_plain(one, clocks, local=local) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("type") == "array" and schema.get("items") in ("null", {"type": "null"}):
        raise ValueError("an array of nulls is not read")
    logical = str(schema.get("logicalType", ""))
    bare = logical.startswith(_TIMES) and not (local and logical in _LOCAL)
    kept = {name: value for name, value in schema.items() if name != "logicalType" or not bare}
    inner = local or schema.get("name") in clocks
    return {
        name: _plain(value, clocks, local=inner) if name in {"type", "fields", "items", "values"} else value
        for name, value in kept.items()
    }
