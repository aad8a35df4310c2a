"""Random labelled tables in the spellings that labels, classes and item ids come in, with scikit-learn's figures.

A table is the same for the reference's rows and for the topic, but each side spells its labels in a way of its own: as
integers, floats, booleans, text of any of these, names, names in another case, or as something that is no label at all.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.metrics import (
    accuracy_score,
    brier_score_loss,
    f1_score,
    log_loss,
    mean_absolute_error,
    ndcg_score,
    precision_score,
    r2_score,
    recall_score,
    roc_auc_score,
    root_mean_squared_error,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.random import Generator

Truth = dict[str, tuple[float, float]]
"""Metric -> (value, how far from it a measured one may be)."""

EXACT, SUMS, AREA = 1e-9, 1e-6, 5e-3
TASKS = ("binary", "multiclass", "regression", "ranking")
START = 1_767_225_600_000
"""2026-01-01, ms."""
MOST_OWN = 32
"""Classes that have a row of their own; with more, means over the classes are not given."""


@dataclass
class Table:
    """One table.

    Attributes:
        name: what is odd about it.
        task: of its model.
        model: further keys of the model in the config.
        performance: further keys of `performance:`.
        rows: of the reference: prediction and label among them.
        predictions: n predictions as JSON objects.
        labels: n labels as feedback says them.
        truth: metrics of the rows at these places, by scikit-learn.
        good: places whose label is one of the model, as a person would read it; the others must be refused.
        other_code: whether feedback has a code of its own, in which one label means something else here: that all of
            it is wrong cannot be told label by label, only from those that mean nothing.
    """

    name: str
    task: str
    rows: list[dict[str, Any]]
    predictions: list[dict[str, Any]]
    labels: list[Any]
    truth: Callable[[Sequence[int]], Truth]
    good: frozenset[int]
    model: dict[str, Any] = field(default_factory=dict)
    performance: dict[str, Any] = field(default_factory=dict)
    other_code: bool = False


def table(seed: int) -> Table:
    """The table of this number: the four tasks take turns."""
    rng = np.random.default_rng(seed)
    return {"binary": _binary, "multiclass": _multiclass, "regression": _regression, "ranking": _ranking}[
        TASKS[seed % len(TASKS)]
    ](rng)


# binary

PLAIN: Mapping[str, tuple[Any, Any]] = {
    "integers": (0, 1),
    "floats": (0.0, 1.0),
    "booleans": (False, True),
    "digits": ("0", "1"),
    "decimals": ("0.0", "1.0"),
    "true": ("false", "true"),
    "True": ("False", "True"),
    "TRUE": ("FALSE", "TRUE"),
}
NAMED: Mapping[str, tuple[Any, Any]] = {
    "names": ("fine", "fraud"),
    "another case": ("Fine", "Fraud"),
    "other names": ("no", "yes"),
    "one and two": (1, 2),
    "minus one": (-1, 1),
}
CODES = ("one and two", "minus one")
ODD = ("maybe", "Fraud ", 2, 0.5, "", ["fraud"], "null")
"""What no binary model has as a label."""


def _binary(rng: Generator) -> Table:  # noqa: C901 - a list of what may be odd
    n = int(rng.integers(300, 900))
    truth = (rng.random(n) < rng.choice([0.08, 0.3, 0.5])).astype(int)
    logit = rng.normal(size=n) + 1.5 * truth - 0.8
    narrow = rng.random() < 0.25
    scores = 0.5 + 1e-3 * logit if narrow else 1 / (1 + np.exp(-1.7 * logit))
    scores = np.round(scores, int(rng.integers(1, 3))) if rng.random() < 0.25 and not narrow else scores
    named = rng.random() < 0.45
    kinds = NAMED if named else PLAIN
    home = "names" if named else str(rng.choice(list(kinds)))
    away = str(rng.choice(list(kinds))) if not named or rng.random() < 0.5 else home
    if named and rng.random() < 0.3:
        away = str(rng.choice(list(PLAIN)))
    spelt = {**PLAIN, **NAMED}
    labels: list[Any] = [spelt[away][one] for one in truth.tolist()]
    good = set(range(n)) if away in PLAIN or away == home else set()
    _spoil(rng, labels, good, ODD)
    form = str(rng.choice(["score", "pair", "score", "class"]))
    performance: dict[str, Any] = {"positive": "fraud"} if named else {}
    model: dict[str, Any] = {}
    if form == "pair" and named:
        model["classes"] = rng.permutation(["fine", "fraud"]).tolist()
    predicted = scores >= 0.5
    if form == "class":
        said: list[Any] = [spelt[home][int(one)] for one in predicted]
        scores = predicted.astype(float)
    elif form == "pair":
        first = model.get("classes", ["fine", "fraud"])[0] == "fraud"
        said = [[one, 1 - one] if first else [1 - one, one] for one in scores.tolist()]
    else:
        said = scores.tolist()
    whole = {"class": form == "class", "narrow": narrow}

    def figures(at: Sequence[int]) -> Truth:
        y, s = truth[list(at)], scores[list(at)]
        p = (s >= 0.5).astype(int)
        found: Truth = {"accuracy": (accuracy_score(y, p), EXACT)}
        if p.any():
            found["precision"] = (precision_score(y, p), EXACT)
        if y.any():
            found["recall"] = (recall_score(y, p), EXACT)
        if y.any() or p.any():
            found["f1"] = (f1_score(y, p), EXACT)
        if 0 < y.sum() < len(y):
            found["auc"] = (roc_auc_score(y, s), AREA)
        if not whole["class"]:
            found["brier"] = (brier_score_loss(y, s), SUMS)
            found["log_loss"] = (log_loss(y, s, labels=[0, 1]), SUMS)
        return found

    rows = [
        {"x": float(x), "prediction": one, "label": spelt[home][int(label)]}
        for x, one, label in zip(rng.normal(size=n), said, truth, strict=True)
    ]
    name = f"{home} in rows, {away} in feedback, predictions are {form}s{', narrow' if narrow else ''}"
    return Table(
        name, "binary", rows, _served(rows), labels, figures, frozenset(good), model, performance, away in CODES
    )


# multiclass


def _multiclass(rng: Generator) -> Table:
    n = int(rng.integers(400, 1_000))
    k = int(rng.choice([3, 3, 5, 8, 40]))
    truth = rng.integers(0, k, n)
    logits = rng.normal(size=(n, k))
    logits[np.arange(n), truth] += 2.0
    if rng.random() < 0.3:
        logits[:, k - 1] -= 6  # a class that is hardly ever predicted
    scores = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    predicted = scores.argmax(axis=1)
    form = str(rng.choice(["class", "scores"]))
    names = str(rng.choice(["names", "numbers", "floats", "digits"]))
    spelt: Mapping[str, list[Any]] = {
        "names": [f"kind {chr(97 + i % 26)}{i // 26}" for i in range(k)],
        "numbers": list(range(k)),
        "floats": [float(i) for i in range(k)],
        "digits": [str(i) for i in range(k)],
        "decimals": [f"{i}.0" for i in range(k)],
        "another case": [f"Kind {chr(97 + i % 26)}{i // 26}" for i in range(k)],
    }
    away = "names" if names == "names" else str(rng.choice(["numbers", "floats", "digits", "decimals"]))
    if names == "names" and rng.random() < 0.25:
        away = "another case"
    labels: list[Any] = [spelt[away][one] for one in truth.tolist()]
    good = set() if away == "another case" else set(range(n))
    _spoil(rng, labels, good, ("nothing", k + 7, -1, "Kind", [0, 1], 0.5))
    model: dict[str, Any] = {}
    if form == "scores" and (names == "names" or rng.random() < 0.3):
        model["classes"] = [str(one) if names != "floats" else str(int(one)) for one in spelt[names]]
    said: list[Any] = scores.tolist() if form == "scores" else [spelt[names][one] for one in predicted.tolist()]

    def figures(at: Sequence[int]) -> Truth:
        y, p = truth[list(at)], predicted[list(at)]
        found: Truth = {"accuracy": (accuracy_score(y, p), EXACT)}
        if k <= MOST_OWN:
            found["macro_f1"] = (f1_score(y, p, average="macro", zero_division=0), EXACT)
            found["recall"] = (
                recall_score(y, p, average="macro", zero_division=0, labels=sorted({*y.tolist(), *p.tolist()})),
                EXACT,
            )
        if k <= MOST_OWN and form == "scores":
            found["log_loss"] = (log_loss(y, scores[list(at)], labels=list(range(k))), SUMS)
        return found

    rows = [
        {"x": float(x), "prediction": one, "label": spelt[names][int(label)]}
        for x, one, label in zip(rng.normal(size=n), said, truth, strict=True)
    ]
    name = f"{k} classes, {names} in rows, {away} in feedback, predictions are {form}"
    return Table(name, "multiclass", rows, _served(rows), labels, figures, frozenset(good), model)


# regression


def _regression(rng: Generator) -> Table:
    n = int(rng.integers(300, 800))
    size = float(rng.choice([1.0, 1e-9, 1e6]))
    truth = np.round(rng.lognormal(1, 0.7, n), 2) * size
    predicted = truth * rng.normal(1, 0.15, n)
    away = str(rng.choice(["numbers", "text", "exponents", "whole"]))
    if away == "whole":
        truth = np.rint(truth)
    spell: Callable[[float], Any] = {
        "numbers": float,
        "text": repr,
        "exponents": lambda one: f"{one:.17e}",
        "whole": int,
    }[away]
    labels = [spell(float(one)) for one in truth]
    good = set(range(n))
    _spoil(rng, labels, good, ("n/a", "1,5", [1.0, 2.0], "", True))
    rows = [
        {"x": float(x), "prediction": float(p), "label": float(y)}
        for x, p, y in zip(rng.normal(size=n), predicted, truth, strict=True)
    ]

    def figures(at: Sequence[int]) -> Truth:
        y, p = truth[list(at)], predicted[list(at)]
        mae = mean_absolute_error(y, p)
        found: Truth = {"mae": (mae, SUMS * max(mae, 1e-300)), "rmse": _near(root_mean_squared_error(y, p))}
        found["bias"] = (float((p - y).mean()), SUMS * max(mae, 1e-300))
        if len(set(y.tolist())) > 1:
            found["r2"] = (r2_score(y, p), 1e-5)
        return found

    name = f"numbers of about {size:g}, {away} in feedback"
    return Table(name, "regression", rows, _served(rows), labels, figures, frozenset(good))


def _near(value: float) -> tuple[float, float]:
    return value, SUMS * abs(value)


# ranking


def _ranking(rng: Generator) -> Table:
    n = int(rng.integers(200, 500))
    items = rng.permuted(np.tile(np.arange(1_000, 1_012), (n, 1)), axis=1)
    clicked = [rng.choice(row, int(rng.integers(0, 3)), replace=False).tolist() for row in items]
    outside = rng.random() < 0.4
    if outside:
        for hits in clicked[::5]:
            hits.append(99_999)
    spell: Mapping[str, Callable[[int], Any]] = {"integers": int, "text": str, "floats": float}
    home, away = str(rng.choice(["integers", "text"])), str(rng.choice(list(spell)))
    said = [[spell[home](int(one)) for one in row] for row in items]
    labels: list[Any] = [[spell[away](int(one)) for one in hits] for hits in clicked]
    if rng.random() < 0.5:
        labels = [one[0] if isinstance(one, list) and len(one) == 1 else one for one in labels]
    good = set(range(n))
    _spoil(rng, labels, good, ([["a"]], [True], {"item": 1}))
    rows = [
        {"x": float(x), "prediction": one, "label": [spell[home](int(hit)) for hit in hits]}
        for x, one, hits in zip(rng.normal(size=n), said, clicked, strict=True)
    ]

    def figures(at: Sequence[int]) -> Truth:
        relevance = np.array([np.isin(items[i], clicked[i]).astype(float) for i in at])
        order = np.tile(np.arange(12, 0, -1.0), (len(relevance), 1))
        hits = [np.flatnonzero(row) for row in relevance]
        first = [0.0 if len(row) == 0 else 1 / (row[0] + 1) for row in hits]
        clicks, missed = sum(len(set(clicked[i])) for i in at), sum(99_999 in clicked[i] for i in at)
        found: Truth = {
            "ndcg": (ndcg_score(relevance, order, k=10), SUMS),
            "mrr": (float(np.mean(first)), SUMS),
            "ctr": (float(relevance[:, :10].sum() / (10 * len(relevance))), EXACT),
        }
        if clicks:
            found["unlisted_ratio"] = (missed / clicks, EXACT)
        return found

    name = f"items are {home} in lists, {away} in clicks{', some clicks elsewhere' if outside else ''}"
    return Table(name, "ranking", rows, _served(rows), labels, figures, frozenset(good))


def _spoil(rng: Generator, labels: list[Any], good: set[int], odd: Sequence[Any]) -> None:
    """Put labels among the others that are none."""
    if rng.random() < 0.5:
        return
    for at in rng.choice(len(labels), max(len(labels) // 50, 1), replace=False).tolist():
        labels[at] = odd[int(rng.integers(len(odd)))]
        good.discard(at)


def _served(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "model": "m",
            "version": "1",
            "prediction_id": f"p{at}",
            "timestamp": START + 500 * at,
            "prediction": row["prediction"],
            "features": {"x": row["x"]},
        }
        for at, row in enumerate(rows)
    ]


def close(value: float | None, wanted: tuple[float, float]) -> bool:
    """Whether a measured value is the wanted one."""
    return value is not None and math.isclose(value, wanted[0], rel_tol=0, abs_tol=wanted[1])
