"""Where the score cells of an estimator go, from a sample of labelled rows, and how many rows each holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from windows.estimates.cells import GRID
from windows.estimates.estimator import BinaryEstimator, MulticlassEstimator, ScoreCells

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
    edges = _edges(score, label == 1.0, ROW_CELLS, HIT_CELLS, threshold)
    return BinaryEstimator(threshold, _empty(_two(edges)))


def multiclass(probabilities: FloatArray, label: IntArray, classes: Sequence[str]) -> MulticlassEstimator:
    """Cells for class scores float64[n, K] with labels int64[n] (K and above: no class of its own), without counts.

    Where scores are probabilities the edges lie on a grid, which makes them quick to find.
    """
    probable = bool((np.nan_to_num(probabilities) >= 0).all() and (np.nan_to_num(probabilities) <= 1).all())
    found = []
    for at in range(len(classes)):
        scores = probabilities[:, at]
        known = np.isfinite(scores)
        edges = _edges(scores[known], label[known] == at, CLASS_CELLS, CLASS_CELLS // 2, None)
        if probable:
            edges = np.ceil(edges * GRID) / GRID
            edges = edges[(edges > 0) & (edges < 1)]
        found.append(_empty(_two(edges)))
    return MulticlassEstimator(tuple(classes), tuple(found), tuple(found))


def _edges(scores: FloatArray, hit: BoolArray, by_rows: int, by_hits: int, threshold: float | None) -> FloatArray:
    """Quantiles of all scores, of those of hits and misses, and of those above the threshold; and the threshold."""
    groups = [(scores, by_rows), (scores[hit], by_hits), (scores[~hit], by_hits)]
    parts: list[FloatArray] = []
    if threshold is not None:
        parts.append(np.array([threshold]))
        groups.append((scores[scores >= threshold], by_hits))
    for values, most in groups:
        cells = min(most, len(values) // ROWS_PER_CELL)
        if cells > 1:
            parts.append(np.quantile(values, np.arange(1, cells) / cells, method="inverted_cdf"))
    return np.concatenate(parts) if parts else np.zeros(0)


def _two(edges: FloatArray) -> FloatArray:
    """The edges in order, each once, and at least two of them."""
    edges = np.unique(edges)
    if len(edges) >= 2:
        return edges
    return np.unique(np.append(edges, [0.25, 0.75]))


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


def count_multiclass(
    estimator: MulticlassEstimator, probabilities: FloatArray, predicted: IntArray, label: IntArray
) -> MulticlassEstimator:
    """With further labelled rows: class scores float64[n, K], predicted and true class int64[n] (K: any other)."""
    others: list[ScoreCells] = []
    chosen: list[ScoreCells] = []
    for at in range(len(estimator.classes)):
        scores, hit, mine = probabilities[:, at], label == at, predicted == at
        for cells, rows, into in ((estimator.others, ~mine, others), (estimator.predicted, mine, chosen)):
            known = np.isfinite(scores) & rows
            into.append(count_scores(cells[at], scores[known], hit[known]))
    return MulticlassEstimator(estimator.classes, tuple(others), tuple(chosen))
