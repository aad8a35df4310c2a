"""Time zones as plain numbers: the same local time as the table of time zones gives."""

from __future__ import annotations

import datetime as dt
import zoneinfo

import numpy as np
import pytest

from stream.config.zones import changed_since, known, release, zone_of
from windows.references.pace import DAY, HOUR
from windows.references.seasons import SeasonClock, Zone

START = 1_767_225_600_000
"""2026-01-01."""
NAMES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Africa/Casablanca")


@pytest.mark.parametrize("name", NAMES)
def test_local_time_is_that_of_the_table(name: str) -> None:
    """At random moments of ten years, and to the second around every change."""
    zone = zone_of(name, START, START + 300 * DAY)
    rng = np.random.default_rng(3)
    edges = [at + by for at in zone.instants if at < START + 3_650 * DAY for by in (-1_000, 0, 1_000)]
    times = np.array([*(START + rng.integers(0, 3_650 * DAY // 1_000, 400) * 1_000).tolist(), *edges], dtype=np.int64)
    table = zoneinfo.ZoneInfo(name)
    expected = [
        int(dt.datetime.fromtimestamp(at // 1_000, table).replace(tzinfo=dt.UTC).timestamp()) * 1_000
        for at in times.tolist()
    ]
    assert zone.local(times).tolist() == expected


@pytest.mark.parametrize("name", ["Europe/Berlin", "America/New_York", "Asia/Kolkata"])
def test_hours_of_the_week_follow_the_clocks(name: str) -> None:
    """A local Monday at nine is one before and after the change of the clocks."""
    clock = SeasonClock(zone_of(name, START, START + DAY), tuple(range(168)))
    for day in range(0, 365, 7):
        moment = dt.datetime(2026, 1, 5, 9, 30, tzinfo=zoneinfo.ZoneInfo(name)) + dt.timedelta(days=day)
        assert clock.classes_of(np.array([int(moment.timestamp()) * 1_000])).tolist() == [9]


def test_the_clocks_of_two_continents_change_weeks_apart() -> None:
    """The offsets of Berlin and New York move on the days that the law says."""
    for name, days in (
        ("Europe/Berlin", ["2026-03-29", "2026-10-25"]),
        ("America/New_York", ["2026-03-08", "2026-11-01"]),
    ):
        zone = zone_of(name, START, START + 300 * DAY)
        found = [dt.datetime.fromtimestamp(at / 1e3, dt.UTC).date().isoformat() for at in zone.instants[:2]]
        assert found == days


def test_unknown_zones_are_refused() -> None:
    """A name of no table, and one that is a path out of it."""
    assert [known(name) for name in ("UTC", "Mars/Olympus", "../etc/passwd", "")] == [True, False, False, False]
    with pytest.raises(ValueError, match="Mars"):
        zone_of("Mars/Olympus", START, START)


def test_another_table_is_noticed() -> None:
    """A reference with other clock changes than this machine's table has."""
    zone = zone_of("Europe/Berlin", START, START + DAY)
    moved = Zone(zone.name, tuple(at + HOUR for at in zone.instants), zone.offsets)
    assert not changed_since(zone, START, START + DAY)
    assert changed_since(moved, START, START + DAY)
    assert not changed_since(Zone("Gone/Away", (), (0,)), START, START + DAY)
    assert release() == "" or release()[:2] == "20"


def test_panes_must_lie_within_an_hour() -> None:
    """Half an hour suits Kolkata and not Kathmandu; two hours suit nobody."""
    for name, pane, suits in (
        ("Asia/Kolkata", 1_800_000, True),
        ("Asia/Kathmandu", 1_800_000, False),
        ("Asia/Kathmandu", 900_000, True),
        ("UTC", HOUR, True),
        ("UTC", 2 * HOUR, False),
    ):
        assert SeasonClock(zone_of(name, START, START), (0,) * 168).suits(pane) is suits
