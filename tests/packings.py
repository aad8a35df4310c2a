"""The contract's own rows as messages of every format that takes several rows, or is packed in another way."""

from __future__ import annotations

import datetime as dt
import gzip
import json
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec
import pyarrow as pa
from monitored import reference
from shapes import SHOP, shop_like

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Row = dict[str, Any]

zipped = partial(gzip.compress, mtime=0)  # a time in the bytes would be another name of the test each second


@dataclass(frozen=True)
class Format:
    """Rows as messages.

    Attributes:
        name: for the test's id.
        source: what the config says of it; None for the contract's own shape.
        messages: makes them.
    """

    name: str
    source: Row | None
    messages: Callable[[Sequence[Row]], list[bytes]]


def grouped(rows: Sequence[Row], size: int = 7) -> list[Sequence[Row]]:
    """Some rows a message."""
    return [rows[at : at + size] for at in range(0, len(rows), size)]


def zstd(value: bytes) -> bytes:
    """Compressed."""
    packed: bytes = pa.Codec("zstd").compress(value, asbytes=True)
    return packed


def lines(rows: Sequence[Row]) -> bytes:
    """One a line."""
    return b"\n".join(json.dumps(row).encode() for row in rows)


def columns_of(rows: Sequence[Row], names: Sequence[str]) -> Row:
    """One list a field."""
    return {name: [row.get(name) for row in rows] for name in names}


def table(rows: Sequence[Row]) -> Row:
    """A column a field; what is the same in all rows stands once."""
    features = columns_of([row.get("features") or {} for row in rows], list(reference().features))
    fields = columns_of(rows, ["prediction_id", "timestamp", "version", "prediction", "latency_ms", "error"])
    return {"model": rows[0]["model"], **fields, "features": features}


RENAMED: Row = {
    "map": {
        "model": {"constant": "click"},
        "timestamp": {"path": "t", "unit": "ms"},
        "prediction": "out.p",
        "features": {"path": "x", "rename": {"cost": "price"}},
    }
}


def renamed(given: Row) -> Row:
    """In the shape that RENAMED is of."""
    inside = {"cost" if name == "price" else name: values for name, values in given["features"].items()}
    kept = {
        name: values for name, values in given.items() if name not in {"timestamp", "prediction", "features", "model"}
    }
    times = [round(dt.datetime.fromisoformat(at).timestamp() * 1e3) for at in given["timestamp"]]
    return {**kept, "t": times, "out": {"p": given["prediction"]}, "x": inside}


def column(values: list[Any]) -> pa.Array:
    """Of one type: texts where not all are numbers."""
    if len(set(map(type, values)) - {type(None), float, int}) and len(set(map(type, values)) - {type(None)}) > 1:
        values = [None if value is None else str(value) for value in values]
    return pa.array(values)


def arrow(rows: Sequence[Row], names: bool = True) -> bytes:
    """An IPC stream of two record batches; categories, with `names`, as dictionaries."""
    given = table(rows)
    features = {name: column(values) for name, values in given.pop("features").items()}
    fields = {name: column([value] * len(rows) if name == "model" else value) for name, value in given.items()}
    fields["error"] = pa.array(given["error"], pa.string())
    if names:
        fields["model"], features["country"] = (
            one.dictionary_encode() for one in (fields["model"], features["country"])
        )
    fields["features"] = pa.StructArray.from_arrays(list(features.values()), names=list(features))
    whole, half = pa.record_batch(fields), len(rows) // 2
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, whole.schema) as stream:
        stream.write_batch(whole.slice(0, half))
        stream.write_batch(whole.slice(half))
    written: bytes = sink.getvalue().to_pybytes()
    return written


def many(write: Callable[[Sequence[Row]], bytes], rows: Sequence[Row]) -> list[bytes]:
    """A large message, then smaller ones."""
    rest = len(rows) // 2
    return [write(rows[:rest]), *(write(some) for some in grouped(rows[rest:]))]


def shop(rows: Sequence[Row]) -> list[Row]:
    """In the shape of a shop."""
    return [shop_like(row) for row in rows]


FORMATS = (
    Format("a JSON array", None, lambda rows: [json.dumps(some).encode() for some in grouped(rows)]),
    Format(
        "a JSON array, indented", None, lambda rows: [json.dumps(some, indent=1).encode() for some in grouped(rows)]
    ),
    Format("an array of another shape", SHOP, lambda rows: [json.dumps(shop(some)).encode() for some in grouped(rows)]),
    Format(
        "JSON Schema's framing",
        SHOP,
        lambda rows: [b"\0\0\0\0\7" + json.dumps(shop_like(row)).encode() for row in rows],
    ),
    Format("gzip", None, lambda rows: [zipped(json.dumps(row).encode()) for row in rows]),
    Format("gzip, lines", None, lambda rows: [zipped(lines(some)) for some in grouped(rows)]),
    Format("zstd, another shape", SHOP, lambda rows: [zstd(lines(shop(some))) for some in grouped(rows)]),
    Format("MessagePack", {"format": "msgpack"}, lambda rows: [msgspec.msgpack.encode(row) for row in rows]),
    Format(
        "MessagePack, lists of another shape",
        {"format": "msgpack", **SHOP},
        lambda rows: [zipped(msgspec.msgpack.encode(shop(some))) for some in grouped(rows)],
    ),
    Format(
        "columns in JSON", {"format": "columns"}, lambda rows: [json.dumps(table(s)).encode() for s in grouped(rows)]
    ),
    Format(
        "columns in JSON, of another shape",
        {"format": "columns", **RENAMED},
        lambda rows: [zstd(json.dumps(renamed(table(some))).encode()) for some in grouped(rows, 20)],
    ),
    Format("Arrow", {"format": "arrow"}, lambda rows: [arrow(some) for some in grouped(rows)]),
    Format(
        "columns in JSON, many rows",
        {"format": "columns"},
        lambda rows: many(lambda s: json.dumps(table(s)).encode(), rows),
    ),
    Format("Arrow, many rows", {"format": "arrow"}, lambda rows: many(arrow, rows)),
    Format("Arrow, gzip", {"format": "arrow"}, lambda rows: [zipped(arrow(some, False)) for some in grouped(rows, 20)]),
)
