"""How long nothing may come before it is told: what the user says, or what the pace of the traffic says.

Without a word of the user's the limit is the silence that comes about by chance less often than the share of the budget
of false pages that is kept for it. A reference with timestamps tells it in predictions to be expected, by hour of the
week, so that a night is no longer than a quarter of an hour at noon. Without one the live gaps tell it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from windows.references.pace import Rhythm
from windows.statistics.gaps import LIVE, limit_of

if TYPE_CHECKING:
    from windows.references.pace import Pace
    from windows.statistics.gaps import Gaps

SHORTEST = 120_000
"""No silence is told before this (ms), however dense the traffic: deployments and rebalancing take a minute."""

FIRST = 3_600_000
"""How long (ms) nothing at all may come where nothing is known of the pace."""

LONGEST_GUESS = 7 * 86_400_000
"""Limit (ms) while only a few gaps are known."""

SURE_ROWS = 20.0
"""Predictions that must have been due, whatever the reference says: e^-20 of Poisson traffic."""


@dataclass(frozen=True, slots=True)
class SilenceConfig:
    """Of one model or kind of record.

    Attributes:
        after: the user's limit, ms; None for that of the pace.
        least: never told before this, ms.
        budget: silences a month that may be told although all is well.
        rhythm: predictions to be expected, of a reference with timestamps; None without.
        rows: predictions that must have been due, by that rhythm.
    """

    after: int | None
    least: int = SHORTEST
    budget: float = 0.05
    rhythm: Rhythm | None = None
    rows: float = math.inf


def silence_of(after: int | None, pace: Pace | None, budget: float) -> SilenceConfig:
    """What holds for a model whose reference has this pace."""
    if after is not None or pace is None:
        return SilenceConfig(after, budget=budget)
    rows = limit_of(pace.quiet, pace.span, budget)
    return SilenceConfig(None, budget=budget, rhythm=Rhythm(pace), rows=max(rows, SURE_ROWS))


def silent_at(config: SilenceConfig, last: int, gaps: Gaps, *, ever: bool) -> int:
    """The moment (ms) from which on nothing since `last` is a finding.

    Args:
        config: the limits.
        last: when something came last, or watching began.
        gaps: of the live traffic.
        ever: whether anything has come since watching began.
    """
    if config.after is not None:
        return last + config.after
    due = math.inf if config.rhythm is None else config.rhythm.until(last, config.rows)
    if math.isfinite(due):
        return max(last + config.least, math.ceil(due))
    if not ever:
        return last + max(config.least, FIRST)
    limit = gaps.limit(config.budget)
    if gaps.count < LIVE:
        limit = min(limit, LONGEST_GUESS)
    return last + max(config.least, math.ceil(limit))
