"""Where the score cells of an estimator go, from a sample of labelled rows, and how many rows each holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from windows.estimator import BinaryEstimator, MulticlassEstimator, ScoreCells

if TYPE_CHECKING:
    from collections.abc import Sequence

    from windows.arrays import BoolArray, FloatArray, IntArray

ROW_CELLS = 96
"""Score cells that hold equal shares of the rows."""
HIT_CELLS = 64
"""Further edges, at equal shares of the hits: where few rows hold most of them, the cells must be finer."""
CLASS_CELLS = 24
"""The same for each class of a multiclass model, and half as many further edges for its hits."""
ROWS_PER_CELL = 10
"""With fewer labelled rows than this in a cell, cells are made wider: a curve is laid through them."""
FEWEST_ROWS = 200
"""With fewer labelled rows than this nothing is fitted."""


def binary(score: FloatArray, label: FloatArray, threshold: float) -> BinaryEstimator:
    """Cells for scores with labels 0 and 1 (both float64[n], finite), still without counts."""
    edges = _score_edges(score, label == 1.0, ROW_CELLS, HIT_CELLS, threshold)
    return BinaryEstimator(threshold, _empty(edges))


def multiclass(probabilities: FloatArray, label: IntArray, classes: Sequence[str]) -> MulticlassEstimator:
    """Cells for class scores float64[n, K] with labels int64[n] (K and above: no class of its own), without counts."""
    found = []
    for at in range(len(classes)):
        scores = probabilities[:, at]
        known = np.isfinite(scores)
        edges = _score_edges(scores[known], label[known] == at, CLASS_CELLS, CLASS_CELLS // 2, 0.5)
        found.append(_empty(edges))
    return MulticlassEstimator(tuple(classes), tuple(found), tuple(found))


def _score_edges(scores: FloatArray, hit: BoolArray, by_rows: int, by_hits: int, threshold: float) -> FloatArray:
    """Quantiles of all scores and of the hits' scores, and the threshold; at least two edges."""
    parts = [np.array([threshold, np.nextafter(threshold, np.inf)])]
    positive = scores[scores >= threshold]
    groups = ((scores, by_rows), (scores[hit], by_hits), (scores[~hit], by_hits), (positive, by_hits))
    for values, most in groups:
        cells = min(most, len(values) // ROWS_PER_CELL)
        if cells > 1:
            parts.append(np.quantile(values, np.arange(1, cells) / cells, method="inverted_cdf"))
    edges = np.unique(np.concatenate(parts))
    after = np.nextafter(threshold, np.inf)
    return edges if len(edges) == 2 else edges[edges != after]


def _empty(edges: FloatArray) -> ScoreCells:
    cells = len(edges) + 1
    none = np.zeros(cells, dtype=np.int64)
    return ScoreCells(edges, none, none, np.zeros(cells))


def count_scores(cells: ScoreCells, scores: FloatArray, hit: BoolArray) -> ScoreCells:
    """The cells with further labelled rows: scores float64[n], finite, and bool[n]."""
    at = np.searchsorted(cells.edges, scores, side="right")
    return ScoreCells(
        cells.edges,
        cells.rows + np.bincount(at, minlength=cells.size),
        cells.hits + np.bincount(at[hit], minlength=cells.size),
        cells.scores + np.bincount(at, weights=scores, minlength=cells.size),
    )


def count_binary(estimator: BinaryEstimator, score: FloatArray, label: FloatArray) -> BinaryEstimator:
    """With further labelled rows; those without a score or label (NaN) are left out."""
    known = np.isfinite(score) & np.isfinite(label)
    return BinaryEstimator(estimator.threshold, count_scores(estimator.cells, score[known], label[known] == 1.0))


def count_multiclass(estimator: MulticlassEstimator, probabilities: FloatArray, label: IntArray) -> MulticlassEstimator:
    """With further labelled rows, float64[n, K] and int64[n]; rows without any score are left out."""
    best = np.where(np.isnan(probabilities), -np.inf, probabilities).argmax(axis=1)
    others, predicted = [], []
    for at in range(len(estimator.classes)):
        scores, hit = probabilities[:, at], label == at
        known, chosen = np.isfinite(scores), best == at
        others.append(count_scores(estimator.others[at], scores[known & ~chosen], hit[known & ~chosen]))
        predicted.append(count_scores(estimator.predicted[at], scores[known & chosen], hit[known & chosen]))
    return MulticlassEstimator(estimator.classes, tuple(others), tuple(predicted))
