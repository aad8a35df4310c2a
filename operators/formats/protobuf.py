"""Protobuf: messages whose types a registry has, or a descriptor set in a file."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any

from google.protobuf.message import DecodeError

from operators.dead_letters import Reason
from operators.formats.descriptors import DescriptorError, Types
from operators.formats.packed import UnreadableError
from operators.formats.schemas import framed, schema_of

if TYPE_CHECKING:
    from pathlib import Path

    from operators.formats.descriptors import Kind
    from operators.formats.schemas import SchemaKey, Schemas
    from operators.formats.surroundings import Surroundings

MOST_INDEXES = 32
"""How deep a message type may be nested in others."""

_VARINT_BYTES = 5
_MORE, _BITS = 0x80, 0x7F


class ProtobufCodec:
    """Decodes Protobuf. Keeps the types that it has met.

    Args:
        schemas: the registry; None where `own` has the types of all messages.
        own: a file with a descriptor set. Messages may be framed all the same.
        message: the full name of the type that is read. Messages of others are skipped; with `own` they are refused.

    Raises:
        OSError, DescriptorError: the file cannot be read, or is no descriptor set.
        KeyError: it does not have the type; what it has.
    """

    def __init__(self, schemas: Schemas | None, own: Path | None = None, message: str | None = None) -> None:
        self._schemas = schemas
        self._message = message
        self._own = None if own is None else _chosen(Types(own.read_bytes()), message)
        self._types: dict[SchemaKey, Types] = {}
        self._kinds: dict[tuple[SchemaKey, tuple[int, ...]], Kind] = {}

    def __call__(self, value: bytes, around: Surroundings) -> Any:
        """The record of a message; none where it is of a type that is not read.

        Raises:
            UnreadableError: it is none, or its type is not to be had.
        """
        key, rest = framed(value, around.batch.envelopes.headers(around.numbers[0]))
        if self._own is None:
            kind, body = self._written_with(key, rest)
            if self._message not in (None, kind.name):
                return []
        else:
            kind, body = self._own, value
            if key is not None:
                indexes, body = indexes_of(rest)
                if indexes != kind.indexes:
                    raise UnreadableError(Reason.BAD_FORMAT, f"it is of the type {list(indexes)}, not {kind.name}")
        try:
            return kind(body)
        except DecodeError:
            raise UnreadableError(Reason.BAD_FORMAT, f"Protobuf: no {kind.name}") from None

    def _written_with(self, key: SchemaKey | None, rest: bytes) -> tuple[Kind, bytes]:
        indexes, body = indexes_of(rest) if key is not None else ((), rest)
        kind = self._kinds.get((key, indexes))  # type: ignore[arg-type]
        if kind is None:
            kind = self._found(key, schema_of(self._schemas, key), indexes)
            self._kinds[key, indexes] = kind  # type: ignore[index]
        return kind, body

    def _found(self, key: SchemaKey | None, text: str, indexes: tuple[int, ...]) -> Kind:
        try:
            if key not in self._types:
                self._types[key] = Types(base64.b64decode(text, validate=True))  # type: ignore[index]
            return self._types[key].of(indexes)  # type: ignore[index]
        except (DescriptorError, binascii.Error, ValueError) as error:
            said = str(error) if isinstance(error, DescriptorError) else "it is not of Protobuf"
            raise UnreadableError(Reason.UNKNOWN_SCHEMA, f"schema {key}: {said}") from None
        except IndexError:
            raise UnreadableError(Reason.UNKNOWN_SCHEMA, f"schema {key}: no message type {list(indexes)}") from None


def _chosen(types: Types, message: str | None) -> Kind:
    """The type that is read of those in a file."""
    names = types.names
    if message is None and len(names) == 1:
        return types.named(names[0])
    if message not in names:
        raise KeyError(f"one of {', '.join(names)} is needed")
    return types.named(message)


def indexes_of(rest: bytes) -> tuple[tuple[int, ...], bytes]:
    """Which message type of its file a message is of, and the message; a zero alone stands for the first one.

    Raises:
        UnreadableError: neither is there.
    """
    count, at = _varint(rest, 0)
    if count == 0:
        return (0,), rest[at:]
    if not 0 < count <= MOST_INDEXES:
        raise UnreadableError(Reason.BAD_FORMAT, "message indexes of Protobuf are needed behind the schema's id")
    found = []
    for _ in range(count):
        index, at = _varint(rest, at)
        found.append(index)
    return tuple(found), rest[at:]


def _varint(given: bytes, at: int) -> tuple[int, int]:
    """A number in zigzag, and where it ends."""
    number = shift = 0
    for place, byte in enumerate(given[at : at + _VARINT_BYTES], at + 1):
        number |= (byte & _BITS) << shift
        if byte < _MORE:
            return (number >> 1) ^ -(number & 1), place
        shift += 7
    raise UnreadableError(Reason.BAD_FORMAT, "message indexes of Protobuf are needed behind the schema's id")
