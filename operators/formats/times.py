"""Event times: what records give as `timestamp`, as milliseconds since the epoch."""

from __future__ import annotations

import datetime as dt
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from windows.arrays import BoolArray, IntArray

EARLIEST, LATEST = 946_684_800_000, 253_402_300_799_999
"""Years 2000 and 9999 in epoch milliseconds. Seconds taken for milliseconds give a date in January 1970."""

_timestamp = attrgetter("timestamp")


def timestamps_of(records: list[Any], written: IntArray) -> tuple[IntArray, BoolArray | None]:
    """Event time of each record in ms (`written` where it has none), and which are out of range (None: none).

    Args:
        records: n decoded predictions.
        written: int64[n], when each was written, ms.
    """
    given = list(map(_timestamp, records))
    kinds = set(map(type, given))
    if kinds == {dt.datetime}:
        stamps = np.fromiter(map(dt.datetime.timestamp, given), np.float64, len(given)) * 1e3
    elif kinds == {int} and min(given) >= -LATEST and max(given) <= LATEST:
        stamps = np.fromiter(given, np.float64, len(given))
    else:
        stamps = np.fromiter(map(milliseconds, given), np.float64, len(given))
    absent = np.isnan(stamps)
    odd = np.where(absent, written < EARLIEST, (stamps < EARLIEST) | (stamps > LATEST))
    stamps[absent | odd] = 0.0
    found = np.where(absent, written, np.rint(stamps).astype(np.int64))
    return found, (odd if odd.any() else None)


def stamps_in_range(given: Sequence[dt.datetime | float | None]) -> BoolArray:
    """Which of n timestamps are absent or between EARLIEST and LATEST: bool[n]."""
    stamps = np.fromiter(map(milliseconds, given), np.float64, len(given))
    fits: BoolArray = np.isnan(stamps) | ((stamps >= EARLIEST) & (stamps <= LATEST))
    return fits


def milliseconds(value: dt.datetime | float | None) -> float:
    """A timestamp in ms since the epoch; NaN for none, infinite for a number that no float holds."""
    if value is None:
        return np.nan
    if isinstance(value, dt.datetime):
        return value.timestamp() * 1e3
    try:
        return float(value)
    except OverflowError:  # JSON integers have no bound
        return np.inf
