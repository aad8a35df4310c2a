"""Gradient boosting of oblivious trees over small integer codes, in numpy: the logarithm of an expected size.

Every level of an oblivious tree asks one question of all rows (Prokhorenkova et al., CatBoost: unbiased boosting with
categorical features, 2018), so a tree is evaluated for a whole batch in a few calls. The loss is the gamma deviance
with a logarithmic link (McCullagh and Nelder, Generalized Linear Models, 1989, 8), which weighs errors by their size
relative to what is expected: large noise in one region does not drown small noise in another. It is written by hand
because a learner would be needed at run time otherwise, where nothing heavier than numpy is. Leaves are integers in
units of UNIT, so a row's value is the same in any batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from windows.arrays import FloatArray, IntArray

    Codes = npt.NDArray[np.uint8]

CODES = 256
"""Codes of a column run from 0 to CODES - 1."""
DEPTH = 4
TREES = 96
RATE = 0.15
"""Share of a tree's fit that is taken (shrinkage)."""
RIDGE = 20.0
"""Rows without deviation that every leaf is thought to hold in addition."""
FAR = 20.0
"""A row further from what is expected than this many times the expected size counts as if it were so far."""
UNIT = 2.0**-20
MOST_COLUMNS = 32
"""Trees ask only the columns that promise most at first: with hundreds of columns the rest is noise, and time."""
CHUNK = 512
"""Rows evaluated at a time: what the questions yield stays in the cache. Measured 0.11 us a row for 48 trees."""


@dataclass(frozen=True, slots=True, eq=False)
class Trees:
    """T trees of DEPTH questions each.

    Attributes:
        columns: int64[T, DEPTH], the column that each level asks.
        cuts: int64[T, DEPTH], answered with 1 by a code above the cut.
        leaves: int64[T, 2**DEPTH], value of each leaf in units of UNIT; the answer of level j is bit j of its place.
    """

    columns: IntArray
    cuts: IntArray
    leaves: IntArray

    def __call__(self, codes: Codes) -> IntArray:
        """Sum over the trees for each row.

        Args:
            codes: uint8[F, n].

        Returns:
            int64[n], in units of UNIT.
        """
        rows = codes.shape[1]
        values = np.zeros(rows, dtype=np.int64)
        for begin in range(0, rows if len(self.columns) else 0, CHUNK):
            part = np.s_[begin : begin + CHUNK]
            values[part] = self._sum(codes[:, part])
        return values

    def _sum(self, codes: Codes) -> IntArray:
        count = len(self.columns)
        answers = (codes[self.columns.T.ravel()] > self.cuts.T.astype(np.uint8).reshape(-1, 1)).view(np.uint8)
        answers = answers.reshape(DEPTH, count, -1)
        places = answers[0]
        for level in range(1, DEPTH):
            places = places | (answers[level] << level)
        at = places + np.arange(count)[:, None] * (1 << DEPTH)
        total: IntArray = self.leaves.ravel().take(at).sum(axis=0)
        return total


NO_TREES = Trees(*(np.zeros((0, width), dtype=np.int64) for width in (DEPTH, DEPTH, 1 << DEPTH)))


def first(trees: Trees, count: int) -> Trees:
    """The first trees."""
    return Trees(trees.columns[:count], trees.cuts[:count], trees.leaves[:count])


def grow(codes: Codes, size: FloatArray, known: FloatArray, trees: int = TREES) -> Trees:
    """Fit the logarithm of the expected size, beyond what is known of it.

    Args:
        codes: uint8[F, n], below CODES.
        size: float64[n], >= 0.
        known: float64[n], logarithm of the size that is expected so far.
        trees: how many.

    Returns:
        At most that many trees: it ends when no question is left that gains anything.
    """
    expected = known
    asked = _promising(codes, np.minimum(size * np.exp(-known) - 1.0, FAR))
    codes = codes[asked]
    grown: list[tuple[list[int], list[int], IntArray]] = []
    for _ in range(trees):
        residual = np.minimum(size * np.exp(-expected) - 1.0, FAR)
        columns, cuts, places = _questions(codes, residual)
        if not columns:
            break
        sums = np.bincount(places, weights=residual, minlength=1 << DEPTH)
        rows = np.bincount(places, minlength=1 << DEPTH)
        leaves = np.rint(RATE * np.clip(sums / (rows + RIDGE), -0.9, 3.0) / UNIT).astype(np.int64)
        expected = expected + leaves[places] * UNIT
        grown.append((columns, cuts, leaves))
    if not grown:
        return NO_TREES
    return Trees(
        columns=asked[np.array([tree[0] for tree in grown], dtype=np.int64)],
        cuts=np.array([tree[1] for tree in grown], dtype=np.int64),
        leaves=np.stack([tree[2] for tree in grown]),
    )


def deviance(size: FloatArray, expected: FloatArray) -> float:
    """The gamma deviance up to a constant, by the logarithm of what was expected."""
    return float((size * np.exp(-expected) + expected).mean())


def _promising(codes: Codes, residual: FloatArray) -> IntArray:
    """The columns with the best single cuts, in their order."""
    if len(codes) <= MOST_COLUMNS:
        return np.arange(len(codes), dtype=np.int64)
    nowhere = np.zeros(len(residual), dtype=np.int64)
    best = [float(_gains(column, nowhere, residual, 1).max()) for column in codes]
    return np.sort(np.argsort(best, kind="stable")[-MOST_COLUMNS:]).astype(np.int64)


def _questions(codes: Codes, residual: FloatArray) -> tuple[list[int], list[int], IntArray]:
    """The question of each level, and the leaf that each row comes to."""
    columns: list[int] = []
    cuts: list[int] = []
    places = np.zeros(codes.shape[1], dtype=np.int64)
    for level in range(DEPTH):
        gains = np.stack([_gains(column, places, residual, 1 << level) for column in codes])
        column, cut = divmod(int(gains.argmax()), CODES - 1)
        if level == 0 and gains[column, cut] <= 0:
            return [], [], places
        columns.append(column)
        cuts.append(cut)
        places = places + ((codes[column] > cut).astype(np.int64) << level)
    return columns, cuts, places


def _gains(column: npt.NDArray[np.uint8], places: IntArray, residual: FloatArray, leaves: int) -> FloatArray:
    """How much the squared residual falls with a cut after each code, float64[CODES - 1]."""
    at = places * CODES + column
    sums = np.bincount(at, weights=residual, minlength=leaves * CODES).reshape(leaves, CODES)
    rows = np.bincount(at, minlength=leaves * CODES).reshape(leaves, CODES)
    left, below = np.cumsum(sums, axis=1)[:, :-1], np.cumsum(rows, axis=1)[:, :-1]
    total, all_rows = sums.sum(axis=1, keepdims=True), rows.sum(axis=1, keepdims=True)
    gain = left**2 / (below + RIDGE) + (total - left) ** 2 / (all_rows - below + RIDGE) - total**2 / (all_rows + RIDGE)
    gain[(below == 0) | (below == all_rows)] = 0.0
    found: FloatArray = gain.sum(axis=0)
    return found
