"""Expected calibration error (Naeini, Cooper and Hauskrecht, AAAI 2015) with an interval.

The error is the sum over bins of |sum of scores - number of positives| / n. Noise alone makes it positive: its
expectation is above the truth by no more than the sum of the mean absolute deviations of the bins, which the lower
bound gives away. About its expectation it strays as a mean of the residuals does (Bernstein's inequality).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from windows.statistics.intervals import MEAN_DEVIATION
from windows.statistics.measured import Measured, measured

if TYPE_CHECKING:
    from windows.arrays import FloatArray, IntArray

WIDTH = 0.1
"""Of a bin: scores within one deviate by half of it at most."""


def calibration_error(counts: IntArray, positives: IntArray, scores: FloatArray, alpha: float) -> Measured:
    """The expected calibration error of G groups over bins of WIDTH.

    Args:
        counts: int64[G, C], rows per bin.
        positives: int64[G, C], those with a positive label.
        scores: float64[G, C], sum of the scores.
        alpha: probability of error per bound.
    """
    n = counts.sum(axis=1)
    rows = np.maximum(n, 1)
    gaps = np.abs(scores - positives)
    value = gaps.sum(axis=1) / rows
    # A bin without positives may only have had too few rows for one: one row of each label is added.
    ratio = (positives + 1.0) / (counts + 2.0)
    within = np.square(np.sqrt(ratio * (1 - ratio)) + WIDTH / 2)
    variance = (counts * within).sum(axis=1) / rows + (gaps**2 / np.maximum(counts, 1)).sum(axis=1) / rows
    exponent = np.log(1 / alpha)
    slack = np.sqrt(2 * variance * exponent / rows) + 2 * exponent / (3 * rows)
    bias = MEAN_DEVIATION * np.sqrt(counts * within).sum(axis=1) / rows
    return measured(value, (np.maximum(value - bias - slack, 0.0), np.minimum(value + slack, 1.0)), n)
