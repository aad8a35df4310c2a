"""Labels find predictions by the column that is unique in both tables, where neither calls it `prediction_id`."""

from __future__ import annotations

import contextlib
import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score

from stream.cli.app import app
from stream.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 600
RANDOM = np.random.default_rng(8)
SCORE = RANDOM.random(ROWS)
TABLE = pd.DataFrame(
    {
        "transaction_id": [f"t-{number:05d}" for number in RANDOM.permutation(ROWS)],
        "event_time": pd.date_range("2026-05-04", periods=ROWS, freq="4min").strftime("%Y-%m-%d %H:%M:%S"),
        "x": RANDOM.normal(size=ROWS).round(6),
        "shop": RANDOM.integers(1, 40, ROWS),
        "score": SCORE,
        "y": (RANDOM.random(ROWS) < SCORE).astype(int),
    }
)
LABELS = TABLE[["transaction_id", "event_time", "y"]]


def run(*arguments: object) -> str:
    """What a command that must end well says."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        assert not app([str(argument) for argument in arguments], standalone_mode=False)
    return said.getvalue()


def replayed(directory: Path, predictions: pd.DataFrame, labels: pd.DataFrame, form: str = "csv") -> str:
    """What a replay says whose files are of a form; `init` was told of label and prediction alone."""
    TABLE.to_csv(directory / "t.csv", index=False)
    told = run(
        "init", "--from", directory / "t.csv", "--model", "m", "-o", directory, "--label", "y", "--prediction", "score"
    )
    assert "`event_time` for the times" in told
    for name, table in (("p", predictions), ("f", labels)):
        write: dict[str, Any] = {
            "csv": lambda path, table=table: table.to_csv(path, index=False),
            "parquet": lambda path, table=table: table.to_parquet(path, index=False),
            "jsonl": lambda path, table=table: table.to_json(path, orient="records", lines=True),
        }
        write[form](directory / f"{name}.{form}")
    paths = ("--predictions", directory / f"p.{form}", "--feedback", directory / f"f.{form}")
    whole = ("--set", "models.0.performance.windows=[7d]", "--evaluations", "all", "-o", directory / "out")
    return run("replay", "-c", directory / "driftgauge.yaml", *paths, *whole)


def accuracy(directory: Path) -> float:
    """The accuracy that a replay measured of the most rows."""
    lines = map(json.loads, (directory / "out" / "evaluations.jsonl").read_text().splitlines())
    found = [
        line
        for line in lines
        if (line["kind"], line["metric"], line["segment"]) == ("performance", "accuracy", "")
        and line["value"] is not None
    ]
    return float(max(found, key=lambda line: line["samples"])["value"])


@pytest.mark.parametrize("form", ["csv", "parquet", "jsonl"])
def test_the_column_that_joins_two_tables_is_taken_and_told(tmp_path: Path, form: str) -> None:
    """In whatever form; the accuracy is scikit-learn's of what pandas joins."""
    labels = LABELS.sample(frac=1, random_state=3)
    said = replayed(tmp_path, TABLE.drop(columns="y"), labels, form)
    assert "are joined by `transaction_id`" in said
    joined = TABLE.drop(columns="y").merge(labels, on="transaction_id")
    assert accuracy(tmp_path) == pytest.approx(accuracy_score(joined["y"], joined["score"] >= 0.5), abs=1e-9)


def test_columns_of_other_usual_names_join_as_well(tmp_path: Path) -> None:
    """`id` of the predictions and `transaction_id` of the labels hold the same; a running number does not matter."""
    predictions = TABLE.drop(columns="y").rename(columns={"transaction_id": "id"})
    said = replayed(tmp_path, predictions, LABELS)
    assert "`id` of the predictions and `transaction_id` of the labels" in said
    assert accuracy(tmp_path) == pytest.approx(accuracy_score(TABLE["y"], SCORE >= 0.5), abs=1e-9)


def test_ids_that_are_named_in_one_file_find_the_others(tmp_path: Path) -> None:
    """The predictions say `prediction_id`, the labels of a database `id`."""
    predictions = TABLE.drop(columns="y").rename(columns={"transaction_id": "prediction_id"})
    said = replayed(tmp_path, predictions, LABELS.rename(columns={"transaction_id": "id"}))
    assert "`prediction_id` of the predictions and `id` of the labels" in said
    assert accuracy(tmp_path) == pytest.approx(accuracy_score(TABLE["y"], SCORE >= 0.5), abs=1e-9)


def test_two_columns_that_would_do_are_told_apart_by_name_or_refused(tmp_path: Path) -> None:
    """A row number beside the ids is none; two that are called alike need a word."""
    numbered = TABLE.assign(row=RANDOM.permutation(ROWS))
    said = replayed(tmp_path, numbered.drop(columns="y"), numbered[[*LABELS, "row"]])
    assert "are joined by `transaction_id`" in said
    both = TABLE.assign(uuid=[f"u-{number}" for number in RANDOM.permutation(ROWS)])
    other = tmp_path / "other"
    other.mkdir()
    with pytest.raises(UsageError, match=r"by several: 'transaction_id', 'uuid'. Say which it is"):
        replayed(other, both.drop(columns="y"), both[[*LABELS, "uuid"]])


def test_what_is_no_id_joins_nothing(tmp_path: Path) -> None:
    """A shop that is in both tables comes again; a value that is unique is none; the labels are refused as ever."""
    predictions = TABLE.drop(columns=["y", "transaction_id"])
    with pytest.raises(UsageError, match=r"no column 'prediction_id'"):
        replayed(tmp_path, predictions, TABLE[["event_time", "x", "shop", "y"]])
