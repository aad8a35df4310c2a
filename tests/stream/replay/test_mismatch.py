"""A feature that flips from number to text in all records: it is named, and nothing else changes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from test_shapes import CONFIG, MODEL, encoded, feedback, replayed, rows

if TYPE_CHECKING:
    from pathlib import Path

FLIPS = 3 * 200
"""The record from which on it is text: after three seconds."""


def read(found: dict[str, bytes], name: str) -> list[dict[str, Any]]:
    """The rows of a file of results."""
    return [json.loads(line) for line in found[name].splitlines()]


def key(row: dict[str, Any]) -> str:
    """What an evaluation is of, and what it says but for its interval's bookkeeping."""
    return json.dumps(row, sort_keys=True)


def test_one_feature_flips_from_number_to_text(tmp_path: Path) -> None:
    """DataQuality names it within a minute; no NoData, no other alert, every other evaluation as without the flip."""
    model = {**MODEL, "quality": {"windows": ["1s"], "no_data_after": "1s"}}
    config = {**CONFIG, "models": [model]}
    predictions = rows()
    labels = feedback(predictions)
    flipped = [
        {**row, "features": {**row["features"], "price": f"{row['features']['price']} EUR"}}
        if number >= FLIPS and row.get("features")
        else row
        for number, row in enumerate(predictions)
    ]
    before = replayed(tmp_path / "before", config, encoded(predictions), encoded(labels))
    after = replayed(tmp_path / "after", config, encoded(flipped), encoded(labels))
    assert after["dead_letters.jsonl"] == b""

    known = {event["id"] for event in read(before, "alerts.jsonl")}
    new = [event for event in read(after, "alerts.jsonl") if event["id"] not in known]
    assert {event["alert"] for event in new} == {"DataQuality"}
    first = new[0]
    assert (first["state"], first["metric"]) == ("firing", "mismatch_ratio")
    assert [cause["feature"] for cause in first["causes"]] == ["price"]
    assert "price of click" in first["reason"]
    assert "of another type" in first["reason"]

    others = [
        {key(row) for row in read(found, "evaluations.jsonl") if row["feature"] != "price"} for found in (before, after)
    ]
    assert others[0] == others[1]
    ratios = [
        row["value"]
        for row in read(after, "evaluations.jsonl")
        if (row["feature"], row["metric"], row["window"]["size"]) == ("price", "mismatch_ratio", "1s")
    ]
    assert ratios[0] == 0.0
    assert ratios[-1] == 1.0


@pytest.mark.parametrize("odd", [{"yes": 0.7, "no": 0.3}, "much", [[0.7], [0.3]]], ids=["object", "text", "lists"])
def test_predictions_flip_to_another_type(tmp_path: Path, odd: Any) -> None:
    """DataQuality names the prediction; the monitor ended with an IndexError, for the prediction is no feature."""
    model = {**MODEL, "quality": {"windows": ["1s"], "no_data_after": "30s"}}
    flipped = [{**row, "prediction": odd} if number >= FLIPS else row for number, row in enumerate(rows())]
    found = replayed(tmp_path / "r", {**CONFIG, "models": [model]}, encoded(flipped), encoded(feedback(rows())))
    assert found["dead_letters.jsonl"] == b""
    fired = [event for event in read(found, "alerts.jsonl") if event["metric"] == "mismatch_ratio"]
    assert fired[0]["alert"] == "DataQuality"
    assert [cause["feature"] for cause in fired[0]["causes"]] == ["prediction"]
    assert "of prediction of click" in fired[0]["reason"]
