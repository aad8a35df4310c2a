"""Counts of a build by hour of the week, and by class of hours once these are known."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import chdtri

from stream.references.count import CategorySlots, PaneTally, SegmentTally, Tally, fold
from stream.references.frames import Frame
from windows.arrays import BoolArray, IntArray
from windows.references.pace import DAY, WEEK
from windows.references.season_fit import Variation
from windows.references.seasons import DAYS, SeasonClock, Zone, weekday_of
from windows.statistics.overdispersion import PaneVariance, accumulate, factor_within

FEWEST_CELLS = 20
"""Panes that an overdispersion within classes is found from at least."""

QUARTERS = 4
"""Parts of a day."""

MOST_DAYS = 64
"""Days of which the quarters are counted."""

BY_CHANCE = 0.001
"""Probability that days which vary like panes are taken to vary more."""


@dataclass(frozen=True, slots=True)
class RowClock:
    """Local time of rows: of most by one clock, of some segments by the hours of their own zone.

    Attributes:
        clock: of all others.
        zones: (segment key, value, zone); of several that a row is in the first counts.
    """

    clock: SeasonClock
    zones: tuple[tuple[str, str, Zone], ...] = ()

    def hours(self, frame: Frame, times: IntArray, timed: BoolArray) -> IntArray:
        """The local hour of the week that each timed row of a frame counts as."""
        return self._each(frame, timed, lambda clock: clock.hours_of(times))

    def classes(self, frame: Frame, times: IntArray, timed: BoolArray) -> IntArray:
        """The class of each timed row."""
        return self._each(frame, timed, lambda clock: clock.classes_of(times))

    def local(self, frame: Frame, times: IntArray, timed: BoolArray) -> IntArray:
        """Local time, ms, of each timed row."""
        return self._each(frame, timed, lambda clock: clock.zone.local(times))

    def _each(self, frame: Frame, timed: BoolArray, read: Callable[[SeasonClock], IntArray]) -> IntArray:
        found = read(self.clock)
        for key, value, zone in reversed(self.zones):
            codes, values = frame.segments[key]
            mine = codes[timed] == values.index(value) if value in values else None
            if mine is not None:
                found = np.where(mine, read(self.clock.of(zone)), found)
        return found


class HourTally:
    """Rows per local hour of the week and slot of every column, and by quarter of some days for how much days vary.

    Memory: 168 histograms a column, and QUARTERS for each of MOST_DAYS days.
    """

    def __init__(self, clock: RowClock, sizes: dict[str, int], span: tuple[int, int]) -> None:
        self.clock = clock
        self.hours = {name: np.zeros((WEEK, size), dtype=np.int64) for name, size in sizes.items()}
        days = np.arange(span[0] // DAY + 1, span[1] // DAY)  # the first and the last are cut off by the span
        random = np.random.Generator(np.random.PCG64(20_240_229))
        self.days = days if len(days) <= MOST_DAYS else np.sort(random.choice(days, MOST_DAYS, replace=False))
        self.quarters = {
            name: np.zeros((len(self.days) * QUARTERS, size), dtype=np.int64) for name, size in sizes.items()
        }

    def add(self, slots: dict[str, IntArray], frame: Frame) -> None:
        """Take in a batch."""
        if frame.times is None or not frame.times[1].any():
            return
        times, timed = frame.times[0][frame.times[1]], frame.times[1]
        hours = self.clock.hours(frame, times, timed)
        day, quarter = np.divmod(self.clock.local(frame, times, timed) // (DAY // QUARTERS), QUARTERS)
        at = np.searchsorted(self.days, day).clip(max=len(self.days) - 1)
        inside = self.days[at] == day
        cells = (at * QUARTERS + quarter)[inside]
        for name, values in slots.items():
            column = values[timed]
            _count(self.hours[name], hours, column)
            _count(self.quarters[name], cells, column[inside])

    def variation(self, orders: dict[str, IntArray | None]) -> Variation:
        """How much days vary, and the hours of a day, of each column."""
        weekdays = [weekday_of(day) for day in self.days.tolist()]
        days, hours = [], []
        for name, order in orders.items():
            counts = self.quarters[name] if order is None else fold(self.quarters[name], order)
            cells = counts.reshape(len(self.days), QUARTERS, -1)
            days.append(_factor(cells.sum(axis=1), weekdays) or 1.0)
            hours.append(interaction(cells[:, :, :-2], weekdays))
        return Variation(np.array(days), np.array(hours))

    def correlation(self, name: str, order: IntArray | None, factor: float) -> float:
        """Intraclass correlation of a column's rows of the same day, days of the week apart, 0 to 1.

        The expected ratio of variances is ``factor + rho m`` for days of m rows (Kish, Survey Sampling, 1965, 5.4). 0
        where days vary no more than panes do, which `factor` says, beyond what so few days would by chance.
        """
        counts = self.quarters[name] if order is None else fold(self.quarters[name], order)
        days = counts.reshape(len(self.days), QUARTERS, -1).sum(axis=1)
        rows = days[:, :-2].sum(axis=1)
        weekdays = np.array([weekday_of(day) for day in self.days.tolist()], dtype=np.int64)
        used = np.flatnonzero(rows)
        groups = len(np.unique(weekdays[used]))
        freedom = len(used) - groups
        found = _factor(days[used], weekdays[used].tolist())
        if found is None or freedom < 1 or found < factor * chdtri(freedom, BY_CHANCE) / freedom:
            return 0.0
        size = sum(_size(rows[used][weekdays[used] == weekday]) for weekday in range(len(DAYS))) / freedom
        return float(np.clip((found - factor) / size, 0.0, 1.0))


def _size(rows: IntArray) -> float:
    """What the days of one day of the week add to the size of a day that their variance goes by."""
    total = int(rows.sum())
    return total - float(np.square(rows, dtype=np.float64).sum()) / total if total else 0.0


def _count(counts: IntArray, rows: IntArray, columns: IntArray) -> None:
    counts += np.bincount(rows * counts.shape[1] + columns, minlength=counts.size).reshape(counts.shape)


def interaction(cells: IntArray, weekdays: list[int]) -> float:
    """How much more the quarters of a day vary than independent rows, once what they share with their day is taken off.

    The variance ratio of `windows.statistics.overdispersion.cumulative_factor`, of what is left of the distribution
    functions by days and quarters when the means of both are subtracted: within days of the week, whose quarters may
    differ as they like.

    Args:
        cells: int64[days, quarters, slots].
        weekdays: of each day.
    """
    groups = [cells[np.array(weekdays) == weekday] for weekday in sorted(set(weekdays))]
    parts = np.array([_interaction_parts(group) for group in groups]).reshape(-1, 2).sum(axis=0)
    return max(float(parts[0] / parts[1]), 1.0) if parts[1] > 0 else 1.0


def _interaction_parts(cells: IntArray) -> tuple[float, float]:
    """Observed and expected variance of the days of one day of the week."""
    cells = cells[cells.sum(axis=(1, 2)) > 0]
    rows = cells.sum(axis=2)[:, :, None]
    if len(rows) < 2 or not rows.any(axis=0).all():
        return 0.0, 0.0
    below = np.cumsum(cells, axis=2)
    each = below / np.maximum(rows, 1)
    whole = below.sum(axis=(0, 1)) / rows.sum()
    of_day = below.sum(axis=1, keepdims=True) / rows.sum(axis=1, keepdims=True)
    of_quarter = below.sum(axis=0, keepdims=True) / rows.sum(axis=0, keepdims=True)
    left = float((rows * np.square(each - of_day - of_quarter + whole)).sum())
    return left, float((len(rows) - 1) * (cells.shape[1] - 1) * (whole * (1 - whole)).sum())


class ClassTally:
    """Rows per class of hours: of every segment, and of some panes for how much those of one class vary."""

    def __init__(self, clock: RowClock, classes: int, tally: Tally, panes: PaneTally) -> None:
        self.clock, self.classes = clock, classes
        self.panes = panes
        self._tally = tally
        self._cells: dict[int, dict[str, IntArray]] = {}
        self.segments = {
            key: SegmentTally(
                slots=part.slots,
                rows=np.zeros(len(part.rows) * classes, dtype=np.int64),
                counts={
                    name: np.zeros((len(part.rows) * classes, counts.shape[1]), dtype=np.int64)
                    for name, counts in part.counts.items()
                },
            )
            for key, part in tally.segments.items()
        }

    def add(self, frame: Frame) -> None:
        """Take in a batch."""
        if frame.times is None or not frame.times[1].any():
            return
        times, timed = frame.times
        classes = self.clock.classes(frame, times[timed], timed)
        slots = {name: column[timed] for name, column in self._tally.slots(frame).items()}
        for key, part in self.segments.items():
            named = np.minimum(part.slots(frame.segments[key])[timed], len(part.rows) // self.classes - 1)
            combined = named * self.classes + classes
            part.rows += np.bincount(combined, minlength=len(part.rows))
            for name, column in slots.items():
                _count(part.counts[name], combined, column)
        self._add_cells(times[timed], classes, slots)

    def _add_cells(self, times: IntArray, classes: IntArray, slots: dict[str, IntArray]) -> None:
        at, inside = self.panes.place(times)
        if not inside.any():
            return
        cells, cell = np.unique((at * self.classes + classes)[inside], return_inverse=True)
        for name, column in slots.items():
            size = len(self._tally.counts[name])
            found = np.bincount(cell.ravel() * size + column[inside], minlength=len(cells) * size)
            for number, counts in zip(cells.tolist(), found.reshape(-1, size), strict=True):
                known = self._cells.setdefault(number, {})
                known[name] = counts if name not in known else known[name] + counts

    def factor(self, name: str, order: IntArray | None) -> float | None:
        """Overdispersion of a column within a class; None where too few panes were seen."""
        numbers = sorted(self._cells)
        if not numbers:
            return None
        counts = np.stack([self._cells[number][name] for number in numbers])
        return _factor(counts if order is None else fold(counts, order), [number % self.classes for number in numbers])


def _factor(counts: IntArray, groups: list[int]) -> float | None:
    """The factor of panes within their groups, int64[panes, slots]; missing and non-finite take no part."""
    states: dict[int, PaneVariance] = {}
    for group, pane in zip(groups, counts[:, :-2], strict=True):
        found = accumulate(pane[None, :])
        states[group] = found if group not in states else states[group] + found
    panes = sum(int(state.panes[0]) for state in states.values())
    if panes - len(states) < 1:
        return None
    return float(factor_within(list(states.values()))[0]) if panes >= FEWEST_CELLS else None


__all__ = ["CategorySlots", "ClassTally", "HourTally", "RowClock"]
