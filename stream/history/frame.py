"""Frame: everything measured of one window at its end, as columns of numbers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Generic, Literal, NamedTuple, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import numpy.typing as npt

    from stream.metrics.reports import Head, Looked

    Floats = npt.NDArray[np.float32]

Source = Literal["predictions", "labels"]
Result = TypeVar("Result")


class Column(NamedTuple):
    """What a number of a frame is of; `feature` is "" for a metric of the whole model, `segment` for all traffic."""

    kind: str
    metric: str
    version: str
    segment: str
    feature: str


class Reading(NamedTuple):
    """One value with its interval; NaN where there is none."""

    value: float
    lower: float
    upper: float
    samples: float
    baseline: float


@dataclass(frozen=True)
class Frame:
    """One window of one model at its end.

    Attributes:
        model: its name.
        source: whether its numbers come from predictions or from labels.
        window: size of the window as text.
        size: the same in ms.
        end: of the window, ms of event time.
        columns: n of them.
        values: float32[5, n], the rows of `stream.metrics.looks.NUMBERS`.
    """

    model: str
    source: Source
    window: str
    size: int
    end: int
    columns: tuple[Column, ...]
    values: Floats

    @cached_property
    def places(self) -> dict[Column, int]:
        """Where each column stands."""
        return {column: at for at, column in enumerate(self.columns)}

    def reading(self, column: Column) -> Reading | None:
        """The numbers of a column; None where it is not measured or has no value."""
        at = self.places.get(column)
        if at is None or np.isnan(self.values[0, at]):
            return None
        return Reading(*self.values[:, at].tolist())

    def readings(self) -> Iterable[tuple[Column, Reading]]:
        """Every column that has a value."""
        for at in np.flatnonzero(~np.isnan(self.values[0])).tolist():
            yield self.columns[at], Reading(*self.values[:, at].tolist())

    @property
    def whole(self) -> Frame:
        """The same without segments."""
        columns, kept = _whole(self.columns)
        if len(columns) == len(self.columns):
            return self
        return Frame(self.model, self.source, self.window, self.size, self.end, columns, self.values[:, kept])


def frame_of(looked: Looked) -> Frame:
    """The frame of what a window was found to be."""
    columns = _columns(looked.heads)
    return Frame(looked.model, looked.source, looked.window, looked.size, looked.end, columns, looked.numbers)


@lru_cache(maxsize=4_096)
def _columns(heads: tuple[Head, ...]) -> tuple[Column, ...]:
    """The columns of tables, in the order of their numbers; mostly those of the time before."""
    return tuple(
        Column(kind, metric, version, segment, feature)
        for kind, metric, groups, features in heads
        for version, segment in groups
        for feature in features
    )


class Remembered(Generic[Result]):
    """What follows from a set of columns, made once for each. Sets are told apart by identity: hashing them takes long.

    Args:
        make: what follows.
        most: sets that are remembered; beyond it all are forgotten.
    """

    def __init__(self, make: Callable[[tuple[Column, ...]], Result], most: int = 4_096) -> None:
        self._make = make
        self._most = most
        self._known: dict[int, tuple[tuple[Column, ...], Result]] = {}

    def __call__(self, columns: tuple[Column, ...]) -> Result:
        """What follows from these."""
        known = self._known.get(id(columns))
        if known is not None and known[0] is columns:
            return known[1]
        if len(self._known) >= self._most:
            self._known.clear()
        made = self._make(columns)
        self._known[id(columns)] = (columns, made)
        return made


def _of_whole(columns: tuple[Column, ...]) -> tuple[tuple[Column, ...], npt.NDArray[np.int64]]:
    kept = [at for at, column in enumerate(columns) if not column.segment]
    if len(kept) == len(columns):
        return columns, np.array(kept, dtype=np.int64)
    return tuple(columns[at] for at in kept), np.array(kept, dtype=np.int64)


_whole = Remembered(_of_whole)


WORST_OF = frozenset({"feature", "prediction", "quality"})
"""Kinds of which a coarser history keeps the moment with the strongest evidence; of others the latest."""


def merged(older: Frame, newer: Frame) -> Frame:
    """One frame for two of the same window: the newer, but of distances and bad shares whichever is surer."""
    if older.columns is not newer.columns and older.columns != newer.columns:
        return newer
    worst = _worst(newer.columns)
    with np.errstate(invalid="ignore"):
        keep = worst & ((older.values[1] > newer.values[1]) | np.isnan(newer.values[0]))
    values = np.where(keep, older.values, newer.values)
    return Frame(newer.model, newer.source, newer.window, newer.size, newer.end, newer.columns, values)


def _of_worst(columns: tuple[Column, ...]) -> npt.NDArray[np.bool_]:
    return np.array([column.kind in WORST_OF for column in columns], dtype=np.bool_)


_worst = Remembered(_of_worst)
