"""Evaluations: each measured value with its interval, thresholds and status, as rows for the evaluations topic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec
import numpy as np

from operators.judging.blind import lack, needs, paging
from operators.judging.readings import breach_level, insufficient, readings_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from operators.judging.changes import Changes
    from operators.plans.monitors import Monitor
    from operators.tables import Measures, Table
    from windows.arrays import IntArray
    from windows.statistics.dispersion import Variation

Status = Literal["ok", "minor", "major", "insufficient_data"]
STATUSES: tuple[Status, ...] = ("ok", "minor", "major", "insufficient_data")


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


def rows_of(
    model: str,
    measures: Measures,
    table: Table,
    monitors: list[Monitor],
    changes: Changes | None = None,
    variation: Variation = "known",
) -> list[Evaluation]:
    """The rows of a table: one for each group and feature for which the metric is defined or should be.

    With `changes`, those that say something new; none of a window in which nothing came or left.
    """
    if changes is not None and not measures.changed:
        return []
    end, window = measures.end, measures.window
    span = WindowRow(window.label, end - window.size, end)
    rows: list[Evaluation] = []
    for group, (version, segment) in enumerate(table.groups):
        judged = [monitor for monitor in monitors if not monitor.worst_only and not (monitor.whole_only and segment)]
        status, thresholds = _status(judged[0], table, group) if judged else _unjudged(table, group)
        value, samples = np.where(np.isfinite(table.value[group]), table.value[group], np.nan), table.samples[group]
        wanted = ~np.isnan(value) | (samples == 0) | (table.metric in MOMENTS)
        if changes is not None:
            key = (table.kind, table.metric, window.size, version, segment)
            with np.errstate(invalid="ignore"):
                width = table.upper[group] - table.lower[group]
            wanted &= changes(key, status, value, width, end, window.size)
        thin = bool(judged) and bool((wanted & (status == STATUSES.index("insufficient_data"))).any())
        lacks = _lacks(judged[0], table, group) if thin else [NOTHING_LACKS] * len(status)
        for column in np.flatnonzero(wanted).tolist():
            state, threshold, found = STATUSES[status[column]], thresholds[column], _number(value[column])
            rows.append(
                Evaluation(
                    model,
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
                    int(samples[column]),
                    int(table.reference_samples[group, column]),
                    state,
                    _reason(table.metric, state, found, threshold, int(samples[column]), lacks[column], variation),
                    None,
                    table.against[group] if table.against else "",
                    table.phase[group] if table.phase else "",
                )
            )
    return rows


NOTHING_LACKS = (float("nan"), float("nan"))


def _status(monitor: Monitor, table: Table, group: int) -> tuple[IntArray, Sequence[float | None]]:
    """Places in STATUSES, and thresholds."""
    readings = readings_of(monitor, table, group)
    found = breach_level(readings)
    status = np.where((found == 0) & insufficient(readings), STATUSES.index("insufficient_data"), found)
    limits = [monitor.lowest_of(column) for column in table.columns] if monitor.own else [monitor.lowest] * len(status)
    bases = readings.base.tolist()
    return status, [None if one is None else base + one for base, one in zip(bases, limits, strict=True)]


def _lacks(monitor: Monitor, table: Table, group: int) -> list[tuple[float, float]]:
    """(rows, threshold) of each column: rows that a window needs for the threshold that pages, or for the lowest."""
    readings, behind = readings_of(monitor, table, group), table.reference_samples[group]
    pages = paging(readings)
    lowest = np.minimum(pages, np.abs(np.minimum(readings.minor, readings.major) - readings.base))
    needed = needs(monitor.metric, readings, behind)
    further = needs(monitor.metric, readings, behind, lowest)
    with np.errstate(invalid="ignore"):
        sees = needed <= readings.samples
    return list(zip(np.where(sees, further, needed).tolist(), np.where(sees, lowest, pages).tolist(), strict=True))


def _unjudged(table: Table, group: int) -> tuple[IntArray, Sequence[float | None]]:
    values = table.value[group]
    return np.where(np.isnan(values), STATUSES.index("insufficient_data"), 0), [None] * len(values)


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
