"""The area under the ROC curve from the score histograms of both classes.

A pair within one bin counts half, which is exact for tied scores (bins of one value); in other bins every such pair may
be ranked right or wrong, so the area of the raw scores is within half the share of such pairs: `error`. The interval is
DeLong's (DeLong, DeLong and Clarke-Pearson, Biometrics 44, 1988): the placements of the positives among the negatives
and of the negatives among the positives are two means. Their spread is taken as in `windows.statistics.skewed_mean`,
with the worst (best) possible placement joined to both samples, so that a perfect separation of few rows has an honest
bound.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from windows.statistics.law import Law, Laws
from windows.statistics.skewed_mean import Moments

if TYPE_CHECKING:
    from windows.arrays import FloatArray, IntArray


@dataclass(frozen=True, slots=True, eq=False)
class Area:
    """float64[G] each; NaN where a class is missing.

    Attributes:
        value: the area.
        error: the area of the raw scores is within this.
        laws: of the area of the binned scores, without the error.
    """

    value: FloatArray
    error: FloatArray
    laws: Laws


def area(positives: IntArray, negatives: IntArray, tied: FloatArray) -> Area:
    """The area of G groups.

    Args:
        positives: int64[G, B], rows with a positive label per score bin, ascending.
        negatives: int64[G, B].
        tied: float64[B], 1 for bins that hold one value only, else 0.
    """
    p, q = positives.astype(np.float64), negatives.astype(np.float64)
    n, m = p.sum(axis=1), q.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        below = (np.cumsum(q, axis=1) - q / 2) / m[:, None]
        above = (n[:, None] - np.cumsum(p, axis=1) + p / 2) / n[:, None]
        value = (p * below).sum(axis=1) / n
        error = (p * q * (1 - tied)).sum(axis=1) / (2 * n * m)
        samples = _moments(p, below, n, value), _moments(q, above, m, value)
        laws = Laws(_law(*samples, value, 0.0), _law(*samples, value, 1.0))
    return Area(value, error, laws)


def _moments(counts: FloatArray, placements: FloatArray, n: FloatArray, value: FloatArray) -> Moments:
    off = placements - value[:, None]
    square = off * off
    return Moments(n, value, (counts * square).sum(axis=1) / n, (counts * square * off).sum(axis=1) / n)


def _law(one: Moments, other: Moments, value: FloatArray, end: float) -> Law:
    """Both means stray from the area independently; a placement at the end joins each."""
    law = one.with_row(end).weighted() + other.with_row(end).weighted()
    return Law(law.mean - value, law.variance, law.third)
