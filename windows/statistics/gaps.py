"""How long a silence may last when all is well, from the silences that were seen.

The longest gaps of a stream have an exponential tail, or a lighter one (Pickands, Balkema and de Haan: excesses over a
high level are about generalised Pareto; traffic that is no heavier than Poisson in its own time has the shape 0). So
beyond the k-th longest gap, ``P(longer by x) = exp(-x / excess)`` with their mean excess, and a limit follows from how
many false alarms a month it may give. The unit is the caller's: milliseconds, or predictions that were to be expected
meanwhile, in which nights and weekends are no longer than other hours.
"""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from windows.statistics.confidence import MONTH_MS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from windows.arrays import FloatArray

TAILS = (8, 16, 32, 64)
"""Gaps that a tail is told by. Of several the one with the lowest limit counts: in batches the gaps within a batch and
between two are no common tail."""

MOST = TAILS[-1] + 1
"""Gaps of a reference that are kept."""

LIVE = TAILS[1] + 1
"""Gaps of a live stream that are kept."""

LEAST_EXCESS = 0.1
"""Of the level: clocks that tick evenly in the past do not do so for ever."""

UNSURE = 1e-4
"""While fewer gaps than a tail are known: probability that the next is longer than the limit."""


def limit_of(longest: Sequence[float], span: int, budget: float) -> float:
    """The silence that comes about by chance no more than `budget` times in a month; infinite with too few gaps.

    The mean excess of k gaps is known to within a factor of ``1 + 2 / sqrt(k)``, and taken at its upper end.

    Args:
        longest: the longest gaps, longest first.
        span: over how long (ms) they were seen.
        budget: > 0.
    """
    found = [_limit(longest[:often], longest[often], span, budget) for often in TAILS if often < len(longest)]
    return min(found, default=math.inf)


def _limit(above: Sequence[float], beyond: float, span: int, budget: float) -> float:
    often = len(above)
    excess = max(sum(above) / often - beyond, LEAST_EXCESS * beyond) * (1 + 2 / math.sqrt(often))
    a_month = often * MONTH_MS / max(span, 1)
    return beyond + excess * max(math.log(a_month / budget), 0.0)


def longest_of(gaps: FloatArray) -> list[float]:
    """The longest gaps, longest first, as many as are kept of a reference."""
    kept = min(MOST, len(gaps))
    return sorted(np.partition(gaps, len(gaps) - kept)[len(gaps) - kept :].tolist(), reverse=True)


@dataclass(slots=True)
class Gaps:
    """The gaps of a live stream, in ms. Memory: LIVE numbers.

    Attributes:
        first: when something came first, ms; None before.
        last: when something came last.
        count: gaps so far.
        longest: the longest of them, as a heap.
    """

    first: int | None = None
    last: int = 0
    count: int = 0
    longest: list[int] = field(default_factory=list)

    def see(self, begin: int, end: int) -> None:
        """Something came in [begin, end), ms; times that are not later than what is known change nothing."""
        if self.first is None:
            self.first, self.last = begin, end
            return
        if end <= self.last:
            return
        gap = max(begin - self.last, 0)
        self.count += 1
        if len(self.longest) < LIVE:
            heapq.heappush(self.longest, gap)
        else:
            heapq.heappushpop(self.longest, gap)
        self.last = end

    def limit(self, budget: float) -> float:
        """As `limit_of`, ms; infinite before anything came.

        With few gaps it is the quantile of the next one by those before: Lomax, ``span ((1/p)^(1/n) - 1)`` after n
        exponential ones.
        """
        if self.first is None:
            return math.inf
        span = max(self.last - self.first, 1)
        if self.count < LIVE:
            return float(span * math.expm1(-math.log(UNSURE) / (self.count + 1)))
        return limit_of(sorted(self.longest, reverse=True), span, budget)
