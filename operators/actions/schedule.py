"""Schedules: when a cron expression comes next, in a time zone."""

from __future__ import annotations

import datetime as dt
from functools import lru_cache
from zoneinfo import ZoneInfo

from cronsim import CronSim

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MILLISECOND = dt.timedelta(milliseconds=1)


@lru_cache(maxsize=4096)
def next_time(cron: str, timezone: str, after: int) -> int | None:
    """The first time (ms) after `after` (ms) at which a schedule comes; None where it never does again.

    As Debian's cron has it: what falls into the hour that a spring night leaves out comes when that hour is over, and
    what falls into the hour that an autumn night has twice comes once.
    """
    moment = (_EPOCH + after * _MILLISECOND).astimezone(ZoneInfo(timezone))
    found = next(CronSim(cron, moment), None)
    return None if found is None else (found.astimezone(dt.UTC) - _EPOCH) // _MILLISECOND


def month_of(timezone: str, at: int) -> tuple[int, int]:
    """Year and month of a time (ms), in a zone."""
    moment = (_EPOCH + at * _MILLISECOND).astimezone(ZoneInfo(timezone))
    return moment.year, moment.month
