"""What the labelled rows of a reference teach about predictions without labels.

An estimator cuts the predictions into cells, by score or by expected error, and remembers how its labelled rows turned
out in each. A window then needs only the count of its predictions in every cell, which is one more histogram of the
vector: exact, mergeable, and as old as the window itself. How well the model does is read off those counts
(`windows.estimates.estimate`).

Binary and multiclass: confidence-based performance estimation (CBPE), the calibrated scores in place of the labels
(Bialek et al., Estimating Model Performance Under Covariate Shift Without Labels, 2024; Guillory et al., Predicting
with Confidence on Unseen Distributions, 2021). Regression: direct loss estimation (DLE), a learnt expectation of the
absolute error.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from windows.arrays import FloatArray, IntArray
    from windows.estimates.boosting import Trees
    from windows.estimates.expected_error import Line


@dataclass(frozen=True, slots=True, eq=False)
class ScoreCells:
    """Labelled rows by score. Cell i holds the scores in [edges[i-1], edges[i]); the end cells are open.

    Attributes:
        edges: float64[m-1], strictly increasing, at least two.
        rows: int64[m].
        hits: int64[m], the rows whose label is the class that the score is of.
        scores: float64[m], sum of the scores.
    """

    edges: FloatArray
    rows: IntArray
    hits: IntArray
    scores: FloatArray

    @property
    def size(self) -> int:
        """Cells."""
        return len(self.rows)


@dataclass(frozen=True, slots=True, eq=False)
class BinaryEstimator:
    """CBPE of a score for the positive class; a prediction is positive from `threshold` on, which is an edge."""

    threshold: float
    cells: ScoreCells

    @property
    def size(self) -> int:
        """Slots: the cells, then the predictions without a score."""
        return self.cells.size + 1


@dataclass(frozen=True, slots=True, eq=False)
class MulticlassEstimator:
    """CBPE of one score per class, one class against the rest.

    Attributes:
        classes: K classes, in the order of the class scores.
        others: for each class its score's cells over the rows that were predicted to be another class.
        predicted: the same (with the same edges) over the rows that were predicted to be this class.
    """

    classes: tuple[str, ...]
    others: tuple[ScoreCells, ...]
    predicted: tuple[ScoreCells, ...]

    @property
    def size(self) -> int:
        """Slots: of each class its cells when not predicted, its cells when predicted, and the rows without scores."""
        return sum(2 * cells.size + 1 for cells in self.others)


@dataclass(frozen=True, slots=True, eq=False)
class ErrorCells:
    """Labelled rows in cells of the error that was expected of them (`windows.estimates.expected_error.cell`).

    Attributes:
        rows: int64[CELLS].
        absolute: float64[CELLS], sum of |label - prediction|.
        squares: float64[CELLS], sum of its second powers.
        fourths: float64[CELLS], sum of its fourth powers.
    """

    rows: IntArray
    absolute: FloatArray
    squares: FloatArray
    fourths: FloatArray

    @property
    def size(self) -> int:
        """Cells."""
        return len(self.rows)


@dataclass(frozen=True, slots=True, eq=False)
class RegressionEstimator:
    """DLE: what error is expected of a prediction, and how large the errors were where so much was expected.

    Attributes:
        line: expects the error from the numeric columns.
        codes: for each column of the layout int64[slots]: the code of each of its slots.
        trees: expect the error from the codes.
        cells: out of sample, so that what was learnt by heart does not count.
    """

    line: Line
    codes: tuple[IntArray, ...]
    trees: Trees
    cells: ErrorCells

    @property
    def size(self) -> int:
        """Slots: the cells, then the predictions without a value."""
        return self.cells.size + 1


Estimator = BinaryEstimator | MulticlassEstimator | RegressionEstimator
