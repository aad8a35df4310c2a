"""The smallest shift that a window finds: the truth at which its lower bound passes the threshold half of the time."""

from __future__ import annotations

import numpy as np

from windows.statistics import noncentral
from windows.statistics.distances.ks import ks_band
from windows.statistics.intervals import proportion_increase_interval

HALVINGS = 40
COARSE_SLOTS = 10
"""Slots of a population stability index."""


def smallest_ks(threshold: float, rows: float, reference_rows: float, alpha: float) -> float | None:
    """The Kolmogorov-Smirnov distance; None where none can be found, for it never exceeds 1.

    Args:
        threshold: of the monitor.
        rows: effective size of the window.
        reference_rows: of the reference.
        alpha: level of each bound.
    """
    band = ks_band(np.array(max(rows, 1e-9)), np.array(max(reference_rows, 1e-9)), alpha)
    found = threshold + float(band)
    return found if found < 1 else None


def smallest_psi(threshold: float, rows: float, reference_rows: float, alpha: float) -> float | None:
    """The population stability index over ten even slots; None above 10, where hardly a slot is left as it was."""
    noise = 1 / max(rows, 1e-9) + 1 / max(reference_rows, 1e-9)
    degrees = np.array([COARSE_SLOTS - 1])
    low, high = threshold, 10.0

    def reaches(truth: float) -> bool:
        sampled = np.array([truth + (COARSE_SLOTS - 1) * noise])
        local = np.array([4 * truth * noise])
        lower, _ = noncentral.divergence_interval(sampled, sampled, local, degrees, np.array([noise]), alpha)
        return bool(lower[0] > threshold)

    if not reaches(high):
        return None
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if reaches(middle) else (middle, high)
    return high


def smallest_increase(threshold: float, usual: float, rows: float, reference_rows: float, alpha: float) -> float | None:
    """By how much a share must rise over the reference's own; None where not even all rows would do."""
    sides = np.array([reference_rows * usual]), np.array([reference_rows])

    def reaches(rise: float) -> bool:
        hits = np.array([rows * min(usual + rise, 1.0)])
        return bool(proportion_increase_interval(hits, np.array([rows]), *sides, alpha)[0][0] > threshold)

    low, high = threshold, 1.0 - usual
    if rows <= 0 or not reaches(high):
        return None
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if reaches(middle) else (middle, high)
    return high
