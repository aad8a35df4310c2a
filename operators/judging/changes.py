"""Changes: which evaluations say something new, for who wants to read a year and not every look of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Hashable

    from windows.arrays import BoolArray, FloatArray, IntArray

Rows = Literal["all", "changes", "none"]
"""Which evaluations are wanted as rows."""

SECOND_DECIMAL = 0.01
OF_INTERVAL = 0.1
"""A value that moved by less than this share of its own interval says nothing that the row before did not."""


@dataclass(slots=True)
class _Told:
    """The last rows of F elements, float64[F] and int64[F]; `digit` is by how much each value must move."""

    status: IntArray
    value: FloatArray
    digit: FloatArray
    end: IntArray


class Changes:
    """Remembers the last row of every stream.

    A row is new when its status is another, when its value has moved by one in the second significant digit of the last
    row's (and by 0.01 and by a tenth of that row's interval, where that is more: shares and distances near 0, and what
    few rows say, are noise), when there is a value and was none or the other way round, and once in a window's length.
    """

    def __init__(self) -> None:
        """Nothing was told yet."""
        self._told: dict[Hashable, _Told] = {}
        self._one: dict[Hashable, tuple[str, float | None, float, int]] = {}

    def __call__(
        self, key: Hashable, status: IntArray, value: FloatArray, width: FloatArray, end: int, size: int
    ) -> BoolArray:
        """Which of F rows of a stream are new; they count as told.

        Args:
            key: of the stream.
            status: int64[F].
            value: float64[F], NaN for none; finite else.
            width: float64[F], of the intervals; NaN or inf for none.
            end: of the window, ms.
            size: of the window, ms.

        Returns:
            bool[F].
        """
        told = self._told.get(key)
        if told is None:
            ends = np.full(len(value), end, dtype=np.int64)
            self._told[key] = _Told(status.copy(), value.copy(), step_of(value, width), ends)
            return np.ones(len(value), dtype=bool)
        new: BoolArray = (status != told.status) | (end - told.end >= size) | (np.abs(value - told.value) >= told.digit)
        new |= np.isnan(value) != np.isnan(told.value)
        if new.any():
            told.status[new], told.value[new], told.end[new] = status[new], value[new], end
            told.digit[new] = step_of(value[new], width[new])
        return new

    def one(self, key: Hashable, status: str, value: float | None, width: float, end: int, size: int) -> bool:
        """Whether the row of a stream of one element is new; it counts as told then."""
        told = self._one.get(key)
        if told is not None:
            before, last, digit, then = told
            moved = value != last if value is None or last is None else abs(value - last) >= digit
            if status == before and not moved and end - then < size:
                return False
        digit = 0.0 if value is None else float(step_of(np.array([value]), np.array([width]))[0])
        self._one[key] = status, value, digit, end
        return True


def step_of(values: FloatArray, widths: FloatArray) -> FloatArray:
    """By how much each value must move to be news: float64[F] of values and of the widths of their intervals."""
    shares = np.where(np.isfinite(widths), widths * OF_INTERVAL, 0.0)
    step: FloatArray = np.maximum(second_digit(values), shares)
    return step


def second_digit(values: FloatArray) -> FloatArray:
    """One in the second significant digit of each value, at least SECOND_DECIMAL; NaN of NaN."""
    digit = 10.0 ** (np.floor(np.log10(np.maximum(np.abs(values), SECOND_DECIMAL))) - 1.0)
    found: FloatArray = np.maximum(digit, SECOND_DECIMAL)
    # A hair less, so that a value which moved by exactly that counts however floats round.
    return found * (1.0 - 1e-9)
