"""Public reports about labels, scores and classes, and shapes of files."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import sklearn.datasets
from report_inputs import ROWS, START, STEP, Report, both, cars, csv, parquet, records, scored
from sklearn.metrics import accuracy_score, mean_absolute_error, precision_score, roc_auc_score


def of_labels() -> list[Report]:
    """Labels, scores and classes."""
    found = []
    table = sklearn.datasets.load_breast_cancer(as_frame=True).frame[["mean radius", "mean texture"]]
    train, live = both(table)
    (score, truth), (now, came) = scored(train, 3), scored(live, 4)
    rows = train.assign(prediction=score, label=truth.astype(bool))
    areas = {"auc": lambda rows: roc_auc_score(came[rows], now[rows])}
    performance: dict[str, Any] = {"predictions": now.tolist(), "figures": areas, "within": 0.005}
    found += [
        Report(
            "evidently#1603 booleans as labels",
            rows,
            records(live),
            parquet,
            labels=came.astype(bool).tolist(),
            **performance,
        ),
        Report(
            "evidently#1603 ... as Python writes them to CSV",
            rows,
            records(live),
            csv(),
            labels=[str(bool(v)) for v in came],
            **performance,
        ),
    ]
    other = train.assign(p_hat=score, outcome=truth)
    asks = ("--prediction", "p_hat", "--label", "outcome", "--threshold", "0.3")

    def right(rows: slice) -> float:
        return float(precision_score(came[rows], now[rows] >= 0.3))

    found.append(
        Report(
            "evidently#846 names of one's own, threshold 0.3",
            other,
            records(live),
            csv(),
            asks,
            now.tolist(),
            came.tolist(),
            figures={"precision": right},
        )
    )
    table = sklearn.datasets.load_diabetes(as_frame=True, scaled=False).frame
    train, live = both(table)
    rng = np.random.default_rng(5)
    numbers = live["target"]
    guess = np.round(live["target"] + rng.normal(0, 20, ROWS))
    rows = train.rename(columns={"target": "label"}).assign(
        prediction=np.round(train["target"] + rng.normal(0, 20, ROWS))
    )
    found.append(
        Report(
            "whylogs#301 whole numbers of a regression",
            rows,
            records(live.drop(columns="target")),
            csv(),
            predictions=guess.astype(int).tolist(),
            labels=live["target"].astype(int).tolist(),
            figures={"mae": lambda rows: mean_absolute_error(numbers[rows], guess[rows])},
            within=1e-6,
        )
    )
    table = sklearn.datasets.load_iris(as_frame=True).frame
    train, live = both(table)
    said = np.where(rng.random(ROWS) < 0.9, live["target"], (live["target"] + 1) % 3)
    rows = train.rename(columns={"target": "label"})
    rows["prediction"] = np.where(rng.random(ROWS) < 0.9, rows["label"], (rows["label"] + 1) % 3)
    features = records(live.drop(columns="target"))
    classes = live["target"]
    figure = {"accuracy": lambda rows: accuracy_score(classes[rows], said[rows])}
    task = ("--task", "multiclass")
    found += [
        Report(
            "NannyML#347 classes 0..2, live as floats",
            rows,
            features,
            parquet,
            task,
            said.astype(float).tolist(),
            live["target"].astype(str).tolist(),
            figures=figure,
        ),
        Report(
            "tfx#819 classes that became floats in the reference",
            rows.astype({"label": float, "prediction": float}),
            features,
            csv(),
            task,
            said.tolist(),
            live["target"].tolist(),
            figures=figure,
        ),
    ]
    one = train.drop(columns="target").assign(prediction=score, label=1)
    found.append(
        Report("evidently#1647 all labels are of one class", one, features, parquet, blames=None, said="(?i)label")
    )
    return found


def of_shapes() -> list[Report]:
    """Shapes of files and columns."""
    found = []
    train, live = both(cars())
    times = pd.to_datetime(START + STEP * np.arange(ROWS), unit="ms")
    found.append(
        Report(
            "pandera#518 times of a zone",
            train.assign(timestamp=times.tz_localize("UTC").tz_convert("Europe/Berlin")),
            records(live),
            parquet,
        )
    )
    found.append(
        Report("pandera#1246 the time is the index", train.set_index(times.rename("timestamp")), records(live), parquet)
    )
    found.append(Report("rows newest first", train.assign(timestamp=times)[::-1], records(live), csv()))
    odd = {"Origin": "from.where", "Horsepower": "power: hp", "Weight_in_lbs": "weight (lbs)", "Cylinders": "#cyl"}
    found.append(
        Report(
            "fg-data-profiling#461 names with points, colons, brackets",
            train.rename(columns=odd),
            records(live.rename(columns=odd)),
            csv(),
        )
    )
    kinds = train[["Weight_in_lbs"]].assign(
        day=pd.to_datetime("2026-01-01").date(),
        took=pd.to_timedelta(np.arange(ROWS), unit="s"),
        tags=[["a", "b"]] * ROWS,
        blob=[b"\x00\x01"] * ROWS,
    )
    found.append(
        Report(
            "kaskada#318 dates, durations, lists, bytes", kinds, records(live[["Weight_in_lbs"]]), parquet, said="tags"
        )
    )
    found.append(
        Report("multi-index of pandas", train.set_index(["Origin", "Cylinders"]), records(live), parquet, blames=None)
    )
    found.append(Report("two rows", train[:2], records(live), csv(), blames=None))
    found.append(Report("no rows", train[:0], records(live), csv(), refused=True, said="no rows|no predictions|column"))
    return found
