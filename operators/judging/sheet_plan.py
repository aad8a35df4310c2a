"""How the tables of one window are read: where each number stands among all, and what monitors compare it with.

It follows from the names of groups and columns, which are those of the look before: it is worked out once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from operators.judging.readings import COMPLEMENTED, fixed_limits, levels_of_columns
from windows.segments import WHOLE
from windows.statistics.needed import POWER_ONE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from operators.judging.streams import StreamKey
    from operators.plans.monitors import Monitor
    from operators.tables import Kind
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
        widths: int64[S], how many elements each stretch has.
        table: int64[N], which table each element is of; `row` and `column` within it.
        row: see table.
        column: see table.
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
    widths: IntArray
    table: IntArray
    row: IntArray
    column: IntArray


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
        widths=np.array([one.stop - one.start for one in judging], dtype=np.int64),
        **_places(heads, starts),
    )


def _places(heads: tuple[Head, ...], starts: IntArray) -> dict[str, IntArray]:
    """Of each element its table, row and column."""
    table = np.repeat(np.arange(len(heads)), np.diff(starts))
    columns = np.array([max(len(head.columns), 1) for head in heads], dtype=np.int64)[table]
    row, column = np.divmod(np.arange(len(table)) - starts[table], columns)
    return {"table": table, "row": row, "column": column}


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
