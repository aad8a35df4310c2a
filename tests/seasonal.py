"""Rows of a model whose users live by a clock: days, nights and weekends of a time zone differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from windows.arrays import IntArray

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
