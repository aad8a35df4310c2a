"""`dead-letters`: what the monitor wrote to the topic is counted by topic, reason and field, and shown."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from confluent_kafka import Producer
from factories import batch, click_layout, record
from monitored import reference
from typer.testing import CliRunner
from waiting import GUARD

from operators.dead_letters import DeadLetter, Reason
from operators.intake.decode import Decode, DecodeConfig
from stream.cli.app import app
from stream.kafka.messages import encode_dead_letter, encode_truncated_dead_letter
from stream.look.dead_letters import field_of
from windows.references.reference import to_json

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from brokers import Broker
    from click.testing import Result

DECODE = Decode(DecodeConfig((click_layout(),), 10_000, 5_000, 60_000))
BAD = [
    b"oops",
    *[record(model=None)] * 3,
    record(model="unheard-of"),
    record(timestamp="yesterday"),
    record(timestamp=1),
    record(features=None),
    record(features=[1]),
    record(version=[1]),
]


KINDS = (
    "broken_json",
    "unknown_model model",
    "wrong_type features",
    "wrong_type version",
    "missing_field features",
)


def letters() -> Sequence[DeadLetter]:
    """The dead letters of bad records, as decoding makes them."""
    found = DECODE(batch(BAD)).dead
    assert len(found) == len(BAD)
    return sorted(found, key=lambda letter: letter.offset)


def write(where: Broker, topic: str, found: Sequence[DeadLetter]) -> None:
    """Write them as the monitor does."""
    producer = Producer({"bootstrap.servers": where.bootstrap, "log_level": 0})
    for one in found:
        message = encode_dead_letter(one, 0)
        producer.produce(topic, message.value, key=message.key, headers=list(message.headers), partition=0)
    assert producer.flush(GUARD) == 0


def show(where: Broker, topic: str, *options: str) -> Result:
    """What the command says."""
    return CliRunner().invoke(app, ["dead-letters", "--bootstrap", where.bootstrap, "--topic", topic, *options])


def test_letters_are_counted_by_topic_reason_and_field(embedded_broker: Broker) -> None:
    """The most frequent first; each with what was said of one of them, then the latest with their bytes."""
    topic = embedded_broker.topic("dead")
    write(embedded_broker, topic, letters())
    result = show(embedded_broker, topic, "--last", "2")
    assert result.exit_code == 0, result.output
    assert f"{topic}: 10 offsets kept; by topic, reason and field:" in result.output
    counted = [line.split(":")[0].split() for line in result.output.splitlines() if line.startswith("       ")]
    counted = [line for line in counted if line and line[0].isdigit()]
    assert counted[0] == ["3", "predictions", "missing_field", "model"]
    others = [["1", "predictions", *kind.split()] for kind in KINDS]
    assert sorted(line for line in counted if line[0] == "1") == sorted(others)
    assert "the latest 2:" in result.output
    assert "predictions partition 0 offset 9: wrong_type" in result.output
    assert '"version": [1]' in result.output
    assert "offset 7:" not in result.output


def test_of_many_the_latest_are_counted(embedded_broker: Broker) -> None:
    """And it says so."""
    topic = embedded_broker.topic("dead")
    write(embedded_broker, topic, letters())
    shown = show(embedded_broker, topic, "--count", "2", "--last", "0").output
    assert "10 offsets kept; by topic, reason and field of the latest 2:" in shown
    assert "the latest 2:" not in shown.replace("of the latest 2:", "")


def test_a_letter_without_its_value_says_so(embedded_broker: Broker) -> None:
    """It was too large for the topic."""
    topic = embedded_broker.topic("dead")
    message = encode_truncated_dead_letter(replace(letters()[0], value=b"x" * 5_000), 0)
    producer = Producer({"bootstrap.servers": embedded_broker.bootstrap, "log_level": 0})
    producer.produce(topic, message.value, headers=list(message.headers))
    assert producer.flush(GUARD) == 0
    assert "no value (its 5000 bytes were too many for the topic)" in show(embedded_broker, topic).output


def test_a_topic_without_letters_is_told(embedded_broker: Broker, tmp_path: Path) -> None:
    """That is good news; where the topic is may also come from the config of this directory."""
    topic = embedded_broker.topic("dead")
    assert f"{topic}: no dead letters" in show(embedded_broker, topic).output
    config = tmp_path / "driftgauge.yaml"
    config.write_text(
        f"kafka: {{brokers: {embedded_broker.bootstrap!r}}}\ntopics: {{dead_letters: {topic}}}\n"
        "models: [{name: m, task: binary, reference: r.json}]\n"
    )
    found = CliRunner().invoke(app, ["dead-letters", "--config", str(config)])
    assert f"{topic}: no dead letters" in found.output


@pytest.mark.parametrize(
    ("reason", "detail", "field"),
    [
        (Reason.WRONG_TYPE, "Expected `float | null`, got `str` - at `$.features.age`", "features.age"),
        (Reason.MISSING_FIELD, "Object missing required field `model_info.name`", "model_info.name"),
        (Reason.BAD_FORMAT, "preset sagemaker: `captureData`: an object is needed", "captureData"),
        (Reason.BAD_FORMAT, "`data`: no rows", "data"),
        (Reason.MISSING_FIELD, "neither features nor an error", "features"),
        (Reason.UNKNOWN_MODEL, "a model that the config does not name", "model"),
        (Reason.BAD_LABEL, "label 'x' is none of a, b", "label"),
        (Reason.BROKEN_JSON, "JSON is malformed", ""),
    ],
)
def test_the_field_at_fault_is_read_from_what_was_said(reason: Reason, detail: str, field: str) -> None:
    """As decoding says it; of a record that is bad as a whole there is none."""
    assert field_of(reason.value, detail) == field


def test_a_group_is_not_called_by_one_record(embedded_broker: Broker) -> None:
    """Where words differ the most frequent ones stand for it, and it says of how many."""
    topic = embedded_broker.topic("dead")
    write(embedded_broker, topic, DECODE(batch([b"{", b"oops", b"oops", b"oops"])).dead)
    output = show(embedded_broker, topic, "--last", "0").output
    (line,) = [line for line in output.splitlines() if "broken_json" in line]
    assert line.split()[:3] == ["4", "predictions", "broken_json:"]
    assert "such as (3 of them) JSON is malformed" in line


def test_the_hint_leaves_out_what_the_config_maps(embedded_broker: Broker, tmp_path: Path) -> None:
    """A map that is there already was proposed."""
    topic = embedded_broker.topic("dead")
    write(embedded_broker, topic, DECODE(batch([b'{"txn_id": "a", "inputs": {"age": 3}}'])).dead)
    (tmp_path / "r.json").write_bytes(to_json(reference()))
    (tmp_path / "c.yaml").write_text(
        f"kafka: {{brokers: '{embedded_broker.bootstrap}'}}\n"
        "sources: [{topic: predictions, map: {prediction_id: txn_id}}]\n"
        "models: [{name: click, task: binary, reference: r.json}]\n"
    )
    output = CliRunner().invoke(app, ["dead-letters", "-c", str(tmp_path / "c.yaml"), "--topic", topic]).output
    assert "a map may be needed: features: inputs\n" in output
