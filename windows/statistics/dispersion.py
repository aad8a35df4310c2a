"""Overdispersion found live, from the differences between neighbouring blocks of rows.

A reference whose rows carry no time cannot say how much traffic varies from pane to pane. Then the traffic says it, at
any pace: panes with data, however far apart, are joined until they hold BLOCK_ROWS rows; each pair of neighbouring
blocks gives one estimate, and their median counts. A step in the data (the very drift to be found) spoils the one or
two pairs it falls into and not the median, from a dozen pairs on. Until there are pairs enough a prior stands in, which
is large: what breaks altogether is seen from the start. Past a deadline a smaller one does, and it is said.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy.special import bdtrc

from windows.statistics.overdispersion import accumulate, cumulative_factor, slot_factor

if TYPE_CHECKING:
    from windows.arrays import FloatArray, IntArray
    from windows.statistics.overdispersion import PaneVariance

Variation = Literal["known", "learning", "assumed"]
"""How the factors came about: told by the reference or by enough pairs; a prior as yet; a prior past the deadline."""

BLOCK_ROWS = 20
"""Rows that a block has at least. Fewer leave pairs in which ten slots say nothing about each other."""

FEWEST_PAIRS = 7
"""Below this many pairs there is no bound on their median at all."""

ENOUGH_PAIRS = 120
"""An estimate ends after CALIBRATION, but not below this many pairs: the bound is then about 1.2 times the median."""

CALIBRATION = 3_600_000
"""How long (ms of panes with data) is learnt from at least."""

PRIOR = 50.0
"""The factor until there are pairs enough: rows that come fifty at a time. Traffic of an AR(1) with 0.9 has 19."""

ASSUMED = 4.0
"""The least factor past the deadline: some sessions, or a wave of some hours."""

RISK = 0.01
"""Probability that the bound on the median is below the median: 7 pairs are the fewest that allow it."""

MEDIAN = float(np.log(2.0))
"""Median of a chi-square of two degrees over its mean: what a slow wave, which moves all slots together, leaves."""


@dataclass(slots=True)
class Dispersion:
    """Variance ratios of neighbouring blocks, float64[2, F] a pair: over slots and over cumulative counts.

    Memory: as many pairs as there are panes in CALIBRATION, or ENOUGH_PAIRS, and two blocks.

    Attributes:
        features: F.
        ratios: one entry a pair.
        last: the last whole block, as evidence.
        block: int64[F, B], rows per slot of the block that fills; None when there is none.
        seen: ms of panes with data so far.
        begun: start of the first pane with data, ms; None before.
        overdue: whether the deadline has passed.
        settled: float64[F], the factors once the estimate is done; None before.
    """

    features: int
    ratios: list[FloatArray] = field(default_factory=list)
    last: PaneVariance | None = None
    block: IntArray | None = None
    seen: int = 0
    begun: int | None = None
    overdue: bool = False
    settled: FloatArray | None = None

    @property
    def pairs(self) -> int:
        """Pairs seen while learning."""
        return len(self.ratios)

    @property
    def variation(self) -> Variation:
        """How the factors came about."""
        if self.settled is not None or self.pairs >= FEWEST_PAIRS:
            return "known"
        return "assumed" if self.overdue else "learning"

    def see(self, counts: IntArray, start: int, pane: int) -> None:
        """Take the next pane with data: int64[F, B] rows per slot, its start and length in ms."""
        if self.settled is not None:
            return
        if self.begun is None:
            self.begun = start
        self.seen += pane
        self.block = counts if self.block is None else self.block + counts
        if int(self.block.sum(axis=1).max(initial=0)) < BLOCK_ROWS:
            return
        block = accumulate(self.block)
        if self.last is not None:
            both = self.last + block
            self.ratios.append(np.stack((slot_factor(both), cumulative_factor(both))))
        self.last, self.block = block, None
        if self.seen - pane >= CALIBRATION and self.pairs >= ENOUGH_PAIRS:
            self.settle()

    def pass_by(self, now: int, deadline: int) -> None:
        """Time has come to `now` (ms): past `deadline` ms of learning it is decided with what there is."""
        if self.begun is not None and now - self.begun >= deadline:
            self.overdue = True

    def settle(self) -> None:
        """End the estimate: keep the factors, drop what they came from."""
        self.settled = self.factors()
        self.ratios = []
        self.last = self.block = None

    def factors(self) -> FloatArray:
        """float64[F], >= 1: an upper bound of the median ratio, as a mean; it comes down as pairs are added.

        The bound is an order statistic (David and Nagaraja, Order Statistics, 2003, 7.1), so it holds for any
        distribution of the ratios. From median to mean a pair is taken to have two degrees of freedom, the fewest
        that were seen; more degrees make the factor larger than need be, by at most 1.44.
        """
        if self.settled is not None:
            return self.settled
        if self.pairs >= FEWEST_PAIRS:
            ordered = np.sort(np.stack(self.ratios), axis=0)
            bound: FloatArray = ordered[_rank(self.pairs) - 1].max(axis=0) / MEDIAN
            return np.maximum(bound, 1.0)
        if not self.overdue:
            return np.full(self.features, PRIOR)
        largest: FloatArray = np.stack([np.ones((2, self.features)), *self.ratios]).max(axis=(0, 1))
        return np.clip(largest / MEDIAN, ASSUMED, PRIOR)


def _rank(pairs: int) -> int:
    """Smallest rank whose order statistic is below the median with a probability of at most RISK."""
    ranks = np.arange(1, pairs + 1)
    # The r-th smallest is below the median when at least r ratios are: P(binomial(pairs, 1/2) >= r).
    return int(ranks[bdtrc(ranks - 1, pairs, 0.5) <= RISK][0])


def nothing_seen(features: int) -> Dispersion:
    """The start of an estimate."""
    return Dispersion(features)
