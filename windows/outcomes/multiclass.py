"""Metrics of a multiclass model. "other" (a prediction of no known class) is a class like any.

- accuracy: a share; precision, recall, macro_f1 (and f1, the same): means over the classes that occur,
  balanced_accuracy over those that labels are of (`windows.outcomes.class_scores`).
- With labels of more classes than are told apart, accuracy is right all the same; the other metrics have no value.
- log_loss, brier (sum over classes, so up to 2), calibration_gap (mean of 1 - score of the true class), ece of the
  predicted class's score: from the rows that came with class scores.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from windows.outcomes import class_scores
from windows.outcomes.binary import LARGEST_LOSS, loss_moments
from windows.outcomes.calibration_error import calibration_error
from windows.outcomes.metric import Metric
from windows.statistics.measured import Measured, by_laws, share, without
from windows.statistics.skewed_mean import mean_laws

if TYPE_CHECKING:
    from windows.arrays import FloatArray, IntArray
    from windows.outcomes.layout import TaskLayout
    from windows.outcomes.metric import Measure


def matrix(layout: TaskLayout, vectors: IntArray) -> IntArray:
    """Confusion, int64[G, C, C]: rows are labels, columns predictions."""
    return vectors[:, layout.spans["confusion"]].reshape(len(vectors), layout.classes, layout.classes)


def _accuracy(layout: TaskLayout, vectors: IntArray, alpha: float) -> Measured:
    counts = matrix(layout, vectors)
    right = np.trace(counts, axis1=1, axis2=2) - vectors[:, layout.slot("other_wrong")]
    return share(right, counts.sum(axis=(1, 2)), alpha)


def _precision(layout: TaskLayout, vectors: IntArray, alpha: float) -> Measured:
    return class_scores.macro_precision(matrix(layout, vectors), alpha)


def _recall(layout: TaskLayout, vectors: IntArray, alpha: float) -> Measured:
    return class_scores.macro_recall(matrix(layout, vectors), alpha)


def _mean(names: tuple[str, str, str], high: float) -> Measure:
    def mean(layout: TaskLayout, vectors: IntArray, alpha: float) -> Measured:
        rows = vectors[:, layout.spans["confident"]].sum(axis=1)
        moments = loss_moments(layout, vectors, rows, names)
        return by_laws(moments.mean, mean_laws(moments, 0.0, high, alpha), 0.0, high, rows, alpha)

    return mean


def confidence_counts(layout: TaskLayout, vectors: IntArray) -> tuple[IntArray, IntArray, FloatArray]:
    """Rows, right predictions and sum of the predicted class's scores of each confidence bin, [G, C] each."""
    sums = layout.blocks["confidence"]
    scores = np.stack([sums.read(vectors, name) for name in sums.names], axis=1)
    return vectors[:, layout.spans["confident"]], vectors[:, layout.spans["confident_right"]], scores


def _ece(layout: TaskLayout, vectors: IntArray, alpha: float) -> Measured:
    counts, right, scores = confidence_counts(layout, vectors)
    return calibration_error(counts, right, scores, alpha)


def _all_told_apart(metric: Measure) -> Measure:
    """The same metric, without a value where labels are of classes that are not told apart."""

    def guarded(layout: TaskLayout, vectors: IntArray, alpha: float) -> Measured:
        return without(metric(layout, vectors, alpha), vectors[:, layout.slot("further")] > 0)

    return guarded


_OF_BOTH = {
    name: replace(row, measure=_all_told_apart(row.measure)) for name, row in class_scores.of_both(matrix).items()
}

METRICS = {
    "accuracy": Metric(_accuracy),
    "precision": Metric(_all_told_apart(_precision)),
    "recall": Metric(_all_told_apart(_recall)),
    "f1": _OF_BOTH["macro_f1"],
    **_OF_BOTH,
    "log_loss": Metric(
        _all_told_apart(_mean(("loss", "loss_2", "loss_3_64th"), LARGEST_LOSS)), needs=("probabilities",)
    ),
    "brier": Metric(_all_told_apart(_mean(("brier", "brier_2", "brier_3"), 2.0)), needs=("probabilities",)),
    "ece": Metric(_all_told_apart(_ece), needs=("probabilities",), added=True),
    "calibration_gap": Metric(_all_told_apart(_mean(("gap", "gap_2", "gap_3"), 1.0)), needs=("probabilities",)),
}
