"""Precision, recall and F1 of classes, and their means over the classes, from confusion matrices.

The F1 of a class is 2 J / (1 + J) with J the share of right ones among all rows that are of the class or were
predicted to be: given their number a binomial share, so Clopper and Pearson's bounds carry over.

A mean over classes is one over those that occur in the group, and so is its interval: of a class nobody has seen nothing
is known. Clopper and Pearson's bound is a quantile of a Beta law; the laws of the classes are added, mean, variance and
third moment, and the bound is the quantile of their sum (Pearson III, as in `windows.skewed_mean`). Recalls are
independent given the labels, precisions given the predictions; F1 scores are not, for an error hits two classes: their
correlations come from the matrix by the delta method.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from windows.intervals import proportion_interval
from windows.measured import Measured, measured
from windows.skewed_mean import deviation

if TYPE_CHECKING:
    from windows.arrays import FloatArray, IntArray

    Law = tuple[FloatArray, FloatArray, FloatArray]
    """Mean, variance and third central moment."""


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
    return measured(_f1(jaccard), (_f1(low), _f1(high)), rows)


def macro_f1(matrix: IntArray, alpha: float) -> Measured:
    """Mean F1 over the classes that occur among labels or predictions, as scikit-learn's f1_score(average="macro").

    Args:
        matrix: int64[G, C, C], rows are labels, columns predictions.
        alpha: probability of error per bound.
    """
    right, labels, predicted = _margins(matrix)
    rows = labels + predicted - right
    laws = [_f1_law(_beta(right, rows, above)) for above in (False, True)]
    return _macro(matrix, _f1(right / np.maximum(rows, 1)), laws, _shared_errors(matrix), alpha)


def macro_recall(matrix: IntArray, alpha: float) -> Measured:
    """Mean recall, as scikit-learn's recall_score(average="macro", zero_division=0)."""
    right, labels, _ = _margins(matrix)
    laws = [_beta(right, labels, above) for above in (False, True)]
    return _macro(matrix, right / np.maximum(labels, 1), laws, None, alpha)


def macro_precision(matrix: IntArray, alpha: float) -> Measured:
    """Mean precision, as scikit-learn's precision_score(average="macro", zero_division=0)."""
    right, _, predicted = _margins(matrix)
    laws = [_beta(right, predicted, above) for above in (False, True)]
    return _macro(matrix, right / np.maximum(predicted, 1), laws, None, alpha)


def _margins(matrix: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    return np.diagonal(matrix, axis1=1, axis2=2), matrix.sum(axis=2), matrix.sum(axis=1)


def _f1(jaccard: FloatArray) -> FloatArray:
    score: FloatArray = 2 * jaccard / (1 + jaccard)
    return score


def _beta(successes: IntArray, trials: IntArray, above: bool) -> Law:
    """The law whose quantile is Clopper and Pearson's upper (lower) bound; one point where there is no bound."""
    a = successes + (1.0 if above else 0.0)
    size = trials + 1.0
    b = size - a
    return (
        a / size,
        a * b / (size**2 * (size + 1)),
        2 * a * b * (b - a) / (size**3 * (size + 1) * (size + 2)),
    )


def _f1_law(law: Law) -> Law:
    """The law of 2 J / (1 + J), by its expansion to the second order about the mean of J."""
    mean, variance, third = law
    slope, bend = 2 / (1 + mean) ** 2, -4 / (1 + mean) ** 3
    return (
        _f1(mean) + bend * variance / 2,
        np.maximum(slope**2 * variance + slope * bend * third, 0.0),
        slope**3 * third + 3 * slope**2 * bend * variance**2,
    )


def _macro(
    matrix: IntArray, value: FloatArray, laws: list[Law], correlation: FloatArray | None, alpha: float
) -> Measured:
    _, labels, predicted = _margins(matrix)
    present = labels + predicted > 0
    classes = np.maximum(present.sum(axis=1), 1)
    mean = np.where(present, value, 0.0).sum(axis=1) / classes
    bounds = []
    for law, side in zip(laws, (-1.0, 1.0), strict=True):
        center, variance, third = (np.where(present, part, 0.0) for part in law)
        # An error that moves r scores at once makes the variance r times and the third moment r^2 times as large.
        together = 1.0 if correlation is None else _inflation(variance, correlation)
        spread = variance.sum(axis=1) * together / classes**2
        skew = side * third.sum(axis=1) * together**2 / classes**3
        bound = center.sum(axis=1) / classes + side * deviation(spread, skew, alpha)
        bounds.append(np.clip(bound, 0.0, 1.0))
    return measured(mean, (bounds[0], bounds[1]), matrix.sum(axis=(1, 2)))


def _inflation(variance: FloatArray, correlation: FloatArray) -> FloatArray:
    """Variance of the sum over the sum of the variances, float64[G]."""
    deviation_ = np.sqrt(variance)
    total, alone = np.einsum("gi,gij,gj->g", deviation_, correlation, deviation_), variance.sum(axis=1)
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
