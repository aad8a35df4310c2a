"""The pace of a reference: expectations by hour of the week against a plain sum over hours."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from windows.references.pace import DAY, HOUR, Pace, Rhythm

WEEK = 7 * DAY
MONDAY = int(datetime(2026, 3, 2, tzinfo=UTC).timestamp() * 1000)


def pace(weeks: int, seed: int = 1) -> Pace:
    """Rows that depend on the hour of the week."""
    hours = np.random.default_rng(seed).integers(0, 400, 168)
    return Pace(tuple(hours.tolist()), weeks * WEEK)


def slow(rhythm: Rhythm, begin: int, end: int) -> float:
    """The sum over hours, minute by minute."""
    minutes = np.arange(begin, end, 60_000)
    hours = [(datetime.fromtimestamp(at / 1000, UTC).weekday() * 24 + at // HOUR % 24) for at in minutes.tolist()]
    return float(rhythm.rates[hours].sum() / 60)


@pytest.mark.parametrize(("begin", "length"), [(0, 3 * HOUR), (13 * HOUR, 2 * DAY), (6 * DAY, 9 * DAY)])
def test_expectations_add_up_hour_by_hour(begin: int, length: int) -> None:
    """Across midnight, the end of the week, and more than a week, as datetime counts weekdays."""
    rhythm = Rhythm(pace(10))
    begin += MONDAY
    assert rhythm.expected(begin, begin + length) == pytest.approx(slow(rhythm, begin, begin + length), rel=1e-9)


@pytest.mark.parametrize("rows", [0.5, 20.0, 3_000.0, 50_000.0])
def test_until_is_the_inverse_of_expected(rows: float) -> None:
    """So many rows are expected until then, and no fewer."""
    rhythm, begin = Rhythm(pace(10)), MONDAY + 5 * DAY + 1_234_567
    end = rhythm.until(begin, rows)
    assert rhythm.expected(begin, int(end)) == pytest.approx(rows, abs=1e-3)


def test_a_short_reference_tells_hours_of_the_day_or_none_apart() -> None:
    """One day: one rate for all. A week: the same rate at one hour of every day. Two weeks: each hour its own."""
    hours = np.zeros(168, dtype=np.int64)
    hours[9] = 1_680
    for span, distinct in ((DAY, 1), (WEEK, 2), (2 * WEEK, 2)):
        rates = Rhythm(Pace(tuple(hours.tolist()), span)).rates
        assert len(np.unique(rates.round(6))) == distinct
        assert (rates == rates.max()).sum() == {DAY: 168, WEEK: 7, 2 * WEEK: 1}[span]


def test_thin_hours_are_not_believed_to_the_letter() -> None:
    """An hour in which by chance nothing came in two weeks of 100 a day is not an hour without traffic."""
    hours = np.full(168, 8)
    hours[3] = 0
    assert Rhythm(Pace(tuple(hours.tolist()), 2 * WEEK)).rates[3] > 0


def test_rows_a_day() -> None:
    """All rows over the span."""
    assert pace(4).per_day == pytest.approx(sum(pace(4).hours) / 28)


def test_two_paces_are_one() -> None:
    """Rows and spans add up; the longest silences and runs of either are kept."""
    one = Pace(tuple([1] * 168), WEEK, (9.0, 3.0), {"a": 4, "b": 1})
    other = Pace(tuple([2] * 168), 2 * WEEK, (5.0, 4.0), {"a": 2, "c": 7})
    both = one + other
    assert both == Pace(tuple([3] * 168), 3 * WEEK, (9.0, 5.0), {"a": 4})
