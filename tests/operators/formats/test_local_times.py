"""Local times become moments as Python's zoneinfo and pandas have it, where clocks change as on any other day."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from operators.formats.local_times import local_clock

ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Africa/Casablanca", "UTC")
EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - clocks on a wall
MILLISECOND = dt.timedelta(milliseconds=1)


def oracle(wall: int, zone: str) -> int:
    """By zoneinfo, one by one."""
    moment = (EPOCH + wall * MILLISECOND).replace(tzinfo=ZoneInfo(zone))
    return (moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // MILLISECOND


@pytest.mark.parametrize("zone", ZONES)
def test_every_local_time_is_that_of_zoneinfo(zone: str) -> None:
    """Each quarter of an hour of some years, a millisecond before and after; times before and beyond all tables."""
    years = [(pd.Timestamp(f"{year}-01-01").value, pd.Timestamp(f"{year + 1}-01-01").value) for year in (1996, 2026)]
    quarters = [np.arange(first // 10**6, last // 10**6, 900_000) for first, last in years]
    far = [-5_000_000_000_000, 0, 4_102_444_800_000, 7_000_000_000_000, 250_000_000_000_000]
    walls = np.concatenate([*quarters, *(one - 1 for one in quarters), np.array(far)]).astype(np.int64)
    found = local_clock(zone).moments(walls)
    assert found.tolist() == [oracle(at, zone) for at in walls.tolist()]
    assert (local_clock(zone).moments(walls * 1_000 + 7, 1_000) == found * 1_000 + 7).all()


def test_an_hour_that_comes_twice_is_the_first_and_one_that_is_skipped_moves_on() -> None:
    """As pandas has it where it is told so."""
    for day in ("2026-03-29", "2026-10-25"):
        walls = pd.date_range(day, periods=1_440, freq="min")
        aware = walls.tz_localize("Europe/Berlin", ambiguous=np.ones(1_440, bool), nonexistent=pd.Timedelta("1h"))
        found = local_clock("Europe/Berlin").moments(walls.as_unit("ms").asi8)
        assert found.tolist() == aware.as_unit("ms").asi8.tolist()


def test_only_times_without_an_offset_are_placed() -> None:
    """All others are what they are."""
    naive, aware = dt.datetime(2026, 3, 29, 2, 30), dt.datetime(2026, 3, 29, 2, 30, tzinfo=dt.UTC)  # noqa: DTZ001
    found = local_clock("Europe/Berlin").placed([naive, aware, None, 1_790_000_000_000, 1.5, "x"])
    assert [one.astimezone(dt.UTC).isoformat() for one in found[:2]] == [
        "2026-03-29T01:30:00+00:00",
        "2026-03-29T02:30:00+00:00",
    ]
    assert found[2:] == [None, 1_790_000_000_000, 1.5, "x"]
