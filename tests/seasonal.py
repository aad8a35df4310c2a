"""Rows of a model whose users live by a clock: days, nights and weekends of a time zone differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from operators.plans.measures import Plan
from operators.predictions.measure import Measure, MeasureConfig
from operators.predictions.ring import WindowTotals
from windows.panes import Window
from windows.predictions.columns import Columns
from windows.predictions.fold import binning_of, fold
from windows.predictions.layout import layout_of

if TYPE_CHECKING:
    from operators.tables import Table
    from windows.arrays import IntArray
    from windows.predictions.layout import Layout
    from windows.references.reference import Reference

PANE = 900_000
PLAN = Plan(features=("psi", "ks", "js"), prediction=("ks",), quality=True)

BEGIN = pd.Timestamp("2026-03-02", tz="UTC")
"""A Monday four weeks before the clocks of Berlin change, and six days before those of New York do."""


def planted(hours: IntArray) -> IntArray:
    """The class that an hour of the week was planted in: night, day, night of a weekend, day of one."""
    day = (hours % 24 >= 8) & (hours % 24 < 20)
    found: IntArray = day.astype(np.int64) + 2 * (hours // 24 >= 5)
    return found


def local_hours(times: IntArray, zone: str) -> IntArray:
    """The local hour of the week of times (ms), by pandas and the table of time zones."""
    local = pd.DatetimeIndex(pd.to_datetime(times, unit="ms", utc=True)).tz_convert(ZoneInfo(zone))
    return np.asarray(local.day_of_week * 24 + local.hour, dtype=np.int64)


def seasonal_rows(
    rows: int,
    zone: str = "Europe/Berlin",
    *,
    days: int = 28,
    begin: pd.Timestamp = BEGIN,
    shifts: tuple[float, ...] = (0.0, 1.0, 0.5, -1.0),
    seed: int = 0,
) -> dict[str, Any]:
    """Columns in the order of time: `x` moves with its class of hours, `steady` with none, `site` is a segment."""
    rng = np.random.default_rng(seed)
    start = int(begin.timestamp() * 1e3)
    times = np.sort(start + rng.integers(0, days * 86_400_000, rows))
    shift = np.array(shifts)[planted(local_hours(times, zone))]
    x = rng.standard_normal(rows) + shift
    return {
        "timestamp": times.astype("datetime64[ms]"),
        "x": x,
        "steady": rng.standard_normal(rows),
        "kind": np.where(rng.random(rows) < 0.3, "a", "b"),
        "site": np.where(rng.random(rows) < 0.9, "main", "side"),
        "prediction": 1 / (1 + np.exp(-x)),
    }


def times_of(columns: dict[str, Any]) -> IntArray:
    """Times of rows, ms."""
    return np.asarray(columns["timestamp"].astype(np.int64), dtype=np.int64)


def columns_of(layout: Layout, rows: dict[str, Any], times: IntArray) -> Columns:
    """Rows as decoding would hand them to the fold."""
    kinds = {name: number for number, name in enumerate(layout.categorical[0].profile.categories)}  # type: ignore[union-attr]
    sites = list(layout.segments[0][1])
    count = len(times)
    return Columns(
        panes=times // PANE,
        versions=("1",),
        version=np.zeros(count, dtype=np.int64),
        numeric=np.stack([rows[field.name] for field in layout.numeric]),
        categorical=np.array([[kinds[kind] for kind in rows["kind"]]], dtype=np.int64),
        segments=np.array([[sites.index(site) for site in rows["site"]]], dtype=np.int64),
        latency=np.full(count, np.nan),
        failed=None,
    )


def vectors_of(layout: Layout, rows: dict[str, Any], batches: int = 1) -> dict[tuple[str, str], IntArray]:
    """All rows in one window, folded in so many batches."""
    times = times_of(rows)
    total: dict[tuple[str, str], IntArray] = {}
    for part in np.array_split(np.random.default_rng(batches).permutation(len(times)), batches):
        mine = {name: values[part] for name, values in rows.items()}
        for (_, version, segment), vector in fold(
            binning_of(layout, PANE), columns_of(layout, mine, times[part])
        ).items():
            key = (version, segment)
            total[key] = vector if key not in total else total[key] + vector
    return total


def measured(reference: Reference, rows: dict[str, Any], size: int, batches: int = 1) -> dict[str, Table]:
    """The tables of a window that holds these rows."""
    layout = layout_of(reference, ("site",))
    totals = WindowTotals("m", Window(size, size), 0, vectors_of(layout, rows, batches), None)
    logic = Measure(MeasureConfig(layout, reference, 1e-6, {size: PLAN}))
    return {f"{table.kind}/{table.metric}": table for table in logic(totals).tables}
