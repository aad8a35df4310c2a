"""Schedules: cron in a time zone, where clocks change twice a year."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from operators.actions.schedule import month_of, next_time
from operators.settings.actions import Schedule


def _ms(text: str) -> int:
    return int(dt.datetime.fromisoformat(text).timestamp() * 1000)


def _times(cron: str, zone: str, after: str, count: int) -> list[str]:
    found, at = [], _ms(after)
    for _ in range(count):
        following = next_time(cron, zone, at)
        assert following is not None
        at = following
        found.append(dt.datetime.fromtimestamp(at / 1000, ZoneInfo(zone)).isoformat())
    return found


def test_the_hour_that_spring_leaves_out() -> None:
    """02:30 does not exist on the last Sunday of March: it comes as soon as the clock has jumped, once."""
    assert _times("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00+01:00", 3) == [
        "2026-03-29T03:00:00+02:00",
        "2026-03-30T02:30:00+02:00",
        "2026-03-31T02:30:00+02:00",
    ]


def test_the_hour_that_autumn_has_twice() -> None:
    """02:30 comes twice on the last Sunday of October, and is met once."""
    assert _times("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00+02:00", 3) == [
        "2026-10-25T02:30:00+02:00",
        "2026-10-26T02:30:00+01:00",
        "2026-10-27T02:30:00+01:00",
    ]


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "Asia/Kolkata", "America/New_York"])
def test_a_week_is_a_week_of_the_wall_clock(zone: str) -> None:
    """Every Monday of a year at two, whatever the clock did; compared with the calendar."""
    begin = dt.datetime(2026, 1, 5, 1, 0, tzinfo=ZoneInfo(zone))
    mondays = [(begin.date() + dt.timedelta(weeks=week)).isoformat() for week in range(52)]
    found = _times("0 2 * * 1", zone, begin.isoformat(), 52)
    assert [time[:16] for time in found] == [f"{day}T02:00" for day in mondays]


def test_what_never_comes() -> None:
    """The thirtieth of February is refused, as is what is no schedule, or no zone."""
    for given in ({"cron": "0 2 30 2 *"}, {"cron": "0 2 * *"}, {"cron": "x"}, {"timezone": "Mars/Base"}):
        with pytest.raises(ValidationError):
            Schedule.model_validate(given)


def test_months_are_those_of_the_zone() -> None:
    """New year comes to Kolkata five and a half hours earlier."""
    at = _ms("2026-12-31T20:00:00+00:00")
    assert (month_of("UTC", at), month_of("Asia/Kolkata", at)) == ((2026, 12), (2027, 1))
