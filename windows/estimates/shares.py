"""Accuracy, precision, recall, F1 and AUC from counts of predictions in calibrated cells: values and variances.

Formulas in `windows.estimates.estimate`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from windows.arrays import BoolArray, FloatArray, IntArray
    from windows.estimates.calibration import Calibrated

SHARES = ("estimated_accuracy", "estimated_precision", "estimated_recall", "estimated_f1", "estimated_auc")


@dataclass(frozen=True, slots=True, eq=False)
class Value:
    """Values float64[G] and their two variances, by sampling and by calibration."""

    value: FloatArray
    sampling: FloatArray
    calibration: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """The m cells of one class against the rest.

    Attributes:
        calibrated: what is known of each.
        positive: bool[m], whether its predictions are of the class.
        order: int64[m], rank of its scores; cells of the same scores share it.
    """

    calibrated: Calibrated
    positive: BoolArray
    order: IntArray


def shares(counts: FloatArray, cells: Cells, scale: FloatArray | None = None) -> dict[str, Value]:
    """All metrics of SHARES.

    Args:
        counts: float64[G, m], predictions in each cell.
        cells: of the class.
        scale: float64[G, 1], how many times as many hits are expected as the cells say; None for as many.
    """
    share, variance, positive = cells.calibrated.share, cells.calibrated.variance, cells.positive
    hits = counts * share if scale is None else np.minimum(counts * share * scale, counts)
    rows, chosen = counts.sum(axis=1), (counts * positive).sum(axis=1)
    found, actual = (hits * positive).sum(axis=1), hits.sum(axis=1)
    accuracy = (found + (rows - chosen) - (actual - found)) / rows
    precision, recall, f1 = found / chosen, found / actual, 2.0 * found / (chosen + actual)
    f1_sampling = (4.0 * found * (1.0 - f1) ** 2 + (chosen + actual - 2.0 * found) * f1**2) / (chosen + actual) ** 2

    def value(at: FloatArray, sampling: FloatArray, gradient: FloatArray) -> Value:
        return Value(at, sampling, (np.square(counts * gradient) * variance).sum(axis=1))

    def per(divisor: FloatArray) -> FloatArray:
        return 1.0 / divisor[:, None]

    signs = np.where(positive, 1.0, -1.0)
    return {
        "estimated_accuracy": value(accuracy, accuracy * (1.0 - accuracy) / rows, signs * per(rows)),
        "estimated_precision": value(precision, precision * (1.0 - precision) / chosen, positive * per(chosen)),
        "estimated_recall": value(recall, recall * (1.0 - recall) / actual, (positive - recall[:, None]) * per(actual)),
        "estimated_f1": value(f1, f1_sampling, (2.0 * positive - f1[:, None]) * per(chosen + actual)),
        "estimated_auc": _auc(counts, cells),
    }


def _auc(counts: FloatArray, cells: Cells) -> Value:
    """Probability that a positive scores above a negative, ties half, from expected positives and negatives.

    Within a cell they count as ties, which is wrong by at most sum_b p_b q_b / 2, the product of the cell's shares of
    positives and negatives.
    """
    share, variance, order = cells.calibrated.share, cells.calibrated.variance, cells.order
    positives, negatives = _by_order(counts * share, order), _by_order(counts * (1.0 - share), order)
    total, rest = positives.sum(axis=1, keepdims=True), negatives.sum(axis=1, keepdims=True)
    above = (np.cumsum(negatives, axis=1) - negatives / 2.0) / rest  # of a positive: negatives below it
    below = 1.0 - (np.cumsum(positives, axis=1) - positives / 2.0) / total  # of a negative: positives above it
    area = (positives * above).sum(axis=1, keepdims=True) / total
    sampling = (positives * np.square(above - area)).sum(axis=1) / total[:, 0] ** 2
    sampling = sampling + (negatives * np.square(below - area)).sum(axis=1) / rest[:, 0] ** 2
    gradient = ((above - area) / total - (below - area) / rest)[:, order]
    return Value(area[:, 0], sampling, (np.square(counts * gradient) * variance).sum(axis=1))


def _by_order(counts: FloatArray, order: IntArray) -> FloatArray:
    summed = np.zeros((int(order.max()) + 1, len(counts)))
    np.add.at(summed, order, counts.T)
    return np.ascontiguousarray(summed.T)  # so that sums run in the same order however many groups there are


def class_means(counts: Sequence[FloatArray], classes: Sequence[Cells]) -> dict[str, Value]:
    """Accuracy, and the means over the classes of each class against the rest.

    Every prediction has one label, so the hits of all classes are scaled to add up to the predictions. The errors of
    the classes are not independent, so their standard deviations are averaged, which no dependence can exceed. A class
    that is never predicted has a precision of 0, as in scikit-learn.

    Args:
        counts: for each class float64[G, m].
        classes: K.
    """
    rows = counts[0].sum(axis=1)
    right, uncertain, hits = np.zeros(len(rows)), np.zeros(len(rows)), np.zeros(len(rows))
    for block, cells in zip(counts, classes, strict=True):
        # Products and sums, no matrix products: those of BLAS depend in their last digit on how many groups there are.
        hits += (block * cells.calibrated.share).sum(axis=1)
        right += (block * cells.positive * cells.calibrated.share).sum(axis=1)
        uncertain += (np.square(block * cells.positive) * cells.calibrated.variance).sum(axis=1)
    accuracy = np.minimum(right / hits, 1.0)
    scale = (rows / hits)[:, None]
    found: dict[str, list[Value]] = {name: [] for name in SHARES}
    for block, cells in zip(counts, classes, strict=True):
        for name, part in shares(block, cells, scale).items():
            found[name].append(part)
    one = {"estimated_accuracy": Value(accuracy, accuracy * (1.0 - accuracy) / rows, uncertain / rows**2)}
    return one | {name: _mean(found[name]) for name in SHARES[1:]}


def _mean(values: Sequence[Value]) -> Value:
    def deviation(variances: list[FloatArray]) -> FloatArray:
        average: FloatArray = np.mean(np.sqrt(np.nan_to_num(variances)), axis=0)
        return average**2

    return Value(
        np.mean([np.nan_to_num(part.value) for part in values], axis=0),
        deviation([part.sampling for part in values]),
        deviation([part.calibration for part in values]),
    )
