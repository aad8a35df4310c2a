"""`init --from-topic` and `reference build --from kafka:`: a reference of live traffic is that of the same rows."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from monitored import reference
from shapes import SHAPES
from typer.testing import CliRunner
from waiting import GUARD

from stream.cli.app import app
from stream.config.load import load, load_reference, load_references
from stream.errors import UsageError
from stream.look.span import last, topic_since
from stream.simulate.generator import Generator

if TYPE_CHECKING:
    from pathlib import Path

    from brokers import Broker
    from click.testing import Result

Row = dict[str, Any]
SHOP = next(shape for shape in SHAPES if shape.name == "shop")
HOUR = 3_600_000
DAY = 24 * HOUR
NOW = 1_790_000_000_000


def rows(count: int = 3_000) -> list[Row]:
    """Predictions of two hours, whose latencies are whole microseconds."""
    generator = Generator(reference(), seed=7, error_rate=0.01)
    found = [json.loads(line) for line in generator.encode(generator.batch(count, NOW, NOW + 2 * HOUR))]
    for row in found:
        row["latency_ms"] = round(row["latency_ms"] * 1000) * 0.001
    return found


ROWS = rows()


def run(*arguments: object) -> Result:
    """A command."""
    return CliRunner().invoke(app, list(map(str, arguments)))


def init(where: Broker, topic: str, directory: Path, *options: object, model: str = "click") -> Result:
    """`init --from-topic`."""
    edges = ("--bootstrap", where.bootstrap, "-o", directory)
    return run("init", "--from-topic", topic, "--model", model, *edges, *options)


def produce_at(where: Broker, topic: str, values: list[tuple[int, bytes]]) -> None:
    """Write messages with times of their own to partition 0."""
    producer = Producer({"bootstrap.servers": where.bootstrap, "log_level": 0})
    for at, value in values:
        producer.produce(topic, value, partition=0, timestamp=at)
    assert producer.flush(GUARD) == 0


def test_a_reference_of_a_topic_is_that_of_its_rows(tmp_path: Path, embedded_broker: Broker) -> None:
    """To the last bit, though the messages have a shape of their own, which is recognised and written to the config."""
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    plain = run("init", "--from", tmp_path / "rows.jsonl", "--model", "click", "-o", tmp_path / "file")
    assert plain.exit_code == 0, plain.output
    topic = embedded_broker.topic("scored")
    embedded_broker.produce(topic, SHOP.messages(ROWS), partition=0)
    (tmp_path / "map.yaml").write_text(yaml.safe_dump(SHOP.source))
    options = ("--last", "all", "--map", tmp_path / "map.yaml", "--ignore", "client.os")  # which the rows do not have
    found = init(embedded_broker, topic, tmp_path / "live", *options)
    assert found.exit_code == 0, found.output
    mine, theirs = (load_reference(tmp_path / name / "click.reference.json") for name in ("live", "file"))
    assert mine.id == theirs.id
    assert sorted(path.name for path in (tmp_path / "live").iterdir()) == ["click.reference.json", "driftgauge.yaml"]
    config = load(tmp_path / "live" / "driftgauge.yaml", {})
    assert load_references(config).keys() == {"click"}
    assert config.kafka.brokers == embedded_broker.bootstrap
    (source,) = config.sources
    assert (source.topic, source.map.features.flatten) == (topic, True)
    ids = []
    for place in (f"kafka:{topic}", tmp_path / "rows.jsonl"):
        build = ("reference", "build", "-c", tmp_path / "live" / "driftgauge.yaml", "-m", "click", "--from", place)
        built = run(*build, "-o", tmp_path / "again.json")
        assert built.exit_code == 0, built.output
        ids.append(load_reference(tmp_path / "again.json").id)
    assert ids[0] == ids[1]


def test_what_a_reference_of_traffic_means_is_said(tmp_path: Path, embedded_broker: Broker) -> None:
    """On the terminal, in the config, and by every `check` after it."""
    topic = embedded_broker.topic("scored")
    embedded_broker.produce(topic, SHOP.messages(ROWS[:500]), partition=0)
    found = init(embedded_broker, topic, tmp_path, "--last", "all")
    assert found.exit_code == 0, found.output
    said = f"this reference is live traffic of {topic} (500 rows, 2026-09-21 14:13Z to 2026-09-21 14:33Z), not training"
    assert said in found.output, found.output
    assert "drift is told against that period" in found.output
    assert "500 rows from 2026-09-21 14:13Z to 2026-09-21 14:33Z (event time)" in found.output
    assert "read by usual names" in found.output
    text = (tmp_path / "driftgauge.yaml").read_text()
    assert "not training data" in " ".join(line.strip().lstrip("# ") for line in text.splitlines())
    assert said in run("check", tmp_path / "driftgauge.yaml").output


def test_own_shape_is_a_name_of_a_topic_and_other_models_are_left_out(tmp_path: Path, embedded_broker: Broker) -> None:
    """No map is written where none is needed; what is left out is counted, with an example."""
    topic = embedded_broker.topic("own")
    others = [json.dumps({**row, "model": "rank"}).encode() for row in ROWS[:100]]
    values = [json.dumps(row).encode() for row in ROWS[:400]]
    embedded_broker.produce(topic, [*values, *others, b"oops", b"{}"], partition=0)
    found = init(embedded_broker, topic, tmp_path, "--last", "all")
    assert found.exit_code == 0, found.output
    assert "left out, being about other models: rank (100)" in found.output
    assert "left out, being unreadable: broken_json (1), missing_field (1)" in found.output
    config = load(tmp_path / "driftgauge.yaml", {})
    assert (config.sources, config.topics.predictions) == ((), topic)
    assert load_reference(tmp_path / "click.reference.json").rows + sum("error" in row for row in ROWS[:400]) == 400
    none = init(embedded_broker, topic, tmp_path / "none", "--last", "all", model="absent")
    assert "no predictions of model 'absent'; it has those of click (400), rank (100)" in str(none.exception)
    assert not list((tmp_path / "none").iterdir())


def test_records_that_name_no_model_are_those_of_the_only_one(tmp_path: Path, embedded_broker: Broker) -> None:
    """The config that is written reads them, for its one model is the default of a source; with feedback beside it."""
    topic, labels = embedded_broker.topic("unnamed"), embedded_broker.topic("labels")
    bare = [{name: value for name, value in row.items() if name != "model"} for row in ROWS[:300]]
    embedded_broker.produce(topic, [json.dumps(row).encode() for row in bare], partition=0)
    embedded_broker.produce(labels, [json.dumps({"txn": "a", "is_fraud": True}).encode()] * 3)
    found = init(embedded_broker, topic, tmp_path, "--last", "all", "--feedback-topic", labels)
    assert found.exit_code == 0, found.output
    config = load(tmp_path / "driftgauge.yaml", {})
    assert [(one.topic, one.holds) for one in config.sources] == [(topic, "predictions"), (labels, "feedback")]
    (tmp_path / "m.json").write_text(json.dumps(bare[0]))
    checked = run("check", tmp_path / "driftgauge.yaml", "--sample", tmp_path / "m.json")
    assert f"as predictions of {topic}: read" in checked.output


@pytest.mark.real_broker
def test_how_far_back_is_by_the_time_of_writing(tmp_path: Path, real_broker: Broker) -> None:
    """Older messages are not read; of too many the latest are; and nobody notices."""
    topic, now = real_broker.topic("aged", 2), int(time.time() * 1e3)
    ages = [9 * DAY] * 50 + [3 * DAY] * 60 + [2 * HOUR] * 40
    values = SHOP.messages(ROWS[: len(ages)])
    produce_at(real_broker, topic, [(now - age, value) for age, value in zip(ages, values, strict=True)])
    admin = AdminClient({"bootstrap.servers": real_broker.bootstrap, "log_level": 0})
    before = {group.group_id for group in admin.list_consumer_groups().result(GUARD).valid}
    week = init(real_broker, topic, tmp_path / "week")
    assert week.exit_code == 0, week.output
    assert f"{topic}: 100 offsets, the last 7d, by the time that messages were written" in week.output
    assert load_reference(tmp_path / "week" / "click.reference.json").rows >= 95  # some of them failed
    few = init(real_broker, topic, tmp_path / "few", "--rows", "45")
    assert few.exit_code == 0, few.output
    assert f"{topic}: 40 offsets" in few.output
    assert "the 60 before these are left out: --rows N takes more" in few.output
    none = init(real_broker, topic, tmp_path / "none", "--last", "1h")
    assert f"{topic}: no message of the last 1h" in str(none.exception)
    config, out = tmp_path / "week" / "driftgauge.yaml", tmp_path / "r.json"
    since = f"kafka:{topic}?from=-1d"
    built = run("reference", "build", "-c", config, "-m", "click", "--from", since, "-o", out)
    assert f"{topic}: 40 offsets, the last 1d" in built.output
    after = {group.group_id for group in admin.list_consumer_groups().result(GUARD).valid}
    assert after == before


def test_properties_are_written_as_they_were_given(
    tmp_path: Path, embedded_broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the name of the variable, not what it holds; the config that is written is checked with it."""
    monkeypatch.setenv("NAME_OF_US", "planted-name")
    topic = embedded_broker.topic("scored")
    embedded_broker.produce(topic, SHOP.messages(ROWS[:200]), partition=0)
    found = init(embedded_broker, topic, tmp_path, "--last", "all", "--property", "client.id=${NAME_OF_US}")
    assert found.exit_code == 0, found.output
    text = (tmp_path / "driftgauge.yaml").read_text()
    assert "planted-name" not in text
    assert yaml.safe_load(text)["kafka"]["properties"] == {"client.id": "${NAME_OF_US}"}


