"""Tensors: requests and responses of the Open Inference Protocol as Protobuf, as gRPC and Seldon's topics have them."""

from __future__ import annotations

import struct
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

from operators.dead_letters import Reason
from operators.formats.packed import UnreadableError

if TYPE_CHECKING:
    from google.protobuf.message import Message

FRAMING = 6
"""Bytes that a schema registry's serializers put before a message: 0, the schema's id, and a 0 for its type."""

_TYPES = descriptor_pb2.FieldDescriptorProto
_CONTENTS = (
    ("bool_contents", _TYPES.TYPE_BOOL),
    ("int_contents", _TYPES.TYPE_INT32),
    ("int64_contents", _TYPES.TYPE_INT64),
    ("uint_contents", _TYPES.TYPE_UINT32),
    ("uint64_contents", _TYPES.TYPE_UINT64),
    ("fp32_contents", _TYPES.TYPE_FLOAT),
    ("fp64_contents", _TYPES.TYPE_DOUBLE),
    ("bytes_contents", _TYPES.TYPE_BYTES),
)
_RAW = {
    "BOOL": "?",
    "INT8": "<i1",
    "INT16": "<i2",
    "INT32": "<i4",
    "INT64": "<i8",
    "UINT8": "<u1",
    "UINT16": "<u2",
    "UINT32": "<u4",
    "UINT64": "<u8",
    "FP16": "<f2",
    "FP32": "<f4",
    "FP64": "<f8",
}
"""Datatype -> how its values lie in raw contents; BYTES have their lengths before them."""


def json_of(value: bytes, *, answers: bool) -> bytes:
    """A body as JSON: it is that, or a Protobuf request or response (`answers`), behind a registry's framing or not.

    Raises:
        UnreadableError: it is neither.
    """
    plain = value[FRAMING:] if value[:1] == b"\0" and len(value) > FRAMING else value
    if plain.lstrip()[:1] == b"{":
        return plain
    try:
        message = _message_types()[answers].FromString(plain)
        found: Any = message
        raw = list(found.raw_output_contents if answers else found.raw_input_contents)
        listed = found.outputs if answers else found.inputs
        body = {
            "outputs" if answers else "inputs": [
                _tensor(tensor, raw[at] if at < len(raw) else None) for at, tensor in enumerate(listed)
            ],
            **{name: text for name in ("model_name", "model_version", "id") if (text := getattr(found, name))},
        }
        if not listed:
            raise UnreadableError(Reason.BAD_FORMAT, "neither JSON nor tensors of the Open Inference Protocol")
        return msgspec.json.encode(body)
    except (DecodeError, ValueError, struct.error) as error:
        if isinstance(error, UnreadableError):
            raise
        raise UnreadableError(Reason.BAD_FORMAT, f"neither JSON nor a Protobuf tensor message ({error})") from None


def _tensor(tensor: Any, raw: bytes | None) -> dict[str, Any]:
    data: list[Any]
    if raw is not None:
        data = _unpacked(raw, tensor.datatype)
    else:
        contents = tensor.contents
        data = next((list(held) for name, _ in _CONTENTS if (held := getattr(contents, name))), [])
        if tensor.datatype == "FP32":
            data = [_shortest(value) for value in data]
    data = [value.decode("utf-8", "replace") if isinstance(value, bytes) else value for value in data]
    return {"name": tensor.name, "datatype": tensor.datatype, "shape": list(tensor.shape), "data": data}


def _shortest(value: float) -> float:
    """The shortest number of which a 32-bit float is the nearest: what was meant."""
    return float(str(np.float32(value)))


def _unpacked(raw: bytes, datatype: str) -> list[Any]:
    """The values of raw contents.

    Raises:
        ValueError, struct.error: they are cut off, or of an unknown type.
    """
    if datatype == "BYTES":
        found, at = [], 0
        while at < len(raw):
            (length,) = struct.unpack_from("<I", raw, at)
            found.append(raw[at + 4 : at + 4 + length])
            at += 4 + length
        return found
    if datatype not in _RAW:
        raise ValueError(f"datatype {datatype!r}")
    values = np.frombuffer(raw, dtype=_RAW[datatype])
    if datatype in {"FP16", "FP32"}:
        return [float(str(value)) for value in values]
    listed: list[Any] = values.tolist()
    return listed


@cache
def _message_types() -> tuple[type[Message], type[Message]]:
    """The types of requests and of responses, by their public description: the fields that are read, by number."""
    file = descriptor_pb2.FileDescriptorProto(name="driftgauge_inference.proto", package="inference", syntax="proto3")
    contents = file.message_type.add(name="InferTensorContents")
    for number, (name, kind) in enumerate(_CONTENTS, 1):
        contents.field.add(name=name, number=number, type=kind, label=_TYPES.LABEL_REPEATED)
    tensor = file.message_type.add(name="Tensor")
    tensor.field.add(name="name", number=1, type=_TYPES.TYPE_STRING, label=_TYPES.LABEL_OPTIONAL)
    tensor.field.add(name="datatype", number=2, type=_TYPES.TYPE_STRING, label=_TYPES.LABEL_OPTIONAL)
    tensor.field.add(name="shape", number=3, type=_TYPES.TYPE_INT64, label=_TYPES.LABEL_REPEATED)
    tensor.field.add(
        name="contents",
        number=5,
        type=_TYPES.TYPE_MESSAGE,
        type_name=".inference.InferTensorContents",
        label=_TYPES.LABEL_OPTIONAL,
    )
    for message, tensors, raw in (
        ("ModelInferRequest", "inputs", ("raw_input_contents", 7)),
        ("ModelInferResponse", "outputs", ("raw_output_contents", 6)),
    ):
        one = file.message_type.add(name=message)
        for number, name in enumerate(("model_name", "model_version", "id"), 1):
            one.field.add(name=name, number=number, type=_TYPES.TYPE_STRING, label=_TYPES.LABEL_OPTIONAL)
        one.field.add(
            name=tensors,
            number=5,
            type=_TYPES.TYPE_MESSAGE,
            type_name=".inference.Tensor",
            label=_TYPES.LABEL_REPEATED,
        )
        one.field.add(name=raw[0], number=raw[1], type=_TYPES.TYPE_BYTES, label=_TYPES.LABEL_REPEATED)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    names = ("ModelInferRequest", "ModelInferResponse")
    request, response = (
        message_factory.GetMessageClass(pool.FindMessageTypeByName(f"inference.{name}")) for name in names
    )
    return request, response
