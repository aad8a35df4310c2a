"""Time zones: from the table of this machine to the plain numbers that a reference keeps."""

import zoneinfo
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

from operators.formats.local_times import changes, offset_at
from windows.references.pace import DAY
from windows.references.seasons import Zone

AHEAD = 7_305 * DAY
"""How far (ms) beyond the rows of a reference a zone is written down: twenty years."""


def known(name: str) -> bool:
    """Whether this machine's table has a time zone of this name."""
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def zone_of(name: str, start: int, end: int) -> Zone:
    """The offsets of a zone from a day before `start` to AHEAD after `end` (ms).

    Raises:
        ValueError: there is no such zone.
    """
    if not known(name):
        raise ValueError(name)
    instants, offsets = changes(zoneinfo.ZoneInfo(name), (start // DAY - 1) * DAY, end + AHEAD)
    return Zone(name, tuple(instants), tuple(offsets))


def offsets_at(name: str, times: Iterable[int]) -> list[int]:
    """Local time less UTC (ms) at each moment (ms)."""
    zone = zoneinfo.ZoneInfo(name)
    return [offset_at(zone, at) for at in times]


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
