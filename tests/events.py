"""Requests and responses as systems log them, written from the contract's own records by their public descriptions.

KServe: pkg/logger (types, attributes, times), binary and structured mode of CloudEvents over Kafka. Seldon Core 2:
scheduler/pkg/kafka (names of topics, keys, headers), the Open Inference Protocol as Protobuf and as JSON.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

Row = dict[str, Any]
Headers = list[tuple[str, bytes]]


@dataclass(frozen=True)
class Message:
    """A message: its value, key and headers, and what the name of its topic ends with."""

    value: bytes
    key: bytes | None = None
    headers: Headers = field(default_factory=list)
    suffix: str = ""


def stamp(row: Row, *, later: bool = False) -> str:
    """The time of a row, or the one at which it was answered."""
    at = dt.datetime.fromisoformat(row["timestamp"])
    if later:
        at += dt.timedelta(microseconds=round((row.get("latency_ms") or 0) * 1000))
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")


def ident(rows: Sequence[Row]) -> str:
    """The id of a request."""
    return str(rows[0]["prediction_id"]).rpartition("/")[0]


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
