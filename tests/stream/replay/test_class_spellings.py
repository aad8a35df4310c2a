"""Classes that are numbers: a CSV, a float column and text name the same ones, in the reference and live."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score

from stream.cli.app import app
from windows.outcomes.layout import task_layout
from windows.outcomes.metrics import task_metrics
from windows.references.reference import from_json

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ROWS, STEP = 2_000, 2_000
START = 1_767_225_600_000
RANDOM = np.random.default_rng(2)


def guessed(truth: np.ndarray[Any, Any], right: float) -> np.ndarray[Any, Any]:
    """Predictions of five classes of which so many are right."""
    return np.where(RANDOM.random(len(truth)) < right, truth, (truth + 1) % 5)


def run(*arguments: object) -> None:
    """A command that must end well."""
    assert not app([str(argument) for argument in arguments], standalone_mode=False)


@pytest.mark.parametrize(
    ("column", "spell"), [("int64", int), ("float64", str), ("int64", float)], ids=["as in the CSV", "text", "floats"]
)
def test_accuracy_of_classes_that_are_numbers(tmp_path: Path, column: str, spell: Callable[[Any], Any]) -> None:
    """scikit-learn's, of the reference's rows and of feedback; "5.0" of a CSV is class 5 of a topic."""
    truth, came = RANDOM.integers(0, 5, ROWS), RANDOM.integers(0, 5, ROWS)
    said, now = guessed(truth, 0.9), guessed(came, 0.7)
    x = RANDOM.normal(0, 1, ROWS).round(3)
    table = pd.DataFrame({"x": x, "label": truth.astype(column), "prediction": said.astype(column)})
    table.to_csv(tmp_path / "rows.csv", index=False)
    made = tmp_path / "made"
    run("init", "--from", tmp_path / "rows.csv", "--model", "m", "-o", made, "--task", "multiclass")
    reference = from_json((made / "m.reference.json").read_bytes())
    assert reference.task is not None
    assert reference.outcomes is not None
    layout = task_layout(reference.task, reference.prediction)
    base = task_metrics(layout, reference.outcomes[None], 0.5, ("accuracy",))["accuracy"]
    assert float(base.value[0]) == accuracy_score(truth, said)
    with (tmp_path / "p.jsonl").open("w") as predictions, (tmp_path / "f.jsonl").open("w") as feedback:
        for at in range(ROWS):
            head = {"model": "m", "prediction_id": f"p{at}", "timestamp": START + STEP * at}
            prediction = {**head, "features": {"x": x[at]}, "prediction": spell(int(now[at]))}
            predictions.write(json.dumps(prediction) + "\n")
            feedback.write(json.dumps({**head, "label": spell(int(came[at]))}) + "\n")
    out, rows = tmp_path / "out", ("--predictions", tmp_path / "p.jsonl", "--feedback", tmp_path / "f.jsonl")
    delay = "models.0.performance.label_delay=1m"
    run("replay", "--config", made / "driftgauge.yaml", *rows, "--out", out, "--set", delay)
    assert (out / "dead_letters.jsonl").read_text() == ""
    found = [json.loads(line) for line in (out / "evaluations.jsonl").read_text().splitlines()]
    mine = [row for row in found if row["metric"] == "accuracy" and row["kind"] == "performance" and not row["feature"]]
    last = max(mine, key=lambda row: (row["samples"], row["window"]["end"]))
    begin, end = ((pd.Timestamp(last["window"][side]).value // 10**6 - START) // STEP for side in ("start", "end"))
    part = slice(max(begin, 0), end)
    assert last["samples"] == len(came[part]) > 1_000
    assert last["value"] == pytest.approx(accuracy_score(came[part], now[part]), abs=1e-12)
