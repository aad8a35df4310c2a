"""Times that are local and name no offset: no row bears one of the hour that clocks skip in spring."""

import datetime as dt
import zoneinfo
from collections.abc import Iterator

import numpy as np

from stream.config.zones import known
from stream.references.hour_volumes import HourVolumes
from stream.references.zone_guess import CANDIDATES
from windows.arrays import IntArray
from windows.references.pace import HOUR

ZONES = (*CANDIDATES, "Europe/London", "Europe/Athens")
"""One of each rule by which clocks change, and those that with one of them skip another hour of the day."""

EXPECTED = 20.0
"""Rows that the hours around hold on average: with so many, none by chance is 2e-9."""

MOST = 10
"""More hours than these without a row among such with many are the habit of whoever writes them."""


def skipped_hour(volumes: HourVolumes) -> str | None:
    """What to say of rows of which none is within an hour that clocks skip; None where there are such, or too few."""
    holes = _holes(volumes.counts)
    if not 0 < len(holes) <= MOST:
        return None
    found = next(_skipped((holes + volumes.first).tolist()), None)
    if found is None:
        return None
    zone, hour = found
    return (
        f"no row is between {hour:%H:%M} and {hour + dt.timedelta(hours=1):%H:%M} of {hour:%Y-%m-%d}, the hour that"
        f" clocks skip in {zone}: the times seem to be local, and without an offset they are read as UTC: that hour"
        f" counts as silence then, and one in autumn twice. `time: {{timezone: {zone}}}` in the config, --local-times"
        f" {zone} of `init`, reads them as they are meant; or write the offset with them (pandas:"
        f" .dt.tz_localize({zone!r}, ambiguous='infer')), which alone tells the two hours in autumn apart"
    )


def _holes(counts: IntArray) -> IntArray:
    """The hours without a row of which the two before and the two behind have many."""
    if len(counts) < 5:
        return np.zeros(0, dtype=np.int64)
    around = np.stack([counts[:-4], counts[1:-3], counts[3:-1], counts[4:]])
    held = (counts[2:-2] == 0) & (around.mean(axis=0) >= EXPECTED) & (around.min(axis=0) >= EXPECTED / 4)
    return np.flatnonzero(held) + 2


def _skipped(hours: list[int]) -> Iterator[tuple[str, dt.datetime]]:
    """Which of these hours (since the epoch, by clocks on the wall) clocks skip, and where."""
    for name in filter(known, ZONES):
        zone = zoneinfo.ZoneInfo(name)
        for hour in hours:
            wall = dt.datetime.fromtimestamp(hour * HOUR // 1_000, dt.UTC).replace(tzinfo=None)
            there = wall.replace(tzinfo=zone).astimezone(dt.UTC).astimezone(zone).replace(tzinfo=None)
            if there != wall:
                yield name, wall
