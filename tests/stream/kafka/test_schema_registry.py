"""The schema registry: what it has is asked for once, and while it is away the sources wait and lose nothing."""

from __future__ import annotations

import datetime as dt
import io
import json
import time
from base64 import b64decode
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import fastavro
import pytest
import yaml
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from monitored import PANE, RATE, Monitor, Site, Traffic, reference
from protos import SCORED_AT, Writer, files
from registries import PASSWORD, USER, SchemaRegistry

from stream.config.load import load, load_references
from stream.config.problems import ConfigError
from stream.errors import Unreachable
from stream.kafka.registry import Registry, RegistryClient, registry_of
from windows.predictions.layout import layout_of
from windows.references.reference import to_json

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from brokers import Broker

    from stream.config.load import Config

FEATURES = [
    {"name": field.name, "type": ["null", "double" if field.numeric else "string"], "default": None}
    for field in layout_of(reference()).features
]
SCHEMA: dict[str, Any] = {
    "type": "record",
    "name": "Prediction",
    "fields": [
        {"name": "prediction_id", "type": "string"},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}},
        {"name": "model", "type": "string"},
        {"name": "version", "type": "string"},
        {"name": "prediction", "type": ["null", "double"], "default": None},
        {"name": "latency_ms", "type": ["null", "double"], "default": None},
        {"name": "error", "type": ["null", "string"], "default": None},
        {
            "name": "features",
            "type": ["null", {"type": "record", "name": "Features", "fields": FEATURES}],
            "default": None,
        },
    ],
}
NEWER = {**SCHEMA, "fields": [*SCHEMA["fields"], {"name": "trace", "type": "string", "default": ""}]}


PROTOBUF, NEWER_PROTOBUF = (
    files([(field.name, field.numeric) for field in layout_of(reference()).features], newer=newer)
    for newer in (False, True)
)


def registered(registry: SchemaRegistry, form: str, number: int) -> None:
    """Let a registry know the schema of this number: 7 that of the first writers, 8 that of a later one."""
    if form == "avro":
        registry.register({7: SCHEMA, 8: NEWER}[number], number)
    else:
        registry.register_protobuf({7: PROTOBUF, 8: NEWER_PROTOBUF}[number], number)


def message_of(row: dict[str, Any], form: str, number: int, schema: int | None = None) -> bytes:
    """A row behind the number of its schema, written by the schema of `schema`."""
    schema = schema or number
    if form == "avro":
        return written(row, {7: SCHEMA, 8: NEWER}[schema], number)
    later = schema == 8
    body = Writer(NEWER_PROTOBUF if later else PROTOBUF)({**row, **({"trace": "t"} if later else {})})
    return b"\0" + number.to_bytes(4, "big") + SCORED_AT + body


def written(row: dict[str, Any], schema: dict[str, Any], number: int) -> bytes:
    """A row in Avro, behind the id of its schema."""
    stream = io.BytesIO()
    at = round(dt.datetime.fromisoformat(row["timestamp"]).timestamp() * 1e6)
    fastavro.schemaless_writer(stream, fastavro.parse_schema(schema), {"trace": "t", **row, "at": at})
    return b"\0" + number.to_bytes(4, "big") + stream.getvalue()


def config_of(directory: Path, registry: dict[str, Any], source: dict[str, Any] | None = None) -> Config:
    """A config that names a registry."""
    (directory / "reference.json").write_bytes(to_json(reference()))
    model = {"name": "click", "task": "binary", "reference": "reference.json"}
    sources = [{"topic": "t", "format": "avro", **(source or {})}]
    (directory / "c.yaml").write_text(
        yaml.safe_dump({"models": [model], "sources": sources, "schema_registry": registry})
    )
    return load(directory / "c.yaml")


@pytest.fixture
def registry() -> Iterator[SchemaRegistry]:
    """One that answers."""
    with SchemaRegistry() as running:
        yield running


def test_a_schema_is_asked_for_once(tmp_path: Path, registry: SchemaRegistry) -> None:
    """By id and by GUID; one that is not there is none."""
    guid = registry.register(SCHEMA, 7)
    found = registry_of(config_of(tmp_path, {"url": registry.url}))
    assert found is not None
    texts = [found.text(key) for key in (7, guid, 7, 8, 8)]
    assert [None if text is None else json.loads(text) for text in texts] == [SCHEMA, SCHEMA, SCHEMA, None, None]
    assert registry.asked == ["/schemas/ids/7", f"/schemas/guids/{guid}", "/schemas/ids/8"]


def test_a_schema_of_protobuf_comes_with_all_that_it_imports(tmp_path: Path, registry: SchemaRegistry) -> None:
    """The file that messages are of is the last one; what a registry cannot say is said, and waited for."""
    guid = registry.register_protobuf(PROTOBUF, 7)
    registry.register_protobuf(PROTOBUF, 8, as_text=True)
    found = registry_of(config_of(tmp_path, {"url": registry.url}))
    assert found is not None
    for key in (7, guid):
        text = found.text(key)
        assert text is not None
        held = FileDescriptorSet.FromString(b64decode(text)).file
        assert [[kind.name for kind in file.message_type] for file in held] == [["Features"], ["Audit", "Scored"]]
    with pytest.raises(Unreachable, match="name a descriptor set, schema_file"):
        found.text(8)


