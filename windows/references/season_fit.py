"""Finding seasons: which hours of the week are alike in every column.

Hours are joined in the order of Ward's criterion on their distribution functions (Ward, "Hierarchical grouping to
optimize an objective function", 1963), summed over all columns, so that weak seasons of many columns add up. Two groups
stay apart where the evidence says that their Kolmogorov-Smirnov distance is above NEAR in some column: of the groups,
or of an hour of the one and an hour of the other (complete linkage). No season leaves one class.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import gammaln

from windows.references.pace import WEEK

if TYPE_CHECKING:
    from collections.abc import Sequence

    from windows.arrays import BoolArray, FloatArray, IntArray

NEAR = 0.02
"""Hours whose distance is not above this in any column are one class."""

RISK = 1e-3
"""Probability that any two groups of hours of the same distribution are told apart ..."""

CHOSEN = 0.5
"""... over all columns, and over this power of the number of groups that could be formed: clustering makes groups
that seem to differ. A power of 1 is a union bound; this one was chosen by trial: `load_tests/seasons.py --only classes`
finds no season in 20 of 20 builds without one, and the planted one in 20 of 20."""

MOST_CELLS = 24_000_000
"""Hours times slots that are compared; beyond it seasons are not looked for."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """Classes of the hours of the week.

    Attributes:
        hours: class of each hour, numbered by first appearance.
        classes: how many there are.
        unseen: hours without rows, which took the class of the nearest one with some.
        forced: the largest distance above NEAR, by the evidence, between hours that only the cap brought together; 0.
        largest: the largest distance between two classes, by the evidence.
    """

    hours: tuple[int, ...]
    classes: int
    unseen: int
    forced: float
    largest: float


@dataclass(frozen=True, slots=True)
class Variation:
    """How much F columns vary beyond independent rows.

    Attributes:
        days: float64[F], of days of the same day of the week. What all hours of a day share makes no two hours of it
            differ, but days of the week.
        hours: float64[F], of the parts of a day once that is taken off.
    """

    days: FloatArray
    hours: FloatArray


def fit_classes(columns: Sequence[IntArray], variation: Variation, most: int) -> Fitted:
    """Join the hours of the week into classes.

    Args:
        columns: of each of F columns int64[168, slots], rows per hour and slot, missing values among them.
        variation: of each column.
        most: classes at most.
    """
    rows = np.asarray(columns[0].sum(axis=1), dtype=np.int64)
    seen = np.flatnonzero(rows)
    if len(seen) < 2:
        return Fitted((0,) * WEEK, 1, WEEK - len(seen), 0.0, 0.0)
    groups = _Groups([column[seen] for column in columns], seen // 24, variation)
    forced = groups.join(most)
    label = np.zeros(WEEK, dtype=np.int64)
    label[seen] = groups.label
    order = {int(old): new for new, old in enumerate(dict.fromkeys(label[_nearest(seen)].tolist()))}
    hours = tuple(order[int(old)] for old in label[_nearest(seen)].tolist())
    return Fitted(hours, len(order), WEEK - len(seen), forced, groups.largest)


def _nearest(seen: IntArray) -> IntArray:
    """For each hour of the week the nearest hour with rows, around the week; of two the earlier."""
    away = (np.arange(WEEK)[:, None] - seen[None, :]) % WEEK
    found: IntArray = seen[np.argmin(np.minimum(2 * away, 2 * (WEEK - away) + 1), axis=1)]
    return found


class _Groups:
    """Groups of hours that grow together.

    Memory: one float64 per hour and slot, and a few matrices of hours by hours.
    """

    def __init__(self, columns: Sequence[IntArray], weekdays: IntArray, variation: Variation) -> None:
        hours = len(columns[0])
        widths = [column.shape[1] for column in columns]
        self.starts = np.concatenate(([0], np.cumsum(widths)[:-1])).astype(np.int64)
        self.below = np.concatenate([np.cumsum(column, axis=1) for column in columns], axis=1).astype(np.float64)
        self.rows = columns[0].sum(axis=1).astype(np.float64)
        self.label = np.arange(hours)
        self.alive = np.ones(hours, dtype=bool)
        mass = [column.sum(axis=0) / max(int(column.sum()), 1) for column in columns]
        each = zip(mass, variation.hours.tolist(), strict=True)
        self.weights = np.concatenate([share / factor for share, factor in each])
        self.hours = np.ones(hours)
        self.variation = variation
        self.by_day = self.rows[:, None] * (weekdays[:, None] == np.arange(7))
        self.day_rows = np.maximum(self.by_day.sum(axis=0), 1.0)
        self.cost = np.full((hours, hours), np.inf)
        self.apart = np.zeros((hours, hours))
        for hour in range(hours):
            self._compare(hour)
        self.linked = self.apart.copy()

    @property
    def largest(self) -> float:
        """The largest distance between two groups, by the evidence."""
        return float(self.apart[np.ix_(self.alive, self.alive)].max(initial=0.0))

    def join(self, most: int) -> float:
        """Join groups until none may be joined and there are at most so many; the largest distance that was forced."""
        forced = 0.0
        while self.alive.sum() > 1:
            allowed = np.maximum(self.linked, self.apart) <= NEAR
            cost = np.where(allowed, self.cost, np.inf)
            if not np.isfinite(cost).any():
                if self.alive.sum() <= most:
                    break
                cost = self.cost
            one, other = (int(at) for at in np.unravel_index(np.argmin(cost), cost.shape))
            if not allowed[one, other]:
                forced = max(forced, float(self.linked[one, other]), float(self.apart[one, other]))
            self._merge(one, other)
        return forced

    def _merge(self, one: int, other: int) -> None:
        self.below[one] += self.below[other]
        self.rows[one] += self.rows[other]
        self.hours[one] += self.hours[other]
        self.by_day[one] += self.by_day[other]
        self.label[self.label == other] = one
        self.alive[other] = False
        self.linked[one] = np.maximum(self.linked[one], self.linked[other])
        self.linked[:, one] = self.linked[one]
        self.cost[other], self.cost[:, other] = np.inf, np.inf
        self._compare(one)

    def _compare(self, one: int) -> None:
        """The cost of joining a group to each other one, and how far they are apart by the evidence."""
        others: BoolArray = self.alive.copy()
        others[one] = False
        at = np.flatnonzero(others)
        if len(at) == 0:
            return
        gap = self.below[at] / self.rows[at, None] - self.below[one] / self.rows[one]
        worth = 1.0 / self.rows[at] + 1.0 / self.rows[one]
        self.cost[one, at] = self.cost[at, one] = (np.square(gap) * self.weights).sum(axis=1) / worth
        largest = np.maximum.reduceat(np.abs(gap), self.starts, axis=1)
        mixes = self.by_day[at] / self.rows[at, None] - self.by_day[one] / self.rows[one]
        of_days = (np.square(mixes) / self.day_rows).sum(axis=1)
        level = np.log(2 * len(self.variation.days) / RISK) + CHOSEN * self._ways(self.hours[one], self.hours[at])
        noise = self.variation.hours * worth[:, None] + (self.variation.days - 1.0) * of_days[:, None]
        evidence = (largest - np.sqrt(level[:, None] / 2 * noise)).max(axis=1)
        self.apart[one, at] = self.apart[at, one] = np.maximum(evidence, 0.0)

    def _ways(self, one: float, others: FloatArray) -> FloatArray:
        """Logarithm of how many pairs of groups of so many hours there are."""
        hours = len(self.label)
        rest = gammaln(others + 1) + gammaln(hours - one - others + 1)
        ways: FloatArray = gammaln(hours + 1) - gammaln(one + 1) - rest
        return ways
