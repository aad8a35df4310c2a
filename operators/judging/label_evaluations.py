"""Evaluations of labels: each measured value with its interval, baseline and status, as rows for the topic."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from operators.judging.curve_evaluations import curves_rows
from operators.judging.evaluations import STATUSES, Evaluation, WindowRow
from operators.judging.label_tables import MonitorTable, coverage_of, table_of
from operators.judging.opinions import RUN_LENGTH
from operators.judging.readings import breach_level, insufficient, readings_of
from operators.plans.label_monitors import CURVE_MONITOR
from operators.settings.metrics import OF_ANY_COVERAGE
from operators.tables import Kind
from windows.panes import duration_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from operators.cohorts.measures import CohortMeasures, CurveMeasure, Newest, SliceError, WindowMeasures
    from operators.judging.changes import Changes
    from operators.judging.evaluations import Status
    from operators.judging.opinions import Opinion
    from operators.plans.label_monitors import PerformanceMonitor
    from operators.tables import Table

Verdict = tuple["Status", float | None]
"""(status, threshold)."""

OF_ANY_FLOOR = OF_ANY_COVERAGE | {"labelled", "predictions"}
"""Metrics that are sure however few labels have come."""

IMMATURE = "immature"
"""How the reason of a row begins whose labels are still coming."""


def window_rows(
    measures: CohortMeasures, window: WindowMeasures, monitors: Iterable[PerformanceMonitor], floor: float = 0.0
) -> Iterator[Evaluation]:
    """The rows of a window: what is mature with the monitors' verdicts, then what is not mature yet.

    Args:
        measures: of the model.
        window: one of them.
        monitors: of the model's labels.
        floor: share of the predictions that must have a label, where no monitor says otherwise.
    """
    size = window.window.size
    span = WindowRow(window.window.label, window.end - size, window.end)
    mine = [one for one in monitors if size in one.monitor.windows and one.monitor.name != CURVE_MONITOR]
    judged = {one.monitor.metric for one in mine if not one.compares}
    for table in window.tables:
        if table.metric not in judged:
            asked = MonitorTable(table, ("",) * len(table.groups), coverage_of(window, table.groups))
            yield from _rows(measures.model, span, asked, None, 0.0 if table.metric in OF_ANY_FLOOR else floor)
    for one in mine:
        found = table_of(one, window)
        if found is not None:
            yield from _rows(measures.model, span, found, one, one.min_coverage)
    for curves in window.curves:
        yield from curves_rows(measures.model, span, curves)
    if window.newest is not None:
        yield from _immature(measures.model, window, window.newest)


def curve_rows(measures: CohortMeasures, curve: CurveMeasure, one: PerformanceMonitor | None) -> Iterator[Evaluation]:
    """The row of the curve shift."""
    span = WindowRow(curve.recent.label, curve.end - curve.recent.size, curve.end)
    asked = MonitorTable(curve.table, ("",), np.array([curve.coverage]))
    yield from _rows(measures.model, span, asked, one, 0.0 if one is None else one.min_coverage)


def opinion_rows(measures: CohortMeasures, said: Iterable[tuple[SliceError, Opinion]]) -> list[Evaluation]:
    """The rows of the detectors: a second opinion with its measured run length beside it, never a threshold."""
    return [
        Evaluation(
            model=measures.model,
            version=error.version,
            segment="",
            kind=str(Kind.CONCEPT),
            feature="",
            metric=opinion.name,
            window=WindowRow(duration_text(error.end - error.start), error.start, error.end),
            value=error.error,
            lower=None,
            upper=None,
            threshold=None,
            samples=error.samples,
            reference_samples=0,
            status="insufficient_data" if opinion.error is None else "minor" if opinion.changed else "ok",
            reason=_said(opinion),
            baseline=opinion.error,
        )
        for error, opinion in said
    ]


def changed_rows(changes: Changes, rows: Iterable[Evaluation]) -> list[Evaluation]:
    """Those of the rows that say something new."""
    return [row for row in rows if _new(changes, row)]


def _new(changes: Changes, row: Evaluation) -> bool:
    size, immature = row.window.end - row.window.start, row.reason.startswith(IMMATURE)
    key = (row.kind, row.feature, row.metric, row.window.size, row.version, row.segment, row.against, immature)
    width = float("nan") if row.lower is None or row.upper is None else row.upper - row.lower
    return changes.one(key, row.status, row.value, width, row.window.end, size)


def _said(opinion: Opinion) -> str:
    if opinion.error is None:
        return f"slice {opinion.slices}: the detector is still learning how much the error varies"
    finds = "finds that the mean of the error has changed" if opinion.changed else "finds no change"
    return (
        f"{opinion.name} {finds} at slice {opinion.slices}; on a steady error it raises a false alarm"
        f" every {RUN_LENGTH[opinion.name]:,} slices on average, so it is a second opinion only"
    )


def _rows(
    model: str,
    span: WindowRow,
    asked: MonitorTable,
    one: PerformanceMonitor | None,
    floor: float,
) -> Iterator[Evaluation]:
    table = asked.table
    for row, (version, segment) in enumerate(table.groups):
        judged = None if one is None or (one.monitor.whole_only and segment) else one
        status, threshold = _verdict(judged, table, row)
        value, samples = _number(table.value[row, 0]), int(table.samples[row, 0])
        lack = table.lack[row] if table.lack else ""
        if value is None and samples > 0 and not lack:
            continue
        against = "" if judged is None or judged.against is None else judged.against.label
        if asked.versus[row]:
            against = f"version {asked.versus[row]}"
        reason = f"no value: {lack}" if value is None and lack else _reason(status, value, threshold, samples)
        if value is not None and asked.coverage[row] < floor:
            status, reason = "insufficient_data", _too_few(float(asked.coverage[row]), floor, table)
        yield Evaluation(
            model=model,
            version=version,
            segment=segment,
            kind=str(table.kind),
            feature="",
            metric=table.metric,
            window=span,
            value=value,
            lower=_number(table.lower[row, 0]),
            upper=_number(table.upper[row, 0]),
            threshold=threshold,
            samples=samples,
            reference_samples=int(table.reference_samples[row, 0]),
            status=status,
            reason=reason,
            baseline=None if table.baseline is None else _number(table.baseline[row, 0]),
            against=against,
        )


def _verdict(one: PerformanceMonitor | None, table: Table, row: int) -> Verdict:
    if one is None:
        return ("insufficient_data" if np.isnan(table.value[row, 0]) else "ok"), None
    monitor = one.monitor
    readings = readings_of(monitor, table, row)
    base = float("nan") if table.baseline is None else float(table.baseline[row, 0])
    level = int(breach_level(readings)[0])
    lacking = bool(insufficient(readings)[0])
    limit = monitor.major if level == 2 and monitor.major is not None else monitor.lowest
    return ("insufficient_data" if lacking and not level else STATUSES[level]), _number(monitor.limit(limit, base))


def _immature(model: str, window: WindowMeasures, newest: Newest) -> Iterator[Evaluation]:
    """Rows of the newest window, whose labels are still coming: shown, and never judged."""
    size = window.window.size
    span = WindowRow(window.window.label, newest.end - size, newest.end)
    tables = {table.metric: table for table in newest.tables}
    for table in newest.tables:
        for row, (version, segment) in enumerate(table.groups):
            value = _number(table.value[row, 0])
            if value is None:
                continue
            known = int(tables["labelled"].value[row, 0]) if "labelled" in tables else 0
            served = int(tables["predictions"].value[row, 0]) if "predictions" in tables else 0
            yield Evaluation(
                model=model,
                version=version,
                segment=segment,
                kind=str(table.kind),
                feature="",
                metric=table.metric,
                window=span,
                value=value,
                lower=_number(table.lower[row, 0]),
                upper=_number(table.upper[row, 0]),
                threshold=None,
                samples=int(table.samples[row, 0]),
                reference_samples=0,
                status="insufficient_data",
                reason=(
                    f"{IMMATURE}: {known:,} of {served:,} predictions have a label yet;"
                    " fast labels are no fair sample, so nothing is decided"
                ),
            )


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _too_few(coverage: float, floor: float, table: Table) -> str:
    where = "" if table.kind == Kind.PERFORMANCE else " (in the window, or in what it is compared with)"
    return (
        f"label coverage of {100 * coverage:.3g} %{where} is below min_coverage ({100 * floor:.3g} %):"
        " so few labels are no fair sample, so nothing is decided"
    )


def _reason(status: Status, value: float | None, threshold: float | None, samples: int) -> str:
    if value is None:
        return "no value: no label has come"
    if threshold is None:
        return "measured; no threshold is set"
    if status == "insufficient_data":
        return f"{samples} labels leave an interval wider than the distance to the threshold {threshold:g}"
    if status == "ok":
        return f"the bound is not past the threshold {threshold:g}"
    return f"the whole interval is past the {status} threshold {threshold:g}"
