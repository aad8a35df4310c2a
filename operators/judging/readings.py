"""Readings: one group of a table as a monitor sees it, turned so that higher is worse, and what bounds alone say."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from operators.settings.metrics import SHARES

if TYPE_CHECKING:
    from operators.plans.monitors import Monitor
    from operators.tables import Table
    from windows.arrays import BoolArray, FloatArray, IntArray


COMPLEMENTED = SHARES | {"availability"}
"""Shares that are best at 1: what is missing to 1 is what counts."""


@dataclass(frozen=True, slots=True)
class Readings:
    """Values of F elements, oriented so that higher is worse, with thresholds (inf where a level does not exist).

    Attributes:
        value: float64[F].
        lower: float64[F].
        upper: float64[F].
        samples: int64[F].
        minor: float64[F].
        major: float64[F].
        base: float64[F], what thresholds are a distance from or a multiple of (a baseline; else 0), turned likewise.
    """

    value: FloatArray
    lower: FloatArray
    upper: FloatArray
    samples: IntArray
    minor: FloatArray
    major: FloatArray
    base: FloatArray

    def part(self, at: slice | IntArray) -> Readings:
        """Those of some elements."""
        return Readings(
            self.value[at],
            self.lower[at],
            self.upper[at],
            self.samples[at],
            self.minor[at],
            self.major[at],
            self.base[at],
        )


def breach_level(readings: Readings) -> IntArray:
    """What the evidence alone says: 2 where the lower bound is past major, 1 where it is past minor, else 0."""
    with np.errstate(invalid="ignore"):
        level: IntArray = (readings.lower > readings.minor).astype(np.int64)
        level[readings.lower > readings.major] = 2
    return level


def insufficient(readings: Readings) -> BoolArray:
    """Where the interval is wider than the lowest threshold, or there is no value: nothing can be said."""
    span = np.minimum(readings.minor, readings.major) - readings.base
    with np.errstate(invalid="ignore"):
        wide = (readings.upper - readings.lower) > np.abs(span)
    lacking: BoolArray = wide | np.isnan(readings.value) | (readings.samples == 0)
    return lacking


def readings_of(monitor: Monitor, table: Table, row: int) -> Readings:
    """One group of a table, turned so that higher is worse."""
    value, lower, upper, samples = table.value[row], table.lower[row], table.upper[row], table.samples[row]
    compares = (monitor.relative or monitor.scaled) and table.baseline is not None
    if not compares and not monitor.worst_only:
        base, minor, major = fixed_limits(monitor, table.columns)
        if monitor.falling:
            value, lower, upper = turned(monitor, value), turned(monitor, upper), turned(monitor, lower)
        return Readings(value, lower, upper, samples, minor, major, base)
    base = table.baseline[row] if compares and table.baseline is not None else np.zeros(len(value))
    if monitor.worst_only:
        worst = int(np.nanargmax(value)) if not np.isnan(value).all() else 0
        at = slice(worst, worst + 1)
        value, samples, base = value[at], samples[at], base[at]
        lower = np.array([np.nanmax(lower, initial=-np.inf)])
        upper = np.array([np.nanmax(upper, initial=-np.inf)])
    minor, major = _limits(monitor, table.columns, base)
    if monitor.falling:
        value, lower, upper = turned(monitor, value), turned(monitor, upper), turned(monitor, lower)
        base = turned(monitor, base) if compares else base
    return Readings(value, lower, upper, samples, minor, major, base)


@lru_cache(maxsize=4_096)
def fixed_limits(monitor: Monitor, columns: tuple[str, ...]) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Base, minor and major of a rule that compares with no baseline: the same in every window."""
    base = np.zeros(len(columns))
    found = (base, *_limits(monitor, columns, base))
    for one in found:
        one.flags.writeable = False
    return found


def levels_of_columns(monitor: Monitor, columns: tuple[str, ...]) -> FloatArray:
    """Minor and major level of each column, float64[2, F]; NaN where there is none."""
    return np.array([monitor.levels_of(column) for column in columns], dtype=np.float64).reshape(-1, 2).T


def _limits(monitor: Monitor, columns: tuple[str, ...], base: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Minor and major of each column; where one stands for all, those that all have."""
    minor, major = _limit(monitor, monitor.minor, base), _limit(monitor, monitor.major, base)
    for feature, *own in monitor.own:
        if feature in columns:
            at_own = columns.index(feature)
            one = base[at_own : at_own + 1]
            (minor[at_own],), (major[at_own],) = (_limit(monitor, level, one) for level in own)
    return minor, major


def turned(monitor: Monitor, values: FloatArray) -> FloatArray:
    """A falling metric turned around: a share becomes its complement, so that thresholds near 1 keep their scale."""
    return 1.0 - values if monitor.metric in COMPLEMENTED else -values


def oriented(monitor: Monitor, value: float) -> float:
    """A turned value the right way round again."""
    if not monitor.falling:
        return float(value)
    return float(1.0 - value if monitor.metric in COMPLEMENTED else -value)


def _limit(monitor: Monitor, level: float | None, base: FloatArray) -> FloatArray:
    """The thresholds over a baseline that is not turned; turned, and inf where the level does not exist."""
    if level is None:
        return np.full(len(base), np.inf)
    limits = np.array([monitor.limit(level, one) for one in base.tolist()])
    return turned(monitor, limits) if monitor.falling else limits