def test_positions_have_names_that_are_to_be_corrected(tmp_path: Path, embedded_broker: Broker) -> None:
    """A preset without names of its features works at once."""
    topic = embedded_broker.topic("served")
    message = {"instances": [[1.5, 2], [2.5, 3]], "predictions": [0.5, 0.1]}
    embedded_broker.produce(topic, [json.dumps(message).encode()] * 50)
    found = init(embedded_broker, topic, tmp_path, "--last", "all")
    assert found.exit_code == 0, found.output
    assert "which looks like the V1 inference protocol" in found.output
    (source,) = load(tmp_path / "driftgauge.yaml", {}).sources
    assert (source.preset, source.map.features.names) == ("inference_v1", ("f0", "f1"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "one of --from FILE and --from-topic TOPIC is needed"),
        (("--from", "a.csv", "--from-topic", "t"), "one of --from FILE and --from-topic TOPIC is needed"),
        (("--from", "a.csv", "--last", "7d"), "--last: needs --from-topic"),
        (("--from-topic", "t", "--last", "soon"), "--last soon: a duration such as"),
        (("--from-topic", "t", "--map", "absent.yaml"), "absent.yaml"),
    ],
)
def test_options_that_do_not_go_together_are_refused(tmp_path: Path, options: tuple[str, ...], said: str) -> None:
    """At once, by name."""
    found = run("init", "--model", "m", "-o", tmp_path, *options)
    assert isinstance(found.exception, UsageError)
    assert said in str(found.exception)


