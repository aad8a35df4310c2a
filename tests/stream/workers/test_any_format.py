"""Anybody's format: what other systems write to a topic is judged as the same rows in the contract's own shape."""

from __future__ import annotations

import datetime as dt
import io
import json
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import fastavro
import msgspec
import pytest
import yaml
from brokers import KINDS
from events import Message, as_json, as_protobuf, binary, in_topics, structured, v1, v1_lists, v2
from monitored import Monitor, Site, Traffic, headers_of, reference
from protos import SCORED, SCORED_AT, Writer, files
from registries import SchemaRegistry
from shapes import SHAPES

from windows.predictions.layout import layout_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from brokers import Broker

Row = dict[str, Any]

SECONDS = 6
SEVERAL = 3
"""Rows of a request, where a system takes several."""
SELDON = (".inputs", ".outputs")
FEATURES = [(field.name, field.numeric) for field in layout_of(reference()).features]
NAMES = [name for name, _ in FEATURES]
PROTOBUF = files(FEATURES)
WRITER = Writer(PROTOBUF)
SHOP = next(shape for shape in SHAPES if shape.name == "shop")
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
PARSED = fastavro.parse_schema(json.loads(json.dumps(AVRO)))


@dataclass(frozen=True)
class Form:
    """What a topic holds.

    Attributes:
        name: for the test's id.
        source: what the config says of it.
        messages: makes them of rows.
        several: makes them of the rows of a request, in its place.
        most: rows of a request.
        suffixes: what the names of its topics end with.
    """

    name: str
    source: Row
    messages: Callable[[Sequence[Row]], list[bytes]] = lambda _: []
    several: Callable[[Sequence[Row]], list[Message]] | None = None
    most: int = 0
    suffixes: tuple[str, ...] = ("",)

    def written(self, rows: Sequence[Row]) -> list[Message]:
        """The messages of a partition."""
        if self.several is None:
            return list(map(Message, self.messages(rows)))
        each = requests(rows, self.most or SEVERAL)
        return [message for several in each for message in self.several(several)]


def requests(rows: Sequence[Row], most: int) -> list[Sequence[Row]]:
    """Rows by the request that they are of."""
    return [rows[at : at + most] for at in range(0, len(rows), most)]


def in_requests(rows: Sequence[Row]) -> list[Row]:
    """The rows as several systems log them: those of a request share time, version, latency, and whether it failed.

    Latencies are whole milliseconds, as far as some systems' clocks tell them.
    """
    found = []
    for number, several in enumerate(requests(rows, SEVERAL)):
        failed = next((row for row in several if row.get("error")), None)
        first = failed or several[0]
        for place, row in enumerate(several):
            told = dict(failed or row)
            told.update({name: first[name] for name in ("timestamp", "version") if name in first})
            told["latency_ms"] = round(first.get("latency_ms") or 0) * 1000 * 0.001
            ident = f"{first['prediction_id']}-{number}"
            told["prediction_id"] = ident if len(several) == 1 else f"{ident}/{place}"
            found.append(told)
    return found


def avro(row: Row) -> bytes:
    """Behind the id of its schema."""
    stream = io.BytesIO()
    stamp = round(dt.datetime.fromisoformat(row["timestamp"]).timestamp() * 1000)
    fastavro.schemaless_writer(stream, PARSED, {**row, "timestamp": stamp})
    return b"\0\0\0\0\7" + stream.getvalue()


FORMS = (
    Form("a shop's JSON", SHOP.source, SHOP.messages),
    Form("MessagePack", {"format": "msgpack"}, lambda rows: list(map(msgspec.msgpack.encode, rows))),
    Form("Avro, registry", {"format": "avro"}, lambda rows: list(map(avro, rows))),
    Form(
        "Protobuf, registry",
        {"format": "protobuf"},
        lambda rows: [b"\0\0\0\0\x09" + SCORED_AT + WRITER(row) for row in rows],
    ),
    Form(
        "Protobuf, descriptor set",
        {"format": "protobuf", "schema_file": "shop.desc", "message": SCORED},
        lambda rows: list(map(WRITER, rows)),
    ),
    Form(
        "KServe, binary, V1",
        {"preset": "kserve", "map": {"version": "endpoint"}},
        several=lambda rows: binary(rows, v1(rows, NAMES)),
    ),
    Form(
        "KServe, structured, V2",
        {"preset": "kserve", "map": {"version": "endpoint"}},
        several=lambda rows: structured(rows, v2(rows, NAMES)),
    ),
    Form(
        "KServe, by position, a filter on its headers",
        {
            "preset": "kserve",
            "map": {"version": {"header": "ce_endpoint"}, "features": {"names": NAMES}},
            "where": {"header": "ce_component", "in": ["predictor"]},
        },
        several=lambda rows: binary(rows, v1_lists(rows, NAMES)),
    ),
    Form(
        "Seldon Core 2, JSON",
        {"preset": "seldon", "map": {"version": {"header": "x-version"}}},
        several=lambda rows: in_topics(rows, as_json(v2(rows, NAMES))),
        suffixes=SELDON,
    ),
    Form(
        "Seldon Core 2, Protobuf",
        {"preset": "seldon", "map": {"version": {"header": "x-version"}}},
        several=lambda rows: in_topics(rows, as_protobuf(v2(rows, NAMES))),
        most=1,
        suffixes=SELDON,
    ),
    Form(
        "Seldon Core 2, raw Protobuf, registry",
        {"preset": "seldon", "map": {"version": {"header": "x-version"}}},
        several=lambda rows: in_topics(rows, as_protobuf(v2(rows, NAMES), raw=True, framed=True)),
        most=1,
        suffixes=SELDON,
    ),
)


