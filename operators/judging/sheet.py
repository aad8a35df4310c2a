"""Sheet: all tables of one window in one row, and what every monitor reads of them, side by side.

A window has dozens of tables of a few numbers each. What is said of a number depends on no other, so all of a window
are compared with their thresholds in one call; each comes out as it would alone, to the last bit. Where each number
stands follows from the names of groups and columns, which are those of the look before: it is worked out once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from operators.judging.readings import (
    COMPLEMENTED,
    Readings,
    breach_level,
    fixed_limits,
    insufficient,
    levels_of_columns,
)
from windows.segments import WHOLE
from windows.statistics.needed import POWER_ONE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from operators.judging.streams import StreamKey
    from operators.plans.monitors import Monitor
    from operators.tables import Kind, Measures, Part, Table
    from windows.arrays import BoolArray, FloatArray, IntArray
    from windows.ring import Key

RATE = "throughput"
"""Judged over all versions together, and only where the window is covered: not by what a table says of each."""


class Head(NamedTuple):
    """What a table is of."""

    kind: Kind
    metric: str
    groups: tuple[Key, ...]
    columns: tuple[str, ...]
    bare: bool
    """Whether there is no baseline."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """What one monitor reads of one group of a table: the elements [start, stop) of what is judged."""

    monitor: Monitor
    table: int
    row: int
    key: StreamKey
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Compared:
    """The judged elements whose thresholds hang on a baseline: where they are, and the levels over it.

    Attributes:
        at: int64[C], among the judged ones.
        scaled: bool[C], whether levels are multiples of the baseline.
        sign: float64[C], -1 where levels are below it.
        levels: float64[2, C], minor and major; NaN where there is none.
    """

    at: IntArray
    scaled: BoolArray
    sign: FloatArray
    levels: FloatArray


@dataclass(frozen=True, slots=True)
class SheetPlan:
    """What follows from the heads of tables and from monitors alone. N elements, J of them read by monitors.

    Attributes:
        heads: of the tables.
        starts: int64[T + 1], where each table begins among the N.
        stretches: S, those that judge; behind them in J stand those that only speak.
        edges: int64[S], where each begins among the J.
        place: key of a stream -> number of its stretch.
        keys: of all streams.
        wholes: (monitor, version) of those of wholes.
        take: int64[J], of which of the N.
        turned: int64, those of the J for which low values are bad; `complemented` of them are shares.
        complemented: see turned.
        base: float64[J], zeros; `minor`, `major` float64[J] as far as no baseline counts.
        minor: see base.
        major: see base.
        compared: the others.
        squared: bool[J], whether the square of an interval's width shrinks as 1 / n.
        speaks: int64[N], which of the J says an element's status; -1 for none.
        lowest: float64[N], the level that is crossed first; NaN for none.
        apart: (table, monitor) of those that read a table otherwise.
        monitors: (monitor, its stretches), of all others that read any table.
        promised: stretches of objectives.
        streams: names of the tables' groups, each with its number of columns.
    """

    heads: tuple[Head, ...]
    starts: IntArray
    stretches: tuple[Stretch, ...]
    edges: IntArray
    place: dict[StreamKey, int]
    keys: frozenset[StreamKey]
    wholes: frozenset[tuple[str, str]]
    take: IntArray
    turned: IntArray
    complemented: IntArray
    base: FloatArray
    minor: FloatArray
    major: FloatArray
    compared: Compared | None
    squared: BoolArray
    speaks: IntArray
    lowest: FloatArray
    apart: tuple[tuple[int, Monitor], ...]
    monitors: tuple[tuple[Monitor, range], ...]
    promised: tuple[int, ...]
    streams: tuple[tuple[tuple[Kind, str, Key], int], ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """The numbers of a window.

    Attributes:
        plan: what they are of.
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

    plan: SheetPlan
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

    def readings_of(self, stretch: Stretch) -> Readings:
        """What the monitor of a stretch reads."""
        return self.readings.part(slice(stretch.start, stretch.stop))

    def status(self, insufficient_data: int) -> IntArray:
        """int64[N]: what is said of each; 0 where all is well, or nobody judges it, and there is a value."""
        status = np.where(np.isnan(self.value), insufficient_data, 0)
        judged = np.flatnonzero(self.plan.speaks >= 0)
        of_level = self.level.copy()
        of_level[insufficient(self.readings) & (self.level == 0)] = insufficient_data
        status[judged] = of_level[self.plan.speaks[judged]]
        return status


