"""Plain per-record loops that say what the vectorised code should count."""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from windows.predictions.columns import Columns
from windows.predictions.layout import categories_of
from windows.sketches.profiles import NumericProfile
from windows.sketches.quantiles import LATENCY_BINS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from windows.predictions.fold import GroupKey
    from windows.predictions.layout import Field, Layout


@dataclass(frozen=True)
class Row:
    """One prediction: a value per column of the layout, numbers as floats, categories as text, None where missing."""

    pane: int
    version: str
    values: dict[str, float | str | None]
    segments: tuple[str, ...]
    latency: float | None = None
    failed: bool = False


def columns_of(layout: Layout, rows: Sequence[Row]) -> Columns:
    """The rows as columns."""
    versions = tuple(sorted({row.version for row in rows}))
    numbers = [[_number(row.values.get(field.name)) for row in rows] for field in layout.numeric]
    codes = [[_code(field, row.values.get(field.name)) for row in rows] for field in layout.categorical]
    values = [values for _, values in layout.segments]
    segments = [
        [known.index(row.segments[at]) if row.segments[at] in known else len(known) - 1 for row in rows]
        for at, known in enumerate(values)
    ]
    return Columns(
        panes=np.array([row.pane for row in rows], dtype=np.int64),
        versions=versions,
        version=np.array([versions.index(row.version) for row in rows], dtype=np.int64),
        numeric=np.array(numbers, dtype=np.float64).reshape(len(numbers), len(rows)),
        categorical=np.array(codes, dtype=np.int64).reshape(len(codes), len(rows)),
        segments=np.array(segments, dtype=np.int64).reshape(len(segments), len(rows)),
        latency=np.array([math.nan if row.latency is None else row.latency for row in rows]),
        failed=np.array([row.failed for row in rows]) if any(row.failed for row in rows) else None,
    )


def fold_by_hand(layout: Layout, rows: Sequence[Row]) -> dict[GroupKey, list[int]]:
    """The sketch of every group, one record and one column at a time."""
    sketches: dict[GroupKey, list[int]] = {}
    for row in rows:
        whole = sketches.setdefault((row.pane, row.version, ""), [0] * layout.size)
        if row.failed:
            whole[layout.errors] += 1
            continue
        whole[layout.latency + (LATENCY_BINS if row.latency is None else latency_slot(row.latency))] += 1
        targets = [whole]
        for (key, known), value in zip(layout.segments, row.segments, strict=True):
            name = f"{key}={value if value in known else 'other'}"
            targets.append(sketches.setdefault((row.pane, row.version, name), [0] * layout.segment_size))
        for target in targets:
            _count(layout, row, target)
    return sketches


def _count(layout: Layout, row: Row, target: list[int]) -> None:
    target[layout.rows] += 1
    for field in layout.columns:
        target[field.start + _slot(field, row.values.get(field.name))] += 1
    for at, field in enumerate(layout.numeric):
        for part, term in enumerate(moments(field, _number(row.values.get(field.name)))):
            target[layout.moments + part * len(layout.numeric) + at] += term


def _slot(field: Field, value: float | str | None) -> int:
    if not isinstance(field.profile, NumericProfile):
        return _code(field, value)
    bins, number = len(field.profile.counts), _number(value)
    if math.isnan(number):
        return bins + 2
    if math.isinf(number):
        return bins + 3
    return bisect_right(field.profile.edges.tolist(), number)


def _code(field: Field, value: float | str | None) -> int:
    known = categories_of(field)
    if value is None:
        return len(known) + 1
    return known.index(str(value)) if value in known else len(known)


def moments(field: Field, value: float) -> tuple[int, ...]:
    """The fixed-point terms of a value: rests of d and d^2, multiples of 2^8, of 2^16 and of 2^48, whether too far."""
    if not math.isfinite(value) or not isinstance(field.profile, NumericProfile):
        return 0, 0, 0, 0, 0, 0
    constant = len(field.profile.counts) == 1
    unit = (abs(field.profile.center) or 1.0) if constant else field.profile.scale
    deviation = (value - field.profile.center) / unit
    if abs(deviation) > 2**40:
        return 0, 0, 0, 0, 0, 1
    square = deviation * deviation
    if abs(deviation) <= 256:
        return round(deviation * 2**24), round(square * 2**16), 0, 0, 0, 0
    multiple, top = round(deviation / 256), int(square // 2**48)
    middle = int((square - top * 2**48) // 2**16)
    rest = square - top * 2**48 - middle * 2**16
    return round((deviation - 256 * multiple) * 2**24), round(rest * 2**16), multiple, middle, top, 0


def latency_slot(ms: float) -> int:
    """The slot of a latency, by walking up the edges."""
    if ms > 600_000:
        return LATENCY_BINS - 1
    slot, edge = 0, 0.01
    while ms > edge:
        slot, edge = slot + 1, edge * (1.01 / 0.99)
    return slot


def _number(value: float | str | None) -> float:
    return math.nan if value is None else float(value)


def late_by_hand(timestamps: Sequence[int], lateness: int, pane: int) -> list[bool]:
    """Which records of a partition come too late, one at a time."""
    late, newest = [], None
    for stamp in timestamps:
        late.append(newest is not None and stamp // pane < (newest - lateness) // pane)
        newest = stamp if newest is None else max(newest, stamp)
    return late
