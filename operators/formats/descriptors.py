"""Descriptors: the message types of a Protobuf schema, and what turns their messages into objects as JSON has them."""

from __future__ import annotations

import datetime as dt
from functools import partial
from itertools import chain
from operator import attrgetter, methodcaller
from typing import TYPE_CHECKING, Any

from google.protobuf import (
    any_pb2,
    api_pb2,
    descriptor_pb2,
    duration_pb2,
    empty_pb2,
    field_mask_pb2,
    source_context_pb2,
    struct_pb2,
    timestamp_pb2,
    type_pb2,
    wrappers_pb2,
)
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from google.protobuf.descriptor import Descriptor, FieldDescriptor, FileDescriptor
    from google.protobuf.message import Message

    Read = Callable[[Any], Any]

_OWN = {
    module.DESCRIPTOR.name: module.DESCRIPTOR.serialized_pb
    for module in (
        any_pb2,
        api_pb2,
        descriptor_pb2,
        duration_pb2,
        empty_pb2,
        field_mask_pb2,
        source_context_pb2,
        struct_pb2,
        timestamp_pb2,
        type_pb2,
        wrappers_pb2,
    )
}
"""Files that come with Protobuf: nobody puts them into a registry."""

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class DescriptorError(ValueError):
    """Bytes that are no usable descriptor set."""


class Kind:
    """A message type: called with bytes it gives what is in them.

    Fields that are not set are absent (None) where the schema tells that, and have their default otherwise.

    Raises:
        DecodeError: it is given bytes that are none.

    Attributes:
        name: full name.
        indexes: where its file has it: the number of the outermost type, of the one in it, ...
    """

    def __init__(self, descriptor: Descriptor) -> None:
        self.name = descriptor.full_name
        self.indexes = _indexes(descriptor)
        self._parse: Callable[[bytes], Message] = GetMessageClass(descriptor).FromString
        self._read = _object(descriptor, {})

    def __call__(self, body: bytes) -> Any:
        """The objects that a message holds."""
        return self._read(self._parse(body))


class Types:
    """The message types of a descriptor set.

    Args:
        given: its bytes: what `protoc --include_imports --descriptor_set_out` writes. The last file is the one that
            messages are of.

    Raises:
        DescriptorError: it is none, or lacks what it refers to.
    """

    def __init__(self, given: bytes) -> None:
        try:
            files = list(descriptor_pb2.FileDescriptorSet.FromString(given).file)
        except DecodeError:
            files = []
        if not files:
            raise DescriptorError("no descriptor set (protoc --include_imports --descriptor_set_out)")
        self._pool = DescriptorPool()
        self._given = {file.name: file for file in files}
        self._added: set[str] = set()
        for file in files:
            self._add(file)
        self._files = [self._pool.FindFileByName(file.name) for file in files if file.name not in _OWN]
        if not self._files:
            raise DescriptorError("no message type of its own")

    @property
    def names(self) -> list[str]:
        """The full names of all types."""
        return [kind.full_name for file in self._files for kind in _all(file)]

    def named(self, name: str) -> Kind:
        """The type of a full name."""
        return Kind(self._pool.FindMessageTypeByName(name))

    def of(self, indexes: tuple[int, ...]) -> Kind:
        """The type that indexes stand for.

        Raises:
            IndexError: none.
        """
        level: Iterable[Descriptor] = self._files[-1].message_types_by_name.values()
        found = None
        for index in indexes:
            if index < 0:
                raise IndexError
            found = list(level)[index]
            level = found.nested_types
        if found is None:
            raise IndexError
        return Kind(found)

    def _add(self, file: descriptor_pb2.FileDescriptorProto) -> None:
        """Add a file, and before it what it imports; one that is nowhere may be of options alone."""
        if file.name in self._added:
            return
        self._added.add(file.name)
        for name in file.dependency:
            missing = descriptor_pb2.FileDescriptorProto(name=name)
            own = descriptor_pb2.FileDescriptorProto.FromString(_OWN[name]) if name in _OWN else missing
            self._add(self._given.get(name, own))
        try:
            self._pool.Add(file)
            self._pool.FindFileByName(file.name)
        except (TypeError, KeyError, ValueError, DecodeError) as error:
            said = " ".join(str(error).split())
            raise DescriptorError(f"{file.name} cannot be used; are its imports there? ({said})") from None


