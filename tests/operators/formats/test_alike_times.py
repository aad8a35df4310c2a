"""Times of a column that are all written alike are read at once, and to the same bits as one by one."""

from __future__ import annotations

import datetime as dt
import json
import random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.formats.schema import Timestamp
from operators.formats.times import alike_milliseconds, milliseconds_of
from operators.intake.table_columns import Lists

IMPOSSIBLE = (
    *("2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-01-00T00:00:00Z"),
    *("2026-01-01T24:00:00Z", "2026-01-01T29:00:00Z", "2026-01-01T30:00:00Z", "2026-01-01T00:60:00Z"),
    *("2026-01-01T00:00:60Z", "2026-01-01 00:00:00Z", "2026-01-01t00:00:00Z", "2026-01-01T00:00:00z"),
    *("2026-01-01T00:00:0/Z", "2026-01-01T00:00:0:Z", "2026-01-01T00:00:0\u0663Z", "2026-01-01T00:00:00\u00e9"),
    *("1969-12-31T23:59:59Z", "9999-12-31T23:59:59Z", "2026-W01-1T00:00:00Z", "20260101T0000000000Z"),
    *("2026-01-01T00:00:00.Z", "2026-01-01T00:00:00,1Z", "2026-01-01T00:00:00.1234567Z", "2026-01-01T00:00:00+00"),
    *("2026-01-01T00:00:00.1+Z", "2026-01-02T00:00:00Z", "", "Z"),
)
"""Or not of the same day as the time beside it."""


@settings(max_examples=200)
@given(
    day=st.dates(dt.date(1970, 1, 1), dt.date(2199, 12, 31)),
    micros=st.lists(st.integers(0, 86_400_000_000 - 1), min_size=1, max_size=20),
    digits=st.integers(0, 6),
)
def test_times_of_a_day_are_those_of_datetime(day: dt.date, micros: list[int], digits: int) -> None:
    """Every day from 1970 to 2199, with up to six digits of a second: the same floats."""
    begun = dt.datetime.combine(day, dt.time())
    texts = [(begun + dt.timedelta(microseconds=one)).isoformat(timespec="microseconds") for one in micros]
    texts = [text[: 20 + digits if digits else 19] + "Z" for text in texts]
    found = alike_milliseconds(texts)
    assert found is not None
    assert found.tobytes() == milliseconds_of(msgspec.convert(texts, list[Timestamp])).tobytes()


@pytest.mark.parametrize("odd", IMPOSSIBLE, ids=ascii)
@pytest.mark.parametrize("first", [False, True])
def test_what_is_written_otherwise_is_left_to_others(odd: str, first: bool) -> None:
    """Beside a usual one of the first of January, in front of it or behind."""
    usual = "2026-01-01T00:00:00Z"
    assert alike_milliseconds([odd, usual] if first else [usual, odd]) is None


def test_lengths_that_only_add_up() -> None:
    """The texts together may look usual while neither of them is."""
    assert alike_milliseconds(["2026-01-01T00:00:00Z2", "026-01-01T00:00:00Z"]) is None


NUMBERS = ("1", "2.5", "-0", "-0.0", "null", "1e3", "9007199254740993", "18446744073709551616", "1" + "0" * 400)
ODD = ("true", "false", '"1"', '"true"', "[1]", "{}")


@settings(max_examples=200)
@given(seed=st.integers(0, 2**32), count=st.integers(1, 12), share=st.sampled_from([0.0, 0.1]))
def test_numbers_of_a_column_are_those_of_its_rows(seed: int, count: int, share: float) -> None:
    """Truth values, texts, and numbers that no float holds are left to whoever reads row by row."""
    rng = random.Random(seed)
    parts = [rng.choice(ODD if rng.random() < share else NUMBERS[: rng.choice((4, 9))]) for _ in range(count)]
    whole = [None if part == "null" else float(json.loads(part)) for part in parts if part in NUMBERS[:-1]]
    table = Lists(f'{{"n":[{",".join(parts)}],"at":[{",".join(map(str, range(count)))}]}}'.encode())
    if len(whole) < count:
        with pytest.raises((ValueError, OverflowError)):
            table.numbers(("n",))
        return
    found = table.numbers(("n",))
    assert found is not None
    assert [None if value != value else value for value in found.tolist()] == whole  # noqa: PLR0124
