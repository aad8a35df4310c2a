"""Times of rows, read as those of a topic are: text is RFC 3339 and more, numbers are epoch times in any unit."""

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from operators.formats.guesses import usually_called
from operators.formats.local_times import local_clock
from operators.formats.times import UNIT_BOUNDS, as_written, epoch_milliseconds
from operators.settings.source import UTC
from stream.errors import UsageError
from stream.rows.arrays import is_text, numbers, plain
from stream.rows.columns import Column
from stream.rows.kinds import NUMBER
from windows.arrays import BoolArray, FloatArray, IntArray

EARLIEST, LATEST = -62_135_596_800_000, 253_402_300_799_999
"""Years 1 and 9999 in epoch milliseconds."""
MOST_ODD = 0.05
"""Of the texts of a column of times, this share may be none: they are counted as no time."""
_TOO_FINE = r"(\.\d{9})\d+"
_SPELLED_OUT = r" ?(UTC|GMT)$"
_TIMELIKE = r"[-:]\d\d"
_DATE = r"^\d{4}-\d{2}-\d{2}$"
_ZONED = r"([zZ]|[+-]\d{2}:?\d{2}|[+-]\d{2})$"


def usual_times(columns: Iterable[Column]) -> list[str]:
    """The columns that hold times and are called as those of predictions often are, the likeliest first."""
    return usually_called("timestamp", [one.name for one in columns if one.kind == "time" and one.origin == "row"])


def other_times(taken: str, found: Iterable[str]) -> str:
    """What to say where several columns could be the times of the rows; empty where one could."""
    others = [f"`{name}`" for name in found if name != taken]
    return f"{', '.join(others)} could hold the times of the rows, too: `{taken}` was taken" if others else ""


def milliseconds(array: pa.Array, column: str, timezone: str = UTC) -> tuple[IntArray, BoolArray]:
    """Times int64[n] in ms since the epoch, and bool[n] where there is one.

    Numbers are seconds, milli-, micro- or nanoseconds since the epoch, by their size. Text is RFC 3339 with any number
    of decimals, or a date. What names no offset is of this zone, as in a topic.

    Raises:
        UsageError: the column holds no times.
    """
    array = plain(array)
    try:
        found = _floats(array, timezone)
    except (pa.ArrowException, ValueError, TypeError) as error:
        raise UsageError(f"column {column!r}: not a time: {str(error).splitlines()[0][:200]}") from None
    present = ~np.isnan(found)
    given = len(array) - array.null_count
    if is_text(array.type) and given - int(present.sum()) > MOST_ODD * given:
        odd = array.filter(pa.array(~present)).drop_null()[0].as_py()
        raise UsageError(
            f"column {column!r}: not a time: {odd[:60]!r}; RFC 3339 or epoch numbers are needed: --timestamp names"
            f" another column, --ignore {column} goes without times"
        )
    _refuse_small(array, found[present], column)
    if np.any((found[present] < EARLIEST) | (found[present] > LATEST)):
        raise UsageError(f"column {column!r}: a time outside the years 1 to 9999; RFC 3339 or epoch numbers are needed")
    return np.where(present, found, 0).astype(np.int64), present


def _refuse_small(array: pa.Array, found: FloatArray, column: str) -> None:
    """Refuse numbers most of which are too small for epoch times of any unit: years, days of Excel, a running number.

    Raises:
        UsageError: with one of them.
    """
    counted = not pa.types.is_timestamp(array.type) and not pa.types.is_date(array.type)
    if is_text(array.type):
        counted = not _like(array, _TIMELIKE).any()
    small = found[np.abs(found) < UNIT_BOUNDS[0]]
    if counted and 2 * len(small) > len(found):
        raise UsageError(
            f"column {column!r}: not a time: {small[0]:.15g} is no number of s, ms, µs or ns since 1970; RFC 3339 or"
            f" epoch numbers are needed: --timestamp names another column, --ignore {column} goes without times"
        )


def _floats(array: pa.Array, timezone: str) -> FloatArray:
    """float64[n], ms; NaN where there is none, or what is there is none."""
    kind = array.type
    if is_text(kind):
        return _of_texts(array.cast(pa.string()), timezone)
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        stamps = array.cast(pa.timestamp("ms", tz=getattr(kind, "tz", None)), safe=False).cast(pa.int64())
        found = np.asarray(stamps.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False), dtype=np.float64)
        return found if getattr(kind, "tz", None) is not None else _moments(found, timezone)
    return epoch_milliseconds(numbers(array))


def _moments(wall: FloatArray, timezone: str) -> FloatArray:
    """Moments of local times, both in ms, NaN where there is none."""
    there = np.isfinite(wall)
    if timezone == UTC or not there.any():
        return wall
    found = wall.copy()
    found[there] = local_clock(timezone).moments(wall[there].astype(np.int64))
    return found


def _of_texts(texts: pa.Array, timezone: str) -> FloatArray:
    trimmed = pc.replace_substring_regex(pc.utf8_trim_whitespace(texts), _TOO_FINE, r"\1")
    trimmed = pc.replace_substring_regex(trimmed, _SPELLED_OUT, "Z")
    numeric, zoned, dated = _like(trimmed, NUMBER), _like(trimmed, _ZONED), _like(trimmed, _DATE)
    found = np.full(len(trimmed), np.nan)
    for mask, zone in ((zoned & ~dated & ~numeric, "UTC"), ((~zoned | dated) & ~numeric, None)):
        if mask.any():
            found[mask] = _cast(trimmed.filter(pa.array(mask)), zone, timezone)
    if numeric.any():
        found[numeric] = epoch_milliseconds(numbers(trimmed.filter(pa.array(numeric))))
    return found


def _like(texts: pa.Array, pattern: str) -> BoolArray:
    return np.asarray(pc.fill_null(pc.match_substring_regex(texts, pattern), fill_value=False), dtype=bool)


def _cast(texts: pa.Array, zone: str | None, timezone: str) -> FloatArray:
    try:
        stamps = texts.cast(pa.timestamp("ns", tz=zone)).cast(pa.timestamp("ms", tz=zone), safe=False).cast(pa.int64())
    except pa.ArrowInvalid:  # some are none, or beyond what 64 bits of nanoseconds hold
        moments = local_clock(timezone).placed([as_written(text or "") for text in texts.to_pylist()])
        return np.array([np.nan if moment is None else moment.timestamp() * 1e3 for moment in moments], np.float64)
    found = np.asarray(stamps.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False), dtype=np.float64)
    return found if zone is not None else _moments(found, timezone)
