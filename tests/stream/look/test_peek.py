"""`peek`: a topic is looked at before anything is configured, and nobody notices."""

from __future__ import annotations

import json
import uuid
from codecs import BOM_UTF8
from typing import TYPE_CHECKING, Any

import fastavro
import pytest
import yaml
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient
from protos import SCORED_AT, Writer, files
from registries import SchemaRegistry
from typer.testing import CliRunner
from waiting import GUARD

from stream.cli.app import app
from stream.errors import Unreachable, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from brokers import Broker
    from click.testing import Result


def shop(number: int) -> bytes:
    """A prediction in a shop's own shape."""
    return json.dumps(
        {
            "txn_id": f"t{number}",
            "event_time": f"2026-11-23T12:00:{number % 60:02}Z",
            "inputs": {"amount": number * 1.5, "device": {"os": "linux"}},
            "outputs": {"score": 0.31},
            "timing": {"total_us": 1234},
            "geo": {"country": "DE"},
        }
    ).encode()


def peek(where: Broker | None, topic: str, *options: str) -> Result:
    """What `peek` says."""
    bootstrap = () if where is None else ("--bootstrap", where.bootstrap)
    return CliRunner().invoke(app, ["peek", topic, *bootstrap, *options])


def test_every_field_is_shown_with_its_path_and_a_map_is_proposed(tmp_path: Path, broker: Broker) -> None:
    """And what is proposed, given back as it was printed, reads the same fields, with nothing proposed any more."""
    topic = broker.topic("txn")
    broker.produce(topic, map(shop, range(30)), partition=0)
    result = peek(broker, topic, "-n", "3")
    assert result.exit_code == 0, result.output
    assert f"{topic}: 4 partitions, 30 offsets kept" in result.output
    assert [f"partition 0, offset {number}," in result.output for number in (26, 27, 28, 29)] == [False, *[True] * 3]
    for line in (
        '  prediction_id: "t29" at txn_id',
        "  timestamp: 2026-11-23T12:00:29.000Z at event_time",
        "  prediction: 0.31 at outputs.score",
        "  latency_ms: 1.234 at timing.total_us",
        "    amount: 43.5 at inputs.amount",
        '    device.os: "linux" at inputs.device.os',
        "  not read: geo.country",
        "3 of 3 messages are read as predictions, by what is proposed below",
    ):
        assert f"{line}\n" in result.output
    printed = result.output[result.output.index("sources:") :]
    (source,) = yaml.safe_load(printed)["sources"]
    assert source["topic"] == topic
    (tmp_path / "m.yaml").write_text(printed)
    again = peek(broker, topic, "-n", "3", "--map", str(tmp_path / "m.yaml"))
    assert "3 of 3 messages are read as predictions, as you say" in again.output
    assert '    device.os: "linux" at inputs.device.os\n' in again.output
    assert "proposed" not in again.output


@pytest.mark.real_broker
def test_nobody_notices(real_broker: Broker) -> None:
    """No message, no offset of any group, no group beside those that were there, no topic that was asked for."""
    topic = real_broker.topic("quiet", 3)
    real_broker.produce(topic, map(shop, range(9)))
    admin = AdminClient({"bootstrap.servers": real_broker.bootstrap, "log_level": 0})

    def groups() -> set[str]:
        return {group.group_id for group in admin.list_consumer_groups().result(GUARD).valid}

    ends, before = real_broker.ends(topic), groups()
    assert peek(real_broker, topic).exit_code == 0
    absent = f"absent-{uuid.uuid4().hex[:8]}"
    assert "there is no such topic" in str(peek(real_broker, absent).exception)
    assert real_broker.ends(topic) == ends
    assert groups() - before <= {"ends"}
    assert absent not in admin.list_topics(timeout=GUARD).topics
    asked = [TopicPartition(topic, number) for number in range(3)]
    committed = _committed(real_broker, asked)
    assert {place.offset for place in committed} == {-1001}


def _committed(where: Broker, places: list[TopicPartition]) -> list[TopicPartition]:
    """What the group of the monitor has committed."""
    from confluent_kafka import Consumer  # noqa: PLC0415 - only here

    consumer = Consumer({"bootstrap.servers": where.bootstrap, "group.id": "driftgauge", "log_level": 0})
    try:
        found: list[TopicPartition] = consumer.committed(places, timeout=GUARD)
    finally:
        consumer.close()
    return found


def test_the_latest_of_all_partitions_are_shown(embedded_broker: Broker) -> None:
    """By the time they were written, not so many of each."""
    topic = embedded_broker.topic("parts")
    for number in range(8):
        embedded_broker.produce(topic, [shop(number)], partition=number % 4)
    shown = peek(embedded_broker, topic, "-n", "5").output
    assert [f'prediction_id: "t{number}"' in shown for number in range(8)] == [False] * 3 + [True] * 5


