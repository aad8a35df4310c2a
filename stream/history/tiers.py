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


def tiers_of(pane: int) -> tuple[Tier, ...]:
    """The tiers in which looks at windows of such panes (ms) differ: finer ones would hold each look once more."""
    return tuple(
        tier for tier, after in zip(TIERS, (*TIERS[1:], None), strict=True) if after is None or after.step > pane
    )


def tiers_from(since: int, until: int) -> tuple[Tier, ...]:
    """The finest tier that reaches back from `until` to `since` (ms), and those to look in where it is empty."""
    first = tier_for(since, until)
    return TIERS[first.number :]


def tier_for(since: int, until: int) -> Tier:
    """The finest tier that reaches back from `until` to `since` (ms)."""
    return next((tier for tier in TIERS if until - since <= tier.keep), TIERS[-1])
