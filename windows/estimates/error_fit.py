"""Fit the estimator of a regression: what error is expected of a prediction, and how that held out of sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from windows.estimates.boosting import CODES, NO_TREES, TREES, UNIT, deviance, first, grow
from windows.estimates.estimator import ErrorCells, RegressionEstimator
from windows.estimates.expected_error import CELLS, Line, cell, fit_line
from windows.sketches.profiles import NumericProfile, slot_count

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from windows.arrays import FloatArray, IntArray
    from windows.sketches.profiles import Profile

    Codes = npt.NDArray[np.uint8]

FOLDS = 3
TREE_STEPS = 16
"""The number of trees is chosen in these steps."""
LITTLE_KNOWN = 20.0
"""A category is thought to have this many rows of the mean error in addition."""
SEED = 20_240_229


@dataclass(frozen=True, slots=True, eq=False)
class ErrorRows:
    """n labelled rows.

    Attributes:
        profiles: of each column: the numeric ones, then the others.
        order: for each column its place among all columns of the layout.
        slots: int64[columns, n], the slot within its column of each value.
        values: float64[N, n], values of the numeric columns, NaN where missing.
        error: float64[n], label - prediction, finite.
    """

    profiles: tuple[Profile, ...]
    order: tuple[int, ...]
    slots: IntArray
    values: FloatArray
    error: FloatArray


def regression(rows: ErrorRows) -> RegressionEstimator:
    """The estimator that these rows teach."""
    size = np.abs(rows.error)
    relative = size / (float(size.mean()) or 1.0)
    tables = [_codes(profile, slots, relative) for profile, slots in zip(rows.profiles, rows.slots, strict=True)]
    codes = np.stack([table[slots] for table, slots in zip(tables, rows.slots, strict=True)])
    expected, count = _out_of_sample(rows, codes, relative)
    line = _line(rows, rows.values, relative)
    trees = grow(codes, relative, _logarithm(line(rows.values)), count) if count else NO_TREES
    in_layout = sorted(zip(rows.order, tables, strict=True), key=lambda pair: pair[0])
    return RegressionEstimator(
        line=line,
        codes=tuple(table.astype(np.int64) for _, table in in_layout),
        trees=trees,
        cells=_cells(expected, size),
    )


def _line(rows: ErrorRows, values: FloatArray, relative: FloatArray) -> Line:
    numeric = [profile for profile in rows.profiles if isinstance(profile, NumericProfile)]

    def gathered(picked: Sequence[float]) -> FloatArray:
        return np.array(picked, dtype=np.float64)

    centers, scales = gathered([one.center for one in numeric]), gathered([one.scale for one in numeric])
    ends = gathered([one.edges[0] for one in numeric]), gathered([one.edges[-1] for one in numeric])
    return fit_line(values, relative, centers, scales, ends)


def _codes(profile: Profile, slots: IntArray, relative: FloatArray) -> Codes:
    """uint8[slots of the column]: the code of each slot.

    Numeric: the bins in order, below and above with the outermost ones; missing and non-finite values have codes of
    their own above them. Categories: in the order of their mean error, which makes every cut of the order the best
    split there is (Fisher, On grouping for maximum homogeneity, 1958); those never seen stand in the middle.
    """
    size = slot_count(profile)
    if isinstance(profile, NumericProfile):
        bins = size - 4
        inner = np.arange(bins) if bins <= CODES - 2 else np.arange(bins) * (CODES - 2) // bins
        return np.concatenate((inner[:1], inner, inner[-1:], [CODES - 2, CODES - 1])).astype(np.uint8)
    rows = np.bincount(slots, minlength=size)
    means = (np.bincount(slots, weights=relative, minlength=size) + LITTLE_KNOWN * relative.mean()) / (
        rows + LITTLE_KNOWN
    )
    table = np.zeros(size, dtype=np.uint8)
    table[np.argsort(means, kind="stable")] = np.arange(size)
    return table


def _out_of_sample(rows: ErrorRows, codes: Codes, relative: FloatArray) -> tuple[IntArray, int]:
    """What a line and trees that did not see a row expect of it (in units), and with how many trees this is best."""
    fold = np.random.Generator(np.random.PCG64(SEED)).integers(0, FOLDS, len(relative))
    counts = range(0, TREES + 1, TREE_STEPS)
    expected = np.zeros((len(counts), len(relative)), dtype=np.int64)
    for part in range(FOLDS):
        held = fold == part
        line = _line(rows, rows.values[:, ~held], relative[~held])
        known = line(rows.values)
        trees = grow(codes[:, ~held], relative[~held], _logarithm(known[~held]))
        for at, count in enumerate(counts):
            expected[at, held] = known[held] + first(trees, count)(codes[:, held])
    best = min(range(len(counts)), key=lambda at: deviance(relative, _logarithm(expected[at])))
    return expected[best], counts[best]


def _logarithm(units: IntArray) -> FloatArray:
    return units.astype(np.float64) * UNIT


def _cells(expected: IntArray, size: FloatArray) -> ErrorCells:
    at = cell(expected)

    def sums(power: int) -> FloatArray:
        return np.bincount(at, weights=size**power, minlength=CELLS).astype(np.float64)

    return ErrorCells(np.bincount(at, minlength=CELLS), sums(1), sums(2), sums(4))
