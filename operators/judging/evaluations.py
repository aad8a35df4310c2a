"""Evaluations: each measured value with its interval, thresholds and status, as rows for the evaluations topic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec
import numpy as np

from operators.judging.readings import breach_level, insufficient, readings_of

if TYPE_CHECKING:
    from operators.plans.monitors import Monitor
    from operators.tables import Measures, Table

Status = Literal["ok", "minor", "major", "insufficient_data"]


class WindowRow(msgspec.Struct, frozen=True):
    """A window: its size as text ("1m"), start and end in epoch ms."""

    size: str
    start: int
    end: int


class Evaluation(msgspec.Struct, frozen=True, omit_defaults=False):
    """One value of one metric, as in the contract. None where a number does not exist.

    `against` names what a comparison is with ("trailing_14d", "version 3"), `baseline` is the metric's value there.
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


def rows_of(model: str, measures: Measures, table: Table, monitors: list[Monitor]) -> list[Evaluation]:
    """The rows of a table: one for each group and feature for which the metric is defined or should be."""
    end, window = measures.end, measures.window
    span = WindowRow(window.label, end - window.size, end)
    rows: list[Evaluation] = []
    for group, (version, segment) in enumerate(table.groups):
        judged = [monitor for monitor in monitors if not monitor.worst_only and not (monitor.whole_only and segment)]
        status, thresholds = _status(judged[0], table, group) if judged else _unjudged(table, group)
        for column, feature in enumerate(table.columns):
            value = _number(table.value[group, column])
            if value is None and table.samples[group, column] > 0:
                continue
            state, threshold = status[column], thresholds[column]
            rows.append(
                Evaluation(
                    model,
                    version,
                    segment,
                    str(table.kind),
                    feature,
                    table.metric,
                    span,
                    value,
                    _number(table.lower[group, column]),
                    _number(table.upper[group, column]),
                    threshold,
                    int(table.samples[group, column]),
                    int(table.reference_samples[group, column]),
                    state,
                    _reason(state, value, threshold, int(table.samples[group, column])),
                )
            )
    return rows


def _status(monitor: Monitor, table: Table, group: int) -> tuple[list[Status], list[float | None]]:
    readings = readings_of(monitor, table, group)
    found = breach_level(readings)
    thin = insufficient(readings)
    names: tuple[Status, ...] = ("ok", "minor", "major")
    status: list[Status] = [
        names[level] if level else "insufficient_data" if lacking else "ok"
        for level, lacking in zip(found.tolist(), thin.tolist(), strict=True)
    ]
    return status, [float(base) + monitor.lowest for base in readings.base]


def _unjudged(table: Table, group: int) -> tuple[list[Status], list[float | None]]:
    values = table.value[group]
    return ["insufficient_data" if np.isnan(value) else "ok" for value in values], [None] * len(values)


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _reason(status: Status, value: float | None, threshold: float | None, samples: int) -> str:
    if value is None:
        return "no value: there are no samples to compare"
    if threshold is None:
        return "measured; no threshold is set"
    if status == "insufficient_data":
        return f"{samples} samples leave an interval wider than the threshold {threshold:g}"
    if status == "ok":
        return f"the bound is not past the threshold {threshold:g}"
    return f"the whole interval is past the {status} threshold"
