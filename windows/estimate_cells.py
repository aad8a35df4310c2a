"""The cell of every prediction: the part of estimating that is done for each record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from windows.bins import Bins, bins_of
from windows.estimator import BinaryEstimator, MulticlassEstimator, RegressionEstimator
from windows.expected_error import cell

if TYPE_CHECKING:
    import numpy.typing as npt

    from windows.arrays import FloatArray, IntArray
    from windows.estimator import Estimator


@dataclass(frozen=True, slots=True)
class Batch:
    """What the cells depend on.

    Attributes:
        numeric: float64[N, n], the layout's numeric columns.
        scored: whether the last of them is the prediction.
        probabilities: float64[n, K], class scores, NaN where not given; None where nobody gave any.
        slots: int64[F + C, n], the slot in the vector of each column's value.
    """

    numeric: FloatArray
    scored: bool
    probabilities: FloatArray | None
    slots: IntArray

    @property
    def rows(self) -> int:
        """Predictions."""
        return self.numeric.shape[1]

    @property
    def score(self) -> FloatArray | None:
        """float64[n], the prediction where it is a number."""
        return self.numeric[-1] if self.scored else None


class ScoreCelling:
    """Cells of a binary score."""

    rows = 1

    def __init__(self, estimator: BinaryEstimator) -> None:
        self.bins = bins_of([estimator.cells.edges])
        self.none = estimator.cells.size

    def __call__(self, batch: Batch) -> IntArray:
        """int64[1, n]."""
        if batch.score is None:
            return np.full((1, batch.rows), self.none, dtype=np.int64)
        return find(self.bins, batch.score[None, :], np.array([[self.none]]))


class ClassCelling:
    """Cells of each class's score."""

    def __init__(self, estimator: MulticlassEstimator) -> None:
        self.rows = len(estimator.classes)
        self.bins = bins_of([cells.edges for cells in estimator.others])
        self.sizes = np.array([cells.size for cells in estimator.others], dtype=np.int64).reshape(-1, 1)
        blocks = 2 * self.sizes + 1
        self.starts: IntArray = np.cumsum(blocks, axis=0) - blocks

    def __call__(self, batch: Batch) -> IntArray:
        """int64[K, n]."""
        scores = batch.probabilities
        if scores is None:
            return np.repeat(self.starts + 2 * self.sizes, batch.rows, axis=1)
        by_class = np.ascontiguousarray(scores.T)
        found = find(self.bins, by_class, 2 * self.sizes)
        best = np.where(np.isnan(scores), -np.inf, scores).argmax(axis=1)
        each = np.arange(batch.rows)
        given = np.isfinite(by_class[best, each])
        found[best, each] += np.where(given, self.sizes[best, 0], 0)
        found += self.starts
        return found


class ErrorCelling:
    """Cells of the expected error."""

    rows = 1

    def __init__(self, estimator: RegressionEstimator) -> None:
        self.table: npt.NDArray[np.uint8] = np.concatenate([codes.astype(np.uint8) for codes in estimator.codes])
        self.line = estimator.line
        self.trees = estimator.trees
        self.none = estimator.cells.size

    def __call__(self, batch: Batch) -> IntArray:
        """int64[1, n]."""
        if batch.score is None:
            return np.full((1, batch.rows), self.none, dtype=np.int64)
        found = cell(self.line(batch.numeric) + self.trees(self.table.take(batch.slots)))
        finite = np.isfinite(batch.score)
        if not finite.all():
            found[~finite] = self.none
        return found[None, :]


Celling = ScoreCelling | ClassCelling | ErrorCelling


def celling_of(estimator: Estimator) -> Celling:
    """Prepare the tables of an estimator."""
    if isinstance(estimator, BinaryEstimator):
        return ScoreCelling(estimator)
    if isinstance(estimator, MulticlassEstimator):
        return ClassCelling(estimator)
    return ErrorCelling(estimator)


def find(bins: Bins, values: FloatArray, none: IntArray) -> IntArray:
    """Cell of each value, `none` (int64[F, 1]) where it is missing or not finite: int64[F, n]."""
    finite = np.isfinite(values)
    if finite.all():
        return bins.find(values)
    found = bins.find(np.where(finite, values, bins.low))
    np.copyto(found, none, where=~finite)
    return found
