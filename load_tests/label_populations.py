"""Populations of joined predictions of finitely many rows: windows of any size are drawn at once, the truth is known.

A window of n rows drawn with replacement is a multinomial count of the population's rows, and its vector is that count
times the vectors of single rows: exact, and as fast for a hundred thousand rows as for a hundred.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit
from scipy.stats import norm

from windows.outcomes import binary as task_binary
from windows.outcomes import multiclass as task_multiclass
from windows.outcomes.fold import Outcomes, fold_outcomes, fold_predictions
from windows.outcomes.layout import TaskOptions, task_layout
from windows.outcomes.metrics import task_metrics
from windows.sketches.edges import coarse_bins, fine_edges
from windows.sketches.profiles import NumericProfile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windows.outcomes.layout import TaskLayout

ROWS = 1_000


@dataclass(frozen=True)
class Population:
    """Equally likely rows of one task.

    Attributes:
        name: what is special about it.
        layout: of the task.
        outcomes: ROWS rows, all with sign +1.
    """

    name: str
    layout: TaskLayout
    outcomes: Outcomes

    @cached_property
    def vectors(self) -> np.ndarray:
        """float64[ROWS, size]: the vector of each row alone."""
        numbers = np.arange(len(self.outcomes.label), dtype=np.int64)
        folded = fold_outcomes(self.layout, self.outcomes, numbers, len(numbers))
        folded += fold_predictions(self.layout, self.outcomes.score, numbers, len(numbers))
        return folded.astype(np.float64)

    @cached_property
    def truth(self) -> dict[str, float]:
        """Every metric of the population itself; the area of the raw scores."""
        whole = self.vectors.sum(axis=0).astype(np.int64)[None, :]
        found = {name: float(metric.value[0]) for name, metric in task_metrics(self.layout, whole, 0.01).items()}
        if self.layout.options.task == "binary":
            found["auc"] = area(self.outcomes.score, self.outcomes.label)
        for name, q in (("label_delay_p50_s", 0.5), ("label_delay_p95_s", 0.95)):
            found[name] = float(np.quantile(self.outcomes.delay / 1_000, q, method="inverted_cdf"))
        if self.layout.options.task == "regression":
            errors = np.abs(self.outcomes.score - self.outcomes.label)
            for name, q in (("abs_error_p50", 0.5), ("abs_error_p90", 0.9), ("abs_error_p99", 0.99)):
                found[name] = float(np.quantile(errors, q, method="inverted_cdf"))
        return found

    @cached_property
    def class_scores(self) -> dict[str, np.ndarray]:
        """float64[C] of the metrics that are means over classes."""
        task = self.layout.options.task
        if task not in ("binary", "multiclass"):
            return {}
        matrix = matrix_of(self, self.vectors.sum(axis=0).astype(np.int64)[None, :])[0]
        right, labels, predicted = np.diagonal(matrix), matrix.sum(axis=1), matrix.sum(axis=0)
        f1 = 2 * right / np.maximum(labels + predicted, 1)
        recall, precision = right / np.maximum(labels, 1), right / np.maximum(predicted, 1)
        if task == "binary":
            return {"macro_f1": f1, "balanced_accuracy": recall}
        return {"macro_f1": f1, "f1": f1, "recall": recall, "precision": precision, "balanced_accuracy": recall}

    def windows(self, rng: np.random.Generator, n: int, count: int) -> Iterator[np.ndarray]:
        """int64[some, size] until there were `count` windows of n rows."""
        shares = np.full(len(self.vectors), 1 / len(self.vectors))
        chunk = 1_000
        for start in range(0, count, chunk):
            drawn = rng.multinomial(n, shares, size=min(chunk, count - start)).astype(np.float64)
            # Sums of whole numbers below 2^53: exact in floats, and fast.
            yield (drawn @ self.vectors).astype(np.int64)


def matrix_of(population: Population, vectors: np.ndarray) -> np.ndarray:
    """Confusion matrices, int64[G, C, C]."""
    task = task_binary if population.layout.options.task == "binary" else task_multiclass
    return task.matrix(population.layout, vectors)


def area(scores: np.ndarray, labels: np.ndarray) -> float:
    """The share of pairs in the right order, ties half."""
    gaps = scores[labels == 1][:, None] - scores[labels == 0][None, :]
    return float((np.sign(gaps).mean() + 1) / 2)


def _points(rng: np.random.Generator) -> np.ndarray:
    """ROWS probabilities, evenly spaced, in random order."""
    return rng.permutation((np.arange(ROWS) + 0.5) / ROWS)


def _profile(values: np.ndarray) -> NumericProfile:
    edges = fine_edges(values, float(values.min()), float(values.max()))
    counts = np.histogram(values, edges)[0].astype(np.int64)
    return NumericProfile(
        edges, counts, coarse_bins(counts), 0, 0, float(values.mean()), max(float(values.std()), 1e-9), None
    )


def _outcomes(rng: np.random.Generator, score: np.ndarray, label: np.ndarray, **more: object) -> Outcomes:
    columns: dict[str, object] = {
        "score": score,
        "label": label,
        "probabilities": None,
        "ranked": None,
        "clicked": None,
        "value": np.exp(1.5 * norm.ppf(_points(rng))),
        "delay": (np.exp(8 + 2 * norm.ppf(_points(rng))) * 1_000).astype(np.int64),
        "sign": np.ones(ROWS, dtype=np.int64),
    }
    return Outcomes(**{**columns, **more})  # type: ignore[arg-type]


def binary(name: str, seed: int, intercept: float, spread: float, sharpness: float) -> Population:
    """Scores expit(x), labels with probability expit(x * sharpness): 1 is calibrated, less is too sure of itself."""
    rng = np.random.default_rng(seed)
    logits = intercept + spread * norm.ppf(_points(rng))
    label = (_points(rng) < expit(sharpness * logits)).astype(np.float64)
    layout = task_layout(TaskOptions("binary"), _profile(expit(logits)))
    return Population(name, layout, _outcomes(rng, expit(logits), label))


def separated(name: str, seed: int, share: float) -> Population:
    """Every positive scores higher than every negative."""
    rng = np.random.default_rng(seed)
    score = _points(rng)
    layout = task_layout(TaskOptions("binary"), _profile(score))
    return Population(name, layout, _outcomes(rng, score, (score > 1 - share).astype(np.float64)))


def multiclass(name: str, seed: int, shares: tuple[float, ...], right: float) -> Population:
    """Class scores about the truth; `shares` of the classes, the last one is other."""
    rng = np.random.default_rng(seed)
    count = len(shares)
    label = rng.choice(count, p=shares, size=ROWS)
    scores = rng.dirichlet(np.full(count, 0.7), size=ROWS) + right * np.eye(count)[label] * rng.random((ROWS, 1))
    scores /= scores.sum(axis=1, keepdims=True)
    layout = task_layout(TaskOptions("multiclass", classes=tuple(f"c{code}" for code in range(count - 1))), None)
    predicted = scores.argmax(axis=1).astype(np.float64)
    columns = _outcomes(rng, predicted, label.astype(np.float64), probabilities=scores[:, :-1].copy())
    return Population(name, layout, columns)


def regression(name: str, seed: int, tail: float) -> Population:
    """Errors normal for tail 0, else of both signs and as skewed in size as a lognormal with this deviation."""
    rng = np.random.default_rng(seed)
    label = 50 + 7 * norm.ppf(_points(rng))
    noise = norm.ppf(_points(rng))
    error = noise + 0.2 if tail == 0 else np.sign(noise) * np.exp(tail * norm.ppf(_points(rng))) + 0.2
    layout = task_layout(TaskOptions("regression", tolerance=1.5), _profile(label))
    return Population(name, layout, _outcomes(rng, label + error, label))


def ranking(name: str, seed: int, rate: float) -> Population:
    """Lists of ten, clicks fall off with the place and come in bursts."""
    rng = np.random.default_rng(seed)
    keen = rng.gamma(0.5, 2.0, ROWS)
    clicks = rng.random((ROWS, 10)) < np.clip(rate * keen[:, None] / (1 + np.arange(10)), 0, 0.9)
    items = [f"i{number}" for number in range(10)]
    layout = task_layout(TaskOptions("ranking", k=5), None)
    nothing = np.full(ROWS, np.nan)
    lists = {"ranked": [items] * ROWS, "clicked": [[items[at] for at in np.flatnonzero(row)] for row in clicks]}
    return Population(name, layout, _outcomes(rng, nothing, nothing, **lists))


def populations() -> list[Population]:
    """Usual and awkward ones of every task."""
    return [
        binary("calibrated", 1, 0.0, 1.5, 1.0),
        binary("rare positives", 2, -5.5, 2.0, 1.0),
        binary("too sure", 3, 0.0, 3.0, 0.5),
        separated("separated", 4, 0.3),
        multiclass("balanced", 5, (0.25, 0.25, 0.25, 0.25), 1.5),
        multiclass("one rare class", 6, (0.6, 0.3, 0.08, 0.02), 1.5),
        multiclass("nearly perfect", 7, (0.4, 0.3, 0.3), 30.0),
        regression("normal errors", 8, 0.0),
        regression("heavy tails", 9, 1.0),
        ranking("few clicks", 10, 0.03),
        ranking("many clicks", 11, 0.4),
    ]
