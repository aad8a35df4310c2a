"""Times of rows: every form that a topic takes, and those of files."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from operators.formats.times import timestamps_of
from stream.errors import UsageError
from stream.rows.times import milliseconds

MOMENT = datetime(2026, 11, 20, 0, 6, 39, 123_000, tzinfo=UTC)
EPOCH = int(MOMENT.timestamp() * 1_000)
TEXTS = [
    MOMENT.isoformat(),
    MOMENT.isoformat().replace("+00:00", "Z"),
    MOMENT.astimezone(timezone(timedelta(hours=5, minutes=30))).isoformat(),
    "2026-11-20T00:06:39.123Z",
    "2026-11-20T00:06:39.123000789Z",
    "2026-11-20T00:06:39.123000000000123+00:00",
    "2026-11-20 00:06:39.123",
    "2026-11-20T00:06:39.123000",
    "2026-11-20 00:06:39.123 UTC",
    str(EPOCH),
    f"{EPOCH / 1000:.3f}",
]


def _times(array: pa.Array) -> list[int | None]:
    times, known = milliseconds(array, "timestamp")
    return [int(time) if is_known else None for time, is_known in zip(times, known, strict=True)]


@pytest.mark.parametrize("text", TEXTS)
def test_a_moment_in_text(text: str) -> None:
    """RFC 3339 with any number of decimals; without an offset it is UTC; numbers by their size."""
    assert _times(pa.array([text, None])) == [EPOCH, None]


def test_texts_of_several_forms_in_one_column() -> None:
    """Each cell is read as it stands."""
    assert _times(pa.array(TEXTS)) == [EPOCH] * len(TEXTS)


@pytest.mark.parametrize("scale", [1e-3, 1, 1e3, 1e6])
def test_epoch_numbers_are_told_by_their_size(scale: float) -> None:
    """Seconds, milli-, micro- and nanoseconds, in files and topics alike."""
    assert _times(pa.array([EPOCH * scale])) == [EPOCH]

    class Record:
        timestamp: Any = EPOCH * scale

    stamps, odd = timestamps_of([Record()], np.zeros(1, dtype=np.int64))
    assert (stamps.tolist(), odd) == ([EPOCH], None)


def test_a_topic_takes_a_time_without_an_offset_for_utc() -> None:
    """The rule of files, wherever the service runs."""

    class Record:
        timestamp: Any = MOMENT.replace(tzinfo=None)

    stamps, odd = timestamps_of([Record()], np.zeros(1, dtype=np.int64))
    assert (stamps.tolist(), odd) == ([EPOCH], None)


def test_times_before_the_epoch_and_beyond_64_bits_of_nanoseconds() -> None:
    """Dates of birth and of mortgages are times too."""
    found = _times(pa.array(["1931-05-01", "2424-01-01T00:00:00Z"]))
    expected = [datetime(1931, 5, 1, tzinfo=UTC), datetime(2424, 1, 1, tzinfo=UTC)]
    assert found == [int(moment.timestamp() * 1_000) for moment in expected]


def test_few_cells_that_are_no_time_are_none_and_many_are_refused() -> None:
    """One odd cell does not decide over a column of times."""
    assert _times(pa.array([*[TEXTS[0]] * 40, "soon"])) == [*[EPOCH] * 40, None]
    with pytest.raises(UsageError, match=r"'timestamp': not a time: 'soon'.*--timestamp.*--ignore timestamp"):
        milliseconds(pa.array([TEXTS[0], "soon"]), "timestamp")
