"""Simulated models whose performance is known, under covariate shift: scores, labels, what labels are drawn from.

Each case trains a scikit-learn model on rows of its own, so that it is right only in part, and then lets the features
move from chunk to chunk while the relation between features and label stays. Truth is the expectation of a metric over
the labels of a chunk, given its features.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit, ndtr, softmax
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score, roc_auc_score

if TYPE_CHECKING:
    from collections.abc import Callable

    from windows.arrays import FloatArray, IntArray

    Draw = Callable[[np.random.Generator, int, float], FloatArray]

FEATURES = 8
CLASSES = 4
SHARES = ("accuracy", "precision", "recall", "f1", "auc")
ERRORS = ("mae", "rmse")


@dataclass(frozen=True)
class Rows:
    """n predictions.

    Attributes:
        features: float64[n, FEATURES].
        prediction: float64[n], score of the positive class or predicted value; float64[n, CLASSES] class scores.
        label: float64[n].
        truth: float64[n], probability of a positive; float64[n, CLASSES]; or float64[n, 2], mean and deviation of the
            label.
    """

    features: FloatArray
    prediction: FloatArray
    label: FloatArray
    truth: FloatArray

    def part(self, begin: int, end: int) -> Rows:
        """Rows [begin, end)."""
        at = slice(begin, end)
        return Rows(self.features[at], self.prediction[at], self.label[at], self.truth[at])


@dataclass(frozen=True)
class Data:
    """A reference and chunks of a model of this task."""

    task: str
    reference: Rows
    chunks: list[Rows]


def drawn(rng: np.random.Generator, rows: int, shift: float) -> FloatArray:
    """Features; `shift` moves three of them, widens one, and takes weight from one group to another."""
    x = rng.normal(size=(rows, FEATURES))
    x[:, 0] += shift
    x[:, 1] -= 0.6 * shift
    x[:, 2] *= 1.0 + 0.4 * abs(shift)
    x[:, 3] = rng.random(rows) < 0.3 + 0.15 * shift
    x[:, 4] = rng.exponential(1.0 + 0.3 * abs(shift), rows)
    return x


def _surface(x: FloatArray) -> FloatArray:
    return x[:, 0] + 0.7 * x[:, 1] * x[:, 3] - 0.5 * np.sin(2 * x[:, 2]) + 0.4 * x[:, 0] * x[:, 1] - 0.3 * x[:, 4]


def binary(seed: int, reference: int, chunk: int, shifts: list[float], kind: str) -> Data:
    """A binary model: `boosted` (flexible), `logistic` (blind to interactions), `rare` (2 positives in 100)."""
    rng = np.random.default_rng(seed)
    offset = -5.0 if kind == "rare" else -0.3

    def label(x: FloatArray) -> tuple[FloatArray, FloatArray]:
        p = expit(1.3 * _surface(x) + offset)
        return (rng.random(len(x)) < p).astype(np.float64), p

    train = drawn(rng, 20_000, 0.0)
    flexible = HistGradientBoostingClassifier(max_iter=80, learning_rate=0.15, early_stopping=False, random_state=seed)
    model = LogisticRegression() if kind == "logistic" else flexible
    model.fit(train, label(train)[0])

    def rows(count: int, shift: float) -> Rows:
        x = drawn(rng, count, shift)
        y, p = label(x)
        return Rows(x, model.predict_proba(x)[:, 1], y, p)

    return Data("binary", rows(reference, 0.0), [rows(chunk, shift) for shift in shifts])


def multiclass(seed: int, reference: int, chunk: int, shifts: list[float], kind: str) -> Data:
    """A model of CLASSES classes."""
    rng = np.random.default_rng(seed)
    weights = np.random.default_rng(7).normal(size=(FEATURES, CLASSES))

    def label(x: FloatArray) -> tuple[FloatArray, FloatArray]:
        z = x @ weights * 0.7
        z[:, 0] += 0.8 * x[:, 0] * x[:, 1]
        z[:, 1] -= 0.5 * np.abs(x[:, 2])
        p = softmax(z, axis=1)
        return (rng.random((len(x), 1)) > p.cumsum(axis=1)).sum(axis=1).astype(np.float64), p

    train = drawn(rng, 20_000, 0.0)
    flexible = HistGradientBoostingClassifier(max_iter=60, learning_rate=0.15, early_stopping=False, random_state=seed)
    model = LogisticRegression(max_iter=500) if kind == "logistic" else flexible
    model.fit(train, label(train)[0])

    def rows(count: int, shift: float) -> Rows:
        x = drawn(rng, count, shift)
        y, p = label(x)
        return Rows(x, model.predict_proba(x), y, p)

    return Data("multiclass", rows(reference, 0.0), [rows(chunk, shift) for shift in shifts])


def regression(seed: int, reference: int, chunk: int, shifts: list[float], kind: str) -> Data:
    """A model of a number whose noise depends on the features, with `smooth`, `additive` or `interacting` noise."""
    rng = np.random.default_rng(seed)

    def label(x: FloatArray) -> tuple[FloatArray, FloatArray]:
        mean = 3.0 * _surface(x)
        inner = x[:, 1] * x[:, 3] * 1.5 if kind == "interacting" else x[:, 1]
        deviation = np.exp(0.35 * x[:, 0] - 0.4 * inner + 0.2 * np.minimum(x[:, 4], 4.0))
        if kind == "additive":
            deviation = 0.5 + np.abs(x[:, 0] - 0.5) + 1.5 * (x[:, 2] > 0.8) * x[:, 3]
        return rng.normal(mean, deviation), np.stack((mean, deviation), axis=1)

    train = drawn(rng, 20_000, 0.0)
    model = HistGradientBoostingRegressor(max_iter=120, early_stopping=False, random_state=seed)
    model.fit(train, label(train)[0])

    def rows(count: int, shift: float) -> Rows:
        x = drawn(rng, count, shift)
        y, truth = label(x)
        return Rows(x, model.predict(x), y, truth)

    return Data("regression", rows(reference, 0.0), [rows(chunk, shift) for shift in shifts])


def realised(task: str, rows: Rows) -> dict[str, float]:
    """The metrics that the labels show, by scikit-learn."""
    if task == "regression":
        error = rows.label - rows.prediction
        return {"mae": float(np.abs(error).mean()), "rmse": float(np.sqrt((error**2).mean()))}
    if task == "binary":
        predicted, average = rows.prediction >= 0.5, "binary"
        area = roc_auc_score(rows.label, rows.prediction)
    else:
        predicted, average = rows.prediction.argmax(axis=1), "macro"
        area = roc_auc_score(rows.label, rows.prediction, multi_class="ovr", average="macro")
    scores = (precision_score, recall_score, f1_score)
    parts = [float(score(rows.label, predicted, average=average, zero_division=0)) for score in scores]
    return dict(zip(SHARES, [float(accuracy_score(rows.label, predicted)), *parts, float(area)], strict=True))


def expected(task: str, rows: Rows) -> dict[str, float]:
    """The metrics to be expected, from what the labels were drawn from."""
    if task == "regression":
        mean, deviation = rows.truth.T
        off = mean - rows.prediction
        absolute = deviation * np.sqrt(2 / np.pi) * np.exp(-0.5 * (off / deviation) ** 2)
        absolute = absolute + off * (1 - 2 * ndtr(-off / deviation))
        return {"mae": float(absolute.mean()), "rmse": float(np.sqrt((deviation**2 + off**2).mean()))}
    if task == "binary":
        return dict(zip(SHARES, _one_class(rows.truth, rows.prediction >= 0.5, rows.prediction), strict=True))
    best = rows.prediction.argmax(axis=1)
    parts = [_one_class(rows.truth[:, k], best == k, rows.prediction[:, k]) for k in range(CLASSES)]
    right = float(rows.truth[np.arange(len(best)), best].mean())
    return dict(zip(SHARES, [right, *np.mean(parts, axis=0)[1:].tolist()], strict=True))


def _one_class(p: FloatArray, predicted: IntArray, score: FloatArray) -> list[float]:
    hits, actual, chosen = p[predicted].sum(), p.sum(), predicted.sum()
    right = (hits + (1 - p)[~predicted].sum()) / len(p)
    order = np.argsort(score, kind="stable")
    positive, negative = p[order], 1 - p[order]
    area = (positive * (np.cumsum(negative) - negative / 2)).sum() / (positive.sum() * negative.sum())
    return [float(v) for v in (right, hits / max(chosen, 1), hits / actual, 2 * hits / (chosen + actual), area)]
