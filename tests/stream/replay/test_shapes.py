"""Anybody's topic: the same rows in any shape that a source can say are judged the same, to the last digit."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from monitored import PANE, reference
from shapes import SHAPES, Shape
from typer.testing import CliRunner

from stream.cli.app import app
from stream.config.load import load, load_references
from stream.config.problems import ConfigError
from stream.simulate.generator import Generator
from windows.references.reference import to_json

if TYPE_CHECKING:
    from pathlib import Path

START = 1_780_000_000_000
SECONDS = 6
RATE = 200

MODEL = {
    "name": "click",
    "task": "binary",
    "reference": "reference.json",
    "drift": {"windows": ["1s", "5s"]},
    "prediction": {"windows": ["1s", "5s"]},
    "quality": {"windows": ["1s"], "no_data_after": "30s"},
    "performance": {"windows": ["2s"], "label_delay": "1s", "accuracy": {"baseline": 0.9, "max_drop": 0.05}},
}
CONFIG = {
    "time": {"pane": "1s", "lateness": "500ms", "idle_after": "1s"},
    "alerting": {"resolve_after": "5s"},
    "models": [MODEL],
}


def rows() -> list[dict[str, Any]]:
    """Predictions; latencies are whole microseconds, as many a message has them."""
    generator = Generator(reference(), seed=5, error_rate=0.01)
    batch = generator.batch(SECONDS * RATE, START, START + SECONDS * PANE)
    found = [json.loads(line) for line in generator.encode(batch)]
    for row in found:
        row["latency_ms"] = round(row["latency_ms"] * 1000) * 0.001
    return found


def feedback(predictions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Labels that are true mostly."""
    luck = random.Random(3)
    return [
        {
            "prediction_id": row["prediction_id"],
            "timestamp": row["timestamp"],
            "model": "click",
            "label": int((row["prediction"] > 0.5) == (luck.random() < 0.8)),
        }
        for row in predictions
    ]


def replayed(directory: Path, config: dict[str, Any], messages: list[bytes], labels: list[bytes]) -> dict[str, bytes]:
    """What a replay writes."""
    directory.mkdir()
    (directory / "reference.json").write_bytes(to_json(reference()))
    (directory / "c.yaml").write_text(yaml.safe_dump(config))
    (directory / "p.jsonl").write_bytes(b"\n".join(messages))
    (directory / "f.jsonl").write_bytes(b"\n".join(labels))
    command = [
        *("replay", "--config", str(directory / "c.yaml"), "--evaluations", "all", "--out", str(directory / "out")),
        *("--predictions", str(directory / "p.jsonl"), "--feedback", str(directory / "f.jsonl")),
    ]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    return {path.name: path.read_bytes() for path in (directory / "out").glob("*.jsonl")}


def encoded(given: list[dict[str, Any]]) -> list[bytes]:
    """In the contract's own shape."""
    return [json.dumps(row).encode() for row in given]


def sources(shape: Shape) -> list[dict[str, Any]]:
    """What the config says of a shape."""
    found = [{"topic": "theirs", "holds": "predictions", **shape.source}]
    return found if shape.feedback is None else [*found, {"topic": "labels", "holds": "feedback", **shape.feedback}]


@pytest.fixture(scope="module")
def native(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What is found in the contract's own shape."""
    predictions = rows()
    directory = tmp_path_factory.mktemp("native") / "site"
    return replayed(directory, CONFIG, encoded(predictions), encoded(feedback(predictions)))


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_a_shape_is_judged_as_the_native_one(tmp_path: Path, shape: Shape, native: dict[str, bytes]) -> None:
    """Every evaluation, every alert and no dead letter: the same bytes, whichever of two topics comes first."""
    predictions = rows()
    labels = feedback(predictions)
    config = {**CONFIG, "sources": sources(shape)}
    mapped = replayed(tmp_path / "mapped", config, shape.messages(predictions), shape.labels(labels))
    assert native["evaluations.jsonl"].count(b"\n") > 1_000
    assert b'"accuracy"' in native["evaluations.jsonl"]
    assert mapped["dead_letters.jsonl"] == native["dead_letters.jsonl"] == b""
    assert sorted(mapped["evaluations.jsonl"].splitlines()) == sorted(native["evaluations.jsonl"].splitlines())
    assert mapped["alerts.jsonl"] == native["alerts.jsonl"]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ({"map": {"prediction": {"path": "p", "classes": ["a", "b"]}}}, "map.prediction: a mapping; the reference's"),
        ({"map": {"features": {"path": "x", "names": ["age"]}}}, "map.features: a mapping; feature 'price' of model"),
        ({"map": {"prediction_id": "x.id", "version": "x"}}, 'map.prediction_id: given "x.id"; x.id'),
        ({"map": {"prediction_id": "x", "latency_ms": "x"}}, 'map.prediction_id: given "x"; x is read as latency'),
        ({"map": {"model": {"constant": "clack"}}}, "map.model: a mapping; no model 'clack' reads this: click"),
        ({"map": {"timestamp": {"path": "t", "unit": "min"}}}, 'map.timestamp.unit: given "min"; allowed are s, ms'),
        ({"map": {"timestamp": {"path": "t", "scale": 2}}}, "map.timestamp.scale: unknown key; allowed are"),
        ({"map": {"latency_ms": {"path": "t", "scale": 0}}}, "map.latency_ms.scale: given 0; more than 0 is needed"),
        ({"map": {"version": {}}}, "map.version: a mapping; exactly one of path, constant, header"),
        ({"map": {"version": "a..b"}}, 'map.version: given "a..b"; a path of keys'),
        ({"map": {"verison": "a"}}, 'map.verison: unknown key; did you mean "version"?'),
        ({"split": "items"}, 'split: given "items"; no field is read from an element of items'),
        ({"format": "xml"}, 'format: given "xml"; allowed are json, msgpack, avro, protobuf, columns or arrow'),
        ({"preset": "kfserving"}, 'preset: given "kfserving"; allowed are cloudevents, inference_v2'),
        ({"holds": "requests"}, "preset: absent; one of inference_v1, inference_v2, kserve, mlflow, seldon is needed"),
        ({"preset": "kserve", "holds": "both"}, 'holds: given "both"; predictions, requests or responses'),
        ({"preset": "kserve", "map": {"timestamp": "t"}}, "map: a mapping; timestamp: the time of a request"),
        ({"preset": "kserve", "map": {"prediction_id": "t"}}, "map: a mapping; prediction_id: a header, the key"),
        ({"preset": "kserve", "format": "msgpack"}, 'format: given "msgpack"; json'),
        ({"preset": "kserve", "pair": {"wait": "2h"}}, 'pair.wait: given "2h"; a duration from 0ms to 1h'),
        ({"pair": {"wait": "2s"}}, "pair: a mapping; only requests and responses are paired"),
        ({"preset": "mlflow", "holds": "responses"}, "holds: responses; no source of requests"),
        ({"where": {"path": "type", "in": []}}, "where.in: a list; at least 1 is needed"),
    ],
)  # fmt: skip
def test_a_map_that_cannot_be_followed_is_refused(tmp_path: Path, source: dict[str, Any], said: str) -> None:
    """At the start, at the key that says it: nothing is accepted and then left out."""
    (tmp_path / "reference.json").write_bytes(to_json(reference()))
    config = {**CONFIG, "sources": [{"topic": "theirs", **source}]}
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(config))
    with pytest.raises(ConfigError) as caught:
        load_references(load(tmp_path / "c.yaml"))
    assert any(f"sources.0.{said}" in str(problem) for problem in caught.value.problems), str(caught.value)
