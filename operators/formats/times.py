"""Event times: what records give as `timestamp`, as milliseconds since the epoch."""

from __future__ import annotations

import datetime as dt
import re
from bisect import bisect_right
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from windows.arrays import BoolArray, FloatArray, IntArray

EARLIEST, LATEST = 946_684_800_000, 253_402_300_799_999
"""Years 2000 and 9999 in epoch milliseconds. Seconds taken for milliseconds give a date in January 1970."""

_timestamp = attrgetter("timestamp")
_zone = attrgetter("tzinfo")
_LARGEST = 1 << 63

UNIT_BOUNDS = (1e8, 1e11, 1e14, 1e17)
"""Epoch times below the first are milliseconds of the first day; from it on seconds, then milli-, micro- and
nanoseconds: each reaches from the year 1973 to 5138, so their sizes do not overlap."""
_TO_MILLISECONDS = np.array([1.0, 1e3, 1.0, 1e-3, 1e-6])

_NAMED_ZONE = re.compile(r"\[[\w/+-]+\]$")
_SPELLED_OUT = re.compile(r" ?(UTC|GMT|[zZ])$")
_SPACED = re.compile(r" (?=[+-]\d{2}:?\d{0,2}$)")
_DIGITS = re.compile(r"\d+")

_USUAL = re.compile(r"(?P<day>\d{4}-\d\d-\d\d)T\d\d:\d\d:\d\d(\.\d{1,6})?Z", re.ASCII)
_MOST_OVER = np.frombuffer(bytes(11) + b"\x02\x09\x00\x05\x09\x00\x05\x09\x00" + b"\x09" * 6 + b"\x00", np.uint8)
"""By how much the characters of a usual time may be above those of the day's beginning; the last is the Z."""

_MICROSECONDS = np.array(
    [0] * 11 + [36e9, 36e8, 0, 6e8, 6e7, 0, 1e7, 1e6, 0] + [10.0**power for power in range(5, -1, -1)] + [0]
)
"""What one more of each is worth."""

_DAY = 86_400e6
_EPOCH = dt.date(1970, 1, 1)
_EXACT = range(1970, 2200)
"""Years whose microseconds are floats to the last digit."""


def moment_of(text: str) -> dt.datetime | None:
    """The time that a text is, as writers have it that keep to ISO 8601 more loosely than RFC 3339; None for none.

    Java leaves out seconds that are 0 and puts the zone's name in brackets behind the offset, PostgreSQL writes +00,
    Ruby and BigQuery " UTC", Log4j a comma before the milliseconds. Without an offset it is UTC. A date is its
    beginning; digits alone are none, for they may be an epoch time.
    """
    found = as_written(text)
    return found if found is None or found.tzinfo is not None else found.replace(tzinfo=dt.UTC)


def as_written(text: str) -> dt.datetime | None:
    """The same; one without an offset has none."""
    plain = _NAMED_ZONE.sub("", text.strip())
    if _DIGITS.fullmatch(plain):
        return None
    plain = _SPACED.sub("", _SPELLED_OUT.sub("+00:00", plain))
    try:
        return dt.datetime.fromisoformat(plain)
    except ValueError:
        return None


def alike_milliseconds(texts: Sequence[str]) -> FloatArray | None:
    """Times of one day, all written as 2026-09-21T14:13:20Z, or with as many digits of a second, in ms: float64[n].

    None where one is anything else, an impossible time too: whoever reads them one by one decides about those.
    """
    first = _USUAL.fullmatch(texts[0])
    if first is None or set(map(len, texts)) != {len(texts[0])} or not (joined := "".join(texts)).isascii():
        return None
    try:
        day = dt.date.fromisoformat(first["day"])
    except ValueError:
        return None
    size = len(texts[0])
    marks = np.frombuffer(joined.encode(), np.uint8).reshape(len(texts), size)
    over = marks - np.frombuffer(f"{day}T00:00:00.000000"[: size - 1].encode() + b"Z", np.uint8)
    if (over > _MOST_OVER[np.r_[: size - 1, -1]]).any():  # what is below wraps
        return None
    within = over @ _MICROSECONDS[np.r_[: size - 1, -1]]
    if within.max() >= _DAY or day.year not in _EXACT:
        return None
    micros: FloatArray = (day - _EPOCH).days * _DAY + within
    return micros / 1e6 * 1e3  # as `datetime.timestamp` does, to the last digit


def epoch_milliseconds(given: FloatArray) -> FloatArray:
    """Epoch times in any unit as milliseconds: float64[n] to float64[n], NaN stays NaN."""
    sizes = np.abs(given)
    with np.errstate(over="ignore"):
        found: FloatArray = given * _TO_MILLISECONDS[_units(sizes)]
    return found


def _units(sizes: FloatArray) -> IntArray | int:
    """The unit of each time: an index, or one for all where they are of one, as nearly all are."""
    if len(sizes):
        least, largest = bisect_right(UNIT_BOUNDS, sizes.min()), bisect_right(UNIT_BOUNDS, sizes.max())
        if least == largest < len(UNIT_BOUNDS) and sizes.max() >= 0:  # not so where one is NaN
            return least
    return np.digitize(sizes, UNIT_BOUNDS)


def timestamps_of(records: list[Any], written: IntArray) -> tuple[IntArray, BoolArray | None]:
    """Event time of each record in ms (`written` where it has none), and which are out of range (None: none).

    Args:
        records: n decoded predictions.
        written: int64[n], when each was written, ms.
    """
    return stamps_of(milliseconds_of(list(map(_timestamp, records))), written)


def milliseconds_of(given: Sequence[dt.datetime | float | None]) -> FloatArray:
    """Timestamps in ms since the epoch: float64[n], see `milliseconds`."""
    kinds = set(map(type, given))
    if kinds == {dt.datetime} and None not in set(map(_zone, given)):
        found: FloatArray = np.fromiter(map(dt.datetime.timestamp, given), np.float64, len(given)) * 1e3  # type: ignore[arg-type]
        return found
    if kinds == {int} and min(given) >= -_LARGEST and max(given) <= _LARGEST:  # type: ignore[type-var,operator]
        return epoch_milliseconds(np.fromiter(given, np.float64, len(given)))
    return np.fromiter(map(milliseconds, given), np.float64, len(given))


def stamps_of(stamps: FloatArray, written: IntArray) -> tuple[IntArray, BoolArray | None]:
    """Event times, `written` where there is none, and which are out of range (None: none).

    Args:
        stamps: float64[n], ms, NaN for none; changed in place.
        written: int64[n], when each was written, ms.
    """
    if len(stamps) and stamps.min() >= EARLIEST and stamps.max() <= LATEST:  # not so where one is NaN
        return np.rint(stamps).astype(np.int64), None
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
    """A timestamp in ms since the epoch; NaN for none, infinite for a number that no float holds.

    A time without an offset is UTC, as in files of rows.
    """
    if value is None:
        return np.nan
    if isinstance(value, dt.datetime):
        return (value if value.tzinfo is not None else value.replace(tzinfo=dt.UTC)).timestamp() * 1e3
    try:
        number = float(value)
    except OverflowError:  # JSON integers have no bound
        return np.inf
    if np.isnan(number):
        return np.inf
    return number * float(_TO_MILLISECONDS[bisect_right(UNIT_BOUNDS, abs(number))])
