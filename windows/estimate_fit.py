"""Fit an estimator: where its cells go, from a sample of labelled rows; for regression also what the errors depend on.

The counts of score cells are made of all labelled rows (`count_scores`), those of error cells of the sample alone:
each row's error is expected by trees that did not learn from it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from windows.boosting import CODES, NO_TREES, TREES, UNIT, Trees, grow
from windows.estimator import BinaryEstimator, ErrorCells, MulticlassEstimator, RegressionEstimator, ScoreCells

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from windows.arrays import BoolArray, FloatArray, IntArray

    Codes = npt.NDArray[np.uint8]

ROW_CELLS = 96
"""Score cells that hold equal shares of the rows."""
HIT_CELLS = 64
"""Further edges, at equal shares of the hits: where few rows hold most of them, the cells must be finer."""
CLASS_CELLS = 24
"""The same for each class of a multiclass model, and half as many further edges for its hits."""
ERROR_CELLS = 64
ROWS_PER_CELL = 10
"""With fewer labelled rows than this in a score cell, cells are made wider: a curve is laid through them."""
ROWS_PER_ERROR = 50
"""The same for error cells, which stand for themselves."""
FEWEST_ROWS = 200
"""With fewer labelled rows than this nothing is fitted."""
FOLDS = 3
TREE_STEPS = 8
"""The number of trees is chosen in these steps."""
FAR = 8.0
"""Errors beyond this many means count as this many while trees are grown: one wild row must not shape them."""
SEED = 20_240_229


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


def regression(
    slots: Sequence[IntArray], starts: Sequence[int], sizes: Sequence[int], ordered: Sequence[bool], error: FloatArray
) -> RegressionEstimator:
    """Trees and cells for errors float64[n], finite.

    Args:
        slots: for each column int64[n], the slot within it of each row's value.
        starts: for each column its place among the columns in slot order (codes are kept in that order).
        sizes: for each column how many slots it has.
        ordered: for each column whether it is numeric.
        error: label - prediction.
    """
    size = np.abs(error)
    scale = float(size.mean()) or 1.0
    target = np.minimum(size / scale, FAR)
    tables = [_codes(*column, target) for column in zip(slots, sizes, ordered, strict=True)]
    codes = np.stack([table[values] for table, values in zip(tables, slots, strict=True)])
    expected, count = _out_of_sample(codes, target)
    trees = grow(codes, target, count) if count else NO_TREES
    in_slot_order = [tables[at] for at in np.argsort(np.array(starts))]
    return RegressionEstimator(
        codes=tuple(table.astype(np.int64) for table in in_slot_order), trees=trees, cells=_error_cells(expected, size)
    )


def _codes(slots: IntArray, size: int, ordered: bool, target: FloatArray) -> Codes:
    """uint8[size]: the code of each slot of a column.

    Numeric: neighbouring bins together, about equal shares of rows; missing and non-finite values have codes of their
    own above them. Categories: in the order of their mean error, which makes every cut of the order the best split
    there is (Fisher, On grouping for maximum homogeneity, 1958); those never seen stand in the middle.
    """
    rows = np.bincount(slots, minlength=size)
    if ordered:
        groups = CODES - 2
        middles = (np.cumsum(rows[:-2]) - rows[:-2] / 2) / max(int(rows[:-2].sum()), 1)
        table = np.minimum((middles * groups).astype(np.int64), groups - 1)
        return np.concatenate((table, [CODES - 2, CODES - 1])).astype(np.uint8)
    means = (np.bincount(slots, weights=target, minlength=size) + 20.0 * target.mean()) / (rows + 20.0)
    order = np.argsort(means, kind="stable")
    before = np.cumsum(rows[order]) - rows[order] / 2
    table = np.zeros(size, dtype=np.int64)
    table[order] = np.minimum((before / max(int(rows.sum()), 1) * CODES).astype(np.int64), CODES - 1)
    return table.astype(np.uint8)


def _out_of_sample(codes: Codes, target: FloatArray) -> tuple[FloatArray, int]:
    """What trees that did not see a row expect of it, and with how many trees this is best."""
    fold = np.random.Generator(np.random.PCG64(SEED)).integers(0, FOLDS, len(target))
    counts = list(range(0, TREES + 1, TREE_STEPS))
    expected = np.zeros((len(counts), len(target)))
    for part in range(FOLDS):
        held = fold == part
        if held.all() or not held.any():
            continue
        trees = grow(codes[:, ~held], target[~held])
        for at, count in enumerate(counts):
            expected[at, held] = first(trees, count)(codes[:, held])
    losses = ((target - target.mean() - expected * UNIT) ** 2).mean(axis=1)
    best = int(losses.argmin())
    return expected[best], counts[best]


def first(trees: Trees, count: int) -> Trees:
    """The first trees."""
    return Trees(trees.columns[:count], trees.cuts[:count], trees.leaves[:count])


def _error_cells(expected: FloatArray, size: FloatArray) -> ErrorCells:
    cells = min(ERROR_CELLS, len(size) // ROWS_PER_ERROR)
    edges = np.unique(np.quantile(expected, np.arange(1, max(cells, 2)) / max(cells, 2), method="inverted_cdf"))
    if len(edges) < 2:
        edges = np.array([edges[0], edges[0] + 1.0])
    at = np.searchsorted(edges, expected, side="right")
    count = len(edges) + 1

    def sums(power: int) -> FloatArray:
        return np.bincount(at, weights=size**power, minlength=count).astype(np.float64)

    return ErrorCells(edges, np.bincount(at, minlength=count), sums(1), sums(2), sums(4))
