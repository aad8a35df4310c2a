"""The second pass of a build: exact counts of every column, whole and by segment, and of some panes."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from stream.references.frames import PREDICTION, Coded, Frame
from stream.references.pace_tally import PaceTally
from windows.arrays import BoolArray, FloatArray, IntArray
from windows.references.pace import HOUR
from windows.segments import OTHER
from windows.sketches.quantiles import LATENCY_BINS, latency_slots
from windows.statistics.overdispersion import PaneVariance, accumulate, empty, factor
from windows.values import meanings

SPARE_SEGMENT_VALUES = 14
"""Segment values counted beyond those that are kept."""
PANE_ROWS = 50
"""Rows a pane needs on average for the overdispersion; sparser panes are made longer."""
FEWEST_PANES = 20
MOST_PANES = 256
PANE_CELLS = 16_000_000


class NumericSlots:
    """The slot of each value of a numeric column: below, bins, above, missing, non-finite."""

    def __init__(self, edges: FloatArray, *, own: bool = True) -> None:
        """Prepare; `own` edges were made from the very values that will come."""
        self.edges = edges
        self.size = len(edges) + 3
        self._own = own

    def __call__(self, values: FloatArray) -> IntArray:
        """int64[n] for float64[n], NaN where missing."""
        slots = np.searchsorted(self.edges, values, side="right").astype(np.int64)
        if self._own:  # all finite values lie between the ends; this is for the largest float, which no edge can follow
            slots = slots.clip(1, self.size - 4)
        finite = np.isfinite(values)
        if not finite.all():
            slots[~finite] = np.where(np.isnan(values[~finite]), self.size - 2, self.size - 1)
        return slots


class CategorySlots:
    """The slot of each category: the named ones, other, missing, reserved."""

    def __init__(self, names: list[str]) -> None:
        self.names = names
        self.size = len(names) + 3
        own = {name: slot for slot, name in enumerate(names)}
        self._index = {other: own[name] for other, name in meanings(names).items()} | own

    def __call__(self, coded: Coded) -> IntArray:
        """int64[n] for codes and their categories."""
        codes, names = coded
        other = len(self.names)
        # the code -1 picks the last entry: missing
        table = np.array([*(self._index.get(name, other) for name in names), other + 1], dtype=np.int64)
        return table[codes]


@dataclass(slots=True)
class SegmentTally:
    """Counts by value of one segment key; the last value is "other"."""

    slots: CategorySlots
    rows: IntArray
    counts: dict[str, IntArray]

    @property
    def values(self) -> list[str]:
        """The named values and "other"."""
        return [*self.slots.names, OTHER]


class HourCounts(Protocol):
    """What counts by hour of the week, where seasons are looked for."""

    def add(self, slots: dict[str, IntArray], frame: Frame) -> None:
        """Take in a batch."""


class PaneTally:
    """Counts of every column in panes chosen at random from the whole span.

    The rows may be in any order, so panes cannot be closed one after the other; and all panes of a month would not fit.
    """

    def __init__(
        self,
        sizes: dict[str, int],
        span: tuple[int, int],
        pane: int,
        rows: int,
        *,
        fixed: bool = False,
        apart: int = 1,
    ) -> None:
        """Choose panes.

        Args:
            sizes: slots of every column.
            span: of the rows, ms.
            pane: length that is wanted, ms.
            rows: how many there are.
            fixed: whether the length stays though panes hold few rows.
            apart: into how many parts a pane longer than an hour may be counted.
        """
        start, end = span
        while not fixed and rows * pane < PANE_ROWS * (end - start + 1) and (end - start) >= FEWEST_PANES * pane:
            pane *= 2
        first, last = start // pane + 1, end // pane  # the first and last pane are cut off by the span
        self._pane = pane
        self.usable = last - first >= FEWEST_PANES
        cells = PANE_CELLS // max(sum(sizes.values()) * (apart if pane > HOUR else 1), 1)
        most = max(min(MOST_PANES, cells), FEWEST_PANES)
        available = max(last - first, 0)
        if available <= most:
            chosen = np.arange(first, first + available)
        else:
            random = np.random.Generator(np.random.PCG64(20_240_229))
            chosen = first + np.sort(random.choice(available, most, replace=False))
        self._chosen = chosen.astype(np.int64)
        self._counts = {name: np.zeros((len(chosen), size), dtype=np.int64) for name, size in sizes.items()}

    @property
    def starts(self) -> list[int]:
        """When each pane starts, ms."""
        return (self._chosen * self._pane).tolist()

    def place(self, times: IntArray) -> tuple[IntArray, BoolArray]:
        """Which pane each time (ms) is in, int64[n], and whether it is in one, bool[n]."""
        if len(self._chosen) == 0:
            return np.zeros(len(times), dtype=np.int64), np.zeros(len(times), dtype=bool)
        panes = times // self._pane
        at = np.searchsorted(self._chosen, panes).clip(max=len(self._chosen) - 1)
        return at, self._chosen[at] == panes

    def counts(self, name: str, order: IntArray | None) -> IntArray:
        """int64[panes, slots] of a column; `order` as for `overdispersion`."""
        counts = self._counts[name]
        return counts if order is None else fold(counts, order)

    def add(self, slots: dict[str, IntArray], frame: Frame) -> None:
        """Take in a batch."""
        if frame.times is None or len(self._chosen) == 0:
            return
        at, inside = self.place(frame.times[0])
        inside &= frame.times[1]
        if not inside.any():
            return
        at = at[inside]
        for name, values in slots.items():
            counts = self._counts[name]
            combined = at * counts.shape[1] + values[inside]
            counts += np.bincount(combined, minlength=counts.size).reshape(counts.shape)

    def overdispersion(self, name: str, order: IntArray | None, tail: int) -> float | None:
        """The factor of a column.

        Args:
            name: the column.
            order: for each slot, the slot it is folded into; None for as they are.
            tail: slots at the end that take no part (missing, non-finite).
        """
        if not self.usable:
            return None
        counts = self.counts(name, order)
        state: PaneVariance = empty(1, counts.shape[1] - tail)
        for pane in counts[:, :-tail]:
            state += accumulate(pane[None, :])
        return float(factor(state)[0]) if int(state.panes[0]) >= FEWEST_PANES else None


class Tally:
    """All exact counts of a build."""

    def __init__(
        self,
        numeric: dict[str, FloatArray],
        categorical: dict[str, list[str]],
        segments: dict[str, list[str]],
        panes: PaneTally | None,
        pace: PaceTally | None = None,
        hours: HourCounts | None = None,
        *,
        own: bool = True,
    ) -> None:
        """Prepare; `own` edges were made from the very rows that will come."""
        self.numeric = {name: NumericSlots(edges, own=own) for name, edges in numeric.items()}
        self.categorical = {name: CategorySlots(names) for name, names in categorical.items()}
        sizes = slot_sizes(numeric, categorical)
        self.counts = {name: np.zeros(size, dtype=np.int64) for name, size in sizes.items()}
        self.segments = {
            key: SegmentTally(
                slots=CategorySlots(values),
                rows=np.zeros(len(values) + 1, dtype=np.int64),
                counts={name: np.zeros((len(values) + 1, size), dtype=np.int64) for name, size in sizes.items()},
            )
            for key, values in segments.items()
        }
        self.latency = np.zeros(LATENCY_BINS, dtype=np.int64)
        self.panes = panes
        self.pace = pace
        self.hours = hours

    def slots(self, frame: Frame) -> dict[str, IntArray]:
        """The slot of every value of every column: int64[n] each."""
        slots = {name: self.numeric[name](values) for name, values in frame.numeric.items()}
        return slots | {name: self.categorical[name](coded) for name, coded in frame.categorical.items()}

    def add(self, frame: Frame) -> None:
        """Take in a batch."""
        slots = self.slots(frame)
        for name, values in slots.items():
            self.counts[name] += np.bincount(values, minlength=len(self.counts[name]))
        for key, tally in self.segments.items():
            _add_segments(tally, tally.slots(frame.segments[key]), slots)
        if frame.latency is not None and len(frame.latency):
            self.latency += np.bincount(latency_slots(frame.latency), minlength=LATENCY_BINS)
        if self.panes is not None:
            self.panes.add(slots, frame)
        if self.hours is not None:
            self.hours.add(slots, frame)
        if self.pace is not None and frame.times is not None:
            columns = {name: values for name, values in slots.items() if name != PREDICTION}
            missing = {name: values == len(self.counts[name]) - 2 for name, values in columns.items()}
            self.pace.add(*frame.times, missing)


def slot_sizes(numeric: dict[str, FloatArray], categorical: dict[str, list[str]]) -> dict[str, int]:
    """Slots of every column."""
    return {name: len(edges) + 3 for name, edges in numeric.items()} | {
        name: len(names) + 3 for name, names in categorical.items()
    }


def fold(counts: IntArray, order: IntArray) -> IntArray:
    """Move slot i of the last axis to slot order[i], adding up those that meet."""
    folded = np.zeros((*counts.shape[:-1], int(order.max()) + 1), dtype=np.int64)
    for slot, target in enumerate(order.tolist()):
        folded[..., target] += counts[..., slot]
    return folded


def _add_segments(tally: SegmentTally, values: IntArray, slots: dict[str, IntArray]) -> None:
    known = len(tally.rows)
    values = np.minimum(values, known - 1)  # a missing value counts as other
    tally.rows += np.bincount(values, minlength=known)
    for name, column in slots.items():
        counts = tally.counts[name]
        counts += np.bincount(values * counts.shape[1] + column, minlength=counts.size).reshape(counts.shape)
