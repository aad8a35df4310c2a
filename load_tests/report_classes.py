"""Public reports about labels of several classes, of numbers and of lists."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import sklearn.datasets
from report_inputs import ROWS, Report, both, csv, jsonl, parquet, records
from sklearn.metrics import (
    accuracy_score,
    f1_score,
    log_loss,
    mean_absolute_error,
    r2_score,
)


def of_classes() -> list[Report]:
    """Labels of several classes, of numbers and of lists."""
    table = sklearn.datasets.load_iris(as_frame=True).frame
    train, live = both(table)
    rng = np.random.default_rng(9)
    said = np.where(rng.random(ROWS) < 0.9, live["target"], (live["target"] + 1) % 3)
    was = np.where(rng.random(ROWS) < 0.9, train["target"], (train["target"] + 1) % 3)
    names = np.array(["setosa", "versicolor", "virginica"])
    features = records(live.drop(columns="target"))
    base = train.drop(columns="target")
    truth, came = train["target"].to_numpy(), live["target"].to_numpy()
    figure = {
        "accuracy": lambda r: accuracy_score(came[r], said[r]),
        "macro_f1": lambda r: f1_score(came[r], said[r], average="macro"),
    }
    proba, proba_was = rng.dirichlet([1, 1, 1], ROWS), rng.dirichlet([1, 1, 1], ROWS)
    proba, proba_was = 0.4 * proba + 0.6 * np.eye(3)[came], 0.4 * proba_was + 0.6 * np.eye(3)[truth]
    listed = {"accuracy": lambda r: accuracy_score(came[r], proba[r].argmax(1))}
    loss = {**listed, "log_loss": lambda r: log_loss(came[r], proba[r], labels=[0, 1, 2])}
    codes = pd.Categorical.from_codes(truth, list(names))
    found = [
        Report(
            "classes: 1 to 3",
            base.assign(prediction=was + 1, label=truth + 1),
            features,
            csv(),
            ("--task", "multiclass"),
            (said + 1).tolist(),
            (came + 1).tolist(),
            figures=figure,
        ),
        Report(
            "classes: a pandas category",
            base.assign(prediction=pd.Categorical.from_codes(was, list(names)), label=codes),
            features,
            parquet,
            (),
            names[said].tolist(),
            names[came].tolist(),
            figures=figure,
        ),
        Report(
            "classes: names, task not said",
            base.assign(prediction=names[was], label=names[truth]),
            features,
            csv(),
            (),
            names[said].tolist(),
            names[came].tolist(),
            figures=figure,
        ),
        Report(
            "classes: text in the reference, numbers live",
            base.assign(prediction=was.astype(str), label=truth.astype(str)),
            features,
            parquet,
            ("--task", "multiclass"),
            said.tolist(),
            came.astype(float).tolist(),
            figures=figure,
        ),
        Report(
            "classes: a class that the reference has not, live",
            base.assign(prediction=names[was], label=names[truth]),
            features,
            csv(),
            (),
            names[said].tolist(),
            ["rosa" if n == 7 else v for n, v in enumerate(names[came].tolist())],
            letters=1,
            blames="",
        ),
        Report(
            "classes: lists of scores, 0..2",
            base.assign(prediction=list(proba_was), label=truth),
            features,
            parquet,
            (),
            proba.tolist(),
            came.tolist(),
            figures=loss,
            within=0.02,
        ),
        Report(
            "classes: lists of scores, names said",
            base.assign(prediction=list(proba_was), label=names[truth]),
            features,
            parquet,
            ("--classes", ",".join(names)),
            proba.tolist(),
            names[came].tolist(),
            figures=listed,
        ),
        Report(
            "classes: lists of scores, 1..3",
            base.assign(prediction=list(proba_was), label=truth + 1),
            features,
            parquet,
            (),
            proba.tolist(),
            (came + 1).tolist(),
            blames=None,
            said="class",
        ),
        Report(
            "classes: lists of float32 scores",
            base.assign(prediction=list(proba_was.astype("float32")), label=truth),
            features,
            parquet,
            (),
            proba.astype("float32").astype(float).tolist(),
            came.tolist(),
            figures=listed,
        ),
        Report(
            "classes: an object of scores",
            base.assign(prediction=was, label=truth),
            features,
            csv(),
            ("--task", "multiclass"),
            [dict(zip(names, p, strict=True)) for p in proba.tolist()],
            came.tolist(),
            blames="prediction",
        ),
        Report(
            "classes: several labels at once",
            base.assign(prediction=list(proba_was), label=[["a", "b"]] * ROWS),
            features,
            jsonl_lists,
            (),
            proba.tolist(),
            [["a"]] * ROWS,
            refused=True,
            said="(?i)label",
        ),
    ]
    table = sklearn.datasets.load_diabetes(as_frame=True, scaled=False).frame
    train, live = both(table)
    target, goal = train["target"].to_numpy(), live["target"].to_numpy()
    guess, was = np.round(goal + rng.normal(0, 30, ROWS), 1), np.round(target + rng.normal(0, 30, ROWS), 1)
    base, features = train.drop(columns="target"), records(live.drop(columns="target"))
    numbers = {"mae": lambda r: mean_absolute_error(goal[r], guess[r]), "r2": lambda r: r2_score(goal[r], guess[r])}
    found += [
        Report(
            "regression: labels as text",
            base.assign(prediction=was, label=target),
            features,
            csv(),
            (),
            guess.tolist(),
            [f"{v}" for v in goal],
            figures=numbers,
            within=1e-6,
        ),
        Report(
            "regression: predictions as text",
            base.assign(prediction=was, label=target),
            features,
            csv(),
            (),
            [f"{v}" for v in guess],
            goal.tolist(),
            figures=numbers,
            within=1e-6,
        ),
        Report(
            "regression: predictions as lists of one",
            base.assign(prediction=[[v] for v in was], label=target),
            features,
            parquet,
            (),
            [[v] for v in guess.tolist()],
            goal.tolist(),
            refused=True,
            said="lists of one number",
            within=1e-6,
        ),
        Report(
            "regression: predictions far from 0",
            base.assign(prediction=was + 1e8, label=target + 1e8),
            features,
            csv(),
            (),
            (guess + 1e8).tolist(),
            (goal + 1e8).tolist(),
            figures=numbers,
            within=1e-6,
        ),
    ]
    return found


def jsonl_lists(table: pd.DataFrame, path: Any) -> Any:
    """Lists in JSON."""
    table = table.assign(prediction=[list(map(float, row)) for row in table["prediction"]])
    return jsonl(table, path)
