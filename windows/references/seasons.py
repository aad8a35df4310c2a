"""Seasons: which class of hours a moment belongs to, and what was normal in each class.

Hours are those of the week where the users are. A clock is plain numbers: when its zone changes its offset from UTC,
and the class of each hour of the week. Where it comes from (a table of time zones) is not known here.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from windows.references.pace import DAY, HOUR, MONDAY, WEEK

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from windows.arrays import IntArray
    from windows.sketches.profiles import SegmentCounts

MOST_CLASSES = 24
"""Classes of hours that are kept apart at most: each costs a histogram of every column."""

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
FIRST_MONDAY = 4
"""Number of the first Monday, in days since the epoch, which began on a Thursday."""


@dataclass(frozen=True, slots=True)
class Zone:
    """Local time.

    Attributes:
        name: as in the table of time zones, "Europe/Berlin".
        instants: when the offset changes, ms since the epoch, ascending.
        offsets: local time less UTC, ms: before the first instant, from each one on.
    """

    name: str
    instants: tuple[int, ...]
    offsets: tuple[int, ...]

    def local(self, times: IntArray) -> IntArray:
        """Local times (ms, as if they were UTC) of these moments (ms), same shape."""
        at = np.searchsorted(np.array(self.instants, dtype=np.int64), times, side="right")
        moved: IntArray = times + np.array(self.offsets, dtype=np.int64)[at]
        return moved


@dataclass(frozen=True, slots=True)
class SeasonClock:
    """The class of every moment.

    Attributes:
        zone: whose hours count.
        hours: class of each local hour of the week, from Monday midnight: 168 numbers.
        days: local days (since the epoch) that are like another day of the week (0 is Monday), ascending.
        dated: (first, last, class) of local days (since the epoch) that have a class of their own, whatever the hour.
        tolerance: hours by which the clocks of the users may have moved against these: nobody named their zone.
    """

    zone: Zone
    hours: tuple[int, ...]
    days: tuple[tuple[int, int], ...] = ()
    dated: tuple[tuple[int, int, int], ...] = ()
    tolerance: int = 0

    @property
    def moves(self) -> tuple[int, ...]:
        """By how many hours local time may be ahead of this clock: first of all by none."""
        return tuple(sorted(range(-self.tolerance, self.tolerance + 1), key=abs))

    def hours_of(self, times: IntArray) -> IntArray:
        """The local hour of the week, 0 to 167, that each moment (ms) counts as."""
        return self._hours_of(*self._days_of(times))

    def _days_of(self, times: IntArray) -> tuple[IntArray, IntArray]:
        """The local day since the epoch, and the hour of it, of each moment."""
        local = self.zone.local(np.asarray(times, dtype=np.int64))
        return np.divmod(local // HOUR, 24)

    def _hours_of(self, day: IntArray, hour: IntArray) -> IntArray:
        weekday = (day - FIRST_MONDAY) % 7
        if self.days:
            special, like = np.array(self.days, dtype=np.int64).T
            at = np.searchsorted(special, day).clip(max=len(special) - 1)
            weekday = np.where(special[at] == day, like[at], weekday)
        found: IntArray = weekday * 24 + hour
        return found

    def classes_of(self, times: IntArray, move: int = 0) -> IntArray:
        """The class of each moment (ms), same shape, if local time is so many hours ahead of this clock."""
        day, hour = self._days_of(np.asarray(times, dtype=np.int64) + move * HOUR)
        found: IntArray = np.array(self.hours, dtype=np.int64)[self._hours_of(day, hour)]
        for first, last, number in self.dated:
            found = np.where((day >= first) & (day <= last), number, found)
        return found

    def of(self, zone: Zone) -> SeasonClock:
        """The same classes by the hours of another zone."""
        return replace(self, zone=zone)

    def suits(self, pane: int) -> bool:
        """Whether every pane (of so many ms) lies in one local hour."""
        return HOUR % pane == 0 and all(offset % pane == 0 for offset in self.zone.offsets)


@dataclass(frozen=True, slots=True, eq=False)
class Seasons:
    """What was normal in each of K >= 2 classes of hours.

    Attributes:
        clock: which class a moment belongs to.
        classes: the counts of each class, on the bins and categories of the whole; they sum to the whole's.
        segments: key -> value -> the counts of each class, for segments of which they are kept, some without rows.
        tzdata: release of the table of time zones that the clock is from.
        zones: (segment key, value, zone) of segments whose rows count by hours of their own, whatever group they are
            in.
        dated: names of the classes of dated days, which follow those of the hours.
    """

    clock: SeasonClock
    classes: tuple[SegmentCounts, ...]
    segments: dict[str, dict[str, tuple[SegmentCounts, ...]]] = field(default_factory=dict)
    tzdata: str = ""
    zones: tuple[tuple[str, str, Zone], ...] = ()
    dated: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """What each class is called: its hours, "Mon-Fri 08-20"; that of dated days by their reference."""
        of_hours = len(self.classes) - len(self.dated)
        return (*(hours_text(self._hours(number)) for number in range(of_hours)), *self.dated)

    def suits(self, pane: int) -> bool:
        """Whether every pane (of so many ms) lies in one local hour of every zone."""
        return all(self.clock.of(zone).suits(pane) for zone in (self.clock.zone, *(zone for _, _, zone in self.zones)))

    def _hours(self, number: int) -> list[int]:
        return [hour for hour, one in enumerate(self.clock.hours) if one == number]


def hours_text(hours: Iterable[int]) -> str:
    """Hours of the week in words: days with the same hours together, at most three groups."""
    by_day: dict[int, tuple[str, ...]] = {}
    for hour in hours:
        by_day[hour // 24] = (*by_day.get(hour // 24, ()), str(hour % 24))
    texts = {day: _spans(sorted(map(int, found))) for day, found in by_day.items()}
    groups = [
        (_days([day for day, _ in run]), text)
        for text, run in ((text, list(run)) for text, run in groupby(sorted(texts.items()), key=lambda one: one[1]))
    ]
    shown = [f"{days} {text}" for days, text in groups[:3]]
    more = len(groups) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def _days(days: list[int]) -> str:
    return DAYS[days[0]] if len(days) == 1 else f"{DAYS[days[0]]}-{DAYS[days[-1]]}"


def _spans(hours: list[int]) -> str:
    """Hours of a day as spans: [8, 9, 10, 22] is "08-11+22-23"."""
    return "+".join(f"{start:02d}-{stop:02d}" for start, stop in _runs(hours))


def _runs(hours: list[int]) -> Iterator[tuple[int, int]]:
    start = before = hours[0]
    for hour in hours[1:]:
        if hour != before + 1:
            yield start, before + 1
            start = hour
        before = hour
    yield start, before + 1


def weekday_of(day: int) -> int:
    """The day of the week (0 is Monday) of a day since the epoch."""
    return (day - FIRST_MONDAY) % 7


__all__ = [
    "DAY",
    "HOUR",
    "MONDAY",
    "MOST_CLASSES",
    "WEEK",
    "SeasonClock",
    "Seasons",
    "Zone",
    "hours_text",
    "weekday_of",
]
