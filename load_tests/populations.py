"""Pairs of populations, reference and drifted, exactly at a threshold: what a coverage table is simulated from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr, ndtri

from windows.statistics.catalog import DISTANCES
from windows.statistics.distances.row import Sides

if TYPE_CHECKING:
    from collections.abc import Callable

    from windows.arrays import FloatArray, IntArray
    from windows.statistics.measured import Measured


@dataclass(frozen=True, slots=True)
class Reference:
    """Shares of the reference's slots, float64[B], the value that stands for each, and the standard deviation."""

    shares: FloatArray
    mids: FloatArray
    scale: float


@dataclass(frozen=True, slots=True)
class Pair:
    """Shares of the drifted and the reference population, float64[B] each, and the distance between them."""

    current: FloatArray
    reference: Reference
    truth: float


def normal(slots: int) -> Reference:
    """Equal-mass bins of a normal feature."""
    return Reference(np.full(slots, 1 / slots), ndtri((np.arange(slots) + 0.5) / slots), 1.0)


def lognormal(slots: int) -> Reference:
    """Equal-mass bins of a feature with a long right tail, whose last bin reaches far."""
    mids = np.exp(1.5 * ndtri((np.arange(slots) + 0.5) / slots))
    mids[-1] *= 4
    return Reference(np.full(slots, 1 / slots), mids, float(np.std(mids)))


def edged(slots: int) -> Reference:
    """Equal-mass bins between two nearly empty ones, as below and above the reference's range."""
    weights = np.concatenate(([0.002], np.ones(slots - 2), [0.002]))
    return Reference(weights / weights.sum(), np.arange(slots, dtype=np.float64), 1.0)


def zipf(slots: int) -> Reference:
    """Categories with a long tail: at a small volume most slots hold no row or one."""
    weights = 1 / np.arange(1, slots + 1) ** 1.1
    return Reference(weights / weights.sum(), np.arange(slots, dtype=np.float64), 1.0)


def shift(shares: FloatArray, amount: float) -> FloatArray:
    """The normal variable under the slots moved up by so many standard deviations."""
    edges = ndtri(np.cumsum(shares)[:-1])
    return np.diff(np.concatenate(([0.0], ndtr(edges - amount), [1.0])))


def widen(shares: FloatArray, amount: float) -> FloatArray:
    """The normal variable under the slots stretched by the factor exp(amount)."""
    edges = ndtri(np.cumsum(shares)[:-1])
    return np.diff(np.concatenate(([0.0], ndtr(edges / np.exp(amount)), [1.0])))


def grow(shares: FloatArray, amount: float) -> FloatArray:
    """The last slot takes this share of all rows from the others."""
    grown = shares * (1 - min(amount, 0.999))
    grown[-1] += min(amount, 0.999)
    return grown


def vanish(shares: FloatArray, amount: float) -> FloatArray:
    """The first slot dwindles by the factor exp(-amount)."""
    less = shares.copy()
    less[0] *= np.exp(-amount)
    vanished: FloatArray = less / less.sum()
    return vanished


def pair_at(
    reference: Reference,
    drift: Callable[[FloatArray, float], FloatArray],
    distance: Callable[[FloatArray, Reference], float],
    threshold: float,
) -> Pair:
    """The drift of this kind whose distance is the threshold.

    Raises:
        ValueError: no drift of this kind goes so far.
    """
    low, high = 0.0, 10.0
    for _ in range(100):
        middle = (low + high) / 2
        if distance(drift(reference.shares, middle), reference) < threshold:
            low = middle
        else:
            high = middle
    current = drift(reference.shares, high) if threshold > 0 else reference.shares
    truth = distance(current, reference)
    if abs(truth - threshold) > 1e-9:
        message = f"this drift ends at {truth}, before the threshold {threshold}"
        raise ValueError(message)
    return Pair(current, reference, truth)


def measured(
    metric: str, cur: IntArray, ref: IntArray, at: tuple[FloatArray, float], alpha: float, factor: float = 1.0
) -> Measured:
    """A distance as windows are measured by it, with its interval: of any that the catalog has.

    Args:
        metric: its name.
        cur: int64[F, B], counts in slots of a single value each, all of which PSI knows, too.
        ref: the same of the reference.
        at: float64[B], the value of each slot, and the reference's standard deviation.
        alpha: probability of error per bound.
        factor: how many rows are worth one.
    """
    features, slots = cur.shape
    every = np.ones((features, slots), dtype=bool)
    rows = cur.sum(axis=1) / factor, ref.sum(axis=1) / factor
    places, scale = np.broadcast_to(at[0], cur.shape), np.full(features, at[1])
    sides = Sides((cur, ref), (cur, ref), rows, every, every, places, scale, alpha)
    return DISTANCES[metric].measure(sides)


def distance_of(metric: str, current: FloatArray, reference: Reference) -> float:
    """Distance of the populations, computed from its definition on shares."""
    q, p = current, reference.shares
    if metric == "psi":
        return float(((q - p) * np.log(q / p)).sum())
    if metric == "ks":
        return float(np.abs(np.cumsum(q - p)).max())
    if metric == "wasserstein":
        return float((np.abs(np.cumsum(q - p))[:-1] * np.diff(reference.mids)).sum() / reference.scale)
    if metric == "tvd":
        return float(np.abs(q - p).sum() / 2)
    if metric == "hellinger":
        return float(np.sqrt(max(1 - np.sqrt(q * p).sum(), 0.0)))
    if metric != "js":
        raise ValueError(f"{metric}: its definition on shares is missing in distance_of of load_tests/populations.py")
    middle = (q + p) / 2
    divergence = (q * np.log2(q / middle) + p * np.log2(p / middle)).sum() / 2
    return float(np.sqrt(max(divergence, 0.0)))
