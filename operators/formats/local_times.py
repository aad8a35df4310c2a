"""Local times: what clocks on the wall show, as moments, where somebody says which zone the clocks are in.

An hour that clocks show twice in autumn is the first one; one that they skip in spring is as many minutes behind the
change as it says, by clocks that were not moved: 02:30 is 03:30 then. That is `fold=0` of Python's zoneinfo.
"""

from __future__ import annotations

import datetime as dt
from functools import cache
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from windows.arrays import IntArray

_SECOND, _DAY = 1_000, 86_400_000

FIRST, LAST = 0, 4_102_444_800_000
"""Between the beginnings of 1970 and 2100 (ms) the changes of a zone are known as numbers; others are asked for."""

_EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - a local time on purpose
_MILLISECOND = dt.timedelta(milliseconds=1)


class LocalClock:
    """Clocks on the walls of a zone.

    Args:
        name: of the zone, one of the IANA database.
    """

    def __init__(self, name: str) -> None:
        self.zone = ZoneInfo(name)
        instants, offsets = changes(self.zone, FIRST, LAST)
        before, after = np.array(offsets[:-1], dtype=np.int64), np.array(offsets[1:], dtype=np.int64)
        self._switches = np.array(instants, dtype=np.int64) + np.maximum(before, after)
        self._offsets = np.array(offsets, dtype=np.int64)

    def moments(self, wall: IntArray, per_millisecond: int = 1) -> IntArray:
        """Moments since the epoch of local times, both int64[n] in ms, or in such parts of it."""
        whole = wall // per_millisecond
        ahead = self._offsets[np.searchsorted(self._switches, whole, side="right")]
        far = np.flatnonzero((whole < FIRST + _DAY) | (whole >= LAST - _DAY))
        ahead[far] = [self._ahead(at) for at in whole[far].tolist()]
        return wall - ahead * per_millisecond

    def placed(self, given: Sequence[Any]) -> list[Any]:
        """The same, with the zone where one is a time without an offset."""
        return [
            one.replace(tzinfo=self.zone) if one.__class__ is dt.datetime and one.tzinfo is None else one
            for one in given
        ]

    def _ahead(self, wall: int) -> int:
        """Local time less UTC (ms) at a local time; nothing where no calendar has it."""
        try:
            offset = (_EPOCH + wall * _MILLISECOND).replace(tzinfo=self.zone).utcoffset()
        except OverflowError:
            return 0
        return 0 if offset is None else round(offset.total_seconds()) * _SECOND


local_clock = cache(LocalClock)
"""The clock of a zone, made once."""


def changes(zone: ZoneInfo, begin: int, end: int) -> tuple[list[int], list[int]]:
    """When a zone's offset changes between two moments (ms), and the offsets (ms) before, between and after.

    Looked at once a day, then to the second where it has changed: no zone changes twice in a day.
    """
    offsets = [offset_at(zone, begin)]
    instants: list[int] = []
    for day in range(begin + _DAY, end, _DAY):
        offset = offset_at(zone, day)
        if offset != offsets[-1]:
            instants.append(_change(zone, day - _DAY, day))
            offsets.append(offset)
    return instants, offsets


def offset_at(zone: ZoneInfo, at: int) -> int:
    """Local time less UTC (ms) at a moment (ms)."""
    moment = dt.datetime.fromtimestamp(at // _SECOND, zone)
    offset = moment.utcoffset()
    return 0 if offset is None else round(offset.total_seconds()) * _SECOND


def _change(zone: ZoneInfo, before: int, after: int) -> int:
    """The first second with the offset of `after`."""
    new = offset_at(zone, after)
    while after - before > _SECOND:
        middle = (before + after) // 2 // _SECOND * _SECOND
        if offset_at(zone, middle) == new:
            after = middle
        else:
            before = middle
    return after
