"""Changes: which evaluations say something new, for who wants to read a year and not every look of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Hashable

    from windows.arrays import BoolArray, FloatArray, IntArray

Rows = Literal["all", "changes", "none"]
"""Which evaluations are wanted as rows."""

SECOND_DECIMAL = 0.01


class Changes:
    """Remembers the last row of every stream.

    A row is new when its status is another, when its value has moved by one in the second significant digit of the last
    row's (and by 0.01, where that is more: shares and distances near 0 are noise), when there is a value and was none
    or the other way round, and once in a window's length.
    """

    def __init__(self) -> None:
        """Nothing was told yet."""
        self._told: dict[Hashable, tuple[IntArray, FloatArray, IntArray]] = {}

    def __call__(self, key: Hashable, status: IntArray, value: FloatArray, end: int, size: int) -> BoolArray:
        """Which of F rows of a stream are new; they count as told.

        Args:
            key: of the stream.
            status: int64[F].
            value: float64[F], NaN for none.
            end: of the window, ms.
            size: of the window, ms.

        Returns:
            bool[F].
        """
        before = self._told.get(key)
        if before is None:
            self._told[key] = status.copy(), value.copy(), np.full(len(value), end, dtype=np.int64)
            return np.ones(len(value), dtype=bool)
        statuses, values, ends = before
        none = np.isnan(value)
        with np.errstate(invalid="ignore"):
            moved = np.abs(value - values) >= second_digit(values)
        new: BoolArray = (status != statuses) | (none != np.isnan(values)) | moved | (end - ends >= size)
        statuses[new], values[new], ends[new] = status[new], value[new], end
        return new


def second_digit(values: FloatArray) -> FloatArray:
    """One in the second significant digit of each value, at least SECOND_DECIMAL; NaN of NaN."""
    with np.errstate(divide="ignore"):
        digit = 10.0 ** (np.floor(np.log10(np.abs(values))) - 1.0)
    found: FloatArray = np.maximum(digit, SECOND_DECIMAL)
    # A hair less, so that a value which moved by exactly that counts however floats round.
    return found * (1.0 - 1e-9)
