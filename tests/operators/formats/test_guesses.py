import json

import pytest
from factories import record

from operators.formats.guesses import guess
from operators.settings.source import SourceSettings


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (b"\x00\x00\x00\x00\x07\x02rest", "five bytes of a schema registry (schema 7): Avro or Protobuf (format: avro"),
        (b"Obj\x01\x04", "an Avro file"),
        (b"[{}]", "an array"),
        (b'\xef\xbb\xbf{"model":"m"}', "a byte order mark (U+FEFF), which JSON has not: send UTF-8 without one"),
        ('{"model":"m"}'.encode("utf-16"), "UTF-16, and JSON is UTF-8"),
        (b'{"specversion":"1.0","type":"t","source":"s","id":"1","data":{}}', "preset: cloudevents"),
        (b'{"dataframe_split":{"columns":[],"data":[]}}', "MLflow's dataframe_split"),
        (b'{"model_name":"m","outputs":[]}', "Open Inference Protocol"),
        (b'{"instances":[[1]]}', "V1 inference protocol"),
        (b'{"captureData":{}}', "SageMaker's data capture"),
    ],
)
def test_known_formats_are_named(value: bytes, said: str) -> None:
    """By their first bytes or by the keys of their specifications."""
    assert said in guess(value)


def test_fields_under_other_names_are_proposed() -> None:
    """With their paths, the nearest to the root first."""
    shop = {"txn_id": "a", "event_time": "b", "outputs": {"score": 1, "id": 2}, "inputs": {"score": 3}}
    assert guess(json.dumps(shop).encode()) == (
        "a map may be needed: prediction_id: txn_id, timestamp: event_time, prediction: outputs.score, features: inputs"
    )


@pytest.mark.parametrize(
    "name", ["scored_at", "scoredAt", "ScoredAt", "SCORED_AT", "event_timestamp", "eventTimestamp"]
)
def test_names_are_recognised_however_a_language_spells_them(name: str) -> None:
    """With underscores, in camels, in capitals; the path is the message's own."""
    sent = {"requestId": "a", name: "b", "riskScore": 1, "features": {}}
    assert guess(json.dumps(sent).encode()) == (
        f"a map may be needed: prediction_id: requestId, timestamp: {name}, prediction: riskScore"
    )


@pytest.mark.parametrize("value", [None, b"", b"nope", b'"text"', b"{}", b"7", record(prediction_id="x", label=1)])
def test_nothing_is_said_of_what_looks_like_nothing(value: bytes | None) -> None:
    """Neither of rubbish nor of a record that has every field under its own name."""
    assert guess(value) == ""


def test_what_a_map_finds_needs_no_other() -> None:
    """A hint names the fields that the source at hand does not find; where it finds all, none."""
    value = json.dumps({"txn_id": "a", "event_time": 5, "score": 0.5, "inputs": {"age": 3}}).encode()
    assert guess(value) == (
        "a map may be needed: prediction_id: txn_id, timestamp: event_time, prediction: score, features: inputs"
    )
    some = SourceSettings.model_validate({"topic": "t", "map": {"prediction_id": "txn_id", "features": "inputs"}})
    assert guess(value, some) == "a map may be needed: timestamp: event_time, prediction: score"
    fields = {"prediction_id": "txn_id", "timestamp": "event_time", "prediction": "score", "features": "inputs"}
    assert guess(value, SourceSettings.model_validate({"topic": "t", "map": fields})) == ""
    assert guess(value, SourceSettings.model_validate({"topic": "t", "preset": "mlflow"})) == ""
