"""Precision, recall and F1 of classes, and their means over the classes, from confusion matrices.

A metric that binary and multiclass models have alike is a function of the matrix and a line in `of_both`.

The F1 of a class is 2 J / (1 + J) with J the share of right ones among all rows that are of the class or were
predicted to be: given their number a binomial share, so Clopper and Pearson's bounds carry over.

A mean over classes is one over those that occur in the group, and so is its interval: of a class nobody has seen
nothing is known. The laws of the classes are added (`windows.statistics.law`). Recalls are independent given the
labels, precisions given the predictions; F1 scores are not, for an error hits two classes: their correlations come from
the matrix by the delta method.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from windows.outcomes.metric import Metric
from windows.statistics.intervals import proportion_interval
from windows.statistics.law import Law, Laws, share_laws
from windows.statistics.measured import Measured, by_laws, measured, without

if TYPE_CHECKING:
    from collections.abc import Callable

    from windows.arrays import BoolArray, FloatArray, IntArray
    from windows.outcomes.layout import TaskLayout
    from windows.outcomes.metric import Measure

    Matrix = Callable[[TaskLayout, IntArray], IntArray]


def of_both(matrix: Matrix) -> dict[str, Metric]:
    """Rows of the metrics that binary and multiclass models have alike, for METRICS of either.

    Args:
        matrix: confusion of G groups, int64[G, C, C] from int64[G, size]: rows are labels, columns predictions.
    """

    def of(score: Callable[[IntArray, float], Measured]) -> Measure:
        return lambda layout, vectors, alpha: score(matrix(layout, vectors), alpha)

    return {
        "macro_f1": Metric(of(macro_f1)),
        "balanced_accuracy": Metric(of(balanced_accuracy), needs=("positives", "negatives"), lack="all of one class"),
    }


def f1(true_positives: IntArray, errors: IntArray, alpha: float) -> Measured:
    """F1 of one class, any shape.

    Args:
        true_positives: rows of the class that were predicted to be.
        errors: false positives and false negatives.
        alpha: probability of error per bound.
    """
    rows = true_positives + errors
    low, high = proportion_interval(true_positives, rows, alpha)
    jaccard = true_positives / np.maximum(rows, 1)
    return measured(_f1(jaccard), (_f1(low), _f1(high)), rows, _f1_laws(share_laws(true_positives, rows)))


def macro_f1(matrix: IntArray, alpha: float) -> Measured:
    """Mean F1 over the classes that occur among labels or predictions, as scikit-learn's f1_score(average="macro").

    Args:
        matrix: int64[G, C, C], rows are labels, columns predictions.
        alpha: probability of error per bound.
    """
    right, labels, predicted = _margins(matrix)
    rows = labels + predicted - right
    laws = _f1_laws(share_laws(right, rows))
    return _macro(matrix, _f1(right / np.maximum(rows, 1)), laws, _shared_errors(matrix), alpha)


def macro_recall(matrix: IntArray, alpha: float) -> Measured:
    """Mean recall, as scikit-learn's recall_score(average="macro", zero_division=0)."""
    right, labels, _ = _margins(matrix)
    return _macro(matrix, right / np.maximum(labels, 1), share_laws(right, labels), None, alpha)


def macro_precision(matrix: IntArray, alpha: float) -> Measured:
    """Mean precision, as scikit-learn's precision_score(average="macro", zero_division=0)."""
    right, _, predicted = _margins(matrix)
    return _macro(matrix, right / np.maximum(predicted, 1), share_laws(right, predicted), None, alpha)


def balanced_accuracy(matrix: IntArray, alpha: float) -> Measured:
    """Mean recall of the classes that labels are of, as scikit-learn's balanced_accuracy_score.

    Of a single class it would be the recall of that: without a second one it has no value.
    """
    right, labels, _ = _margins(matrix)
    there = labels > 0
    found = _mean_over(there, matrix, right / np.maximum(labels, 1), share_laws(right, labels), None, alpha)
    return without(found, there.sum(axis=1) < 2)


