"""Tables of predictions as they are exported: decimal commas, lists in cells, columns that are not there."""

from __future__ import annotations

import contextlib
import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score

from stream.cli.app import app

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 1_200
RANDOM = np.random.default_rng(11)
TIMES = pd.date_range("2026-05-04", periods=ROWS, freq="10s")
LATER = pd.date_range("2026-06-04", periods=ROWS, freq="10s")
IDS = [f"p{number}" for number in range(ROWS)]


def run(*arguments: object) -> str:
    """What a command that must end well says."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        assert not app([str(argument) for argument in arguments], standalone_mode=False)
    return said.getvalue()


def replayed(directory: Path, *options: object) -> tuple[str, dict[str, dict[str, Any]]]:
    """What a replay of l.csv, with the labels in f.csv, says, and the figures of the most labels."""
    paths = ("--predictions", directory / "l.csv", "--feedback", directory / "f.csv")
    delay = ("--set", "models.0.performance.label_delay=1m", "--evaluations", "all")
    said = run("replay", "-c", directory / "driftgauge.yaml", *paths, "-o", directory / "out", *delay, *options)
    found: dict[str, dict[str, Any]] = {}
    for line in (directory / "out" / "evaluations.jsonl").read_text().splitlines():
        row = json.loads(line)
        if row["kind"] == "performance" and not row["feature"] and not row["segment"] and not row["against"]:
            before = found.get(row["metric"])
            if before is None or row["samples"] >= before["samples"]:
                found[row["metric"]] = row
    return said, found


def test_decimal_commas_are_numbers_in_a_replay_too(tmp_path: Path) -> None:
    """pandas.to_csv(sep=";", decimal=",") of both files: no alert, and scikit-learn's figures of the scores."""
    table = pd.DataFrame({"x": RANDOM.normal(size=2 * ROWS)})
    score = 1 / (1 + np.exp(-1.5 * table["x"]))
    truth = (RANDOM.random(2 * ROWS) < score).astype(int)
    whole = table.assign(prediction=score, timestamp=[*TIMES, *LATER])
    german: dict[str, Any] = {"sep": ";", "decimal": ",", "index": False}
    whole[:ROWS].assign(label=truth[:ROWS]).to_csv(tmp_path / "t.csv", **german)
    whole[ROWS:].assign(prediction_id=IDS).to_csv(tmp_path / "l.csv", **german)
    later = LATER + pd.Timedelta("5s")
    pd.DataFrame({"prediction_id": IDS, "timestamp": later, "label": truth[ROWS:]}).to_csv(tmp_path / "f.csv", **german)
    run("init", "--from", tmp_path / "t.csv", "--model", "m", "-o", tmp_path)
    said, found = replayed(tmp_path)
    assert (tmp_path / "out" / "alerts.jsonl").read_text() == ""
    assert f"{ROWS:,} gave a prediction its first label" in said
    assert found["accuracy"]["samples"] == ROWS
    assert found["accuracy"]["value"] == accuracy_score(truth[ROWS:], score[ROWS:] >= 0.5)
    assert found["auc"]["value"] == pytest.approx(roc_auc_score(truth[ROWS:], score[ROWS:]), abs=0.005)
    assert found["log_loss"]["value"] == pytest.approx(log_loss(truth[ROWS:], score[ROWS:]), abs=1e-6)


@pytest.mark.parametrize("written", ["Python", "NumPy"])
def test_lists_of_scores_in_the_cells_of_a_csv(tmp_path: Path, written: str) -> None:
    """As pandas writes them: the classes of the model, not texts of which each is a class of its own."""
    truth = RANDOM.integers(0, 3, 2 * ROWS)
    scores = (0.5 * RANDOM.dirichlet([1, 1, 1], 2 * ROWS) + 0.5 * np.eye(3)[truth]).round(6)
    cells = [list(map(float, row)) for row in scores] if written == "Python" else list(scores)
    names = np.array(["bird", "cat", "dog"])
    whole = pd.DataFrame({"x": RANDOM.normal(size=2 * ROWS), "prediction": cells, "timestamp": [*TIMES, *LATER]})
    whole[:ROWS].assign(label=names[truth[:ROWS]]).to_csv(tmp_path / "t.csv", index=False)
    whole[ROWS:].assign(prediction_id=IDS).to_csv(tmp_path / "l.csv", index=False)
    came = names[truth[ROWS:]]
    pd.DataFrame({"prediction_id": IDS, "timestamp": LATER, "label": came}).to_csv(tmp_path / "f.csv", index=False)
    run("init", "--from", tmp_path / "t.csv", "--model", "m", "-o", tmp_path, "--classes", "bird,cat,dog")
    _, found = replayed(tmp_path)
    assert (tmp_path / "out" / "alerts.jsonl").read_text() == ""
    assert found["accuracy"]["samples"] == ROWS
    assert found["accuracy"]["value"] == accuracy_score(came, names[scores[ROWS:].argmax(axis=1)])
    assert found["log_loss"]["value"] == pytest.approx(log_loss(came, scores[ROWS:], labels=list(names)), abs=1e-5)


