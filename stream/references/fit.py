"""Fit the estimator of a reference: a sample of labelled rows says where its cells go, all of them are counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stream.references.label_rows import usable
from stream.references.sample import RowSample
from windows.estimates import fit
from windows.estimates.error_fit import ErrorRows, regression
from windows.predictions.fold import binning_of, column_slots
from windows.predictions.layout import layout_of
from windows.sketches.profiles import CategoricalProfile, NumericProfile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stream.references.label_rows import LabelledRows
    from windows.arrays import FloatArray
    from windows.estimates.estimator import BinaryEstimator, Estimator, MulticlassEstimator
    from windows.outcomes.layout import TaskOptions
    from windows.references.reference import Reference

TREE_CELLS = 1_000_000
"""Rows times columns that trees are grown on: a few seconds."""
LARGEST = 1e70
"""Errors from here on are left out: the sum of their fourth powers would be no number."""
MOST_CLASSES = 32
"""With more classes there are no estimates: each class has cells of its own."""


class Fit:
    """Takes in labelled rows batch by batch."""

    def __init__(self, reference: Reference, options: TaskOptions) -> None:
        self.task = options.task
        self.threshold = options.threshold
        self.layout = layout_of(reference)
        self.binning = binning_of(self.layout)
        prediction = reference.prediction
        self.scored = isinstance(prediction, NumericProfile)
        self.classes = prediction.categories if isinstance(prediction, CategoricalProfile) else ()
        self.sample: RowSample | None = None
        self.rows = 0

    def add(self, rows: LabelledRows) -> None:
        """Take in a batch."""
        matrix = self._matrix(rows)
        if matrix is None or not matrix.shape[1]:
            return
        if self.sample is None:
            columns = len(self.layout.columns)
            most = TREE_CELLS // columns if self.task == "regression" else None
            self.sample = RowSample(list(map(str, range(len(matrix)))), most)
        self.sample.add(matrix)
        self.rows += matrix.shape[1]

    def estimator(self, again: Callable[[], Iterator[LabelledRows]]) -> tuple[Estimator | None, str | None]:
        """The estimator, or why there is none. `again` gives all rows once more."""
        lack = self._lack()
        if lack is not None or self.sample is None:
            return None, lack
        matrix = self.sample.matrix()
        if self.task == "regression":
            return self._regression(matrix), None
        parts = [matrix] if matrix.shape[1] == self.rows else (self._matrix(rows) for rows in again())
        if self.task == "binary":
            score = fit.binary(matrix[0], matrix[1], self.threshold)
            for part in parts:
                score = _with_binary(score, part)
            return score, None
        classes = fit.multiclass(matrix[:-2].T, matrix[-1].astype(np.int64), self.classes)
        for part in parts:
            classes = _with_classes(classes, part)
        for name, one, other in zip(classes.classes, classes.others, classes.predicted, strict=True):
            if one.rows.sum() + other.rows.sum() == 0:
                return None, f"no estimates of performance: no labelled row has a score of class {name!r}"
        return classes, None

    def _matrix(self, rows: LabelledRows) -> FloatArray | None:
        """What is fitted on, float64[columns, rows that can be used]: the label or the error last."""
        outcomes = rows.outcomes
        if self.task == "binary" and self.scored:
            return usable(np.stack((outcomes.score, outcomes.label)))
        if self.task == "regression":
            slots = column_slots(self.binning, rows.columns).astype(np.float64)
            error = outcomes.label - outcomes.score
            return np.concatenate((rows.columns.numeric, slots, error[None, :]))[:, np.abs(error) < LARGEST]
        if self.task == "multiclass" and outcomes.probabilities is not None:
            given = np.isfinite(outcomes.probabilities).any(axis=1) & ~np.isnan(outcomes.label)
            classes = np.stack((outcomes.score, outcomes.label))
            found: FloatArray = np.concatenate((outcomes.probabilities.T, classes))[:, given]
            return found
        return None

    def _lack(self) -> str | None:
        """What keeps an estimator from being fitted."""
        none = "no estimates of performance"
        if self.task == "multiclass" and not 2 <= len(self.classes) <= MOST_CLASSES:
            return (
                f"{none}: they are made for 2 to {MOST_CLASSES} classes, and the predictions have {len(self.classes)}"
            )
        if self.task in {"binary", "multiclass"} and self.sample is None:
            return f"{none}: they need scores, and the predictions are bare classes"
        if self.task != "ranking" and self.rows < fit.FEWEST_ROWS:
            few = f"{self.rows} rows have a prediction and a label"
            return f"{none}: {few}, {fit.FEWEST_ROWS} are needed"
        return None

    def _regression(self, matrix: FloatArray) -> Estimator:
        fields = [*self.layout.numeric, *self.layout.categorical]
        order = [self.layout.columns.index(field) for field in fields]
        starts = np.array([field.start for field in fields], dtype=np.int64)
        numeric = len(self.layout.numeric)
        rows = ErrorRows(
            profiles=tuple(field.profile for field in fields),
            order=tuple(order),
            slots=matrix[numeric:-1].astype(np.int64) - starts[:, None],
            values=matrix[:numeric],
            error=matrix[-1],
        )
        return regression(rows)


def _with_binary(estimator: BinaryEstimator, part: FloatArray | None) -> BinaryEstimator:
    return estimator if part is None else fit.count_binary(estimator, part[0], part[1])


def _with_classes(estimator: MulticlassEstimator, part: FloatArray | None) -> MulticlassEstimator:
    if part is None:
        return estimator
    predicted, label = part[-2:].astype(np.int64)
    return fit.count_multiclass(estimator, part[:-2].T, predicted, label)