class Sheets:
    """Lays the tables of windows out; remembers of each how that is done, and of those at rest what came of it."""

    def __init__(self, by_table: Mapping[tuple[Part, str, str], Sequence[Monitor]]) -> None:
        """For the monitors that read tables of (window or trail, kind, metric)."""
        self._by_table = by_table
        self._plans: dict[Part, SheetPlan] = {}
        self._last: dict[Part, Sheet] = {}

    def __call__(self, measures: Measures) -> Sheet:
        """The sheet of a window with tables."""
        part = measures.part
        last = self._last.get(part)
        if last is not None and last.tables is measures.tables:
            return last
        tables = measures.tables
        heads = tuple(Head(one.kind, one.metric, one.groups, one.columns, one.baseline is None) for one in tables)
        plan = self._plans.get(part)
        if plan is None or plan.heads != heads:
            readers = [self._by_table.get((part, head.kind, head.metric), ()) for head in heads]
            plan = self._plans[part] = plan_of(heads, readers, measures.window.size)
        sheet = _filled(plan, tables)
        if measures.changed:  # the next look will be at other numbers
            self._last.pop(part, None)
        else:
            self._last[part] = sheet
        return sheet


def _filled(plan: SheetPlan, tables: tuple[Table, ...]) -> Sheet:
    value = np.concatenate([table.value.ravel() for table in tables])
    lower = np.concatenate([table.lower.ravel() for table in tables])
    upper = np.concatenate([table.upper.ravel() for table in tables])
    samples = np.concatenate([table.samples.ravel() for table in tables])
    reference = np.concatenate([table.reference_samples.ravel() for table in tables])
    readings = _read(plan, tables, (value, lower, upper), samples)
    level = breach_level(readings)
    if len(plan.edges):
        judged = plan.stretches[-1].stop
        present = np.logical_or.reduceat(~np.isnan(readings.value[:judged]), plan.edges)
        highest = np.maximum.reduceat(level[:judged], plan.edges)
    else:
        present, highest = np.zeros(0, dtype=bool), np.zeros(0, dtype=np.int64)
    return Sheet(plan, tables, value, lower, upper, samples, reference, readings, level, present, highest)


def _read(
    plan: SheetPlan, tables: tuple[Table, ...], numbers: tuple[FloatArray, FloatArray, FloatArray], samples: IntArray
) -> Readings:
    """What monitors read, turned so that higher is worse."""
    value, lower, upper = (one[plan.take] for one in numbers)
    if len(plan.turned):
        value, lower, upper = _turned(plan, value), _turned(plan, lower, upper), _turned(plan, upper, lower)
    base, minor, major = plan.base, plan.minor, plan.major
    if plan.compared is not None:
        baseline = np.concatenate(
            [np.zeros(one.value.size) if one.baseline is None else one.baseline.ravel() for one in tables]
        )
        base, minor, major = _over(plan, plan.compared, baseline)
    return Readings(value, lower, upper, samples[plan.take], minor, major, base)


