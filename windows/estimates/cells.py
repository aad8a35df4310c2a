"""The cell of every prediction: the part of estimating that is done for each record."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from windows.estimates.boosting import Trees
from windows.estimates.estimator import BinaryEstimator, MulticlassEstimator, RegressionEstimator
from windows.estimates.expected_error import cell
from windows.sketches.bins import Bins, bins_of

if TYPE_CHECKING:
    import numpy.typing as npt

    from windows.arrays import FloatArray, IntArray
    from windows.estimates.estimator import Estimator


GRID = 4_096
"""Steps that class scores from 0 to 1 are told apart in."""

CHUNK = 8_192
"""Class scores looked up at a time: more would not stay in the cache."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What the cells depend on.

    Attributes:
        numeric: float64[N, n], the layout's numeric columns.
        scored: whether the last of them is the prediction.
        probabilities: float64[n, K], class scores, NaN where not given; None where nobody gave any.
        predicted: int64[n], the slot of the predicted class within its field where the prediction is a class.
        slots: int64[F + C, n], the slot in the vector of each column's value.
    """

    numeric: FloatArray
    scored: bool
    probabilities: FloatArray | None
    predicted: IntArray | None
    slots: IntArray

    @property
    def rows(self) -> int:
        """Predictions."""
        return int(self.numeric.shape[1])

    @property
    def score(self) -> FloatArray | None:
        """float64[n], the prediction where it is a number."""
        return self.numeric[-1] if self.scored else None


class Celling(ABC):
    """Finds the slots of predictions, counted from the slot `first`; each prediction has `rows` of them."""

    rows: int

    @abstractmethod
    def fill(self, batch: Batch, out: IntArray) -> None:
        """Write the slots of n predictions into int64[rows, n]."""

    def __call__(self, batch: Batch) -> IntArray:
        """The slots, int64[rows, n]."""
        out = np.empty((self.rows, batch.rows), dtype=np.int64)
        self.fill(batch, out)
        return out


class ScoreCelling(Celling):
    """Cells of a binary score."""

    def __init__(self, estimator: BinaryEstimator, first: int) -> None:
        self.rows = 1
        self.bins = bins_of([estimator.cells.edges])
        self.first = first
        self.none = np.array([[estimator.cells.size]])

    def fill(self, batch: Batch, out: IntArray) -> None:
        """Write int64[1, n]."""
        if batch.score is None:
            out[:] = self.none + self.first
        else:
            np.add(find(self.bins, batch.score[None, :], self.none), self.first, out=out)


class ClassCelling(Celling):
    """Cells of each class's score."""

    def __init__(self, estimator: MulticlassEstimator, first: int) -> None:
        self.rows = len(estimator.classes)
        self.cells = grid_of(estimator) or bins_of([cells.edges for cells in estimator.others])
        self.sizes = np.array([cells.size for cells in estimator.others], dtype=np.int64).reshape(-1, 1)
        blocks = 2 * self.sizes + 1
        self.starts: IntArray = np.cumsum(blocks, axis=0) - blocks + first

    def fill(self, batch: Batch, out: IntArray) -> None:
        """Write int64[K, n]."""
        if batch.probabilities is None or batch.predicted is None:
            out[:] = self.starts + 2 * self.sizes
            return
        rows = max(CHUNK // self.rows, 1)
        for begin in range(0, batch.rows, rows):
            part = np.s_[begin : begin + rows]
            self._fill(np.ascontiguousarray(batch.probabilities[part].T), batch.predicted[part], out[:, part])

    def _fill(self, scores: FloatArray, predicted: IntArray, out: IntArray) -> None:
        """The same for class scores float64[K, n] and predicted classes int64[n]."""
        found = find(self.cells, scores, 2 * self.sizes)
        known = np.flatnonzero(predicted < self.rows)
        best = predicted[known]
        given = np.isfinite(scores[best, known])
        found[best, known] += np.where(given, self.sizes[best, 0], 0)
        np.add(found, self.starts, out=out)


@dataclass(frozen=True, slots=True)
class Grid:
    """Cells whose edges lie on a grid: one look-up a score, without a comparison.

    Attributes:
        cells: uint8[K * GRID], cell of each step of each class.
        starts: int64[K, 1], where each class begins.
    """

    cells: npt.NDArray[np.uint8]
    starts: IntArray
    low: ClassVar[float] = 0.0

    def find(self, values: FloatArray) -> IntArray:
        """int64[K, n] for float64[K, n], finite."""
        at = np.clip(values * GRID, 0.0, GRID - 1.0).astype(np.int64)
        at += self.starts
        return self.cells.take(at).astype(np.int64)


def grid_of(estimator: MulticlassEstimator) -> Grid | None:
    """The cells as a grid; None where an edge is not on it."""
    inner = [cells.edges * GRID for cells in estimator.others]
    if any((edges != np.floor(edges)).any() or edges[0] < 0 or edges[-1] >= GRID for edges in inner):
        return None
    steps = np.arange(GRID)
    cells = [np.searchsorted(edges, steps, side="right").astype(np.uint8) for edges in inner]
    return Grid(np.concatenate(cells), np.arange(len(inner), dtype=np.int64)[:, None] * GRID)


class ErrorCelling(Celling):
    """Cells of the expected error."""

    def __init__(self, estimator: RegressionEstimator, first: int) -> None:
        self.rows = 1
        self.first = first
        self.none = estimator.cells.size + first
        self.table: npt.NDArray[np.uint8] = np.concatenate([codes.astype(np.uint8) for codes in estimator.codes])
        self.line = estimator.line
        self.asked, places = np.unique(estimator.trees.columns, return_inverse=True)
        columns = places.reshape(estimator.trees.columns.shape).astype(np.int64)
        self.trees = Trees(columns, estimator.trees.cuts, estimator.trees.leaves)

    def fill(self, batch: Batch, out: IntArray) -> None:
        """Write int64[1, n]."""
        if batch.score is None:
            out[:] = self.none
            return
        expected = self.line(batch.numeric) + self.trees(self.table.take(batch.slots[self.asked]))
        np.add(cell(expected), self.first, out=out[0])
        finite = np.isfinite(batch.score)
        if not finite.all():
            out[0, ~finite] = self.none


def celling_of(estimator: Estimator, first: int = 0) -> Celling:
    """Prepare the tables of an estimator whose slots begin at `first`."""
    if isinstance(estimator, BinaryEstimator):
        return ScoreCelling(estimator, first)
    if isinstance(estimator, MulticlassEstimator):
        return ClassCelling(estimator, first)
    return ErrorCelling(estimator, first)


def find(bins: Bins | Grid, values: FloatArray, none: IntArray) -> IntArray:
    """Cell of each value, `none` (int64[F, 1]) where it is missing or not finite: int64[F, n]."""
    finite = np.isfinite(values)
    if finite.all():
        return bins.find(values)
    found = bins.find(np.where(finite, values, bins.low))
    np.copyto(found, none, where=~finite)
    return found
