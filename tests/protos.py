"""A schema of Protobuf in two files, built by hand, and rows written with it by Protobuf's own JSON mapping."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from google.protobuf import json_format
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.timestamp_pb2 import DESCRIPTOR as TIMESTAMP

if TYPE_CHECKING:
    from collections.abc import Iterable

    from google.protobuf.message import Message

Row = dict[str, Any]

DOUBLE, STRING = FieldDescriptorProto.TYPE_DOUBLE, FieldDescriptorProto.TYPE_STRING
MESSAGE, BOOL = FieldDescriptorProto.TYPE_MESSAGE, FieldDescriptorProto.TYPE_BOOL

SCORED, AUDIT = "shop.Scored", "shop.Audit"
SCORED_AT, AUDIT_AT = b"\x02\x02", b"\x00"
"""Message indexes as the public description has them: [1], and the short form of [0]."""


def _field(message: DescriptorProto, name: str, kind: Any, of: str = "", optional: bool = True) -> None:
    field = message.field.add(name=name, number=len(message.field) + 1, type=kind)
    field.label = FieldDescriptorProto.LABEL_OPTIONAL
    if of:
        field.type_name = of
    elif optional:
        field.proto3_optional = True
        field.oneof_index = len(message.oneof_decl)
        message.oneof_decl.add(name=f"_{name}")


def files(features: Iterable[tuple[str, bool]], *, newer: bool = False) -> FileDescriptorSet:
    """The types `shop.Scored` and, in a file that is imported, `shop.features.Features`.

    Args:
        features: names, and whether they are numbers.
        newer: as a later writer has them: with fields more, which the messages of before do not have.
    """
    inner = FileDescriptorProto(name="shop/features.proto", package="shop.features", syntax="proto3")
    held = inner.message_type.add(name="Features")
    for name, numeric in features:
        _field(held, name, DOUBLE if numeric else STRING)
    outer = FileDescriptorProto(name="shop/scored.proto", package="shop", syntax="proto3")
    outer.dependency.extend(["google/protobuf/timestamp.proto", "shop/features.proto", "confluent/meta.proto"])
    _field(outer.message_type.add(name="Audit"), "who", STRING)
    scored = outer.message_type.add(name="Scored")
    for name in ("prediction_id", "model", "version"):
        _field(scored, name, STRING, optional=False)
    _field(scored, "timestamp", MESSAGE, ".google.protobuf.Timestamp")
    for name in ("prediction", "latency_ms"):
        _field(scored, name, DOUBLE)
    _field(scored, "error", STRING)
    _field(scored, "features", MESSAGE, ".shop.features.Features")
    if newer:
        _field(scored, "trace", STRING)
        _field(held, "sampled", BOOL)
    return FileDescriptorSet(file=[inner, outer])


class Writer:
    """Writes rows as `shop.Scored`."""

    def __init__(self, schema: FileDescriptorSet) -> None:
        pool = DescriptorPool()
        pool.AddSerializedFile(TIMESTAMP.serialized_pb)
        pool.Add(FileDescriptorProto(name="confluent/meta.proto"))
        for file in schema.file:
            pool.Add(file)
        self._kind = GetMessageClass(pool.FindMessageTypeByName(SCORED))

    def __call__(self, row: Row) -> bytes:
        """The bytes of a row."""
        message: Message = self._kind()
        known = {name for name, value in row.items() if value is not None}
        json_format.ParseDict({name: row[name] for name in known}, message)
        return message.SerializeToString()
