"""Every form that a topic of predictions may have: what the config says of it, and the contract's own rows in it."""

from __future__ import annotations

import datetime as dt
import io
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import fastavro
import packings
import presets
from events import Message, as_json, as_protobuf, binary, ident, in_topics, structured, v1, v1_lists, v2
from monitored import reference
from protos import SCORED, SCORED_AT, Writer, files
from shapes import SHAPES

from windows.predictions.layout import layout_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Write = Callable[[Sequence["Row"]], list[Message]]

Row = dict[str, Any]

SEVERAL = 3
"""Rows of a request, where a system takes several."""

FEATURES = [(one.name, one.numeric) for one in layout_of(reference()).features]
NAMES = [name for name, _ in FEATURES]

PROTOBUF, NEWER_PROTOBUF = files(FEATURES), files(FEATURES, newer=True)
WRITER, NEWER_WRITER = Writer(PROTOBUF), Writer(NEWER_PROTOBUF)
AVRO: Row = {
    "type": "record",
    "name": "Prediction",
    "fields": [
        *({"name": name, "type": "string"} for name in ("prediction_id", "model", "version")),
        {"name": "timestamp", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        *({"name": name, "type": ["null", "double"], "default": None} for name in ("prediction", "latency_ms")),
        {"name": "error", "type": ["null", "string"], "default": None},
        {
            "name": "features",
            "type": [
                "null",
                {
                    "type": "record",
                    "name": "Features",
                    "fields": [
                        {"name": name, "type": ["null", "double" if numeric else "string"], "default": None}
                        for name, numeric in FEATURES
                    ],
                },
            ],
            "default": None,
        },
    ],
}
NEWER_AVRO: Row = {**AVRO, "fields": [{"name": "trace", "type": "string"}, *reversed(AVRO["fields"])]}
"""A later writer's: another field first, the others in another order."""
SCHEMAS = {number: fastavro.parse_schema(json.loads(json.dumps(one))) for number, one in ((7, AVRO), (8, NEWER_AVRO))}
SELDON = (".inputs", ".outputs")
HALVES = ("-asked", "-answered")
BY_TOPIC = r"\.model\.(m\d+)\.v(\d+)"


@dataclass(frozen=True)
class Form:
    """What a topic holds.

    Attributes:
        name: for the test's id.
        source: what the config says of it; None: nothing, it has the contract's own shape.
        write: makes the messages of a partition of rows.
        suffixes: what the names of its topics end with.
        sources: what each of several sources says beside that; each reads one of the topics.
        logged: what a system logs of a row; None: nothing.
    """

    name: str
    source: Row
    write: Write
    suffixes: tuple[str, ...] = ("",)
    sources: tuple[Row, ...] = ()
    logged: Callable[[Row], Row | None] = field(default=lambda row: row)

    def rows(self, rows: Sequence[Row], model: str) -> list[Row]:
        """What it logs of these rows of a model."""
        named = ({**row, "model": model} for row in rows)
        return [found for row in named if (found := self.logged(row)) is not None]

    def messages(self, rows: Sequence[Row], model: str) -> list[Message]:
        """These rows of a model, as it logs them."""
        return self.write([{**row, "model": model} for row in rows if self.logged(row) is not None])

    def config(self, model: str, topics: Sequence[str]) -> list[Row]:
        """Its sources; where the map says which model it is, it is this one."""
        own = dict(self.source)
        if "constant" in own.get("map", {}).get("model", {}):
            own["map"] = {**own["map"], "model": {"constant": model}}
        if not self.sources:
            return [{"topics": list(topics), **own}]
        return [{"topic": topic, **own, **one} for topic, one in zip(topics, self.sources, strict=True)]


def requests(rows: Sequence[Row], most: int = SEVERAL) -> list[Sequence[Row]]:
    """Rows by the request that they are of."""
    return [rows[at : at + most] for at in range(0, len(rows), most)]


def in_requests(rows: Sequence[Row]) -> list[Row]:
    """The rows as several systems log them: those of a request share time, version, latency, and whether it failed.

    Latencies are whole milliseconds, as far as some systems' clocks tell them.
    """
    found = []
    for number, several in enumerate(requests(rows)):
        failed = next((row for row in several if row.get("error")), None)
        first = failed or several[0]
        for place, row in enumerate(several):
            told = dict(failed or row)
            told.update({name: first[name] for name in ("timestamp", "version") if name in first})
            told["latency_ms"] = round(first.get("latency_ms") or 0) * 1000 * 0.001
            name = f"{first['prediction_id']}-{number}"
            told["prediction_id"] = name if len(several) == 1 else f"{name}/{place}"
            found.append(told)
    return found


def avro(row: Row, number: int = 7) -> bytes:
    """A record of the schema of this number."""
    stream = io.BytesIO()
    stamp = round(dt.datetime.fromisoformat(row["timestamp"]).timestamp() * 1000)
    fastavro.schemaless_writer(stream, SCHEMAS[number], {"trace": "t", **row, "timestamp": stamp})
    return stream.getvalue()


def framed(number: int, record: bytes) -> bytes:
    """Behind the id of its schema."""
    return b"\0" + number.to_bytes(4, "big") + record


def bare(write: Callable[[Sequence[Row]], list[bytes]]) -> Write:
    """Messages without key and headers."""
    return lambda rows: list(map(Message, write(rows)))


def asked(write: Callable[[Sequence[Row]], list[Message]], most: int = SEVERAL) -> Write:
    """The messages of each request."""
    return lambda rows: [message for several in requests(rows, most) for message in write(several)]


def evolving(rows: Sequence[Row], records: dict[int, Callable[[Row], bytes]], frame: bytes = b"") -> list[Message]:
    """By turns of an older and a newer schema, with its id before the record or in a header."""
    found = []
    for number, row in enumerate(rows):
        schema = sorted(records)[number % 2]
        record = records[schema](row)
        if number % 4 < 2:
            found.append(Message(framed(schema, frame + record)))
        else:
            found.append(Message(record, None, [("__value_schema_id", framed(schema, frame))]))
    return found


def beside(rows: Sequence[Row]) -> list[Message]:
    """Id, time, latency and error beside the value: in key and headers; model and version in the topic's name."""
    found = []
    for row in rows:
        at = dt.datetime.fromisoformat(row["timestamp"])
        headers = [("when", str(round(at.timestamp() * 1000)).encode()), ("took", str(row["latency_ms"]).encode())]
        if row.get("error"):
            headers.append(("failure", row["error"].encode()))
        value = json.dumps({**row.get("features", {}), "score": row.get("prediction")}).encode()
        found.append(Message(value, row["prediction_id"].encode(), headers, 0, f".v{row['version']}"))
    return found


def apart(rows: Sequence[Row], bodies: tuple[Row, Row], header: str = "") -> list[Message]:
    """A request and its response in topics of their own; the id in both bodies, or in a header of both."""
    found = []
    for answers, body in enumerate(bodies):
        at = dt.datetime.fromisoformat(rows[0]["timestamp"])
        at += dt.timedelta(milliseconds=answers * rows[0]["latency_ms"])
        named = {"model_name": rows[0]["model"], "model_version": rows[0]["version"]}
        whole = {**body, **named} if header else {**body, **named, "id": ident(rows)}
        headers = [(header, ident(rows).encode())] if header else []
        value = json.dumps(whole).encode()
        found.append(Message(value, None, headers, round(at.timestamp() * 1000), HALVES[answers]))
    return found


def _of_shape(shape: Any) -> Form:
    return Form(f"{shape.name}: JSON of another shape", shape.source, bare(shape.messages))


def _of_packing(one: packings.Format) -> Form:
    source = {"map": {}} if one.source is None else one.source
    return Form(one.name, source, bare(one.messages))


def _of_preset(one: presets.Preset) -> Form:
    def write(rows: Sequence[Row]) -> list[Message]:
        values, headers = one.messages(requests(rows))
        return [Message(value, None, list(held)) for value, held in zip(values, headers, strict=True)]  # type: ignore[arg-type]

    return Form(one.name, one.source, write, logged=one.logged)


FORMS = (
    *map(_of_shape, SHAPES),
    *map(_of_packing, packings.FORMATS),
    *map(_of_preset, presets.ALL),
    Form(
        "key, headers and the topic's name",
        {
            "map": {
                "prediction_id": {"key": True},
                "timestamp": {"header": "when", "unit": "ms"},
                "model": {"topic": BY_TOPIC},
                "version": {"topic": BY_TOPIC, "group": 2},
                "prediction": "score",
                "latency_ms": "header:took",
                "error": "header:failure",
                "features": "$",
            }
        },
        beside,
        (".v1",),
    ),
    Form("Avro, registry", {"format": "avro"}, bare(lambda rows: [framed(7, avro(row)) for row in rows])),
    Form("Avro, schema file", {"format": "avro", "schema_file": "shop.avsc"}, bare(lambda rows: list(map(avro, rows)))),
    Form(
        "Avro, a newer writer, ids in headers",
        {"format": "avro"},
        lambda rows: evolving(rows, {7: avro, 8: lambda row: avro(row, 8)}),
    ),
    Form(
        "Protobuf, registry",
        {"format": "protobuf"},
        bare(lambda rows: [framed(9, SCORED_AT + WRITER(row)) for row in rows]),
    ),
    Form(
        "Protobuf, a newer writer, ids in headers",
        {"format": "protobuf"},
        lambda rows: evolving(rows, {9: WRITER, 10: lambda row: NEWER_WRITER({"trace": "t", **row})}, SCORED_AT),
    ),
    Form(
        "Protobuf, descriptor set",
        {"format": "protobuf", "schema_file": "shop.desc", "message": SCORED},
        bare(lambda rows: list(map(WRITER, rows))),
    ),
    Form(
        "KServe, binary, V1",
        {"preset": "kserve", "map": {"version": "endpoint"}},
        asked(lambda rows: binary(rows, v1(rows, NAMES))),
    ),
    Form(
        "KServe, structured, V2",
        {"preset": "kserve", "map": {"version": "endpoint"}},
        asked(lambda rows: structured(rows, v2(rows, NAMES))),
    ),
    Form(
        "KServe, by position, a filter on its headers",
        {
            "preset": "kserve",
            "map": {"version": {"header": "ce_endpoint"}, "features": {"names": NAMES}},
            "where": {"header": "ce_component", "in": ["predictor"]},
        },
        asked(lambda rows: binary(rows, v1_lists(rows, NAMES))),
    ),
    Form(
        "Seldon Core 2, JSON",
        {"preset": "seldon", "map": {"version": {"header": "x-version"}}},
        asked(lambda rows: in_topics(rows, as_json(v2(rows, NAMES)))),
        SELDON,
    ),
    Form(
        "Seldon Core 2, Protobuf",
        {"preset": "seldon", "map": {"version": {"header": "x-version"}}},
        asked(lambda rows: in_topics(rows, as_protobuf(v2(rows, NAMES))), 1),
        SELDON,
    ),
    Form(
        "Seldon Core 2, raw Protobuf, registry",
        {"preset": "seldon", "map": {"version": {"header": "x-version"}}},
        asked(lambda rows: in_topics(rows, as_protobuf(v2(rows, NAMES), raw=True, framed=True)), 1),
        SELDON,
    ),
    *(
        Form(
            f"{preset}, requests and responses apart",
            {"preset": preset},
            asked(lambda rows, bodies=bodies, header=header: apart(rows, bodies(rows, NAMES), header)),  # type: ignore[misc]
            HALVES,
            tuple(
                {"holds": held, **({"map": {"prediction_id": {"header": header}}} if header else {})}
                for held in ("requests", "responses")
            ),
        )
        for preset, bodies, header in (("inference_v1", v1, ""), ("inference_v2", v2, ""), ("mlflow", v1, "x-asked"))
    ),
)
