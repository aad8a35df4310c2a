"""Profiles: what one column looked like while all was well."""

from dataclasses import dataclass

import numpy as np

from windows.arrays import FloatArray, IntArray

MAX_BINS = 256
"""Fine bins a numeric profile may have."""
COARSE_BINS = 10
"""Bins PSI is computed on."""
MAX_SEGMENT_VALUES = 50
"""Values of a segment key with counts of their own; the rest is the value "other"."""
MIN_SEGMENT_ROWS = 1_000
"""A value with fewer rows is part of "other"."""
TOP_CATEGORIES = 100
"""Categories kept by name; the rest is folded into `other`."""


class ReferenceError_(ValueError):  # noqa: N801, N818 - the plain name is a builtin
    """A reference that cannot be read or does not hold together; the message is one line."""


@dataclass(frozen=True, slots=True, eq=False)
class NumericProfile:
    """The histogram, missing share and moments of a numeric column.

    Bin `i` holds the values in [edges[i], edges[i+1]). The last edge is the float after the maximum, so the maximum is
    inside. A value with a mass of at least 1/128 has a bin of its own; the other edges are quantiles of the reference.

    Attributes:
        edges: float64[m+1], finite, strictly increasing, 1 <= m <= MAX_BINS.
        counts: int64[m], rows per bin.
        coarse: int64[m], the coarse (PSI) bin of each fine bin: from 0, rising by 0 or 1, below COARSE_BINS.
        missing: rows where the value was null or absent.
        non_finite: rows where it was NaN or infinite.
        center: mean of the finite values; moments are taken about it.
        scale: standard deviation of the finite values, > 0 (1.0 for a constant).
        overdispersion: pane-to-pane variance over its multinomial expectation, >= 1; None when the rows had no time.
        below: rows under the first edge; above: from the last edge on. 0 unless it was built like another profile.
        own: mean and standard deviation of its own rows where it was built like another profile, whose center and
            scale it has; None where they are these.
        day_correlation: intraclass correlation of the rows of one day, 0 to 1, beyond what panes vary; 0 where days do
            not vary, or too few were seen to say so. m rows of a day are worth ``m / (overdispersion + rho m)``
            independent ones (the design effect of clusters; Kish, Survey Sampling, 1965, 5.4).
    """

    edges: FloatArray
    counts: IntArray
    coarse: IntArray
    missing: int
    non_finite: int
    center: float
    scale: float
    overdispersion: float | None
    below: int = 0
    above: int = 0
    own: tuple[float, float] | None = None
    day_correlation: float = 0.0

    @property
    def mean(self) -> float:
        """Mean of the finite values of its rows."""
        return self.center if self.own is None else self.own[0]

    @property
    def deviation(self) -> float:
        """Standard deviation of the finite values of its rows, > 0 (1.0 for a constant)."""
        return self.scale if self.own is None else self.own[1]


@dataclass(frozen=True, slots=True, eq=False)
class CategoricalProfile:
    """The counts of the most frequent categories of a column.

    Attributes:
        categories: at most TOP_CATEGORIES, by descending count, ties by name. Booleans are "true" and "false", numbers
            are their JSON text.
        counts: int64[K], rows per category.
        other: rows in all categories beyond those.
        missing: rows where the value was null or absent.
        overdispersion: as for a numeric profile.
        day_correlation: likewise.
    """

    categories: tuple[str, ...]
    counts: IntArray
    other: int
    missing: int
    overdispersion: float | None
    day_correlation: float = 0.0


Profile = NumericProfile | CategoricalProfile


@dataclass(frozen=True, slots=True, eq=False)
class SegmentCounts:
    """The counts of one segment, on the bins and categories of the whole.

    Attributes:
        rows: rows of the segment.
        features: feature name -> int64[slot count], in slot order (see `slots`).
        prediction: int64[slot count], None when the reference has no prediction profile.
    """

    rows: int
    features: dict[str, IntArray]
    prediction: IntArray | None


def slot_count(profile: Profile) -> int:
    """How many slots the counts of this column have: m + 4 numeric, K + 3 categorical."""
    if isinstance(profile, NumericProfile):
        return len(profile.counts) + 4
    return len(profile.categories) + 3


def slots(profile: Profile) -> IntArray:
    """The reference's counts in slot order.

    Numeric, m bins: 0 below, 1..m bins, m+1 above, m+2 missing, m+3 of another type or not finite.
    Categorical, K categories: 0..K-1 categories, K other or unseen, K+1 missing, K+2 of another type (0 here).

    Returns:
        int64[slot_count(profile)]; it sums to the rows of the reference.
    """
    if isinstance(profile, NumericProfile):
        tail = (profile.above, profile.missing, profile.non_finite)
        return np.concatenate(([profile.below], profile.counts, tail)).astype(np.int64)
    return np.concatenate((profile.counts, (profile.other, profile.missing, 0))).astype(np.int64)
