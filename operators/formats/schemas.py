"""Schemas: which schema a message was written with, where a registry keeps them."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Protocol

from operators.dead_letters import Reason
from operators.formats.packed import UnreadableError

if TYPE_CHECKING:
    from operators.records import Headers

SchemaKey = int | str
"""What a registry knows a schema by: its id, or its GUID."""

PREFIX = 5
"""Bytes before a record: 0, then its schema's id."""

GUID_HEADER = "__value_schema_id"
"""Header in which newer serializers put the schema's id or GUID, with nothing before the record."""

_ID, _GUID = 0, 1
_GUID_BYTES = 16


class Schemas(Protocol):
    """A registry, as far as it has been asked."""

    def text(self, key: SchemaKey) -> str | None:
        """A schema; None where the registry has none of this key."""


def framed(value: bytes, headers: Headers) -> tuple[SchemaKey | None, bytes]:
    """The key of a message's schema (None: it names none), and what is behind it: the record.

    Protobuf has the place of the record's type before it, which may be in the header as well.
    """
    held = next((value for name, value in reversed(headers) if name == GUID_HEADER and value), None)
    found = None if held is None else _key(held)
    if found is not None:
        key, rest = found
        return key, rest + value if rest else value
    if len(value) >= PREFIX and value[0] == _ID:
        return int.from_bytes(value[1:PREFIX], "big"), value[PREFIX:]
    return None, value


def _key(held: bytes) -> tuple[SchemaKey, bytes] | None:
    """The key in a header, and what is behind it there."""
    if held[0] == _GUID and len(held) > _GUID_BYTES:
        return str(uuid.UUID(bytes=held[1 : 1 + _GUID_BYTES])), held[1 + _GUID_BYTES :]
    if held[0] == _ID and len(held) >= PREFIX:
        return int.from_bytes(held[1:PREFIX], "big"), held[PREFIX:]
    return None


def schema_of(schemas: Schemas | None, key: SchemaKey | None) -> str:
    """The text of a message's schema.

    Raises:
        UnreadableError: it names none, or one that the registry does not have.
    """
    if key is None:
        raise UnreadableError(Reason.BAD_FORMAT, "it names no schema of a registry")
    found = None if schemas is None else schemas.text(key)
    if found is None:
        raise UnreadableError(Reason.UNKNOWN_SCHEMA, f"schema {key} is not in the registry")
    return found