def _margins(matrix: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    return np.diagonal(matrix, axis1=1, axis2=2), matrix.sum(axis=2), matrix.sum(axis=1)


def _f1(jaccard: FloatArray) -> FloatArray:
    score: FloatArray = 2 * jaccard / (1 + jaccard)
    return score


def _f1_laws(laws: Laws) -> Laws:
    return Laws(_f1_law(laws.lower), _f1_law(laws.upper))


def _f1_law(law: Law) -> Law:
    """The law of 2 J / (1 + J), by its expansion to the second order about the mean of J."""
    slope, bend = 2 / (1 + law.mean) ** 2, -4 / (1 + law.mean) ** 3
    return Law(
        _f1(law.mean) + bend * law.variance / 2,
        np.maximum(slope**2 * law.variance + slope * bend * law.third, 0.0),
        slope**3 * law.third + 3 * slope**2 * bend * law.variance**2,
    )


def _macro(matrix: IntArray, value: FloatArray, laws: Laws, correlation: FloatArray | None, alpha: float) -> Measured:
    """The mean over the classes that occur among labels or predictions."""
    _, labels, predicted = _margins(matrix)
    return _mean_over(labels + predicted > 0, matrix, value, laws, correlation, alpha)


def _mean_over(
    present: BoolArray, matrix: IntArray, value: FloatArray, laws: Laws, correlation: FloatArray | None, alpha: float
) -> Measured:
    """The mean over the classes that are present, bool[G, C]."""
    classes = np.maximum(present.sum(axis=1), 1)
    mean = np.where(present, value, 0.0).sum(axis=1) / classes
    joined = Laws(*(_mean_law(law, present, classes, correlation) for law in (laws.lower, laws.upper)))
    return by_laws(mean, joined, 0.0, 1.0, matrix.sum(axis=(1, 2)), alpha)


def _mean_law(law: Law, present: BoolArray, classes: IntArray, correlation: FloatArray | None) -> Law:
    """The law of the mean over the classes that are present."""
    mean, variance, third = (np.where(present, part, 0.0) for part in (law.mean, law.variance, law.third))
    # An error that moves r scores at once makes the variance r times and the third moment r^2 times as large.
    together = 1.0 if correlation is None else _inflation(variance, correlation)
    total = Law(mean.sum(axis=1), variance.sum(axis=1) * together, third.sum(axis=1) * together**2)
    return total.times(1.0 / classes)


def _inflation(variance: FloatArray, correlation: FloatArray) -> FloatArray:
    """Variance of the sum over the sum of the variances, float64[G]."""
    deviation_ = np.sqrt(variance)
    # No einsum: the order of its sums, and so the last digit, depends on how many groups there are.
    products = deviation_[:, :, None] * correlation * deviation_[:, None, :]
    total, alone = products.reshape(len(variance), -1).sum(axis=1), variance.sum(axis=1)
    ratio: FloatArray = np.divide(total, alone, out=np.ones_like(alone), where=alone > 0)
    return ratio


def _shared_errors(matrix: IntArray) -> FloatArray:
    """Correlation of the F1 of any two classes, float64[G, C, C].

    Only the rows where one was taken for the other move both. One error spread over all cells is added, so that a
    matrix without errors knows that the next error will hit two classes.
    """
    size = matrix.shape[1]
    counts = matrix + (1.0 - np.eye(size)) / max(size * (size - 1), 1)
    right, labels, predicted = np.diagonal(counts, axis1=1, axis2=2), counts.sum(axis=2), counts.sum(axis=1)
    both = labels + predicted
    score = np.divide(2 * right, both, out=np.zeros_like(both), where=both > 0)
    variance = right * np.square(2 - 2 * score) + (both - 2 * right) * np.square(score)
    shared = (counts + counts.transpose(0, 2, 1)) * score[:, :, None] * score[:, None, :]
    scale = np.sqrt(variance[:, :, None] * variance[:, None, :])
    correlation: FloatArray = np.divide(shared, scale, out=np.zeros_like(shared), where=scale > 0)
    number = np.arange(size)
    correlation[:, number, number] = 1.0
    np.minimum(correlation, 1.0, out=correlation)
    return correlation
