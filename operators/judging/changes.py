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


Streams = tuple[tuple["Hashable", int], ...]
"""Names of streams, each with how many elements it has."""

NOTHING = -1
"""The status of what was not told yet: no other is the same."""


@dataclass(slots=True)
class _Told:
    """The last rows of streams that follow one another.

    Attributes:
        streams: N elements in all.
        status: int64[N].
        value: float64[N].
        digit: float64[N], by how much each value must move.
        end: int64[N].
    """

    streams: Streams
    status: IntArray
    value: FloatArray
    digit: FloatArray
    end: IntArray


def _told_of(streams: Streams, before: _Told | None) -> _Told:
    """What was told of these streams: that of former ones where they are the same."""
    size = sum(elements for _, elements in streams)
    nan = np.full(size, np.nan)
    told = _Told(streams, np.full(size, NOTHING, dtype=np.int64), nan, nan.copy(), np.zeros(size, dtype=np.int64))
    if before is not None:
        places = _places(before.streams)
        for stream, place in _places(streams).items():
            was = places.get(stream)
            if was is not None:
                for name in ("status", "value", "digit", "end"):
                    getattr(told, name)[place] = getattr(before, name)[was]
    return told


def _places(streams: Streams) -> dict[tuple[Hashable, int], slice]:
    ends = np.cumsum([elements for _, elements in streams]).tolist()
    return {stream: slice(end - stream[1], end) for stream, end in zip(streams, ends, strict=True)}


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
        self,
        place: Hashable,
        streams: Streams,
        status: IntArray,
        value: FloatArray,
        width: FloatArray,
        end: int,
        size: int,
    ) -> BoolArray:
        """Which rows of the streams of a place are new; they count as told. A stream that is left out is forgotten.

        Args:
            place: whose streams these are.
            streams: N elements in all.
            status: int64[N], not negative.
            value: float64[N], NaN for none; finite else.
            width: float64[N], of the intervals; NaN or inf for none.
            end: of the window, ms.
            size: of the window, ms.

        Returns:
            bool[N].
        """
        told = self._told.get(place)
        if told is None or told.streams != streams:
            told = self._told[place] = _told_of(streams, told)
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
