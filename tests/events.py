"""Requests and responses as systems log them, written from the contract's own records by their public descriptions.

KServe: pkg/logger (types, attributes, times), binary and structured mode of CloudEvents over Kafka. Seldon Core 2:
scheduler/pkg/kafka (names of topics, keys, headers), the Open Inference Protocol as Protobuf and as JSON.
"""

from __future__ import annotations

import datetime as dt
import json
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

Row = dict[str, Any]
Headers = list[tuple[str, bytes]]


@dataclass(frozen=True)
class Message:
    """A message: its value, key and headers, when it was written (ms; 0: now), what the name of its topic ends with."""

    value: bytes
    key: bytes | None = None
    headers: Headers = field(default_factory=list)
    written: int = 0
    suffix: str = ""


@dataclass(frozen=True)
class Given:
    """Envelopes of these messages."""

    messages: Sequence[Message]

    def key(self, index: int) -> bytes | None:
        """Its key."""
        return self.messages[index].key

    def headers(self, index: int) -> tuple[tuple[str, bytes], ...]:
        """Its headers."""
        return tuple(self.messages[index].headers)

    def offset(self, index: int) -> int:
        """Its place."""
        return index


def stamp(row: Row, *, later: bool = False) -> str:
    """The time of a row, or the one at which it was answered."""
    at = dt.datetime.fromisoformat(row["timestamp"])
    if later:
        at += dt.timedelta(microseconds=round((row.get("latency_ms") or 0) * 1000))
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")


def ident(rows: Sequence[Row]) -> str:
    """The id of a request."""
    first = str(rows[0]["prediction_id"])
    return first.rpartition("/")[0] if len(rows) > 1 else first


def v1(rows: Sequence[Row], names: Sequence[str]) -> tuple[Row, Row]:  # noqa: ARG001 - one signature for all
    """Bodies of the V1 protocol: objects of features."""
    request = {"instances": [row.get("features", {}) for row in rows]}
    if rows[0].get("error"):
        return request, {"error": rows[0]["error"]}
    return request, {"predictions": [row.get("prediction") for row in rows]}


def v1_lists(rows: Sequence[Row], names: Sequence[str]) -> tuple[Row, Row]:
    """Bodies of the V1 protocol: features by position."""
    request, response = v1(rows, names)
    return {"instances": [[one.get(name) for name in names] for one in request["instances"]]}, response


def v2(rows: Sequence[Row], names: Sequence[str]) -> tuple[Row, Row]:
    """Bodies of the V2 protocol: a tensor a feature."""
    tensors = [
        {
            "name": name,
            "shape": [len(rows), 1],
            "datatype": "FP64",
            "data": [row.get("features", {}).get(name) for row in rows],
        }
        for name in names
    ]
    request = {"id": ident(rows), "inputs": tensors}
    if rows[0].get("error"):
        return request, {"error": rows[0]["error"]}
    answer = {"name": "p", "shape": [len(rows)], "datatype": "FP64", "data": [row.get("prediction") for row in rows]}
    named = {"model_name": "served", "model_version": rows[0]["version"], "id": ident(rows)}
    return request, {**named, "outputs": [answer]}


def attributes(rows: Sequence[Row], *, answers: bool) -> Row:
    """The attributes of KServe's events."""
    return {
        "specversion": "1.0",
        "id": ident(rows),
        "source": "http://localhost:9081/",
        "type": f"org.kubeflow.serving.inference.{'response' if answers else 'request'}",
        "time": stamp(rows[0], later=answers),
        "inferenceservicename": rows[0]["model"],
        "namespace": "shop",
        "component": "predictor",
        "endpoint": rows[0]["version"],
        "metadata": "{}",
        "recordedtime": stamp(rows[0], later=True),
    }