def test_files_that_are_there_are_told_before_anything_is_read(tmp_path: Path, embedded_broker: Broker) -> None:
    """A week of traffic is not read for nothing."""
    (tmp_path / "driftgauge.yaml").write_text("mine")
    found = init(embedded_broker, "never-asked", tmp_path)
    assert "exists already; --force overwrites it" in str(found.exception)


@pytest.mark.parametrize(
    ("text", "topic", "at"),
    [
        ("kafka:t?from=-7d", "t", NOW - 7 * DAY),
        ("kafka:t", "t", None),
        ("kafka:t?from=earliest", "t", None),
        ("kafka:a.b?from=2026-01-31T08:00:00Z", "a.b", 1_769_846_400_000),
        ("kafka:a.b?from=2026-01-31T08:00:00+01:00", "a.b", 1_769_842_800_000),
    ],
)
def test_a_topic_and_a_time_are_read(text: str, topic: str, at: int | None) -> None:
    """A duration before now, a time, or everything."""
    found, since = topic_since(text, NOW)
    assert (found, since.time) == (topic, at)
    assert last("7d", NOW).time == NOW - 7 * DAY


@pytest.mark.parametrize(
    "text", ["kafka:", "kafka:t?from=soon", "kafka:t?from=-soon", "kafka:t?to=1", "kafka:t?from=2026-01-31"]
)
def test_what_is_no_topic_and_time_is_refused(text: str) -> None:
    """With what is allowed."""
    with pytest.raises(UsageError, match="duration such as -7d"):
        topic_since(text)


def test_a_topic_that_the_config_does_not_read_is_refused(tmp_path: Path, embedded_broker: Broker) -> None:
    """Nobody says how it is to be read."""
    topic = embedded_broker.topic("scored")
    embedded_broker.produce(topic, SHOP.messages(ROWS[:200]), partition=0)
    init(embedded_broker, topic, tmp_path, "--last", "all")
    config = tmp_path / "driftgauge.yaml"
    built = run("reference", "build", "-c", config, "-m", "click", "--from", "kafka:other", "-o", tmp_path / "r.json")
    assert f"no predictions are read from other; it reads {topic}" in str(built.exception)
