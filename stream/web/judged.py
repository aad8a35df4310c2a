"""What is measured against what is allowed: how far the evidence is past a threshold, for ranking and colours.

Nothing is decided here: alerts are, by the judge. This says of each number how it stands to its limits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from operators.plans.label_monitors import performance_monitors
from operators.plans.monitors import monitors_of
from operators.settings.metrics import SHARES
from operators.tables import Kind
from stream.history.frame import Remembered

if TYPE_CHECKING:
    from collections.abc import Iterator

    from operators.plans.monitors import Monitor
    from operators.settings.model import ModelSettings
    from stream.history.frame import Column, Frame, Reading
    from windows.arrays import FloatArray, IntArray

COMPLEMENTED = SHARES | {"availability"}
"""Shares that are best at 1: a bound of 0.94 under a limit of 0.95 is 6 % over 5 % of failures."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One number and one rule.

    Attributes:
        column: what it is of.
        window: size of the window as text.
        reading: the number.
        monitor: the rule.
        minor: the threshold of the minor level on the metric's own scale; None for none.
        major: likewise.
        lower: the bound nearer to good, as a multiple of the threshold that pages (major, else minor).
        value: the value, likewise.
        upper: the other bound, likewise.
        level: 2 where the bound is past major, 1 where it is past minor, else 0.
    """

    column: Column
    window: str
    reading: Reading
    monitor: Monitor
    minor: float | None
    major: float | None
    lower: float
    value: float
    upper: float
    level: int

    @property
    def limit(self) -> float:
        """The threshold that it is compared with."""
        return next(one for one in (self.major, self.minor) if one is not None)


@dataclass(frozen=True, slots=True)
class Evidence:
    """How columns of a frame stand to one rule, all at once.

    Attributes:
        monitor: the rule.
        places: int64[n], columns of the frame that it reads.
        lower: float64[n], the bound nearer to good as a multiple of the threshold that pages; NaN without a value.
        value: float64[n], the value, likewise.
        level: int64[n], as of Judged.
    """

    monitor: Monitor
    places: IntArray
    lower: FloatArray
    value: FloatArray
    level: IntArray


class Rules:
    """The rules of one model, by what they read."""

    def __init__(self, model: ModelSettings, pane: int) -> None:
        self._reads: dict[int, Remembered[list[tuple[Monitor, IntArray]]]] = {}
        self._rules: dict[tuple[str, str, int], list[Monitor]] = {}
        labels = [one.monitor for one in performance_monitors(model)]
        for monitor in (*monitors_of(model, pane), *labels):
            for size in monitor.windows:
                self._rules.setdefault((str(monitor.kind), monitor.metric, size), []).append(monitor)

    def of(self, kind: str, metric: str, size: int) -> list[Monitor]:
        """The rules that read a metric over a window (ms)."""
        return self._rules.get((kind, metric, size), [])

    def all(self) -> list[list[Monitor]]:
        """Every rule, by what it reads."""
        return list(self._rules.values())

    def evidence(self, frame: Frame) -> Iterator[Evidence]:
        """Every rule that reads anything of the frame, with how it stands: what `judge` says, for many at once."""
        reads = self._reads.setdefault(frame.size, Remembered(partial(self._readers, frame.size)))
        for monitor, places in reads(frame.columns):
            yield _evidence(monitor, places, frame.values[:, places].astype(np.float64))

    def _readers(self, size: int, columns: tuple[Column, ...]) -> list[tuple[Monitor, IntArray]]:
        found: dict[int, tuple[Monitor, list[int]]] = {}
        for at, column in enumerate(columns):
            for monitor in self.of(column.kind, column.metric, size):
                if not (monitor.whole_only and column.segment):
                    found.setdefault(id(monitor), (monitor, []))[1].append(at)
        return [(monitor, np.array(places, dtype=np.int64)) for monitor, places in found.values()]

    def judged(self, frame: Frame) -> Iterator[Judged]:
        """Every number of the frame that a rule reads, with it."""
        for column, reading in frame.readings():
            for monitor in self.of(column.kind, column.metric, frame.size):
                if not (monitor.whole_only and column.segment):
                    yield judge(column, frame.window, reading, monitor)


def _evidence(monitor: Monitor, places: IntArray, numbers: FloatArray) -> Evidence:
    value, lower, upper, _, base = numbers
    base = np.nan_to_num(base)
    near = upper if monitor.falling else lower
    minor, major = (None if one is None else _limits(monitor, one, base) for one in (monitor.minor, monitor.major))
    limit = major if major is not None else minor
    if limit is None:
        raise ValueError(f"{monitor.name} has no threshold")
    start = base if monitor.relative and monitor.kind == Kind.QUALITY else np.zeros_like(base)
    level = np.zeros(len(places), dtype=np.int64)
    with np.errstate(invalid="ignore", divide="ignore"):
        for mark, one in ((1, minor), (2, major)):
            if one is not None:
                level[(near < one) if monitor.falling else (near > one)] = mark
        ratios = [_ratios(monitor, each, limit, start) for each in (near, value)]
    return Evidence(monitor, places, ratios[0], ratios[1], level)


def _limits(monitor: Monitor, level: float, base: FloatArray) -> FloatArray:
    if monitor.scaled:
        return base * level
    if monitor.relative:
        return base - level if monitor.falling else base + level
    return np.full(len(base), level)


def _ratios(monitor: Monitor, value: FloatArray, limit: FloatArray, start: FloatArray) -> FloatArray:
    if monitor.falling and monitor.metric in COMPLEMENTED:
        above, below = 1 - value, 1 - limit
    elif monitor.falling:
        above, below = limit, value
    else:
        above, below = value - start, limit - start
    found: FloatArray = np.where(below > 0, above / below, np.where(above > 0, np.inf, 0.0))
    return np.where(np.isnan(value), np.nan, found)


def judge(column: Column, window: str, reading: Reading, monitor: Monitor) -> Judged:
    """How a number stands to a rule."""
    base = 0.0 if math.isnan(reading.baseline) else reading.baseline
    minor, major = (None if level is None else monitor.limit(level, base) for level in (monitor.minor, monitor.major))
    start = base if monitor.relative and column.kind == Kind.QUALITY else 0.0
    limit = next(one for one in (major, minor) if one is not None)

    def ratio(value: float) -> float:
        if monitor.falling and monitor.metric in COMPLEMENTED:
            return _over(1 - value, 1 - limit)
        if monitor.falling:
            return _over(limit, value)
        return _over(value - start, limit - start)

    near, far = (reading.upper, reading.lower) if monitor.falling else (reading.lower, reading.upper)
    past = [one is not None and (near < one if monitor.falling else near > one) for one in (minor, major)]
    level = 2 if past[1] else int(past[0])
    return Judged(column, window, reading, monitor, minor, major, ratio(near), ratio(reading.value), ratio(far), level)


def _over(value: float, limit: float) -> float:
    if limit > 0:
        return value / limit
    return math.inf if value > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Mover:
    """A feature (or "" for the predictions) with what is surest of it: its first number is the strongest."""

    feature: str
    numbers: tuple[Judged, ...]

    @property
    def strongest(self) -> Judged:
        """By level, then by how far the bound is past the threshold."""
        return self.numbers[0]


def ranked(numbers: list[Judged]) -> list[Mover]:
    """Features by what is surest of them, the surest first."""
    by_feature: dict[str, list[Judged]] = {}
    for one in numbers:
        by_feature.setdefault(one.column.feature, []).append(one)
    movers = [Mover(name, tuple(sorted(mine, key=_order))) for name, mine in by_feature.items()]
    return sorted(movers, key=lambda mover: (_order(mover.strongest), mover.feature))


def _order(one: Judged) -> tuple[float, float, float]:
    lower = 0.0 if math.isnan(one.lower) else one.lower
    return (-one.level, -lower, -(0.0 if math.isnan(one.value) else one.value))
