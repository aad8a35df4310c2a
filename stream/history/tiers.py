"""Tiers: how finely, and for how long, frames are kept on disk. Policy as data."""

from __future__ import annotations

from dataclasses import dataclass

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000


@dataclass(frozen=True, slots=True)
class Tier:
    """One frame of each window every `step` ms of event time, for `keep` ms."""

    number: int
    step: int
    keep: int


TIERS = (
    Tier(0, MINUTE, 6 * HOUR),
    Tier(1, 10 * MINUTE, 2 * DAY),
    Tier(2, HOUR, 45 * DAY),
    Tier(3, DAY, 1_100 * DAY),
)
"""A picture is at most a thousand points wide: 360 minutes, 288 spans of ten minutes, 1,080 hours, 1,100 days."""


def tier_for(since: int, until: int) -> Tier:
    """The finest tier that reaches back from `until` to `since` (ms)."""
    return next((tier for tier in TIERS if until - since <= tier.keep), TIERS[-1])