def _all(file: FileDescriptor) -> Iterator[Descriptor]:
    waiting = list(file.message_types_by_name.values())
    while waiting:
        kind = waiting.pop(0)
        if not kind.GetOptions().map_entry:
            yield kind
        waiting += kind.nested_types


def _indexes(kind: Descriptor) -> tuple[int, ...]:
    around = kind.containing_type
    if around is None:
        return (list(kind.file.message_types_by_name.values()).index(kind),)
    return (*_indexes(around), list(around.nested_types).index(kind))


def _object(kind: Descriptor, known: dict[str, Read]) -> Read:
    """What reads a message of this type; `known` has those of types that this one is in."""
    name = kind.full_name
    if name in _SPECIAL:
        return _SPECIAL[name]
    if name not in known:
        fields: list[tuple[str, Read]] = []
        known[name] = partial(_fields, fields)
        fields += [(field.name, _field(field, known)) for field in kind.fields]
    return known[name]


def _fields(fields: list[tuple[str, Read]], message: Any) -> dict[str, Any]:
    return {name: read(message) for name, read in fields}


def _field(field: FieldDescriptor, known: dict[str, Read]) -> Read:
    """What reads a field of a message."""
    get: Read = attrgetter(field.name)
    one = _value(field, known)
    if field.is_repeated:
        inner = field.message_type
        if inner is not None and inner.GetOptions().map_entry:
            value = _value(inner.fields_by_name["value"], known)
            return partial(_mapping, get, value)
        return partial(_list, get, one)
    if field.has_presence:
        return partial(_present, methodcaller("HasField", field.name), get, one)
    return get if one is None else partial(_turned, get, one)


def _value(field: FieldDescriptor, known: dict[str, Read]) -> Read | None:
    """What turns a value of this field into plain data; None where it is that."""
    if field.message_type is not None:
        return _object(field.message_type, known)
    if field.enum_type is not None:
        return partial(_name, {number: one.name for number, one in field.enum_type.values_by_number.items()})
    return None


def _name(names: dict[int, str], number: int) -> str | int:
    """The name of an enum's number; one that a newer writer knows is a number."""
    return names.get(number, number)


def _present(has: Callable[[Any], bool], get: Read, one: Read | None, message: Any) -> Any:
    if not has(message):
        return None
    return get(message) if one is None else one(get(message))


def _turned(get: Read, one: Read, message: Any) -> Any:
    return one(get(message))


def _list(get: Read, one: Read | None, message: Any) -> list[Any]:
    return list(get(message)) if one is None else list(map(one, get(message)))


def _mapping(get: Read, one: Read | None, message: Any) -> dict[str, Any]:
    return {_key(key): value if one is None else one(value) for key, value in get(message).items()}


def _key(key: Any) -> str:
    """A key as JSON has it."""
    return str(key).lower() if isinstance(key, bool) else str(key)


def _time(message: Any) -> str | int:
    """A time in RFC 3339; one that is beyond it as its seconds."""
    seconds: int = message.seconds
    try:
        return (_EPOCH + dt.timedelta(seconds=seconds, microseconds=message.nanos // 1000)).isoformat()
    except OverflowError:
        return seconds


def _duration(message: Any) -> float:
    seconds: float = message.seconds + message.nanos / 1e9
    return seconds


def _struct(message: Any) -> dict[str, Any]:
    return {key: _any_value(value) for key, value in message.fields.items()}


def _values(message: Any) -> list[Any]:
    return list(map(_any_value, message.values))


def _any_value(message: Any) -> Any:
    kind = message.WhichOneof("kind")
    if kind is None or kind == "null_value":
        return None
    value = getattr(message, kind)
    if kind == "struct_value":
        return _struct(value)
    return _values(value) if kind == "list_value" else value


_WRAPPERS = ("Double", "Float", "Int64", "UInt64", "Int32", "UInt32", "Bool", "String", "Bytes")

_SPECIAL: dict[str, Read] = dict(
    chain(
        {
            "google.protobuf.Timestamp": _time,
            "google.protobuf.Duration": _duration,
            "google.protobuf.Struct": _struct,
            "google.protobuf.ListValue": _values,
            "google.protobuf.Value": _any_value,
        }.items(),
        ((f"google.protobuf.{name}Value", attrgetter("value")) for name in _WRAPPERS),
    )
)
"""Types that stand for plain values."""