def _over(plan: SheetPlan, compared: Compared, baseline: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Base, minor and major of all where some hang on a baseline."""
    own = baseline[plan.take[compared.at]]
    found = [plan.base.copy(), plan.minor.copy(), plan.major.copy()]
    found[0][compared.at] = own
    for levels, limits in zip(compared.levels, found[1:], strict=True):
        limits[compared.at] = np.where(compared.scaled, own * levels, own + compared.sign * levels)
    if len(plan.turned):
        there = np.zeros(len(plan.base), dtype=bool)
        there[compared.at] = True
        for limits in found:
            limits[:] = np.where(there, _turned(plan, limits), limits)
    for levels, limits in zip(compared.levels, found[1:], strict=True):
        limits[compared.at[np.isnan(levels)]] = np.inf
    return found[0], found[1], found[2]


def _turned(plan: SheetPlan, values: FloatArray, others: FloatArray | None = None) -> FloatArray:
    """The same with those turned for which low values are bad; `others` take their place: a lower bound is an upper."""
    found, there = values.copy(), values if others is None else others
    found[plan.turned] = -there[plan.turned]
    found[plan.complemented] = 1.0 - there[plan.complemented]
    return found


def plan_of(heads: tuple[Head, ...], readers: Sequence[Sequence[Monitor]], size: int) -> SheetPlan:
    """How tables with these heads are read by the monitors of each; `size` of the window, ms."""
    sizes = [len(head.groups) * len(head.columns) for head in heads]
    starts = np.concatenate(([0], np.cumsum(sizes))).astype(np.int64)
    judging: list[Stretch] = []
    speaking: list[Stretch] = []
    monitors: list[tuple[Monitor, range]] = []
    apart: list[tuple[int, Monitor]] = []
    at = 0
    for number, (head, mine) in enumerate(zip(heads, readers, strict=True)):
        for monitor in mine:
            first = len(judging)
            if monitor.worst_only or monitor.metric == RATE:
                apart.append((number, monitor))
                continue
            for found in _stretches(monitor, number, head, size, at):
                judging.append(found)
                at = found.stop
            monitors.append((monitor, range(first, len(judging))))
    for number, monitor in apart:
        if not monitor.worst_only:
            for found in _stretches(monitor, number, heads[number], size, at):
                speaking.append(found)
                at = found.stop
    return _laid_out(heads, starts, judging, speaking, tuple(monitors), tuple(apart))


def _stretches(monitor: Monitor, table: int, head: Head, size: int, at: int) -> list[Stretch]:
    """Those of a monitor in a table, one behind the other from `at` on."""
    found: list[Stretch] = []
    for row, (version, segment) in enumerate(head.groups):
        if head.columns and not (monitor.whole_only and segment != WHOLE):
            key = (monitor.name, size, version, segment)
            found.append(Stretch(monitor, table, row, key, at, at + len(head.columns)))
            at += len(head.columns)
    return found


def _laid_out(
    heads: tuple[Head, ...],
    starts: IntArray,
    judging: list[Stretch],
    speaking: list[Stretch],
    monitors: tuple[tuple[Monitor, range], ...],
    apart: tuple[tuple[int, Monitor], ...],
) -> SheetPlan:
    every = [*judging, *speaking]
    spans = [_span(heads, starts, one) for one in every]
    take = np.concatenate([*(np.arange(begin, end) for begin, end in spans), np.zeros(0, dtype=np.int64)])
    count = len(take)
    speaks, lowest = np.full(int(starts[-1]), -1, dtype=np.int64), np.full(int(starts[-1]), np.nan)
    turned, complemented, squared = (np.zeros(count, dtype=bool) for _ in range(3))
    limits = np.zeros((3, count))
    for one, (begin, end) in zip(every, spans, strict=True):
        monitor, columns, mine = one.monitor, heads[one.table].columns, slice(one.start, one.stop)
        limits[:, mine] = fixed_limits(monitor, columns)
        turned[mine] = monitor.falling
        complemented[mine] = monitor.falling and monitor.metric in COMPLEMENTED
        squared[mine] = monitor.metric not in POWER_ONE
        if speaks[begin] < 0:  # the first monitor of a group speaks for it
            speaks[begin:end] = np.arange(one.start, one.stop)
            lowest[begin:end] = [np.nan if low is None else low for low in map(monitor.lowest_of, columns)]
    return SheetPlan(
        heads=heads,
        starts=starts,
        stretches=tuple(judging),
        edges=np.array([one.start for one in judging], dtype=np.int64),
        place={one.key: number for number, one in enumerate(judging)},
        keys=frozenset(one.key for one in judging),
        wholes=frozenset((one.key[0], one.key[2]) for one in judging if one.key[3] == WHOLE),
        take=take.astype(np.int64),
        turned=np.flatnonzero(turned),
        complemented=np.flatnonzero(complemented),
        base=limits[0],
        minor=limits[1],
        major=limits[2],
        compared=_compared(heads, every),
        squared=squared,
        speaks=speaks,
        lowest=lowest,
        apart=apart,
        monitors=monitors,
        promised=tuple(number for number, one in enumerate(judging) if one.monitor.objective is not None),
        streams=tuple(((one.kind, one.metric, group), len(one.columns)) for one in heads for group in one.groups),
    )


def _span(heads: tuple[Head, ...], starts: IntArray, one: Stretch) -> tuple[int, int]:
    """The elements of a stretch among all."""
    width = len(heads[one.table].columns)
    begin = int(starts[one.table]) + one.row * width
    return begin, begin + width


def _compared(heads: tuple[Head, ...], every: Sequence[Stretch]) -> Compared | None:
    """Those that hang on a baseline."""
    mine = [one for one in every if (one.monitor.relative or one.monitor.scaled) and not heads[one.table].bare]
    if not mine:
        return None
    widths = [one.stop - one.start for one in mine]
    return Compared(
        at=np.concatenate([np.arange(one.start, one.stop) for one in mine]),
        scaled=np.repeat([one.monitor.scaled for one in mine], widths),
        sign=np.repeat([-1.0 if one.monitor.falling else 1.0 for one in mine], widths),
        levels=np.concatenate([levels_of_columns(one.monitor, heads[one.table].columns) for one in mine], axis=1),
    )
