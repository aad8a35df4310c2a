"""Ids, categories, versions, labels and names of fields that are as long as documents."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from monitored import PANE, Monitor, Site, headers_of, reference
from waiting import until

from operators.formats.schema import MAX_ID_LENGTH
from operators.intake.transpose import MAX_VERSION_LENGTH
from stream.simulate.generator import Generator

if TYPE_CHECKING:
    from pathlib import Path

    from brokers import Broker

COUNT = 240
LONG = 10_000
VERSIONS = ("a", "b")
WIDEST = 4_096
"""Characters of a line of /metrics: what is shown of a model has bounded names."""


def records(count: int, seconds: int = -5) -> list[dict[str, Any]]:
    """Predictions of one second, some seconds ago or to come."""
    at = (int(time.time() * 1e3) // PANE + seconds) * PANE
    generator = Generator(reference(), seed=3, error_rate=0.0)
    return [json.loads(value) for value in generator.encode(generator.batch(count, at, at + PANE))]


def lengthened(one: dict[str, Any], number: int) -> dict[str, Any]:
    """A prediction whose names are as long as documents."""
    features = one["features"] | {"device": f"{number % 50}-" + "d" * LONG, "f" * LONG: "x" * LONG}
    if number % 2:
        features["country"] = f"{number}-" + "c" * LONG
    version = "v" * LONG + VERSIONS[number % len(VERSIONS)]
    return {**one, "prediction_id": f"{number}-" + "i" * LONG, "version": version, "features": features}


def write(broker: Broker, topic: str, values: list[dict[str, Any]]) -> None:
    """Over all partitions."""
    for partition in range(4):
        broker.produce(topic, [json.dumps(one).encode() for one in values[partition::4]], partition=partition)


def configure(site: Site, **keys: Any) -> None:
    """Let the model of a site have these keys, and the config these topics."""
    config = yaml.safe_load(site.path.read_text())
    config["topics"] |= keys.pop("topics", {})
    config["models"][0] |= keys
    site.path.write_text(yaml.safe_dump(config))


def test_names_of_10_kilobytes_are_names(broker: Broker, tmp_path: Path) -> None:
    """Each prediction counts, once, before and after a restart; none of the names is kept, what is shown is short."""
    site = Site(tmp_path, broker, broker.topic("predictions"), evaluations=False)
    for life in (1, 2):
        write(broker, site.predictions, [lengthened(one, number) for number, one in enumerate(records(COUNT, 1))])
        with Monitor(site) as running:
            running.until_read(life * COUNT)
            running.until(lambda life=life: running.total("predictions_total") == life * COUNT)
            running.until(lambda: running.registry.not_ready() == ())
            assert running.total("dead_letters_total") == 0
            assert running.total("late_records_total") == 0
            rows = running.registry.values("predictions_total")
            assert {len(version) for _, version, _ in rows} == {MAX_VERSION_LENGTH}
            assert len({version for _, version, _ in rows}) == len(VERSIONS)
            assert max(map(len, running.registry.render().splitlines())) < WIDEST
    kept = b"".join(path.read_bytes() for path in (tmp_path / "state").rglob("*") if path.is_file())
    assert not [name for name in b"idcfx" if bytes([name]) * 200 in kept]


def test_an_id_too_long_to_be_joined_by_is_told(broker: Broker, tmp_path: Path) -> None:
    """Of a prediction, and of a label: a dead letter that says how long one may be; all others are joined."""
    site = Site(tmp_path, broker, broker.topic("predictions"), evaluations=False)
    feedback = broker.topic("feedback")
    labels = {"windows": ["5s"], "label_delay": "1s", "keep": "1h", "wait": "1h", "label_stall_after": "1h"}
    configure(site, topics={"feedback": feedback}, performance=labels)
    values = records(COUNT)
    long = [one for number, one in enumerate(values) if number % 3 == 0]
    for one in long:
        one["prediction_id"] += "i" * LONG
    told = [
        {"model": "click", "prediction_id": one["prediction_id"], "timestamp": one["timestamp"], "label": 1}
        for one in values
    ]
    write(broker, site.predictions, values)
    write(broker, feedback, told)
    with Monitor(site) as running:
        running.until_read(2 * COUNT)
        running.until(lambda: running.total("labels_total", event="matched") == COUNT - len(long))
        running.until(lambda: running.total("predictions_total") == COUNT - len(long))
        running.until(lambda: running.total("dead_letters_total") == 2 * len(long))
        letters = until(lambda: found if len(found := site.read("dead_letters")) == 2 * len(long) else None)
    details = {headers_of(one)["driftgauge.error.detail"].decode() for one in letters}
    assert all(f"{MAX_ID_LENGTH}" in detail and "prediction_id" in detail for detail in details), details


@pytest.mark.parametrize("label", ["l" * LONG, "1" * 300], ids=["text", "number"])
def test_a_label_as_long_as_a_document_is_refused_and_harms_no_other(
    broker: Broker, tmp_path: Path, label: str
) -> None:
    """It is no label of the model: a dead letter of bounded words; the labels behind it in its batch count."""
    site = Site(tmp_path, broker, broker.topic("predictions"), evaluations=False)
    feedback = broker.topic("feedback")
    labels = {"windows": ["5s"], "label_delay": "1s", "keep": "1h", "wait": "1h", "label_stall_after": "1h"}
    configure(site, topics={"feedback": feedback}, performance=labels)
    values = records(COUNT)
    told = [
        {"model": "click", "prediction_id": one["prediction_id"], "timestamp": one["timestamp"], "label": 1}
        for one in values
    ]
    for one in told[::10]:
        one["label"] = label
    write(broker, site.predictions, values)
    write(broker, feedback, told)
    with Monitor(site) as running:
        running.until_read(2 * COUNT)
        running.until(lambda: running.total("labels_total", event="matched") == COUNT - len(told[::10]))
        running.until(lambda: running.total("dead_letters_total") == len(told[::10]))
        letters = until(lambda: found if len(found := site.read("dead_letters")) == len(told[::10]) else None)
    assert {headers_of(one)["driftgauge.error.reason"] for one in letters} == {b"bad_label"}
    assert max(len(headers_of(one)["driftgauge.error.detail"]) for one in letters) < LONG
