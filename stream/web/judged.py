"""What is measured against what is allowed: how far the evidence is past a threshold, for ranking and colours.

Nothing is decided here: alerts are, by the judge. This says of each number how it stands to its limits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from operators.plans.label_monitors import performance_monitors
from operators.plans.monitors import monitors_of
from operators.settings.metrics import SHARES
from operators.tables import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from operators.plans.monitors import Monitor
    from operators.settings.model import ModelSettings
    from stream.history.frame import Column, Frame, Reading

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


class Rules:
    """The rules of one model, by what they read."""

    def __init__(self, model: ModelSettings, pane: int) -> None:
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

    def judged(self, frame: Frame) -> Iterator[Judged]:
        """Every number of the frame that a rule reads, with it."""
        for column, reading in frame.readings():
            for monitor in self.of(column.kind, column.metric, frame.size):
                if not (monitor.whole_only and column.segment):
                    yield judge(column, frame.window, reading, monitor)


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
