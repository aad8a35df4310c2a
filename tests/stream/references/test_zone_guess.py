"""Whose clocks rows follow is told by the hours at which they come, or not at all."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from seasonal import local_hours

from stream.references.hour_volumes import HourVolumes
from stream.references.zone_guess import CANDIDATES, Guess, guess_zone

HOUR = 3_600_000
SHAPE = 2.0 + np.sin((np.arange(24) - 8) / 24 * 2 * np.pi) + (np.arange(24) > 6)
"""How busy each hour of a day is."""


def times(zone: str, days: int, daily: float, seed: int, begin: str = "2025-01-06") -> np.ndarray:
    """Times (ms) of rows whose users live by the clocks of a zone; Sundays have half of them and begin late."""
    start = int(pd.Timestamp(begin, tz="UTC").timestamp() * 1e3)
    hours = start + np.arange(days * 24) * HOUR
    local = local_hours(hours, zone)
    busy = np.where(local // 24 == 6, 0.5 * np.roll(SHAPE, 2)[local % 24], SHAPE[local % 24])
    rng = np.random.default_rng(seed)
    counts = rng.poisson(busy / SHAPE.sum() * daily)
    found: np.ndarray = np.repeat(hours, counts) + rng.integers(0, HOUR, counts.sum())
    return found


def guess(found: np.ndarray, parts: int = 1) -> Guess | None:
    """Of rows that come in so many parts, in any order."""
    volumes = HourVolumes()
    for part in np.array_split(np.random.default_rng(1).permutation(found), parts):
        volumes.add(part)
    return guess_zone(volumes)


@pytest.mark.parametrize("daily", [300, 5_000])
@pytest.mark.parametrize("zone", CANDIDATES)
def test_a_year_tells_whose_clocks_it_follows(zone: str, daily: int) -> None:
    """Of each rule the right one, whether rows come in order or not."""
    found = guess(times(zone, 365, daily, seed=daily), parts=3)
    assert found is not None
    assert found.zone == zone
    assert found.days == 365


@pytest.mark.parametrize(("zone", "rule"), [("Europe/London", "Europe/Berlin"), ("America/Denver", "America/New_York")])
def test_a_zone_that_changes_with_another_is_told_as_that(zone: str, rule: str) -> None:
    """Hours of one are hours of the other, so that nothing depends on which it is."""
    found = guess(times(zone, 365, 2_000, seed=4))
    assert found is not None
    assert found.zone == rule


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "Africa/Lagos"])
def test_where_clocks_do_not_change_nothing_is_told(zone: str) -> None:
    """Not once in forty years."""
    assert [guess(times(zone, 365, 300, seed)) for seed in range(40)] == [None] * 40


def test_hours_that_are_alike_tell_nothing() -> None:
    """As many rows by night as by day."""
    rng = np.random.default_rng(3)
    start = int(pd.Timestamp("2025-01-06", tz="UTC").timestamp() * 1e3)
    assert guess(start + rng.integers(0, 365 * 24 * HOUR, 400_000)) is None


@pytest.mark.parametrize(("begin", "days"), [("2025-04-07", 150), ("2025-03-25", 180), ("2025-01-06", 30)])
def test_too_few_days_on_one_side_tell_nothing(begin: str, days: int) -> None:
    """Between changes, with a week before the first, and with a month in all."""
    assert guess(times("Europe/Berlin", days, 5_000, 5, begin)) is None


def test_one_wrong_time_does_not_cost_a_century_of_memory() -> None:
    """A row of 1970 among those of a year is left aside."""
    volumes = HourVolumes()
    volumes.add(times("Europe/Berlin", 365, 300, 6))
    size = len(volumes.counts)
    volumes.add(np.array([0]))
    assert len(volumes.counts) == size
    found = guess_zone(volumes)
    assert found is not None
    assert found.zone == "Europe/Berlin"
