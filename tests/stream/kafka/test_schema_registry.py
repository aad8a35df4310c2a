"""The schema registry: what it has is asked for once, and while it is away the sources wait and lose nothing."""

from __future__ import annotations

import datetime as dt
import io
import json
import time
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import fastavro
import pytest
import yaml
from monitored import PANE, RATE, Monitor, Site, Traffic, reference
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
        ({}, {"format": "json", "schema_file": "none.avsc"}, "the format avro is needed beside it"),
    ],
)
def test_what_cannot_give_schemas_is_refused_at_the_start(
    tmp_path: Path, registry_: dict[str, Any], source: dict[str, Any], said: str
) -> None:
    """At the key that says it."""
    with pytest.raises(ConfigError) as caught:
        load_references(config_of(tmp_path, registry_, source))
    assert said in str(caught.value)


def test_while_the_registry_is_away_nothing_is_lost_and_nothing_is_a_dead_letter(
    broker: Broker, tmp_path: Path
) -> None:
    """It is down at the start and away again when a new writer comes; what it never has is refused after its time."""
    # Time passes by records alone: while the registry is away, silence would make the second half late.
    site = Site(tmp_path / "site", broker, broker.topic("predictions"), evaluations=False, idle_after="1h")
    traffic = Traffic(site, int(time.time() * 1e3) - 60 * PANE)
    traffic.write(6)
    rows = [json.loads(message.value() or b"") for message in broker.read_all(site.predictions)]
    rows.sort(key=itemgetter("timestamp"))
    half = len(rows) // 2
    topic = broker.topic("avro")

    def write(some: list[dict[str, Any]], schema: dict[str, Any], number: int) -> None:
        for partition in range(4):
            broker.produce(topic, [written(row, schema, number) for row in some[partition::4]], partition=partition)

    registry = SchemaRegistry()
    with registry:
        pass  # it has a port now, and is away
    registry.register(SCHEMA, 7)
    config = yaml.safe_load(site.path.read_text())
    source = {"topic": topic, "format": "avro", "map": {"timestamp": "at"}}
    known = {"url": registry.url, "unknown_after": "0s"}
    site.path.write_text(yaml.safe_dump({**config, "sources": [source], "schema_registry": known}))
    write(rows[:half], SCHEMA, 7)
    with Monitor(site) as running:
        running.until(lambda: "the schema registry does not answer" in " ".join(running.registry.not_ready()))
        assert running.total("records_read_total") == running.total("dead_letters_total") == 0
        with registry:
            running.until_read(half)
            running.until(lambda: "schema" not in " ".join(running.registry.not_ready()))
        write(rows[half:], NEWER, 8)
        registry.register(NEWER, 8)
        running.until(lambda: "the schema registry does not answer" in " ".join(running.registry.not_ready()))
        with registry:
            running.until_read(len(rows))
            running.until(lambda: running.total("records_folded_total") == len(rows) - RATE)  # the last pane is open
            assert running.total("late_records_total") == 0
            broker.produce(topic, [written(rows[-1], SCHEMA, 99)], partition=0)
            running.until(lambda: running.total("dead_letters_total", reason="unknown_schema") == 1)
        assert running.total("dead_letters_total") == 1
        assert running.total("records_read_total") == len(rows) + 1
    (letter,) = site.read("dead_letters")
    assert letter.value() == written(rows[-1], SCHEMA, 99)