@dataclass(frozen=True)
class Native:
    """The rows in the contract's own shape, by partition, and what comes of them.

    Attributes:
        broker: where they were written.
        lanes: them.
        closable: the watermark that they lead to.
        evaluations: of them.
    """

    broker: Broker
    lanes: list[list[Row]]
    closable: int
    evaluations: list[tuple[str, bytes]]


def topics_of(broker: Broker, form: Form) -> list[str]:
    """New topics: where a system says the model in their name, with that."""
    stem = f"s{uuid.uuid4().hex[:8]}.default.model.click"
    return [broker.topic(name=f"{stem}{suffix}") if suffix else broker.topic("predictions") for suffix in form.suffixes]


def site_of(directory: Path, broker: Broker, topic: str) -> Site:
    """Silence moves no watermark: what is found depends on the records alone."""
    return Site(directory, broker, topic, idle_after="1h")


def judged(site: Site, closable: int) -> list[tuple[str, bytes]]:
    """Id and bytes of all evaluations, sorted."""
    with Monitor(site) as running:
        running.until(lambda: running.watermark >= closable)
        assert running.total("dead_letters_total") == 0
    return sorted(
        (headers_of(message)["ce_id"].decode(), message.value() or b"") for message in site.read("evaluations")
    )


@pytest.fixture(scope="module", params=KINDS)
def native(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Native:
    """Traffic of which each message has been read, and judged, as it is."""
    broker: Broker = request.getfixturevalue(f"{request.param}_broker")
    drafts = site_of(tmp_path_factory.mktemp("drafts"), broker, broker.topic("predictions"))
    traffic = Traffic(drafts, int(time.time() * 1e3) - 90_000)
    traffic.write(SECONDS)
    lanes: list[list[Row]] = [[] for _ in range(traffic.partitions)]
    for message in broker.read_all(drafts.predictions):
        row = json.loads(message.value() or b"")
        lanes[message.partition() or 0].append(row)
    lanes = list(map(in_requests, lanes))
    site = site_of(tmp_path_factory.mktemp("native"), broker, broker.topic("predictions"))
    for number, lane in enumerate(lanes):
        broker.produce(site.predictions, [json.dumps(row).encode() for row in lane], partition=number)
    found = judged(site, traffic.closable)
    assert len({ident for ident, _ in found}) == len(found) > 300
    return Native(broker, lanes, traffic.closable, found)


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_rows_of_any_format_are_judged_as_the_native_ones(native: Native, tmp_path: Path, form: Form) -> None:
    """Real bytes on a broker: the same evaluations, to the last byte, and no dead letter."""
    topics = topics_of(native.broker, form)
    site = site_of(tmp_path, native.broker, topics[0])
    for partition, lane in enumerate(native.lanes):
        written = form.written(lane)
        for topic, suffix in zip(topics, form.suffixes, strict=True):
            sent = [(one.value, one.key, one.headers, one.written) for one in written if one.suffix == suffix]
            native.broker.send(topic, sent, partition)
    (site.directory / "shop.desc").write_bytes(PROTOBUF.SerializeToString())
    with SchemaRegistry() as registry:
        registry.register(AVRO, 7)
        registry.register_protobuf(PROTOBUF, 9)
        config = yaml.safe_load(site.path.read_text())
        sources = [{"topics": topics, **form.source}]
        site.path.write_text(yaml.safe_dump({**config, "sources": sources, "schema_registry": {"url": registry.url}}))
        assert judged(site, native.closable) == native.evaluations
