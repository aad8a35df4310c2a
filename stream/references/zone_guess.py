"""Whose clocks rows follow, where nobody said it: told by the hour at which they come before and after clocks change.

What comes in by the hour of the users comes an hour earlier (UTC) once their clocks have gone forward. Each day of the
one half of the year is held against the hours of the week of the other half, as they are and an hour moved, by how much
likelier (multinomial) its rows are under the one than under the other. Days are then the sample: a zone is told where
the mean over them is above zero beyond doubt. Where nobody changes the clocks it is below.
"""

from dataclasses import dataclass

import numpy as np

from stream.config.zones import offsets_at
from stream.references.hour_volumes import HourVolumes
from windows.arrays import BoolArray, FloatArray, IntArray
from windows.references.pace import DAY

CANDIDATES = (
    "Europe/Berlin",
    "America/New_York",
    "Australia/Sydney",
    "Pacific/Auckland",
    "America/Santiago",
    "Asia/Jerusalem",
    "Africa/Cairo",
)
"""One zone of each rule by which clocks change at a time of their own, and many people live."""

FEWEST_DAYS = 14
"""Days that are needed on either side of the changes."""

CLEAR = 5.0
"""Standard errors above zero at which a zone is told."""


@dataclass(frozen=True, slots=True)
class Guess:
    """A zone, of how many days, and how many standard errors they are for it."""

    zone: str
    days: int
    gain: float
    clear: float


def guess_zone(volumes: HourVolumes) -> Guess | None:
    """The zone whose changes of clocks the rows follow, if they clearly follow those of one."""
    hours = volumes.days
    filled = np.flatnonzero(hours.any(axis=1))
    if len(filled) < 2 * FEWEST_DAYS:
        return None
    days = volumes.first // 24 + filled
    found = [_against(name, days, hours[filled].astype(np.float64)) for name in CANDIDATES]
    best = max((one for one in found if one is not None), key=lambda one: one.gain, default=None)
    return None if best is None or best.clear < CLEAR else best


def _against(name: str, days: IntArray, hours: FloatArray) -> Guess | None:
    """How clearly days are for a zone; None where too few of them are on one side of its changes.

    Args:
        name: of the zone.
        days: int64[D] since the epoch (UTC).
        hours: float64[D, 24], rows of each.
    """
    noons = days * DAY + DAY // 2
    offsets = np.array(offsets_at(name, noons.tolist()), dtype=np.int64)
    ahead: BoolArray = offsets > offsets.min()
    if min(int(ahead.sum()), int((~ahead).sum())) < FEWEST_DAYS:
        return None
    weekdays = days % 7
    gains = np.zeros(len(days))
    for side, move in ((ahead, -1), (~ahead, 1)):
        usual = np.full((7, 24), 0.5)
        np.add.at(usual, weekdays[~side], hours[~side])
        moved = np.roll(usual.ravel(), move).reshape(7, 24)
        likelier = np.log(_shares(moved)) - np.log(_shares(usual))
        gains[side] = (hours[side] * likelier[weekdays[side]]).sum(axis=1)
    error = float(gains.std(ddof=1)) / np.sqrt(len(gains))
    return Guess(name, len(days), float(gains.sum()), float(gains.mean()) / error if error > 0 else 0.0)


def _shares(rows: FloatArray) -> FloatArray:
    """Of each hour in its day."""
    shares: FloatArray = rows / rows.sum(axis=1, keepdims=True)
    return shares