def test_what_a_replay_says_of_the_columns_of_a_table(tmp_path: Path) -> None:
    """Features that it lacks, columns that nobody watches, labels that nobody reads, feedback without a row."""
    table = pd.DataFrame({"x ": RANDOM.normal(size=ROWS), "n": RANDOM.poisson(3, ROWS)})
    score, truth = RANDOM.random(ROWS), RANDOM.integers(0, 2, ROWS)
    table.assign(prediction=score, label=truth, timestamp=TIMES).to_parquet(tmp_path / "t.parquet")
    later = table.rename(columns={"x ": "x"}).assign(prediction=score, label=truth, timestamp=LATER, prediction_id=IDS)
    later.to_csv(tmp_path / "l.csv", index=False)
    (tmp_path / "f.csv").write_text("prediction_id,timestamp,label\n")
    run("init", "--from", tmp_path / "t.parquet", "--model", "m", "-o", tmp_path)
    config, predictions = tmp_path / "driftgauge.yaml", ("--predictions", tmp_path / "l.csv")
    said = run("replay", "-c", config, *predictions, "-o", tmp_path / "out")
    assert "l.csv has no column for 'x ': such a feature counts as missing; what it has and nobody watches: 'x'" in said
    assert "l.csv (column label) are read once it is given as --feedback too" in said
    said, _ = replayed(tmp_path)
    assert "no feedback met its prediction: it holds no row" in said
    assert "given as --feedback" not in said


@pytest.mark.parametrize("form", ["csv", "csv with NA", "parquet", "jsonl"])
def test_labels_that_a_left_join_leaves_empty_are_none_yet(tmp_path: Path, form: str) -> None:
    """In every form of a table: skipped and told, no dead letters; accuracy is that of the labels that are there."""
    score, truth = RANDOM.random(2 * ROWS), RANDOM.integers(0, 2, 2 * ROWS)
    table = pd.DataFrame({"x": RANDOM.normal(size=2 * ROWS), "prediction": score, "label": truth})
    table[:ROWS].assign(timestamp=TIMES).to_parquet(tmp_path / "t.parquet")
    later = table[ROWS:].assign(prediction_id=IDS, timestamp=LATER)
    later.to_csv(tmp_path / "l.csv", index=False)
    came = later["label"].astype("Int64").where(np.arange(ROWS) % 3 > 0)
    feedback = later[["prediction_id", "timestamp"]].assign(label=came)
    path = tmp_path / f"f.{form.split(maxsplit=1)[0]}"
    if form == "parquet":
        feedback.astype({"label": float}).to_parquet(path)
    elif form == "jsonl":
        feedback.to_json(path, orient="records", lines=True)
    else:
        feedback.to_csv(path, index=False, na_rep="NA" if "NA" in form else "")
    run("init", "--from", tmp_path / "t.parquet", "--model", "m", "-o", tmp_path)
    made = ("replay", "-c", tmp_path / "driftgauge.yaml", "-o", tmp_path / "out", "--predictions", tmp_path / "l.csv")
    said = run(*made, "--feedback", path, "--set", "models.0.performance.label_delay=1m")
    assert f"{ROWS // 3:,} beside them skipped: without a label yet" in said
    assert f"{ROWS - ROWS // 3:,} gave a prediction its first label" in said
    assert (tmp_path / "out" / "dead_letters.jsonl").read_text() == ""
    feedback.assign(label=None).to_csv(path := tmp_path / "none.csv", index=False)
    assert "no feedback met its prediction: no row of it has a label yet" in run(*made, "--feedback", path)


def test_predictions_that_are_there_twice_are_told(tmp_path: Path) -> None:
    """In one file, and in two whose days overlap; also of those a reference is built of. Each counts."""
    table = pd.DataFrame({"x": RANDOM.normal(size=ROWS), "prediction": RANDOM.random(ROWS), "prediction_id": IDS})
    table = table.assign(label=RANDOM.integers(0, 2, ROWS))
    first = table.assign(timestamp=LATER)
    pd.concat([table.assign(timestamp=TIMES)] * 2).to_csv(tmp_path / "t.csv", index=False)
    first.to_parquet(tmp_path / "a.parquet")
    first[ROWS // 2 :].to_csv(tmp_path / "b.csv", index=False)
    said = run("init", "--from", tmp_path / "t.csv", "--model", "m", "-o", tmp_path)
    assert f"{ROWS:,} of {2 * ROWS:,} rows bear a `prediction_id` that a row before them bears: each counts" in said
    a, b = (("--predictions", tmp_path / name) for name in ("a.parquet", "b.csv"))
    command = ("replay", "-c", tmp_path / "driftgauge.yaml", "-o", tmp_path / "out")
    assert "a row before them bears" not in run(*command, *a)
    said = run(*command, *a, *b)
    assert f"{ROWS // 2:,} of {ROWS + ROWS // 2:,} rows of these files bear a `prediction_id`" in said