def test_a_private_registry_is_told_who_asks_and_no_secret_is_shown(tmp_path: Path) -> None:
    """With the right password it answers; with a wrong one the refusal repeats none."""
    with SchemaRegistry(private=True) as private:
        private.register(SCHEMA, 7)
        auth = {"username": USER, "password": PASSWORD.replace("$", "$$")}
        config = config_of(tmp_path, {"url": private.url, "auth": auth})
        found = registry_of(config)
        assert found is not None
        assert found.text(7) is not None
        wrong = config_of(tmp_path, {"url": private.url, "auth": {**auth, "password": "another-secret"}})
        with pytest.raises(Unreachable, match="401") as caught:
            Registry(RegistryClient(wrong, wrong.schema_registry).schema, 0).text(7)
        assert "another-secret" not in str(caught.value)
        assert PASSWORD in config.secrets


@pytest.mark.parametrize(
    ("registry_", "source", "said"),
    [
        ({}, {}, "schema_registry.url, or schema_file beside it, is needed"),
        ({"url": "ftp://x"}, {}, "an http or https address"),
        ({"url": "http://u:p@x"}, {}, "an address without a user name"),
        ({}, {"schema_file": "none.avsc"}, "No such file"),
        ({}, {"format": "protobuf"}, "schema_registry.url, or schema_file beside it, is needed"),
        ({}, {"format": "protobuf", "schema_file": "none.desc"}, "No such file"),
        (
            {},
            {"format": "protobuf", "schema_file": "shop.desc"},
            "sources.0.message: absent; one of shop.features.Features",
        ),
        ({}, {"format": "protobuf", "schema_file": "shop.desc", "message": "shop.S"}, "shop.Audit, shop.Scored is"),
        ({}, {"format": "protobuf", "schema_file": "c.yaml", "message": "shop.S"}, "schema_file: "),
        ({"url": "http://x"}, {"message": "shop.S"}, 'message: given "shop.S"; the format protobuf is needed beside'),
        ({}, {"format": "json", "schema_file": "none.avsc"}, "the format avro or protobuf is needed beside it"),
    ],
)
def test_what_cannot_give_schemas_is_refused_at_the_start(
    tmp_path: Path, registry_: dict[str, Any], source: dict[str, Any], said: str
) -> None:
    """At the key that says it."""
    (tmp_path / "shop.desc").write_bytes(PROTOBUF.SerializeToString())
    with pytest.raises(ConfigError) as caught:
        load_references(config_of(tmp_path, registry_, source))
    assert said in str(caught.value)


@pytest.mark.parametrize(("form", "times"), [("avro", "at"), ("protobuf", "timestamp")], ids=["Avro", "Protobuf"])
def test_while_the_registry_is_away_nothing_is_lost_and_nothing_is_a_dead_letter(
    broker: Broker, tmp_path: Path, form: str, times: str
) -> None:
    """It is down at the start and away again when a new writer comes; what it never has is refused after its time."""
    # Time passes by records alone: while the registry is away, silence would make the second half late.
    site = Site(tmp_path / "site", broker, broker.topic("predictions"), evaluations=False, idle_after="1h")
    traffic = Traffic(site, int(time.time() * 1e3) - 60 * PANE)
    traffic.write(6)
    rows = [json.loads(message.value() or b"") for message in broker.read_all(site.predictions)]
    rows.sort(key=itemgetter("timestamp"))
    half = len(rows) // 2
    topic = broker.topic(form)

    def write(some: list[dict[str, Any]], number: int) -> None:
        for partition in range(4):
            broker.produce(topic, [message_of(row, form, number) for row in some[partition::4]], partition=partition)

    registry = SchemaRegistry()
    with registry:
        pass  # it has a port now, and is away
    registered(registry, form, 7)
    config = yaml.safe_load(site.path.read_text())
    source = {"topic": topic, "format": form, "map": {"timestamp": times}}
    known = {"url": registry.url, "unknown_after": "0s"}
    site.path.write_text(yaml.safe_dump({**config, "sources": [source], "schema_registry": known}))
    write(rows[:half], 7)
    with Monitor(site) as running:
        running.until(lambda: "the schema registry does not answer" in " ".join(running.registry.not_ready()))
        assert running.total("records_read_total") == running.total("dead_letters_total") == 0
        with registry:
            running.until_read(half)
            running.until(lambda: "schema" not in " ".join(running.registry.not_ready()))
        write(rows[half:], 8)
        registered(registry, form, 8)
        running.until(lambda: "the schema registry does not answer" in " ".join(running.registry.not_ready()))
        with registry:
            running.until_read(len(rows))
            running.until(lambda: running.total("records_folded_total") == len(rows) - RATE)  # the last pane is open
            assert running.total("late_records_total") == 0
            broker.produce(topic, [message_of(rows[-1], form, 99, 7)], partition=0)
            running.until(lambda: running.total("dead_letters_total", reason="unknown_schema") == 1)
        assert running.total("dead_letters_total") == 1
        assert running.total("records_read_total") == len(rows) + 1
    (letter,) = site.read("dead_letters")
    assert letter.value() == message_of(rows[-1], form, 99, 7)
