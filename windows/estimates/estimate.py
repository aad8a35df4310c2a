"""How well the model does in a window without labels, from the counts of its predictions in an estimator's cells.

Every value comes with two one-sided bounds. Its variance is the sum of two:

- sampling: the outcomes of the window's predictions are taken as drawn at random, so the bounds hold for the value in
  the population behind the window and for the one that the labels will show. Shares: v (1 - v) / n (accuracy,
  precision, recall, each with its own n) or by the delta method (F1); AUC by its placements (DeLong, DeLong and
  Clarke-Pearson, 1988); errors from their expected second and fourth powers. Times the overdispersion of predictions.
- calibration: each cell's share of hits (or mean error) is known from the finite number of labelled rows in it. With
  g_b the derivative of the value by the share of cell b, it is sum_b g_b^2 var_b: small where the window's predictions
  are where the labelled ones were, large where they have moved to cells that hold few.

Shares are bounded by Clopper and Pearson at the sample size that has this variance; mean errors, which are positive
and skewed, as gamma variables of this mean and variance (exact for the squares of normal errors). What neither
covers is concept drift: that a cell's share of hits is no longer what it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import gammainccinv, gammaincinv

from windows.estimates.calibration import Calibrated, calibrate, calibrate_both
from windows.estimates.estimator import (
    BinaryEstimator,
    ErrorCells,
    MulticlassEstimator,
    RegressionEstimator,
    ScoreCells,
)
from windows.estimates.expected_error import middles
from windows.estimates.shares import Cells, Value, class_means, shares
from windows.statistics.intervals import proportion_interval

if TYPE_CHECKING:
    from windows.arrays import FloatArray, IntArray
    from windows.estimates.estimator import Estimator
    from windows.statistics.intervals import Interval


@dataclass(frozen=True, slots=True, eq=False)
class Estimated:
    """One metric of G groups.

    Attributes:
        value: float64[G], NaN where there is none.
        lower: float64[G].
        upper: float64[G].
        baseline: the same metric of the labelled reference rows; NaN when there is none.
    """

    value: FloatArray
    lower: FloatArray
    upper: FloatArray
    baseline: float


class Estimates:
    """Estimates of one model; calibrates once.

    Attributes:
        labelled: labelled rows that they rest on.
    """

    def __init__(self, estimator: Estimator) -> None:
        """Calibrate the cells."""
        self.estimator = estimator
        self._cells = _cells(estimator)
        reference = _reference_counts(estimator)
        self.labelled = int(self.samples(reference)[0])
        self._baselines = {name: float(value.value[0]) for name, value in self._values(reference).items()}

    def samples(self, counts: IntArray) -> IntArray:
        """int64[G]: the predictions that the estimates speak of, from int64[G, size] counts."""
        width = counts.shape[1] - 1
        if isinstance(self.estimator, MulticlassEstimator):
            width = 2 * self.estimator.others[0].size
        found: IntArray = counts[:, :width].sum(axis=1)
        return found

    def __call__(self, counts: IntArray, factor: float | FloatArray, alpha: float) -> dict[str, Estimated]:
        """Metric -> estimate.

        Args:
            counts: int64[G, size], predictions per slot of the estimator.
            factor: overdispersion of the predictions, >= 1, one or float64[G]; infinite while it is not known.
            alpha: level of each bound.
        """
        samples = self.samples(counts).astype(np.float64)
        bounds = _error_bounds if isinstance(self.estimator, RegressionEstimator) else _share_bounds
        found = {}
        for name, value in self._values(counts).items():
            undefined = np.isnan(value.value) | (samples == 0)
            limits = bounds(value, samples, factor, alpha)
            one, lower, upper = (np.where(undefined, np.nan, part) for part in (value.value, *limits))
            baseline = self._baselines[name]
            if name == "estimated_rmse":
                one, lower, upper, baseline = np.sqrt(one), np.sqrt(lower), np.sqrt(upper), float(np.sqrt(baseline))
            found[name] = Estimated(one, lower, upper, baseline)
        return found

    def _values(self, counts: IntArray) -> dict[str, Value]:
        """Values and variances; of the mean squared error under the name of its root."""
        amounts = counts.astype(np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):
            if isinstance(self.estimator, RegressionEstimator):
                return _errors(self.estimator, amounts[:, :-1])
            if isinstance(self.estimator, BinaryEstimator):
                return shares(amounts[:, :-1], self._cells[0])
            stops = np.cumsum([2 * cells.size + 1 for cells in self.estimator.others])
            blocks = [block[:, :-1] for block in np.split(amounts, stops[:-1], axis=1)]
            return class_means(blocks, self._cells)


def _cells(estimator: Estimator) -> list[Cells]:
    """The calibrated cells: of the score, or of each class's score."""
    if isinstance(estimator, BinaryEstimator):
        cells = estimator.cells
        first = int(np.searchsorted(cells.edges, estimator.threshold)) + 1
        every = np.arange(cells.size)
        return [Cells(calibrate(cells), every >= first, every)]
    if isinstance(estimator, RegressionEstimator):
        return []
    return [_of_class(*pair) for pair in zip(estimator.others, estimator.predicted, strict=True)]


