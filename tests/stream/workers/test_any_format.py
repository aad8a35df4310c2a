"""Anybody's format: what other systems write to topics is judged as the same rows in the contract's own shape."""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from brokers import KINDS
from forms import AVRO, FORMS, NEWER_AVRO, NEWER_PROTOBUF, PROTOBUF, Form, in_requests
from monitored import Monitor, Site, Traffic, headers_of
from registries import SchemaRegistry

if TYPE_CHECKING:
    from pathlib import Path

    from brokers import Broker

Row = dict[str, Any]
Evaluations = list[tuple[str, bytes]]

SECONDS, RATE = 6, 120
NAMES = {form.name: f"m{number:02}" for number, form in enumerate(FORMS)}
"""Each form's rows are those of a model of its own."""


@dataclass(frozen=True)
class Outcome:
    """Evaluations by model: of rows in the contract's own shape, and of the same in every form."""

    native: dict[str, Evaluations]
    found: dict[str, Evaluations]


def topics_of(broker: Broker, form: Form) -> list[str]:
    """New topics: where a system says the model in their names, with that."""
    stem = f"s{uuid.uuid4().hex[:8]}.default.model.{NAMES[form.name]}"
    return [broker.topic(name=f"{stem}{suffix}") for suffix in form.suffixes]


def site_of(directory: Path, broker: Broker, sources: list[Row], registry: str = "") -> Site:
    """A model a form. Silence moves no watermark: what is found depends on the records alone."""
    site = Site(directory, broker, "none", idle_after="1h")
    config = yaml.safe_load(site.path.read_text())
    (model,) = config["models"]
    config["models"] = [{**model, "name": name} for name in NAMES.values()]
    config["sources"] = sources
    if registry:
        config["schema_registry"] = {"url": registry}
    site.path.write_text(yaml.safe_dump(config))
    return site


def judged(site: Site, closable: int) -> dict[str, Evaluations]:
    """Id and bytes of all evaluations of each model, sorted."""
    with Monitor(site) as running:
        running.until(lambda: running.watermark >= closable)
        assert running.total("dead_letters_total") == 0
    found: dict[str, Evaluations] = {name: [] for name in NAMES.values()}
    for message in site.read("evaluations"):
        value = message.value() or b""
        found[json.loads(value)["model"]].append((headers_of(message)["ce_id"].decode(), value))
    return {name: sorted(evaluations) for name, evaluations in found.items()}


def native_of(directory: Path, broker: Broker, lanes: list[list[Row]], closable: int) -> dict[str, Evaluations]:
    """What comes of the rows as they are, those of all models in one topic."""
    topic = broker.topic("predictions")
    for number, lane in enumerate(lanes):
        rows = [row for form in FORMS for row in form.rows(lane, NAMES[form.name])]
        rows.sort(key=itemgetter("timestamp"))
        broker.produce(topic, [json.dumps(row).encode() for row in rows], partition=number)
    return judged(site_of(directory, broker, [{"topic": topic}]), closable)


def of_forms(directory: Path, broker: Broker, lanes: list[list[Row]], closable: int) -> dict[str, Evaluations]:
    """What comes of the same in every form, each in topics of its own."""
    sources = []
    for form in FORMS:
        topics = topics_of(broker, form)
        sources += form.config(NAMES[form.name], topics)
        for partition, lane in enumerate(lanes):
            written = form.messages(lane, NAMES[form.name])
            for topic, suffix in zip(topics, form.suffixes, strict=True):
                sent = [(one.value, one.key, one.headers, one.written) for one in written if one.suffix == suffix]
                broker.send(topic, sent, partition)
    with SchemaRegistry() as registry:
        for number, schema in ((7, AVRO), (8, NEWER_AVRO)):
            registry.register(schema, number)
        for number, types in ((9, PROTOBUF), (10, NEWER_PROTOBUF)):
            registry.register_protobuf(types, number)
        site = site_of(directory, broker, sources, registry.url)
        (directory / "shop.desc").write_bytes(PROTOBUF.SerializeToString())
        (directory / "shop.avsc").write_text(json.dumps(AVRO))
        return judged(site, closable)


@pytest.fixture(
    scope="module",
    params=[pytest.param(kind, marks=pytest.mark.real_broker if kind == "real" else ()) for kind in KINDS],
)
def outcome(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """Both, of the same traffic: one monitor reads the rows as they are, another one every form of them at once."""
    broker: Broker = request.getfixturevalue(f"{request.param}_broker")
    drafts = Site(tmp_path_factory.mktemp("drafts"), broker, broker.topic("drafts"), evaluations=False)
    traffic = Traffic(drafts, int(time.time() * 1e3) - 90_000)
    traffic.write(SECONDS, RATE)
    lanes: list[list[Row]] = [[] for _ in range(traffic.partitions)]
    for message in broker.read_all(drafts.predictions):
        lanes[message.partition() or 0].append(json.loads(message.value() or b""))
    lanes = list(map(in_requests, lanes))
    native = native_of(tmp_path_factory.mktemp("native"), broker, lanes, traffic.closable)
    return Outcome(native, of_forms(tmp_path_factory.mktemp("forms"), broker, lanes, traffic.closable))


@pytest.mark.parametrize("name", list(NAMES))
def test_rows_of_any_form_are_judged_as_the_native_ones(outcome: Outcome, name: str) -> None:
    """Real bytes on a broker: the same evaluations, to the last byte, and no dead letter."""
    native, found = outcome.native[NAMES[name]], outcome.found[NAMES[name]]
    assert len({ident for ident, _ in native}) == len(native) > 300
    assert found == native
