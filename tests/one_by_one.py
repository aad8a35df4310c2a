"""What is said of the tables of a window, worked out monitor by monitor and group by group: slow, and plain to read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from operators.judging.blind import lack, needs, paging
from operators.judging.evaluations import INSUFFICIENT, MOMENTS, STATUSES, VARIES
from operators.judging.readings import breach_level, insufficient, readings_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from operators.judging.readings import Readings
    from operators.plans.monitors import Monitor
    from operators.tables import Measures, Table
    from windows.arrays import IntArray

Row = tuple[str, str, str, str, str, object, object, object, object, int, int, str, str]
"""version, segment, kind, feature, metric, value, lower, upper, threshold, samples (two sides), status, reason."""


def speaker(monitors: Sequence[Monitor], segment: str) -> Monitor | None:
    """Who says the status of a group."""
    return next((one for one in monitors if not one.worst_only and not (one.whole_only and segment)), None)


def status_of(readings: Readings) -> IntArray:
    """The status of every element."""
    status = breach_level(readings)
    status[insufficient(readings) & (status == 0)] = INSUFFICIENT
    return status


def told_rows(measures: Measures, by_table: dict[tuple[object, str, str], list[Monitor]]) -> Iterator[Row]:
    """Every row of a window."""
    for table in measures.tables:
        monitors = by_table.get((measures.part, table.kind, table.metric), [])
        for group in range(len(table.groups)):
            yield from _group_rows(table, group, speaker(monitors, table.groups[group][1]))


def _group_rows(table: Table, group: int, monitor: Monitor | None) -> Iterator[Row]:
    readings = None if monitor is None else readings_of(monitor, table, group)
    status = np.where(np.isnan(table.value[group]), INSUFFICIENT, 0) if readings is None else status_of(readings)
    for column, name in enumerate(table.columns):
        value, samples = _number(table.value[group, column]), int(table.samples[group, column])
        if value is None and samples and table.metric not in MOMENTS:
            continue
        state, threshold = STATUSES[status[column]], None
        if monitor is not None and readings is not None:
            low = monitor.lowest_of(name)
            threshold = None if low is None else float(readings.base[column]) + low
        yield (
            *table.groups[group],
            str(table.kind),
            name,
            table.metric,
            value,
            _number(table.lower[group, column]),
            _number(table.upper[group, column]),
            threshold,
            samples,
            int(table.reference_samples[group, column]),
            state,
            _reason(table, monitor, readings, group, column, state, threshold),
        )


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _reason(
    table: Table,
    monitor: Monitor | None,
    readings: Readings | None,
    group: int,
    column: int,
    state: str,
    threshold: float | None,
) -> str:
    samples = int(table.samples[group, column])
    if not np.isfinite(table.value[group, column]):
        return MOMENTS[table.metric] if samples else "no value: there are no samples to compare"
    if threshold is None or monitor is None or readings is None:
        return "measured; no threshold is set"
    if state == "insufficient_data":
        wide = f"{samples} samples leave an interval wider than the threshold {threshold:g}"
        pages = paging(readings)
        lowest = np.minimum(pages, np.abs(np.minimum(readings.minor, readings.major) - readings.base))
        behind = table.reference_samples[group]
        needed, limit = needs(monitor.metric, readings, behind)[column], pages[column]
        if needed <= samples:
            needed, limit = needs(monitor.metric, readings, behind, lowest)[column], lowest[column]
        more = "" if needed <= samples else f": it {lack(needed, limit, samples)}"
        return f"{wide}{more}{VARIES['known']}"
    if state == "ok":
        return f"the bound is not past the threshold {threshold:g}"
    return f"the whole interval is past the {state} threshold"