def _of_class(others: ScoreCells, predicted: ScoreCells) -> Cells:
    one, two = calibrate_both(others, predicted)
    both = Calibrated(np.concatenate((one.share, two.share)), np.concatenate((one.variance, two.variance)))
    return Cells(both, np.arange(2 * others.size) >= others.size, np.tile(np.arange(others.size), 2))


def _reference_counts(estimator: Estimator) -> IntArray:
    """The labelled rows themselves, int64[1, size]."""
    none = np.zeros(1, dtype=np.int64)
    if isinstance(estimator, MulticlassEstimator):
        pairs = zip(estimator.others, estimator.predicted, strict=True)
        return np.concatenate([part for one, two in pairs for part in (one.rows, two.rows, none)])[None, :]
    return np.concatenate((estimator.cells.rows, none))[None, :]


def _errors(estimator: RegressionEstimator, counts: FloatArray) -> dict[str, Value]:
    """Mean absolute error, and mean squared error under the name of its root.

    Powers of what is expected, in the proportion in which they held out of sample over all cells: the shape of the
    errors is taken to be the same everywhere, their size is not.
    """
    cells, middle = estimator.cells, middles()
    rows = counts.sum(axis=1)
    parts = counts / rows[:, None]

    def mean(power: int, sums: FloatArray) -> FloatArray:
        found: FloatArray = (parts * middle**power).sum(axis=1) * (sums.sum() / (cells.rows @ middle**power))
        return found

    mae, mse, fourth = mean(1, cells.absolute), mean(2, cells.squares), mean(4, cells.fourths)
    unsure = (
        _unsure(parts, cells, 1, cells.absolute, cells.squares),
        _unsure(parts, cells, 2, cells.squares, cells.fourths),
    )
    return {
        "estimated_mae": Value(mae, (mse - mae**2) / rows, unsure[0]),
        "estimated_rmse": Value(mse, (fourth - mse**2) / rows, unsure[1]),
    }


def _unsure(parts: FloatArray, cells: ErrorCells, power: int, sums: FloatArray, squares: FloatArray) -> FloatArray:
    """Variance of a mean over the cells, each cell's own being its spread over its labelled rows.

    A cell is given one row more, with the spread that rows of all cells have about what was expected of them.
    """
    middle = middles() ** power
    ratio = sums.sum() / (cells.rows @ middle)
    spread = max(float(squares.sum() / (cells.rows @ middle**2) - ratio**2), 0.0) * middle**2
    inside = np.maximum(squares - np.square(sums) / np.maximum(cells.rows, 1), 0.0)
    found: FloatArray = (np.square(parts) * ((inside + spread) / np.square(cells.rows + 1.0))).sum(axis=1)
    return found


def _share_bounds(found: Value, samples: FloatArray, factor: float | FloatArray, alpha: float) -> Interval:
    """Clopper and Pearson at the sample size that has the variance; at most that of the samples."""
    value = np.clip(found.value, 0.0, 1.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        size = value * (1.0 - value) / (found.sampling * factor + found.calibration)
    size = np.minimum(np.where(np.isnan(size), np.inf, size), samples / factor)
    return proportion_interval(value * size, size, alpha)


def _error_bounds(found: Value, samples: FloatArray, factor: float | FloatArray, alpha: float) -> Interval:
    """A gamma variable of this mean and variance: the mean over its quantiles."""
    del samples
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        shape = np.square(found.value) / (found.sampling * factor + found.calibration)
        lower = found.value * shape / gammainccinv(shape, alpha)
        upper = found.value * shape / gammaincinv(shape, alpha)
    known = np.isfinite(shape)  # without any variance the value is its own bound
    none = shape == 0.0
    lower = np.where(none, 0.0, np.where(known, lower, found.value))
    return lower, np.where(none, np.inf, np.where(known, upper, found.value))
