"""Evaluations: each measured value with its interval, thresholds and status, as rows for the evaluations topic."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Literal

import msgspec
import numpy as np

from operators.judging.blind import lack, needs, paging
from operators.judging.readings import breach_level, insufficient, readings_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from operators.judging.changes import Changes
    from operators.judging.readings import Readings
    from operators.plans.monitors import Monitor
    from operators.tables import Measures, Table
    from windows.arrays import BoolArray, IntArray
    from windows.statistics.dispersion import Variation

Status = Literal["ok", "minor", "major", "insufficient_data"]
STATUSES: tuple[Status, ...] = ("ok", "minor", "major", "insufficient_data")
INSUFFICIENT = STATUSES.index("insufficient_data")


MOMENTS = {
    "mean": "no value: among the values is one more than 2^40 deviations of the reference away",
    "std": "no value: of a single value, or lost in rounding beside the distance from the reference",
}
"""Metrics that every number has a share in, and why there may be none all the same."""


class WindowRow(msgspec.Struct, frozen=True):
    """A window: its size as text ("1m"), start and end in epoch ms."""

    size: str
    start: int
    end: int


class Evaluation(msgspec.Struct, frozen=True, omit_defaults=False):
    """One value of one metric, as in the contract. None where a number does not exist.

    `against` names what a comparison is with ("trailing_14d", "version 3", "seasonal"), `baseline` is the metric's
    value there, `phase` in which hours of the week most rows of the window are, where hours are told apart.
    """

    model: str
    version: str
    segment: str
    kind: str
    feature: str
    metric: str
    window: WindowRow
    value: float | None
    lower: float | None
    upper: float | None
    threshold: float | None
    samples: int
    reference_samples: int
    status: Status
    reason: str
    baseline: float | None = None
    against: str = ""
    phase: str = ""


@dataclass(frozen=True, slots=True)
class JudgedTable:
    """A table with what was said of it.

    Attributes:
        table: of G groups and F columns.
        monitors: the monitor that speaks for each group; None where nobody judges it.
        status: int64[G, F], places in STATUSES.
    """

    table: Table
    monitors: tuple[Monitor | None, ...]
    status: IntArray


Known = dict[tuple[str, int], "tuple[Readings, IntArray]"]
"""(monitor name, group) -> what the monitor has read of a table already, and what that alone says."""


def judged_table(table: Table, monitors: Iterable[Monitor], known: Known) -> JudgedTable:
    """The status of every element of a table, by the first of these monitors that judges its group."""
    status = np.where(np.isnan(table.value), INSUFFICIENT, 0)
    speakers = [monitor for monitor in monitors if not monitor.worst_only]
    if not speakers:
        return JudgedTable(table, (None,) * len(table.groups), status)
    judges: list[Monitor | None] = []
    for group, (_, segment) in enumerate(table.groups):
        one = next((monitor for monitor in speakers if not (monitor.whole_only and segment)), None)
        judges.append(one)
        if one is not None:
            readings, found = known.get((one.name, group)) or _read(one, table, group)
            status[group] = found
            status[group][insufficient(readings) & (found == 0)] = INSUFFICIENT
    return JudgedTable(table, tuple(judges), status)


def _read(monitor: Monitor, table: Table, group: int) -> tuple[Readings, IntArray]:
    readings = readings_of(monitor, table, group)
    return readings, breach_level(readings)


def rows_of(
    measures: Measures,
    judged: Sequence[JudgedTable],
    changes: Changes | None = None,
    variation: Variation = "known",
) -> list[Evaluation]:
    """The rows of tables of a window: one for each group and feature for which the metric is defined or should be.

    With `changes`, those that say something new; none of a window in which nothing came or left.
    """
    if not judged or (changes is not None and not measures.changed):
        return []
    tables = [one.table for one in judged]
    values = np.concatenate([table.value.ravel() for table in tables])
    values = np.where(np.isfinite(values), values, np.nan)
    samples = np.concatenate([table.samples.ravel() for table in tables])
    sizes = [table.value.size for table in tables]
    wanted = ~np.isnan(values) | (samples == 0) | np.repeat([table.metric in MOMENTS for table in tables], sizes)
    if changes is not None:
        status = np.concatenate([one.status.ravel() for one in judged])
        with np.errstate(invalid="ignore"):
            widths = np.concatenate([(table.upper - table.lower).ravel() for table in tables])
        streams = tuple(
            ((table.kind, table.metric, group), len(table.columns)) for table in tables for group in table.groups
        )
        wanted &= changes(measures.part, streams, status, values, widths, measures.end, measures.window.size)
    rows: list[Evaluation] = []
    ends = accumulate(sizes)
    for one, size, end in zip(judged, sizes, ends, strict=True):
        part = wanted[end - size : end]
        if part.any():
            rows += _rows(measures, one, part.reshape(one.status.shape), variation)
    return rows


def _rows(measures: Measures, judged: JudgedTable, wanted: BoolArray, variation: Variation) -> list[Evaluation]:
    end, window, table = measures.end, measures.window, judged.table
    span = WindowRow(window.label, end - window.size, end)
    rows: list[Evaluation] = []
    for group in np.flatnonzero(wanted.any(axis=1)).tolist():
        (version, segment), status, monitor = table.groups[group], judged.status[group], judged.monitors[group]
        readings = None if monitor is None else readings_of(monitor, table, group)
        thresholds: Sequence[float | None] = [None] * len(status)
        lacks = [NOTHING_LACKS] * len(status)
        if monitor is not None and readings is not None:
            thresholds = _thresholds(monitor, table, readings)
            if (wanted[group] & (status == INSUFFICIENT)).any():
                lacks = _lacks(monitor.metric, readings, table.reference_samples[group])
        for column in np.flatnonzero(wanted[group]).tolist():
            state, threshold, found = STATUSES[status[column]], thresholds[column], _number(table.value[group, column])
            samples = int(table.samples[group, column])
            rows.append(
                Evaluation(
                    measures.model,
                    version,
                    segment,
                    str(table.kind),
                    table.columns[column],
                    table.metric,
                    span,
                    found,
                    _number(table.lower[group, column]),
                    _number(table.upper[group, column]),
                    threshold,
                    samples,
                    int(table.reference_samples[group, column]),
                    state,
                    _reason(table.metric, state, found, threshold, samples, lacks[column], variation),
                    None,
                    table.against[group] if table.against else "",
                    table.phase[group] if table.phase else "",
                )
            )
    return rows


NOTHING_LACKS = (float("nan"), float("nan"))


def _thresholds(monitor: Monitor, table: Table, readings: Readings) -> list[float | None]:
    """Of each column, what is crossed first."""
    columns = table.columns
    limits = [monitor.lowest_of(column) for column in columns] if monitor.own else [monitor.lowest] * len(columns)
    return [None if one is None else base + one for base, one in zip(readings.base.tolist(), limits, strict=True)]


def _lacks(metric: str, readings: Readings, behind: IntArray) -> list[tuple[float, float]]:
    """(rows, threshold) of each column: rows that a window needs for the threshold that pages, or for the lowest."""
    pages = paging(readings)
    lowest = np.minimum(pages, np.abs(np.minimum(readings.minor, readings.major) - readings.base))
    needed = needs(metric, readings, behind)
    further = needs(metric, readings, behind, lowest)
    with np.errstate(invalid="ignore"):
        sees = needed <= readings.samples
    return list(zip(np.where(sees, further, needed).tolist(), np.where(sees, lowest, pages).tolist(), strict=True))


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


VARIES = {
    "known": "",
    "learning": "; how much the traffic varies is being learnt, and until then a row counts for a fiftieth",
    "assumed": "; how much the traffic varies is assumed, for there were too few panes to learn it from",
}


def _reason(
    metric: str,
    status: Status,
    value: float | None,
    threshold: float | None,
    samples: int,
    lacks: tuple[float, float],
    variation: Variation,
) -> str:
    if value is None and samples > 0:
        return MOMENTS[metric]
    if value is None:
        return "no value: there are no samples to compare"
    if threshold is None:
        return "measured; no threshold is set"
    if status == "insufficient_data":
        wide = f"{samples} samples leave an interval wider than the threshold {threshold:g}"
        needed, limit = lacks
        more = "" if needed <= samples else f": it {lack(needed, limit, samples)}"
        return f"{wide}{more}{VARIES[variation]}"
    if status == "ok":
        return f"the bound is not past the threshold {threshold:g}"
    return f"the whole interval is past the {status} threshold"
