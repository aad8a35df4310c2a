"""How large an error is expected of a prediction: a line in its numeric columns, and trees over all of them.

Both add to the logarithm of the expected absolute error. The line is there for the tails: trees know nothing of where
within the outermost bin a value lies.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from windows.estimates.boosting import UNIT

if TYPE_CHECKING:
    from windows.arrays import FloatArray, IntArray

REACH = 4.0
"""A value further than this many deviations from the center is taken for one at that distance."""
CELLS = 160
"""Cells of the expected error, equal in its logarithm."""
WIDTH_BITS = 16
"""A cell is 2^16 UNITs wide, a sixteenth of a natural logarithm (6 %): from e^-5 to e^5 times the mean error."""
STEADY = 1.0
"""Ridge on the weights of the line, in rows."""
STEPS = 50


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """The linear part, over N numeric columns.

    Attributes:
        start: in units of UNIT, the value where every column is at its center.
        centers: float64[N].
        scales: float64[N], > 0.
        lows: float64[N], least deviation from the center that is told apart, in scales.
        highs: float64[N], greatest.
        weights: float64[N], a scale.
    """

    start: int
    centers: FloatArray
    scales: FloatArray
    lows: FloatArray
    highs: FloatArray
    weights: FloatArray

    def deviations(self, values: FloatArray) -> FloatArray:
        """float64[N, n]: deviations from the centers in scales; 0 where there is no finite value."""
        with np.errstate(over="ignore", invalid="ignore"):
            found = (values - self.centers[:, None]) / self.scales[:, None]
        np.clip(found, self.lows[:, None], self.highs[:, None], out=found)
        finite = np.isfinite(values)
        if not finite.all():
            found[~finite] = 0.0
        return found

    def __call__(self, values: FloatArray) -> IntArray:
        """int64[n], in units of UNIT: whole numbers, so that it is the same in any batch. From float64[N, n]."""
        parts = self.deviations(values)
        parts *= (self.weights / UNIT)[:, None]
        np.rint(parts, out=parts)
        total: IntArray = parts.sum(axis=0).astype(np.int64) + self.start
        return total


def cell(expected: IntArray) -> IntArray:
    """The cell of each logarithm of an expected error (in units of UNIT, 0 for the mean error), int64[n]."""
    found: IntArray = np.clip((expected >> WIDTH_BITS) + CELLS // 2, 0, CELLS - 1)
    return found


def middles() -> FloatArray:
    """The expected error that stands for each cell, as a multiple of the mean error: float64[CELLS]."""
    width = float(1 << WIDTH_BITS) * UNIT
    found: FloatArray = np.exp((np.arange(CELLS) - CELLS // 2 + 0.5) * width)
    return found


def fit_line(
    values: FloatArray, size: FloatArray, centers: FloatArray, scales: FloatArray, ends: tuple[FloatArray, FloatArray]
) -> Line:
    """The line that fits the logarithm of the expected size best, by Fisher scoring of the gamma deviance.

    Args:
        values: float64[N, n].
        size: float64[n], with a mean of 1.
        centers: float64[N].
        scales: float64[N].
        ends: float64[N] each, least and greatest value of the reference.
    """
    lows, highs = (np.clip((end - centers) / scales, -REACH, REACH) for end in ends)
    line = Line(0, centers, scales, np.minimum(lows, 0.0), np.maximum(highs, 0.0), np.zeros(len(centers)))
    design = np.concatenate((np.ones((1, len(size))), line.deviations(values)))
    curvature = design @ design.T + STEADY * np.eye(len(design))
    factors = np.zeros(len(design))
    for _ in range(STEPS):
        residual = np.minimum(size * np.exp(-(factors @ design)) - 1.0, 1.0 / UNIT)
        step = np.linalg.solve(curvature, design @ residual - STEADY * factors * (np.arange(len(factors)) > 0))
        largest = float(np.abs(step).max())
        factors = factors + step * min(1.0, 0.5 / max(largest, 1e-12))
        if largest < 1e-8:
            break
    start = round(float(factors[0]) / UNIT)
    return Line(start, centers, scales, line.lows, line.highs, factors[1:])
