"""Quantiles of latencies and other positive values, from a fixed array of logarithmic slots.

The mapping of DDSketch (Masson, Rim and Lee, PVLDB 12(12), 2019): slot i holds ``(gamma^(i-1), gamma^i]`` with
``gamma = (1 + a) / (1 - a)``, and answers with the point whose relative distance to both ends is a.

Guarantee: within ``ACCURACY`` = 1 % of an order statistic for values from ``MIN_TRACKABLE`` (0.01 ms) to
``MAX_TRACKABLE`` (10 minutes); values beyond are counted in the first and the last slot. Memory: ``LATENCY_BINS``
counts, always. Merging is addition and removal subtraction, both exact.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, overload

import numpy as np
from scipy.special import bdtr, bdtrik

if TYPE_CHECKING:
    from windows.arrays import FloatArray, IntArray

ACCURACY = 0.01
"""Relative error of a quantile."""
MIN_TRACKABLE = 0.01
"""Milliseconds; values up to here, zero and negatives share the first slot."""
MAX_TRACKABLE = 600_000.0
"""Milliseconds (10 minutes); larger values share the last slot."""

GAMMA = (1 + ACCURACY) / (1 - ACCURACY)
_LOG_GAMMA = math.log(GAMMA)
_INNER = math.ceil(math.log(MAX_TRACKABLE / MIN_TRACKABLE) / _LOG_GAMMA)

LATENCY_BINS: int = _INNER + 2
"""Number of slots: below, the logarithmic ones, above."""


def _upper_edges() -> FloatArray:
    """Upper end of each slot in ms, ``[LATENCY_BINS]``; infinite for the last."""
    edges = MIN_TRACKABLE * np.exp(_LOG_GAMMA * np.arange(LATENCY_BINS, dtype=np.float64))
    edges[-2:] = MAX_TRACKABLE, np.inf
    return edges


def _answers() -> FloatArray:
    """What each slot answers in ms, ``[LATENCY_BINS]``: the point within 1 % of every value in it."""
    answers = MIN_TRACKABLE * np.exp(_LOG_GAMMA * np.arange(LATENCY_BINS, dtype=np.float64)) * (1 - ACCURACY)
    answers[0], answers[-1] = MIN_TRACKABLE, MAX_TRACKABLE
    return answers


_UPPER = _upper_edges()
LATENCY_ENDS: FloatArray = _UPPER[:-1]
"""Upper end of each slot in ms, that in it; the last slot has none, ``[LATENCY_BINS - 1]``."""
_LOWER = np.concatenate(([0.0], _UPPER[:-1]))
_ANSWER = _answers()


def latency_slots(x: FloatArray) -> IntArray:
    """Slot of each value, int64 of the shape of ``x``: the one whose ends are around it, the upper one included.

    The logarithm finds it; processors round that in ways of their own, so the ends have the last word.

    Args:
        x: milliseconds, any shape; NaN is the caller's business. Infinity belongs to the last slot.
    """
    clamped = np.clip(x, MIN_TRACKABLE, 2 * MAX_TRACKABLE)
    near = np.minimum(np.ceil(np.log(clamped / MIN_TRACKABLE) / _LOG_GAMMA).astype(np.int64), LATENCY_BINS - 2)
    found: IntArray = near + (clamped > _UPPER[near]) - (clamped <= _LOWER[near])
    return found


@overload
def quantile(counts: IntArray, q: float) -> float: ...
@overload
def quantile(counts: IntArray, q: FloatArray) -> FloatArray: ...
def quantile(counts: IntArray, q: float | FloatArray) -> float | FloatArray:
    """The q-quantile in ms: within 1 % of the order statistic of rank ``floor(q (n - 1))``, NaN without counts.

    Args:
        counts: ``[LATENCY_BINS]`` rows per slot.
        q: one or several probabilities in [0, 1]; the answer has its shape.

    Raises:
        ValueError: a probability is outside [0, 1], or the counts have another length.
    """
    wanted = _checked(counts, q)
    total = int(counts.sum())
    if total == 0:
        answer = np.full(wanted.shape, np.nan)
    else:
        answer = _ANSWER[_slot_of_rank(counts, np.floor(wanted * (total - 1)))]
    return float(answer) if np.ndim(q) == 0 else answer


@overload
def quantile_bounds(
    counts: IntArray, q: float, alpha: float, effective: float | None = None
) -> tuple[float, float]: ...
@overload
def quantile_bounds(
    counts: IntArray, q: FloatArray, alpha: float, effective: float | None = None
) -> tuple[FloatArray, FloatArray]: ...
def quantile_bounds(
    counts: IntArray, q: float | FloatArray, alpha: float, effective: float | None = None
) -> tuple[float, float] | tuple[FloatArray, FloatArray]:
    """Bounds in ms with P(lower > the true quantile) <= alpha and P(upper < it) <= alpha, for any distribution.

    The number of rows up to the true q-quantile is binomial(n, q), so two order statistics enclose it (David and
    Nagaraja, Order Statistics, 2003, 7.1). The outer ends of their slots are returned: the 1 % is inside the interval.
    Where n is too small for the level the bound is 0 or infinity: there is no evidence, not a guess.

    Args:
        counts: ``[LATENCY_BINS]`` rows per slot.
        q: one or several probabilities in [0, 1]; both answers have its shape.
        alpha: probability of error per bound, in (0, 0.5].
        effective: number of independent rows these are worth, if fewer than were counted (see ``overdispersion``).

    Raises:
        ValueError: a probability or alpha is out of range, or the counts have another length.
    """
    wanted = _checked(counts, q)
    if not 0 < alpha <= 0.5:
        message = f"alpha must be in (0, 0.5], given {alpha}"
        raise ValueError(message)
    total = int(counts.sum())
    size = total if effective is None else max(min(math.floor(effective), total), 0)
    lower, upper = np.zeros(wanted.shape), np.full(wanted.shape, np.inf)
    if size > 0:
        below, above = _ranks(wanted, size, alpha)
        lower_rank, upper_rank = np.floor(below * (total / size)), np.ceil(above * (total / size))
        # Rank r (from 1) of the effective sample stands at r / size of the rows; 0 and size + 1 mean "no such row".
        lower = np.where(below >= 1, _LOWER[_slot_of_rank(counts, lower_rank - 1)], 0.0)
        upper = np.where(above <= size, _UPPER[_slot_of_rank(counts, np.minimum(upper_rank, total) - 1)], np.inf)
    return (float(lower), float(upper)) if np.ndim(q) == 0 else (lower, upper)


def _ranks(q: FloatArray, size: int, alpha: float) -> tuple[FloatArray, FloatArray]:
    """Ranks from 1 of the order statistics: largest l with P(X <= l - 1) <= alpha, smallest u with P(X >= u) <= alpha.

    X is binomial(size, q). 0 and ``size + 1`` where there is no such rank.
    """
    return _lower_tail(q, size, alpha) + 1, size - _lower_tail(1 - q, size, alpha)


def _lower_tail(q: FloatArray, size: int, alpha: float) -> FloatArray:
    """Largest k with P(binomial(size, q) <= k) <= alpha; -1 if there is none."""
    certain = q >= 1
    inner = np.where((q > 0) & ~certain, q, 0.5)
    # The continuous inverse can be one off where the distribution is discrete; the two checks settle it.
    k = np.clip(np.nan_to_num(np.floor(bdtrik(alpha, size, inner)), nan=0.0), 0, size)
    k = np.where((k < size) & (bdtr(np.minimum(k + 1, size), size, inner) <= alpha), k + 1, k)
    k = np.where(bdtr(k, size, inner) <= alpha, k, k - 1)
    return np.where(certain, size - 1, np.where(q > 0, k, -1.0))


def _checked(counts: IntArray, q: float | FloatArray) -> FloatArray:
    if counts.shape != (LATENCY_BINS,):
        message = f"counts must have shape ({LATENCY_BINS},), given {counts.shape}"
        raise ValueError(message)
    wanted = np.asarray(q, dtype=np.float64)
    if not ((wanted >= 0) & (wanted <= 1)).all():
        message = f"q must be in [0, 1], given {q}"
        raise ValueError(message)
    return wanted


def _slot_of_rank(counts: IntArray, rank: FloatArray) -> IntArray:
    """Slot that holds the row of this rank (from 0) in ascending order."""
    slots = np.searchsorted(np.cumsum(counts), np.maximum(rank, 0), side="right")
    return np.minimum(slots, LATENCY_BINS - 1).astype(np.int64)
