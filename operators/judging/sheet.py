"""Sheet: all tables of one window in one row, and what every monitor reads of them, side by side.

A window has dozens of tables of a few numbers each. What is said of a number depends on no other, so all of a window
are compared with their thresholds in one call, and those of several looks that have come together, too; each comes out
as it would alone, to the last bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from operators.judging.readings import Readings, breach_level, insufficient
from operators.judging.sheet_plan import Head, plan_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from operators.judging.sheet_plan import Compared, SheetPlan, Stretch
    from operators.plans.monitors import Monitor
    from operators.tables import Measures, Part, Table
    from windows.arrays import BoolArray, FloatArray, IntArray


@dataclass(slots=True)
class SheetStack:
    """K sheets of one plan, one below the other: for the attributes see Sheet, each with K in front.

    `told` is what evaluations are made of, once anybody asks.
    """

    plan: SheetPlan
    value: FloatArray
    lower: FloatArray
    upper: FloatArray
    samples: IntArray
    reference: IntArray
    readings: Readings
    level: IntArray
    present: BoolArray
    highest: IntArray
    told: tuple[IntArray, FloatArray, FloatArray, BoolArray] | None = None

    def status(self, insufficient_data: int) -> IntArray:
        """int64[K, N]: what is said of each; 0 where all is well, or nobody judges it, and there is a value."""
        status = np.where(np.isnan(self.value), insufficient_data, 0)
        judged = np.flatnonzero(self.plan.speaks >= 0)
        of_level = self.level.copy()
        of_level[insufficient(self.readings) & (self.level == 0)] = insufficient_data
        status[:, judged] = of_level.take(self.plan.speaks[judged], axis=1)
        return status

    def sheet(self, at: int, tables: tuple[Table, ...]) -> Sheet:
        """One of them, that of these tables."""
        read, shared = self.readings, self.readings.base.ndim == 1
        limits = (read.minor, read.major, read.base)
        minor, major, base = limits if shared else (one[at] for one in limits)
        return Sheet(
            self,
            at,
            tables,
            self.value[at],
            self.lower[at],
            self.upper[at],
            self.samples[at],
            self.reference[at],
            Readings(read.value[at], read.lower[at], read.upper[at], read.samples[at], minor, major, base),
            self.level[at],
            self.present[at],
            self.highest[at],
        )


@dataclass(frozen=True, slots=True)
class Sheet:
    """The numbers of a window.

    Attributes:
        stack: of the sheets that were made with this one.
        at: which of them it is.
        tables: that they are from.
        value: float64[N].
        lower: float64[N].
        upper: float64[N].
        samples: int64[N].
        reference: int64[N], rows of the reference behind each.
        readings: of the J that monitors read.
        level: int64[J], what bounds alone say of them.
        present: bool[S], of which stretches there is anything to measure.
        highest: int64[S], the highest level in each.
    """

    stack: SheetStack
    at: int
    tables: tuple[Table, ...]
    value: FloatArray
    lower: FloatArray
    upper: FloatArray
    samples: IntArray
    reference: IntArray
    readings: Readings
    level: IntArray
    present: BoolArray
    highest: IntArray

    @property
    def plan(self) -> SheetPlan:
        """What they are of."""
        return self.stack.plan

    def readings_of(self, stretch: Stretch) -> Readings:
        """What the monitor of a stretch reads."""
        return self.readings.part(slice(stretch.start, stretch.stop))

    def status(self, insufficient_data: int) -> IntArray:
        """int64[N]: what is said of each; see SheetStack."""
        found: IntArray = self.stack.status(insufficient_data)[self.at]
        return found


class Sheets:
    """Lays the tables of windows out; remembers of each how that is done, and of those at rest what came of it."""

    def __init__(self, by_table: Mapping[tuple[Part, str, str], Sequence[Monitor]]) -> None:
        """For the monitors that read tables of (window or trail, kind, metric)."""
        self._by_table = by_table
        self._plans: dict[Part, SheetPlan] = {}
        self._last: dict[Part, Sheet] = {}
        self._ready: dict[tuple[Part, int], Sheet] = {}

    def lay_out(self, windows: Iterable[Measures]) -> None:
        """Lay out what has come together and will be asked for, the looks at each window in one call."""
        together: dict[Part, list[Measures]] = {}
        for one in windows:
            if one.changed and one.tables:
                together.setdefault(one.part, []).append(one)
        for part, looks in together.items():
            plan = self._plan(looks[0])
            alike = [one for one in looks if _fits(plan, one.tables)]
            if len(alike) > 1:
                stack = _filled(plan, [one.tables for one in alike])
                self._ready |= {(part, one.index): stack.sheet(at, one.tables) for at, one in enumerate(alike)}

    def __call__(self, measures: Measures) -> Sheet:
        """The sheet of a window with tables."""
        part = measures.part
        last = self._last.get(part)
        if last is not None and last.tables is measures.tables:
            return last
        sheet = self._ready.pop((part, measures.index), None)
        if sheet is None or sheet.tables is not measures.tables:
            sheet = _filled(self._plan(measures), [measures.tables]).sheet(0, measures.tables)
        if measures.changed:  # the next look will be at other numbers
            self._last.pop(part, None)
        else:
            self._last[part] = sheet
        return sheet

    def _plan(self, measures: Measures) -> SheetPlan:
        """How its tables are read: as those before, where they are of the same."""
        part, tables = measures.part, measures.tables
        plan = self._plans.get(part)
        if plan is None or not _fits(plan, tables):
            heads = tuple(Head(one.kind, one.metric, one.groups, one.columns, one.baseline is None) for one in tables)
            readers = [self._by_table.get((part, head.kind, head.metric), ()) for head in heads]
            plan = self._plans[part] = plan_of(heads, readers, measures.window.size)
        return plan


def _fits(plan: SheetPlan, tables: tuple[Table, ...]) -> bool:
    """Whether these tables are of what a plan is made for."""
    return len(plan.heads) == len(tables) and all(
        head == (one.kind, one.metric, one.groups, one.columns, one.baseline is None)
        for head, one in zip(plan.heads, tables, strict=True)
    )


def _filled(plan: SheetPlan, looks: Sequence[tuple[Table, ...]]) -> SheetStack:
    """The sheets of several looks at one window."""
    every = [table for tables in looks for table in tables]
    shape = len(looks), -1
    value = np.concatenate([table.value for table in every], axis=None).reshape(shape)
    lower = np.concatenate([table.lower for table in every], axis=None).reshape(shape)
    upper = np.concatenate([table.upper for table in every], axis=None).reshape(shape)
    samples = np.concatenate([table.samples for table in every], axis=None).reshape(shape)
    reference = np.concatenate([table.reference_samples for table in every], axis=None).reshape(shape)
    readings = _read(plan, every, (value, lower, upper), samples)
    level = breach_level(readings)
    if len(plan.edges):
        judged = plan.stretches[-1].stop
        present = np.logical_or.reduceat(~np.isnan(readings.value[:, :judged]), plan.edges, axis=1)
        highest = np.maximum.reduceat(level[:, :judged], plan.edges, axis=1)
    else:
        present, highest = np.zeros((len(looks), 0), dtype=bool), np.zeros((len(looks), 0), dtype=np.int64)
    return SheetStack(plan, value, lower, upper, samples, reference, readings, level, present, highest)


def _read(
    plan: SheetPlan, every: Sequence[Table], numbers: tuple[FloatArray, FloatArray, FloatArray], samples: IntArray
) -> Readings:
    """What monitors read, turned so that higher is worse: K rows; limits are one row where no baseline counts."""
    value, lower, upper = (one.take(plan.take, axis=1) for one in numbers)
    if len(plan.turned):
        value, lower, upper = _turned(plan, value), _turned(plan, lower, upper), _turned(plan, upper, lower)
    base, minor, major = plan.base, plan.minor, plan.major
    if plan.compared is not None:
        known = [np.zeros(one.value.size) if one.baseline is None else one.baseline for one in every]
        base, minor, major = _over(plan, plan.compared, np.concatenate(known, axis=None).reshape(samples.shape))
    return Readings(value, lower, upper, samples.take(plan.take, axis=1), minor, major, base)


def _over(plan: SheetPlan, compared: Compared, baseline: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Base, minor and major of all where some hang on a baseline."""
    own = baseline.take(plan.take[compared.at], axis=1)
    found = [np.tile(one, (len(own), 1)) for one in (plan.base, plan.minor, plan.major)]
    found[0][:, compared.at] = own
    for levels, limits in zip(compared.levels, found[1:], strict=True):
        limits[:, compared.at] = np.where(compared.scaled, own * levels, own + compared.sign * levels)
    if len(plan.turned):
        there = np.zeros(len(plan.base), dtype=bool)
        there[compared.at] = True
        for limits in found:
            limits[:] = np.where(there, _turned(plan, limits), limits)
    for levels, limits in zip(compared.levels, found[1:], strict=True):
        limits[:, compared.at[np.isnan(levels)]] = np.inf
    return found[0], found[1], found[2]


def _turned(plan: SheetPlan, values: FloatArray, others: FloatArray | None = None) -> FloatArray:
    """The same with those turned for which low values are bad; `others` take their place: a lower bound is an upper."""
    found, there = values.copy(), values if others is None else others
    found[:, plan.turned] = -there[:, plan.turned]
    found[:, plan.complemented] = 1.0 - there[:, plan.complemented]
    return found
