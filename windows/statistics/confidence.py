"""The level of every interval, derived from the one promise a user makes: false pages per month.

A page needs one monitor's bound to be wrong at one look. By the union bound the expected number of false pages is at
most ``alpha x streams x looks``, whatever the dependence between features and overlapping windows, so
``alpha = budget / (streams x looks)`` keeps the promise. At volume this costs little: a DKW band at 1e-7 is 2.1 times
as wide as at 5 %.
"""

from __future__ import annotations

import math

MONTH_MS = 30 * 24 * 60 * 60 * 1000
"""A month of looks: 30 days, in milliseconds."""

MAX_LEVEL = 0.05
"""However large the budget, no interval is less certain than this on a side."""

MIN_LEVEL = 1e-15
"""Beyond this the normal quantile of 1 - alpha is no longer exact in float64, nor any model of traffic."""


def looks_per_month(slide_ms: int) -> float:
    """How often a window that moves on every ``slide_ms`` milliseconds is judged in 30 days.

    Raises:
        ValueError: the slide is not positive.
    """
    if slide_ms <= 0:
        message = f"slide_ms must be > 0, given {slide_ms}"
        raise ValueError(message)
    return MONTH_MS / slide_ms


def level(budget_per_month: float, streams: int, looks_per_month: float) -> float:
    """Probability of error, per bound and look, that keeps the expected false pages within the budget.

    Args:
        budget_per_month: false pages accepted in 30 days, over all streams together, > 0.
        streams: bounds compared with a threshold at each look (models x segments x features x metrics x windows), >= 1.
        looks_per_month: looks of one stream in 30 days, > 0.

    Returns:
        alpha, one-sided, within [MIN_LEVEL, MAX_LEVEL].

    Raises:
        ValueError: an argument is not finite or out of range.
    """
    _require_positive("budget_per_month", budget_per_month)
    _require_positive("looks_per_month", looks_per_month)
    if streams < 1:
        message = f"streams must be >= 1, given {streams}"
        raise ValueError(message)
    return min(max(budget_per_month / (streams * looks_per_month), MIN_LEVEL), MAX_LEVEL)


def _require_positive(name: str, value: float) -> None:
    if not (math.isfinite(value) and value > 0):
        message = f"{name} must be a finite number > 0, given {value}"
        raise ValueError(message)
