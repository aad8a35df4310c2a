"""`check --sample`: a message is shown field by field before anything is run."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from monitored import reference
from shapes import SHAPES
from typer.testing import CliRunner

from stream.cli.app import app
from stream.errors import UsageError
from stream.simulate.generator import Generator
from windows.references.reference import seal, to_json

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

SHOP = next(shape for shape in SHAPES if shape.name == "shop")
ROW = {
    **json.loads(Generator(reference(), seed=1).encode(Generator(reference(), seed=1).batch(1, 10**12, 10**12 + 1))[0]),
    "timestamp": "2026-01-01T00:00:00Z",
}


def checked(directory: Path, message: bytes, sources: list[dict[str, Any]] | None = None) -> Result:
    """What `check --sample` says of a message."""
    (directory / "reference.json").write_bytes(to_json(reference()))
    model = {"name": "click", "task": "binary", "reference": "reference.json"}
    (directory / "c.yaml").write_text(yaml.safe_dump({"models": [model], "sources": sources or []}))
    (directory / "message.json").write_bytes(message)
    return CliRunner().invoke(app, ["check", str(directory / "c.yaml"), "--sample", str(directory / "message.json")])


def test_each_field_is_shown_with_its_path(tmp_path: Path) -> None:
    """And all features that are there are counted."""
    result = checked(tmp_path, SHOP.messages([ROW])[0], [{"topic": "scored", **SHOP.source}])
    assert result.exit_code == 0, result.output
    assert "message 1, as predictions of scored: read" in result.output
    assert f'prediction_id: "{ROW["prediction_id"]}" at txn_id' in result.output
    assert 'timestamp: "2026-01-01T00:00:00Z" at event_time' in result.output
    assert "features of click: 10 of 10" in result.output


def test_feedback_that_nobody_awaits_is_told_and_refuses_nothing(tmp_path: Path) -> None:
    """A source of labels before any model has `performance:` leaves the predictions readable."""
    labels = {"topic": "chargebacks", "holds": "feedback", "map": {"prediction_id": "txn", "label": "is_fraud"}}
    result = checked(tmp_path, SHOP.messages([ROW])[0], [{"topic": "scored", **SHOP.source}, labels])
    assert result.exit_code == 0, result.output
    assert "message 1, as predictions of scored: read" in result.output
    assert "feedback of chargebacks is not read: no model has `performance:`" in result.output


def test_all_that_is_missing_is_named_with_a_guess(tmp_path: Path) -> None:
    """Not the first field only; and the message is not taken for one that is read."""
    result = checked(tmp_path, SHOP.messages([ROW])[0])
    assert "1 of its records cannot be read" in str(result.exception)
    assert "message 1, as predictions of predictions: refused for missing_field" in result.output
    assert "prediction_id: nothing at prediction_id" in result.output
    assert "model: nothing at model" in result.output
    assert "features of click: 0 of 10; nothing there for age (at features.age), price" in result.output
    assert (
        "a map may be needed: prediction_id: txn_id, timestamp: event_time, model: model_info.name,"
        " version: model_info.ver, prediction: outputs.score" in result.output
    )


def test_an_absent_feature_is_named_though_the_message_is_read(tmp_path: Path) -> None:
    """It counts as missing, which may be meant."""
    row = {**ROW, "features": {name: value for name, value in ROW["features"].items() if name != "age"}}
    result = checked(tmp_path, json.dumps(row).encode())
    assert result.exit_code == 0, result.output
    assert "features of click: 9 of 10; nothing there for age (at features.age)" in result.output


@pytest.mark.parametrize(("content", "said"), [(b" \n", "is empty"), (b"\x00\x00\x00\x00\x01x", "schema registry")])
def test_what_is_no_message_is_told(tmp_path: Path, content: bytes, said: str) -> None:
    """An empty file, and one in a format that is not read."""
    result = checked(tmp_path, content)
    assert isinstance(result.exception, UsageError)
    assert said in f"{result.output} {result.exception}"


def test_a_sample_of_a_preset_is_shown_as_the_rows_it_becomes(tmp_path: Path) -> None:
    """With its fields and the number of its features, though the message has them elsewhere."""
    message = {"id": "r1", "model": "click", "dataframe_records": [{"age": 33, "price": 1.5}], "predictions": [0.5]}
    result = checked(tmp_path, json.dumps(message, indent=1).encode(), [{"topic": "served", "preset": "mlflow"}])
    assert "message 1, as predictions of served: read" in result.output
    assert 'prediction_id: "r1" at prediction_id' in result.output
    assert "features of click: 2 of " in result.output


FLAT = {
    **ROW["features"],
    "country": "de",
    **{key: ROW[key] for key in ("prediction_id", "timestamp", "model", "version", "prediction")},
}


@pytest.mark.parametrize("features", ["$", ".", "", {"path": "$"}, {"path": ""}, {"path": None, "flatten": True}])
def test_features_at_the_root_of_a_flat_message_are_read(tmp_path: Path, features: Any) -> None:
    """Every way to say so, and all features are found there."""
    result = checked(tmp_path, json.dumps(FLAT).encode(), [{"topic": "flat", "map": {"features": features}}])
    assert result.exit_code == 0, result.output
    assert "message 1, as predictions of flat: read" in result.output
    assert "features of click: 10 of 10 at the root" in result.output


def test_features_that_are_at_the_root_are_proposed(tmp_path: Path) -> None:
    """The hint names the map that reads them."""
    result = checked(tmp_path, json.dumps(FLAT).encode())
    assert "10 of them are at the root: map: {features: $} reads them there" in result.output


def test_a_reference_without_joint_is_answered_with_the_command(tmp_path: Path) -> None:
    """`multivariate` set by hand: `check` prints what builds the reference with it."""
    (tmp_path / "reference.json").write_bytes(to_json(reference()))
    model = {"name": "click", "task": "binary", "reference": "reference.json", "multivariate": "conditional"}
    (tmp_path / "c.yaml").write_text(yaml.safe_dump({"models": [model]}))
    result = CliRunner().invoke(app, ["check", str(tmp_path / "c.yaml")])
    build = (
        f"driftgauge reference build --config {tmp_path}/c.yaml --model click --from DATA -o {tmp_path}/reference.json"
    )
    assert (
        f"nothing watches Anomaly: the reference does not know how features go together; build it again with: {build}"
        in (result.output)
    )


def test_two_features_of_one_path_are_refused_with_the_whole_key_and_the_cure(tmp_path: Path) -> None:
    """A feature inside of another one, with `flatten`: the key path is whole, and the message says what to write."""
    named = reference()
    both = replace(named, features={**named.features, "age.of": named.features["age"]})
    (tmp_path / "reference.json").write_bytes(to_json(seal(both)))
    model = {"name": "click", "task": "binary", "reference": "reference.json"}
    source = {"topic": "flat", "map": {"features": {"flatten": True}}}
    (tmp_path / "c.yaml").write_text(yaml.safe_dump({"models": [model], "sources": [source]}))
    said = str(CliRunner().invoke(app, ["check", str(tmp_path / "c.yaml")]).exception)
    assert "sources.0.map.features: a mapping; feature 'age.of': age.of lies inside of what feature 'age'" in said
    assert "features: {fields: {age.of: PATH}} says so, and without flatten it is a key of its own" in said
