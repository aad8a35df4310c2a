"""Settings of days that are not like others of their weekday, and of zones: `calendar:` and `seasonal:`."""

import datetime as dt
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from operators.settings.durations import Millis
from operators.settings.parts import Settings, Whole, unfit
from windows.references.pace import HOUR
from windows.references.seasons import MOST_CLASSES

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

MOST_ENTRIES = 400
MOST_DATED = 8
"""References of their own that days may have: each is a class of hours more."""
EPOCH = dt.date(1970, 1, 1)

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]

TimeZone = Annotated[str, StringConstraints(min_length=1, max_length=100)]


def _date(given: Any) -> dt.date:
    """A date, written as 2026-12-25."""
    if not isinstance(given, dt.date):
        try:
            given = dt.date.fromisoformat(given)
        except (TypeError, ValueError):
            raise PydanticCustomError("date", "a date such as 2026-12-25 is needed") from None
    if not 2_000 <= given.year <= 2_200:
        raise PydanticCustomError("date", "a date from 2000 to 2200 is needed")
    return dt.date(given.year, given.month, given.day)


Date = Annotated[dt.date, BeforeValidator(_date)]


class CalendarEntry(Settings):
    """Days that are not like others of their weekday.

    Attributes:
        date: a single day; else `from` and `to`, both included.
        since: `from`, the first day.
        until: `to`, the last day.
        like: the day of the week whose hours they have.
        reference: file of a reference that holds on these days, relative to the config file.
    """

    date: Date | None = None
    since: Date | None = Field(default=None, alias="from")
    until: Date | None = Field(default=None, alias="to")
    like: Weekday | None = None
    reference: Path | None = None

    @property
    def span(self) -> tuple[int, int]:
        """The first and the last day, since the epoch."""
        first, last = (self.date, self.date) if self.since is None else (self.since, self.until)
        return tuple(0 if day is None else (day - EPOCH).days for day in (first, last))  # type: ignore[return-value]

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.date is None) == (self.since is None) or (self.since is None) != (self.until is None):
            raise unfit("date", "either date, or from and to, is needed")
        if self.since is not None and self.until is not None and self.until < self.since:
            raise unfit("to", "no day before from ({since}) is needed", since=self.since.isoformat())
        if (self.like is None) == (self.reference is None):
            raise unfit("like", "either like (a day of the week) or reference (a file) is needed")
        return self


def _apart(given: tuple[CalendarEntry, ...]) -> tuple[CalendarEntry, ...]:
    """Refuse a day that is in two entries: nobody would know which holds."""
    spans = sorted(one.span for one in given)
    for (_, last), (first, _) in pairwise(spans):
        if first <= last:
            day = (EPOCH + dt.timedelta(days=first)).isoformat()
            raise PydanticCustomError("twice", "each day once is needed: {day} is in two entries", {"day": day})
    if len({one.reference for one in given if one.reference is not None}) > MOST_DATED:
        raise PydanticCustomError("twice", "at most {most} references are allowed", {"most": MOST_DATED})
    return given


Calendar = Annotated[tuple[CalendarEntry, ...], Field(max_length=MOST_ENTRIES), AfterValidator(_apart)]


def days_like(calendar: tuple[CalendarEntry, ...]) -> tuple[tuple[int, int], ...]:
    """(day since the epoch, day of the week that it is like; 0 is Monday), ascending."""
    return tuple(
        sorted(
            (day, WEEKDAYS.index(one.like))
            for one in calendar
            if one.like is not None
            for day in range(one.span[0], one.span[1] + 1)
        )
    )


def _whole_hour(given: int) -> int:
    """Clocks change by an hour, or not."""
    if given not in {0, HOUR}:
        raise PydanticCustomError("tolerance", "0s or 1h is needed: by so much clocks change")
    return given


class SeasonalSettings(Settings):
    """Whose hours of the week a model's inputs follow.

    Attributes:
        timezone: name in the table of time zones, whose clock changes count.
        max_classes: classes of hours told apart at most.
        zones: segment, as "country=US" -> time zone whose hours its rows follow; other rows follow `timezone`.
        tolerance: ms, 0 or an hour: what is normal an hour earlier or later is normal, too. For when nobody knows whose
            clocks may change.
    """

    timezone: TimeZone = "UTC"
    max_classes: Annotated[Whole, Field(ge=2, le=MOST_CLASSES)] = MOST_CLASSES
    zones: Annotated[dict[Annotated[str, StringConstraints(pattern=r"^[^=]+=.+$")], TimeZone], Field(max_length=64)] = (
        Field(default_factory=dict)
    )
    tolerance: Annotated[Millis, AfterValidator(_whole_hour)] = 0

    @property
    def of_segments(self) -> tuple[tuple[str, str, str], ...]:
        """(segment key, value, time zone)."""
        return tuple((*name.split("=", 1), zone) for name, zone in self.zones.items())  # type: ignore[misc]