def binary(rows: Sequence[Row], bodies: tuple[Row, Row]) -> list[Message]:
    """A request and its response as KServe's logger and a Knative sink write them."""
    found = []
    for answers, body in enumerate(bodies):
        told = attributes(rows, answers=bool(answers))
        headers = [(f"ce_{name}", str(value).encode()) for name, value in told.items()]
        headers.append(("content-type", b"application/json"))
        found.append(Message(json.dumps(body).encode(), None, headers))
    return found


def structured(rows: Sequence[Row], bodies: tuple[Row, Row]) -> list[Message]:
    """The same with the attributes in the value."""
    found = []
    for answers, body in enumerate(bodies):
        event = {**attributes(rows, answers=bool(answers)), "datacontenttype": "application/json", "data": body}
        kind = [("content-type", b"application/cloudevents+json; charset=UTF-8")]
        found.append(Message(json.dumps(event).encode(), None, kind))
    return found


def in_topics(rows: Sequence[Row], bodies: tuple[bytes, bytes]) -> list[Message]:
    """A request and its response as Seldon Core 2 keeps them: of one key, in topics of their own."""
    found = []
    for answers, body in enumerate(bodies):
        at = dt.datetime.fromisoformat(stamp(rows[0], later=bool(answers)))
        key = f"pipeline.{ident(rows)}".encode()
        headers = [("x-request-id", ident(rows).encode()), ("x-version", str(rows[0]["version"]).encode())]
        suffix = ".outputs" if answers else ".inputs"
        found.append(Message(body, key, headers, round(at.timestamp() * 1000), suffix))
    return found


def as_json(bodies: tuple[Row, Row]) -> tuple[bytes, bytes]:
    """Bodies as JSON."""
    request, response = (json.dumps(body).encode() for body in bodies)
    return request, response


def as_protobuf(bodies: tuple[Row, Row], *, raw: bool = False, framed: bool = False) -> tuple[bytes, bytes]:
    """V2 bodies as ModelInferRequest and ModelInferResponse; what failed is text, as the servers answer it.

    Args:
        bodies: of requests of one row: what it does not have is left out.
        raw: whether values are in raw contents.
        framed: whether a schema registry's framing is before them.
    """
    request, response = bodies
    frame = b"\0\0\0\0\x03\0" if framed else b""
    first = frame + _message(request, request["inputs"], 7 if raw else None)
    if "error" in response:
        return first, json.dumps(response).encode()
    return first, frame + _message(response, response["outputs"], 6 if raw else None)


def _message(body: Row, tensors: Sequence[Row], raw: int | None) -> bytes:
    parts = [_text(number, body.get(name, "")) for number, name in ((1, "model_name"), (2, "model_version"), (3, "id"))]
    held = [tensor for tensor in tensors if None not in tensor["data"]]
    parts += [_part(5, _tensor(tensor, contents=raw is None)) for tensor in held]
    if raw is not None:
        parts += [_part(raw, _raw(tensor)) for tensor in held]
    return b"".join(parts)


def _tensor(tensor: Row, *, contents: bool) -> bytes:
    data = tensor["data"]
    text = isinstance(data[0], str)
    parts = [
        _text(1, tensor["name"]),
        _text(2, "BYTES" if text else "FP64"),
        _part(3, b"".join(map(_varint, tensor["shape"]))),
    ]
    if contents:
        held = b"".join(_part(8, value.encode()) for value in data) if text else _part(7, _raw(tensor))
        parts.append(_part(5, held))
    return b"".join(parts)


def _raw(tensor: Row) -> bytes:
    data = tensor["data"]
    if isinstance(data[0], str):
        return b"".join(struct.pack("<I", len(value.encode())) + value.encode() for value in data)
    return struct.pack(f"<{len(data)}d", *data)


def _text(number: int, text: str) -> bytes:
    return _part(number, text.encode()) if text else b""


def _part(number: int, body: bytes) -> bytes:
    """A field of Protobuf's wire type 2."""
    return _varint(number << 3 | 2) + _varint(len(body)) + body


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])
