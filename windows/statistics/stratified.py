"""The difference of two arms that serve side by side, stratum by stratum, with its interval.

Each slice of time is cut into strata (the values of a segment key). Within a stratum both arms meet the same traffic,
so the difference of their means is the arms' own; strata are joined with the weights of Mantel and Haenszel
(Statistical aspects of the analysis of data from retrospective studies, 1959), n m / (n + m) of n and m rows: the
variance is least where the difference is the same everywhere, and a stratum that one arm alone served weighs nothing.

What happens to both arms in a slice (an hour that is hard to predict) cancels; what is left varies from slice to slice
by more than rows that are independent would where users come back. The interval is therefore that of a ratio of sums
over slices, which are the units (Cochran, Sampling Techniques, 1977, 6.4), with Student's quantiles of the slices less
one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import stdtrit

if TYPE_CHECKING:
    from windows.arrays import FloatArray


def weights(rows: FloatArray, others: FloatArray) -> FloatArray:
    """N m / (n + m); 0 where either is 0."""
    return rows * others / np.maximum(rows + others, 1.0)


@dataclass(slots=True)
class Stratified:
    """Sums over slices so far: of weights w, of weighted differences d, and of their products.

    Attributes:
        slices: in which both arms had rows of one stratum at least.
    """

    slices: int = 0
    w: float = 0.0
    d: float = 0.0
    ww: float = 0.0
    wd: float = 0.0
    dd: float = 0.0

    def add(self, weight: FloatArray, difference: FloatArray) -> bool:
        """Take the strata of one slice; False where they have no weight, which changes nothing.

        Args:
            weight: float64[S], of each stratum.
            difference: float64[S], not read where the weight is 0.
        """
        w = float(weight.sum())
        if not w > 0:
            return False
        d = float(np.where(weight > 0, weight * difference, 0.0).sum())
        self.slices += 1
        self.w += w
        self.d += d
        self.ww += w * w
        self.wd += w * d
        self.dd += d * d
        return True

    @property
    def value(self) -> float:
        """The difference over all strata; NaN before the first slice."""
        return self.d / self.w if self.slices else math.nan

    def half(self, alpha: float) -> float:
        """How far a bound is from the value, at a probability of error of `alpha`; infinite before the second slice."""
        if self.slices < 2:
            return math.inf
        gap, count = self.value, self.slices
        spread = max(self.dd - 2 * gap * self.wd + gap * gap * self.ww, 0.0) * count / (count - 1)
        return float(stdtrit(count - 1, 1 - alpha)) * math.sqrt(spread) / self.w
