"""Time zones: from the table of this machine to the plain numbers that a reference keeps."""

import datetime as dt
import zoneinfo
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

from windows.references.pace import DAY
from windows.references.seasons import Zone

AHEAD = 7_305 * DAY
"""How far (ms) beyond the rows of a reference a zone is written down: twenty years."""

_SECOND = 1_000


def known(name: str) -> bool:
    """Whether this machine's table has a time zone of this name."""
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def zone_of(name: str, start: int, end: int) -> Zone:
    """The offsets of a zone from a day before `start` to AHEAD after `end` (ms).

    Looked at once a day, then to the second where it has changed: no zone changes twice in a day.

    Raises:
        ValueError: there is no such zone.
    """
    if not known(name):
        raise ValueError(name)
    zone = zoneinfo.ZoneInfo(name)
    begin = (start // DAY - 1) * DAY
    offsets = [_offset(zone, begin)]
    instants: list[int] = []
    for day in range(begin + DAY, end + AHEAD, DAY):
        offset = _offset(zone, day)
        if offset != offsets[-1]:
            instants.append(_change(zone, day - DAY, day))
            offsets.append(offset)
    return Zone(name, tuple(instants), tuple(offsets))


def offsets_at(name: str, times: Iterable[int]) -> list[int]:
    """Local time less UTC (ms) at each moment (ms)."""
    zone = zoneinfo.ZoneInfo(name)
    return [_offset(zone, at) for at in times]


def changed_since(zone: Zone, start: int, end: int) -> bool:
    """Whether this machine's table has other offsets for the zone, from `start` until AHEAD after `end` (ms)."""
    return known(zone.name) and zone_of(zone.name, start, end) != zone


def release() -> str:
    """The release of this machine's table, "2026a"; empty where it does not say."""
    for directory in zoneinfo.TZPATH:
        file = Path(directory) / "tzdata.zi"
        if file.is_file():
            with file.open(encoding="ascii", errors="replace") as lines:
                return lines.readline().rpartition(" ")[2].strip()
        if Path(directory).is_dir():
            return ""
    try:
        return metadata.version("tzdata")
    except metadata.PackageNotFoundError:
        return ""


def _offset(zone: zoneinfo.ZoneInfo, at: int) -> int:
    moment = dt.datetime.fromtimestamp(at // _SECOND, zone)
    offset = moment.utcoffset()
    return 0 if offset is None else round(offset.total_seconds()) * _SECOND


def _change(zone: zoneinfo.ZoneInfo, before: int, after: int) -> int:
    """The first second with the offset of `after`."""
    new = _offset(zone, after)
    while after - before > _SECOND:
        middle = (before + after) // 2 // _SECOND * _SECOND
        if _offset(zone, middle) == new:
            after = middle
        else:
            before = middle
    return after
