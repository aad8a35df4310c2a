"""Public reports about labels of binary models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import sklearn.datasets
from report_inputs import ROWS, Report, both, csv, parquet, records, scored
from sklearn.metrics import (
    accuracy_score,
    f1_score,
    precision_score,
    recall_score,
    roc_auc_score,
)

if TYPE_CHECKING:
    from collections.abc import Callable


def _of_known(known: Any, came: Any, now: Any) -> dict[str, Callable[[slice], float]]:
    """Accuracy of the labels that there are."""
    return {"accuracy": lambda r: accuracy_score(came[r][known[r]], now[r][known[r]] >= 0.5)}


def of_answers() -> list[Report]:
    """Labels of binary models."""
    table = sklearn.datasets.load_breast_cancer(as_frame=True).frame[["mean radius", "mean texture"]]
    train, live = both(table)
    (score, truth), (now, came) = scored(train, 3), scored(live, 4)
    found = []

    def figures(cut: float = 0.5, of: Any = came, at: Any = now) -> dict[str, Callable[[slice], float]]:
        return {
            "accuracy": lambda r: accuracy_score(of[r], at[r] >= cut),
            "precision": lambda r: precision_score(of[r], at[r] >= cut),
            "recall": lambda r: recall_score(of[r], at[r] >= cut),
            "f1": lambda r: f1_score(of[r], at[r] >= cut),
        }

    def row(name: str, label: Any, came: Any, asks: tuple[str, ...] = (), write: Any = None, **more: Any) -> None:
        rows = train.assign(prediction=more.pop("prediction", score), label=label)
        figs = more.pop("figures", figures())
        found.append(
            Report(
                f"labels: {name}",
                rows,
                records(live),
                write or csv(),
                asks,
                more.pop("predictions", now.tolist()),
                came,
                figures=figs,
                **more,
            )
        )

    yes, no = np.where(truth, "yes", "no"), np.where(came, "yes", "no").tolist()
    row("-1 and 1", np.where(truth, 1, -1), np.where(came, 1, -1).tolist(), figures={}, said="positive", blames=None)
    row("-1 and 1, said positive", np.where(truth, 1, -1), np.where(came, 1, -1).tolist(), ("--positive", "1"))
    row("1 and 2", truth + 1, (came + 1).tolist(), ("--positive", "2"))
    row("1 and 2, nothing said", truth + 1, (came + 1).tolist(), figures={}, said="positive|label", blames=None)
    row("yes and no", yes, no, ("--positive", "yes"))
    row("yes and no, nothing said", yes, no, figures={}, said="positive", blames=None)
    row("yes and no, live true and false", yes, came.astype(bool).tolist(), ("--positive", "yes"))
    row("1.0 and 0.0 as text", truth, [f"{v:.1f}" for v in came])
    row("floats with gaps", np.where(np.arange(ROWS) % 2, truth, np.nan), came.astype(float).tolist(), blames="")
    row("T and F, as R writes", np.where(truth, "T", "F"), np.where(came, "T", "F").tolist(), ("--positive", "T"))
    row(
        "Yes with a space live",
        yes,
        [f"{v} " for v in no],
        ("--positive", "yes"),
        blames=None,
        figures={},
        letters=ROWS,
    )
    row("YES live", yes, [v.upper() for v in no], ("--positive", "yes"), blames=None, figures={}, letters=ROWS)
    row(
        "null labels among them",
        truth,
        [None if n % 10 == 0 else int(v) for n, v in enumerate(came)],
        figures=_of_known(np.arange(ROWS) % 10 > 0, came, now),
        blames="",
    )
    hard = {"prediction": (score >= 0.5).astype(int), "predictions": (now >= 0.5).astype(int).tolist()}
    row("0 and 1 as predictions", truth, came.tolist(), **hard)
    row("0 and 1 as predictions, said binary", truth, came.tolist(), ("--task", "binary"), **hard)
    flags = {"prediction": score >= 0.5, "predictions": (now >= 0.5).tolist()}
    row("true and false as predictions", truth.astype(bool), came.astype(bool).tolist(), **flags)
    row(
        "true and false as predictions, said binary",
        truth.astype(bool),
        came.astype(bool).tolist(),
        ("--task", "binary"),
        parquet,
        **flags,
    )
    named = {
        "prediction": np.where(score >= 0.5, "yes", "no"),
        "predictions": np.where(now >= 0.5, "yes", "no").tolist(),
    }
    row("names as predictions, said binary", yes, no, ("--task", "binary", "--positive", "yes"), **named)
    row("names as predictions", yes, no, ("--positive", "yes"), **named)
    row("scores as text", truth, came.tolist(), predictions=[f"{v:.3f}" for v in now])
    area = {"auc": lambda r: roc_auc_score(came[r], now[r])}
    logit, nowit = np.log(score / (1 - score) + 1e-9), np.log(now / (1 - now) + 1e-9)
    row(
        "log-odds",
        truth,
        came.tolist(),
        ("--task", "binary"),
        prediction=logit,
        predictions=nowit.tolist(),
        figures=area,
        within=0.005,
        said="log the probability",
    )
    row(
        "percent",
        truth,
        came.tolist(),
        ("--task", "binary"),
        prediction=score * 100,
        predictions=(now * 100).tolist(),
        figures=area,
        within=0.005,
        said="log the probability",
    )
    row(
        "float32 scores at the threshold",
        truth,
        came.tolist(),
        ("--threshold", "0.3"),
        parquet,
        prediction=score.round(1).astype("float32"),
        predictions=[float(v) for v in now.round(1).astype("float32")],
        figures=figures(0.3, came, now.round(1)),
    )
    return found
