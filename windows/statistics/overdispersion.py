"""How much more the traffic varies from pane to pane than independent rows would: the divisor of the sample size.

Rows that come in bursts or sessions resemble each other, so n rows carry the evidence of ``n / factor`` independent
ones. The factor is Pearson's statistic of the panes against their common shares, over its degrees of freedom (McCullagh
and Nelder, Generalized Linear Models, 1989, 4.5), taken twice: over the slots, and over the cumulative counts. Fine
slots hide a slow wave that moves many neighbours together, and it is the wave that the Kolmogorov-Smirnov distance
sees; the larger of the two is the factor.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from windows.arrays import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class PaneVariance:
    """Additive evidence about the variation between panes, for F features of B slots; ``+`` merges two.

    Memory: 3 F (B + 1) numbers, whatever the number of panes.
    """

    panes: IntArray
    """``[F]`` panes in which the feature had rows."""
    counts: IntArray
    """``[F, B]`` rows per slot over all panes."""
    squares: FloatArray
    """``[F, B]`` sum over panes of c^2 / n."""
    cumulative_squares: FloatArray
    """``[F, B]`` the same for the cumulative counts along the slots."""

    def __add__(self, other: PaneVariance) -> PaneVariance:
        return PaneVariance(
            panes=self.panes + other.panes,
            counts=self.counts + other.counts,
            squares=self.squares + other.squares,
            cumulative_squares=self.cumulative_squares + other.cumulative_squares,
        )


def empty(features: int, slots: int) -> PaneVariance:
    """The evidence of no pane: the identity of ``+``."""
    return accumulate(np.zeros((features, slots), dtype=np.int64))


def accumulate(counts: IntArray) -> PaneVariance:
    """The evidence of one pane.

    Args:
        counts: ``[F, B]`` rows per slot in the pane, in slot order, without missing and non-finite; a feature without
            rows contributes nothing.
    """
    rows = counts.sum(axis=1, keepdims=True)
    divisor = np.maximum(rows, 1)
    return PaneVariance(
        panes=(rows[:, 0] > 0).astype(np.int64),
        counts=counts.astype(np.int64),
        squares=counts.astype(np.float64) ** 2 / divisor,
        cumulative_squares=np.cumsum(counts, axis=1).astype(np.float64) ** 2 / divisor,
    )


def factor(state: PaneVariance) -> FloatArray:
    """Overdispersion of each feature, ``[F]``, >= 1; 1 where fewer than two panes or slots were seen."""
    return np.maximum(np.maximum(slot_factor(state), cumulative_factor(state)), 1.0)


def factor_within(states: Sequence[PaneVariance]) -> FloatArray:
    """Overdispersion within groups of panes that need not be alike, ``[F]``, >= 1: the statistics are added up."""
    slots, cumulative = [_slot_parts(state) for state in states], [_cumulative_parts(state) for state in states]
    ratios = [_ratio(*np.array(parts).sum(axis=0)) for parts in (slots, cumulative)]
    return np.maximum(np.maximum(*ratios), 1.0)


def slot_factor(state: PaneVariance) -> FloatArray:
    """Pearson's statistic over its degrees of freedom, ``(sum_b S_b / p_b - N) / ((T - 1)(B - 1))``, ``[F]``.

    About 1 for independent rows, whatever the sizes of the panes; 1 where it is not defined.
    """
    return _ratio(*_slot_parts(state))


def _slot_parts(state: PaneVariance) -> tuple[FloatArray, FloatArray]:
    """The statistic and its degrees of freedom."""
    rows = state.counts.sum(axis=1)
    used = state.counts > 0
    shares = state.counts / np.maximum(rows, 1)[:, None]
    statistic = np.divide(state.squares, shares, out=np.zeros(shares.shape), where=used).sum(axis=1) - rows
    return statistic, np.maximum(state.panes - 1.0, 0.0) * np.maximum(used.sum(axis=1) - 1.0, 0.0)


def cumulative_factor(state: PaneVariance) -> FloatArray:
    """The same for the cumulative counts, pooled over the edges, ``[F]``.

    Observed over expected variance of the distribution function,
    ``sum_b (Q_b - N F_b^2) / ((T - 1) sum_b F_b (1 - F_b))``: the variance ratio of the Cramer-von Mises statistic.
    """
    return _ratio(*_cumulative_parts(state))


def _cumulative_parts(state: PaneVariance) -> tuple[FloatArray, FloatArray]:
    """The observed and the expected variance."""
    rows = state.counts.sum(axis=1)
    distribution = np.cumsum(state.counts, axis=1) / np.maximum(rows, 1)[:, None]
    observed = (state.cumulative_squares - rows[:, None] * distribution**2).sum(axis=1)
    return observed, np.maximum(state.panes - 1.0, 0.0) * (distribution * (1.0 - distribution)).sum(axis=1)


def _ratio(observed: FloatArray, expected: FloatArray) -> FloatArray:
    ratio: FloatArray = np.divide(observed, expected, out=np.ones(expected.shape), where=expected > 0)
    return ratio