def test_an_avro_topic_is_recognised_with_its_registry(embedded_broker: Broker) -> None:
    """Without one the framing is named; with --registry the records are read, and their map proposed."""
    fields = [{"name": "txn_id", "type": "string"}, {"name": "score", "type": "double"}]
    inputs = {"type": "record", "name": "I", "fields": [{"name": "amount", "type": "double"}]}
    schema = {"type": "record", "name": "R", "fields": [*fields, {"name": "inputs", "type": inputs}]}
    import io  # noqa: PLC0415 - only here

    body = io.BytesIO()
    fastavro.schemaless_writer(body, fastavro.parse_schema(schema), _RECORD)
    topic = embedded_broker.topic("avro")
    embedded_broker.produce(topic, [b"\0" + (7).to_bytes(4, "big") + body.getvalue()] * 3)
    assert "five bytes of a schema registry (schema 7)" in peek(embedded_broker, topic).output
    with SchemaRegistry() as registry:
        registry.register(schema, 7)
        found = peek(embedded_broker, topic, "--registry", registry.url)
    assert "3 of 3 messages are read as predictions" in found.output
    assert "format: avro" in found.output
    assert "amount: 1.5 at inputs.amount" in found.output


def test_a_protobuf_topic_is_recognised_with_its_registry(embedded_broker: Broker) -> None:
    """By its framing: the record is read by the type that the message names."""
    schema = files([("amount", True)])
    row = {"prediction_id": "a", "model": "m", "prediction": 0.5, "features": {"amount": 1.5}}
    topic = embedded_broker.topic("protobuf")
    embedded_broker.produce(topic, [b"\0\0\0\0\7" + SCORED_AT + Writer(schema)(row)] * 3)
    with SchemaRegistry() as registry:
        registry.register_protobuf(schema, 7)
        found = peek(embedded_broker, topic, "--registry", registry.url)
    assert "3 of 3 messages are read as predictions" in found.output
    assert "format: protobuf" in found.output
    assert "amount: 1.5 at features.amount" in found.output


_RECORD: dict[str, Any] = {"txn_id": "a", "score": 0.5, "inputs": {"amount": 1.5}}


@pytest.mark.parametrize(("mark", "end"), [(b"", b"\n"), (BOM_UTF8, b"\r\n")], ids=["plain", "as on Windows"])
def test_a_file_is_looked_at_likewise(tmp_path: Path, mark: bytes, end: bytes) -> None:
    """One message, or several on a line each; no broker is asked."""
    (tmp_path / "two.json").write_bytes(mark + shop(1) + end + shop(2))
    result = peek(None, str(tmp_path / "two.json"))
    assert result.exit_code == 0, result.output
    assert "2 of 2 messages are read as predictions" in result.output
    assert "topic: two" in result.output


def test_what_is_refused_and_why_is_shown(embedded_broker: Broker) -> None:
    """Each bad message with its reason, and a map that does not fit with what it finds and does not."""
    topic = embedded_broker.topic("bad")
    embedded_broker.produce(topic, [b"oops", shop(1), b"[1]"], partition=0)
    shown = peek(embedded_broker, topic).output
    assert "refused for broken_json" in shown
    assert "refused for wrong_type: an object is needed" in shown
    assert "1 of 3 messages are read as predictions" in shown


def test_a_preset_of_the_user_s_is_followed(embedded_broker: Broker) -> None:
    """Where another reads more, that is said beside it."""
    topic = embedded_broker.topic("served")
    message = {"id": "r1", "model": "click", "instances": [{"age": 33}], "predictions": [0.5]}
    embedded_broker.produce(topic, [json.dumps(message).encode()])
    good = peek(embedded_broker, topic, "--preset", "inference_v1").output
    assert "1 of 1 messages are read as predictions, as you say" in good
    assert "models: click (1)" in good
    bad = peek(embedded_broker, topic, "--preset", "sagemaker").output
    assert "0 of 1 messages are read as predictions, as you say" in bad
    assert "proposed, for it reads 1 of 1" in bad


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--property", "nonsense"), "--property nonsense: NAME=VALUE is needed"),
        (("--preset", "unheard-of"), "preset"),
        (("--bootstrap", "nowhere"), "kafka.brokers"),
        (("--property", "no.such.property=1"), "No such configuration property"),
    ],
)
def test_a_mistake_is_told_at_once(options: tuple[str, ...], said: str) -> None:
    """In words, with exit 2."""
    result = peek(None, "t", *options)
    assert isinstance(result.exception, UsageError)
    assert said in str(result.exception)
    assert result.exception.exit_code == 2


def test_a_map_that_is_wrong_is_refused_by_its_key(tmp_path: Path) -> None:
    """As in a config; and one that is about other topics only."""
    (tmp_path / "m.yaml").write_text("timestamp: {path: ts, unit: minutes}\n")
    assert "map.timestamp" in str(peek(None, "t", "--map", str(tmp_path / "m.yaml")).exception)
    (tmp_path / "s.yaml").write_text("sources: [{topic: other}]\n")
    assert "says nothing of t; it has sources for other" in str(
        peek(None, "t", "--map", str(tmp_path / "s.yaml")).exception
    )


def test_a_broker_that_is_away_is_told_with_exit_3(free_port: int) -> None:
    """And a password of its properties is told by nobody."""
    options = ("--bootstrap", f"127.0.0.1:{free_port}", "--property", "sasl.password=planted-secret")
    result = peek(None, "t", *options)
    assert isinstance(result.exception, Unreachable)
    assert result.exception.exit_code == 3
    assert "planted-secret" not in f"{result.output} {result.exception}"
