"""How long nothing may come before it is told."""

from __future__ import annotations

import math

import numpy as np
import pytest

from operators.judging.patience import FIRST, LONGEST_GUESS, SHORTEST, SilenceConfig, silence_of, silent_at
from windows.references.pace import HOUR, Pace
from windows.statistics.gaps import Gaps

DAY, WEEK = 24 * HOUR, 7 * 24 * HOUR
MONDAY = 4 * DAY
"""1970-01-05."""
BUDGET = 0.05


def gaps_of(times: np.ndarray, pane: int = 10_000) -> Gaps:
    """The gaps of panes with data."""
    found = Gaps()
    for start in sorted({int(time) // pane * pane for time in times.tolist()}):
        found.see(start, start + pane)
    return found


def office(weeks: int = 8, a_day: int = 900) -> Pace:
    """A model that is used from 9 to 17 from Monday to Friday."""
    hours = [a_day * weeks // 8 if day < 5 and 9 <= hour < 17 else 0 for day in range(7) for hour in range(24)]
    return Pace(tuple(hours), weeks * WEEK, quiet=tuple([12.0] * 9))


@pytest.mark.parametrize("after", [1, 8_000, 120_000])
def test_the_users_word_stands(after: int) -> None:
    """A limit that was written holds to the millisecond, whatever the pace says."""
    config = silence_of(after, office(), BUDGET)
    assert silent_at(config, MONDAY, Gaps(), ever=True) == MONDAY + after


def test_a_weekend_is_no_silence_and_noon_is() -> None:
    """From Friday at five nothing is told until Monday morning; at noon ten minutes are enough."""
    config = silence_of(None, office(), BUDGET)
    friday = MONDAY + 4 * DAY + 17 * HOUR
    assert MONDAY + WEEK + 9 * HOUR < silent_at(config, friday, Gaps(), ever=True) < MONDAY + WEEK + 10 * HOUR
    noon = MONDAY + 12 * HOUR
    assert noon + SHORTEST < silent_at(config, noon, Gaps(), ever=True) < noon + 30 * 60_000


def test_dense_traffic_is_told_after_two_minutes() -> None:
    """At 1,000 a second twenty predictions are overdue at once, and a restart takes a while."""
    dense = Pace(tuple([3_600_000 * 4] * 168), 4 * WEEK, quiet=tuple([0.0] * 65))
    assert silent_at(silence_of(None, dense, BUDGET), MONDAY, Gaps(), ever=True) == MONDAY + SHORTEST


@pytest.mark.parametrize(("a_day", "days"), [(4_320, 1), (4_320, 30), (100, 60)])
def test_healthy_traffic_without_a_reference_of_time_fires_nothing(a_day: int, days: int) -> None:
    """A day at 3 a minute, which used to page eleven times; a month of it, and two months of 100 a day."""
    rng = np.random.default_rng(a_day + days)
    times = np.sort(rng.uniform(0, days * DAY, a_day * days)).astype(np.int64)
    config, gaps, fired = silence_of(None, None, BUDGET), Gaps(), 0
    starts = np.unique(times // 10_000) * 10_000
    for start in starts.tolist():
        if gaps.first is not None:
            fired += start >= silent_at(config, gaps.last, gaps, ever=True)
        gaps.see(start, start + 10_000)
    assert fired == 0


def test_a_stop_is_told_at_any_pace() -> None:
    """After a day of it, traffic of 3 a minute that stops is told within 15 minutes, of 20 a second within two."""
    for a_day, longest in ((4_320, 15 * 60_000), (1_728_000, SHORTEST)):
        times = np.sort(np.random.default_rng(a_day).uniform(0, DAY, a_day))
        gaps = gaps_of(times)
        assert silent_at(silence_of(None, None, BUDGET), gaps.last, gaps, ever=True) - gaps.last <= longest


def test_nothing_at_all_is_told_after_an_hour_where_no_pace_is_known() -> None:
    """Nothing came and the reference has no timestamps: an hour, for a prediction an hour may be all there is."""
    assert silent_at(silence_of(None, None, BUDGET), 0, Gaps(), ever=False) == FIRST


def test_after_one_record_patience_is_bounded() -> None:
    """One pane with data says hardly anything: a day or so, and never more than a week."""
    gaps = gaps_of(np.array([0]), pane=DAY)
    assert silent_at(silence_of(None, None, BUDGET), gaps.last, gaps, ever=True) == gaps.last + LONGEST_GUESS


def test_a_pace_that_says_nothing_falls_back_to_live_gaps() -> None:
    """A reference of a few rows has no tail of gaps: infinitely many rows are due, so the live traffic is asked."""
    config = silence_of(None, Pace(tuple([1] * 168), 1_000, quiet=(1.0,)), BUDGET)
    assert math.isinf(config.rows)
    assert silent_at(config, 0, Gaps(), ever=False) == FIRST


def test_the_limit_is_a_whole_number_of_milliseconds() -> None:
    """Times are integers everywhere."""
    assert isinstance(silent_at(silence_of(None, office(), BUDGET), MONDAY + 1, Gaps(), ever=True), int)
    assert SilenceConfig(5).after == 5
