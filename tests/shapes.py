"""Shapes that other people's messages have, each written from the contract's own records and said in a source."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Record = dict[str, Any]

NUMBERS = ("age", "price", "discount", "position", "relevance", "clicks_7d", "session_seconds", "hours_since_visit")
"""Numeric features of the click model."""


@dataclass(frozen=True)
class Shape:
    """A shape of predictions, and of feedback about them.

    Attributes:
        name: for the test's id.
        source: what `sources` says of predictions, beside topic and what it holds.
        messages: the contract's own predictions in this shape.
        feedback: what `sources` says of feedback; None where it has the contract's own shape.
        labels: feedback in this shape.
    """

    name: str
    source: Record
    messages: Callable[[Sequence[Record]], list[bytes]]
    feedback: Record | None = None
    labels: Callable[[Sequence[Record]], list[bytes]] = field(default=lambda rows: _lines(rows, dict))


def _lines(rows: Sequence[Record], write: Callable[[Record], Any]) -> list[bytes]:
    return [json.dumps(write(row)).encode() for row in rows]


def _ms(stamp: str) -> int:
    return round(dt.datetime.fromisoformat(stamp).timestamp() * 1000)


def shop_like(row: Record) -> Record:
    """A prediction as a shop writes it."""
    inputs = {name: value for name, value in row.get("features", {}).items() if name != "device"}
    inputs["client"] = {"device": row.get("features", {}).get("device"), "os": "linux"}
    return {
        "txn_id": row["prediction_id"],
        "event_time": row["timestamp"],
        "model_info": {"name": row["model"], "ver": row["version"]},
        "outputs": {"score": row.get("prediction")},
        "inputs": inputs,
        "timing": {"total_us": None if row.get("latency_ms") is None else round(row["latency_ms"] * 1000)},
        **({"failure": row["error"]} if row.get("error") else {}),
    }


def _positional(row: Record) -> Record:
    features = row.get("features", {})
    return {
        "m": row["model"],
        "v": row["version"],
        "id": row["prediction_id"],
        "t": _ms(row["timestamp"]) / 1e3,
        "row": [
            [0, *(features.get(name) for name in NUMBERS), "spare", features.get("country"), features.get("device")]
        ],
        "out": [[1.0, row.get("prediction")]],
        "ms": row.get("latency_ms"),
        "error": row.get("error"),
    }


def _spread(row: Record) -> Record:
    features = dict(row.get("features", {}))
    return {
        "type": "score",
        "who": {"device_kind": features.pop("device", None)},
        "x": {"f_age": features.pop("age", None), **features},
        "y": row.get("prediction"),
        **{key: row.get(key) for key in ("prediction_id", "timestamp", "model", "version", "latency_ms", "error")},
    }


def _between(rows: Sequence[Record]) -> list[bytes]:
    """With messages of another type between, which do not even have the same types of fields."""
    found = []
    for row in rows:
        found += [json.dumps(_spread(row)), json.dumps({"type": "audit", "x": "none", "timestamp": "never"})]
    return [line.encode() for line in found]


def _many(rows: Sequence[Record]) -> list[bytes]:
    """Several predictions a message, which says the model once."""
    found: list[tuple[str, str, list[Record]]] = []
    for row in rows:
        key = (row["model"], row["version"])
        if not found or found[-1][:2] != key or len(found[-1][2]) >= 7:
            found.append((*key, []))
        found[-1][2].append(row)
    return [
        json.dumps({"meta": {"model": model, "version": version}, "items": items}).encode()
        for model, version, items in found
    ]


SHOP = {
    "map": {
        "prediction_id": "txn_id",
        "timestamp": {"path": "event_time", "unit": "rfc3339"},
        "model": "model_info.name",
        "version": "model_info.ver",
        "prediction": "outputs.score",
        "latency_ms": {"path": "timing.total_us", "scale": 0.001},
        "error": "failure",
        "features": {"path": "inputs", "flatten": True, "rename": {"client.device": "device"}},
    }
}

CHARGEBACKS = {
    "map": {
        "prediction_id": "txn",
        "timestamp": {"path": "at", "unit": "us"},
        "label": {"path": "is_fraud", "values": {"yes": 1, "no": 0}},
    }
}


def _chargeback(row: Record) -> Record:
    return {
        "txn": row["prediction_id"],
        "at": _ms(row["timestamp"]) * 1000,
        "is_fraud": "yes" if row["label"] else "no",
    }


SHAPES = (
    Shape(
        "shop",
        SHOP,
        lambda rows: _lines(rows, shop_like),
        CHARGEBACKS,
        lambda rows: _lines(rows, _chargeback),
    ),
    Shape(
        "positions",
        {
            "map": {
                "prediction_id": "id",
                "timestamp": {"path": "t", "unit": "s"},
                "model": "m",
                "version": "v",
                "prediction": "out.0.1",
                "latency_ms": "ms",
                "features": {"path": "row.0", "names": [None, *NUMBERS, None, "country", "device"]},
            }
        },
        lambda rows: _lines(rows, _positional),
    ),
    Shape(
        "several places, other messages between",
        {
            "where": {"path": "type", "in": ["score"]},
            "map": {
                "prediction": "y",
                "features": {"path": "x", "rename": {"f_age": "age"}, "fields": {"device": "who.device_kind"}},
            },
        },
        _between,
    ),
    Shape(
        "an array",
        {
            "split": "items",
            "map": {
                **{
                    name: f"items.{name}"
                    for name in ("prediction_id", "timestamp", "prediction", "latency_ms", "error", "features")
                },
                "model": "meta.model",
                "version": "meta.version",
            },
        },
        _many,
    ),
)
