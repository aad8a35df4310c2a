"""Evaluations: each measured value with its interval, thresholds and status, as rows for the evaluations topic."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import msgspec
import numpy as np

from operators.judging.blind import lack, needs, paging

if TYPE_CHECKING:
    from operators.judging.changes import Changes
    from operators.judging.sheet import Sheet, SheetStack
    from operators.tables import Measures
    from windows.arrays import BoolArray, FloatArray, IntArray
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


def rows_of(
    measures: Measures, sheet: Sheet, changes: Changes | None = None, variation: Variation = "known"
) -> list[Evaluation]:
    """The rows of a window: one for each group and feature for which the metric is defined or should be.

    With `changes`, those that say something new; none of a window in which nothing came or left.
    """
    if changes is not None and not measures.changed:
        return []
    plan, stack = sheet.plan, sheet.stack
    if stack.told is None:
        stack.told = _told(stack)
    status, values, widths, wanted = (part[sheet.at] for part in stack.told)
    if changes is not None:
        size = measures.window.size
        wanted = wanted & changes(measures.part, plan.streams, status, values, widths, measures.end, size)
    at = np.flatnonzero(wanted)
    return _rows(measures, sheet, at, status[at], variation) if len(at) else []


def _told(stack: SheetStack) -> tuple[IntArray, FloatArray, FloatArray, BoolArray]:
    """Status, value (NaN for none), width of the interval of each, and whether there is a row for it."""
    values = np.where(np.isfinite(stack.value), stack.value, np.nan)
    moments = np.array([head.metric in MOMENTS for head in stack.plan.heads])[stack.plan.table]
    with np.errstate(invalid="ignore"):
        widths = stack.upper - stack.lower
    return stack.status(INSUFFICIENT), values, widths, ~np.isnan(values) | (stack.samples == 0) | moments


def _rows(measures: Measures, sheet: Sheet, at: IntArray, status: IntArray, variation: Variation) -> list[Evaluation]:
    """Those of the elements at these places."""
    end, window, plan = measures.end, measures.window, sheet.plan
    span = WindowRow(window.label, end - window.size, end)
    numbers = zip(
        plan.table[at].tolist(),
        plan.row[at].tolist(),
        plan.column[at].tolist(),
        status.tolist(),
        *(part[at].tolist() for part in (sheet.value, sheet.lower, sheet.upper)),
        _thresholds(sheet, at),
        sheet.samples[at].tolist(),
        sheet.reference[at].tolist(),
        _lacks(sheet, at, status),
        strict=True,
    )
    rows: list[Evaluation] = []
    for number, group, column, place, value, lower, upper, threshold, samples, behind, lacks in numbers:
        head, table = plan.heads[number], sheet.tables[number]
        (version, segment), state, found = head.groups[group], STATUSES[place], _number(value)
        rows.append(
            Evaluation(
                measures.model,
                version,
                segment,
                str(head.kind),
                head.columns[column],
                head.metric,
                span,
                found,
                _number(lower),
                _number(upper),
                threshold,
                samples,
                behind,
                state,
                _reason(head.metric, state, found, threshold, samples, lacks, variation),
                None,
                table.against[group] if table.against else "",
                table.phase[group] if table.phase else "",
            )
        )
    return rows


NOTHING_LACKS = (float("nan"), float("nan"))


def _thresholds(sheet: Sheet, at: IntArray) -> list[float | None]:
    """Of each element, what is crossed first."""
    plan = sheet.plan
    limits, judge = plan.lowest[at], plan.speaks[at]
    if plan.compared is not None:
        judged = judge >= 0
        limits[judged] = sheet.readings.base[judge[judged]] + limits[judged]
    return [None if math.isnan(limit) else limit for limit in limits.tolist()]


def _lacks(sheet: Sheet, at: IntArray, status: IntArray) -> list[tuple[float, float]]:
    """(rows, threshold) of each: rows that a window needs for the threshold that pages, or for the lowest."""
    lacking = np.flatnonzero((status == INSUFFICIENT) & (sheet.plan.speaks[at] >= 0))
    found = [NOTHING_LACKS] * len(at)
    if len(lacking) == 0:
        return found
    judge = sheet.plan.speaks[at[lacking]]
    readings = sheet.readings.part(judge)
    behind, squared, pages = sheet.reference[at[lacking]], sheet.plan.squared[judge], paging(readings)
    with np.errstate(invalid="ignore"):
        lowest = np.minimum(pages, np.abs(np.minimum(readings.minor, readings.major) - readings.base))
        needed = needs(squared, readings, behind)
        further = needs(squared, readings, behind, lowest)
        sees = needed <= readings.samples
    told = zip(np.where(sees, further, needed).tolist(), np.where(sees, lowest, pages).tolist(), strict=True)
    for place, one in zip(lacking.tolist(), told, strict=True):
        found[place] = one
    return found


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


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
