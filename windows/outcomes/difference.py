"""How much a metric differs between two groups of outcomes: version against version, period against period.

The intervals of the two sides are joined by square and add, each side's distance to its own bound (Newcombe, "Interval
estimation for the difference between independent proportions", Statistics in Medicine 17, 1998, method 10; Zou and
Donner 2008 for means). At deep levels and near 0 or 1 that is too narrow, so the laws of the two sides
(`windows.statistics.law`) are subtracted as well, and the wider of the two counts, but nothing beyond the two bounds
themselves. For means of many rows all this is Welch's interval, for areas DeLong's of independent samples. Of values
that have no end, the side that saw the heavier tail speaks for both: few rows that missed the rare large values would
otherwise look worse than they are with too much certainty.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from windows.outcomes import binary
from windows.outcomes.metrics import METRICS, metric_names, task_metrics
from windows.statistics.measured import Measured, by_laws, measured, share

if TYPE_CHECKING:
    from collections.abc import Collection

    from windows.arrays import FloatArray, IntArray
    from windows.outcomes.layout import TaskLayout
    from windows.statistics.intervals import Interval

COUNTS = ("labelled", "predictions")
"""Metrics that are no statistics: a difference of them says nothing."""
FEWEST_POSITIVES = 30
"""Predicted positives both sides must have for their precision at a score to count in the shift of the curve."""


def difference(
    layout: TaskLayout, a: IntArray, b: IntArray, alpha: float, names: Collection[str] | None = None
) -> dict[str, Measured]:
    """metric(a) - metric(b) of G pairs; `samples` is the smaller of the two.

    Args:
        layout: of the task.
        a: int64[G, layout.size].
        b: int64[G, layout.size], or [1, size] to compare all with one.
        alpha: probability of error per bound.
        names: the metrics wanted; None for all but counts.
    """
    every = tuple(name for name in metric_names(layout) if name not in COUNTS)
    wanted = every if names is None else tuple(name for name in every if name in names)
    one, other = metrics_beside(layout, a, b, alpha, wanted), metrics_beside(layout, b, a, alpha, wanted)
    table = METRICS[layout.options.task]
    found = {name: join(one[name], other[name], alpha, added=table[name].added) for name in wanted}
    if "auc" in found:
        found["auc"] = _auc(layout, a, b, alpha)
    return found


def metrics_beside(
    layout: TaskLayout, vectors: IntArray, beside: IntArray, alpha: float, names: Collection[str] | None = None
) -> dict[str, Measured]:
    """The metrics of one side of a comparison: as `task_metrics`, but tails are taken from whichever side saw more.

    Args:
        layout: of the task.
        vectors: int64[G, layout.size].
        beside: int64[G, layout.size] or [1, size], what they are compared with.
        alpha: probability of error per bound.
        names: the metrics wanted; None for all.
    """
    table, found = METRICS[layout.options.task], task_metrics(layout, vectors, alpha, names)
    open_ended = {name: measure for name in found if (measure := table[name].beside) is not None}
    return found | {name: measure(layout, vectors, alpha, beside) for name, measure in open_ended.items()}


def join(a: Measured, b: Measured, alpha: float, *, added: bool = False) -> Measured:
    """Subtract independent sides: a - b, any shape.

    Args:
        a: with its interval at alpha.
        b: the same.
        alpha: probability of error per bound.
        added: the distances to the bounds do not average out, so they are added.
    """
    value, samples = a.value - b.value, np.minimum(a.samples, b.samples)
    down, up = (a.value - a.lower, b.upper - b.value), (a.upper - a.value, b.value - b.lower)
    most, least = value + sum(up), value - sum(down)
    if added:
        return measured(value, (least, most), samples)
    lower, upper = value - np.hypot(*down), value + np.hypot(*up)
    if a.laws is not None and b.laws is not None:
        # Square and add gives up too much of skewed tails; the laws a little of nearly symmetric ones.
        laws_lower, laws_upper = (a.laws - b.laws).bounds(alpha)
        lower = np.maximum(np.minimum(lower, laws_lower), least)
        upper = np.minimum(np.maximum(upper, laws_upper), most)
    return measured(value, (lower, upper), samples)


def _auc(layout: TaskLayout, a: IntArray, b: IntArray, alpha: float) -> Measured:
    """The noise is joined, the errors of the bins are added: they do not average out."""
    sides, errors = [], []
    for side in (a, b):
        found = binary.areas(layout, side)
        rows = sum(part.sum(axis=1) for part in binary.classes(layout, side))
        sides.append(by_laws(found.value, found.laws, 0.0, 1.0, np.asarray(rows), alpha))
        errors.append(found.error)
    joined, error = join(sides[0], sides[1], alpha), errors[0] + errors[1]
    interval = np.maximum(joined.lower - error, -1.0), np.minimum(joined.upper + error, 1.0)
    return measured(joined.value, interval, joined.samples)


def curve_shift(layout: TaskLayout, a: IntArray, b: IntArray, alpha: float) -> Measured:
    """How far the precision-recall curves of two groups lie apart at equal scores; G pairs of a binary model.

    The shift is the largest difference, over all scores taken as the threshold, of recall or of precision; precision
    counts where both sides predict at least FEWEST_POSITIVES positives. It is 0 if the scores of positives, the scores
    of negatives and the share of positives stay as they were, and it sees a few more false alarms among the highest
    scores, which a distance of distributions does not.

    The bounds hold at all thresholds together. Recall: two Dvoretzky-Kiefer-Wolfowitz bands for the scores of the
    positives, at half of alpha. Precision: the interval of the difference at each threshold, with the other half of
    alpha shared by the thresholds.

    Returns:
        the shift in [0, 1]; `samples` is the smaller number of positives. NaN where a side has no positives.

    Raises:
        TypeError: not a binary model.
    """
    curves = [_Curve.of(layout, side) for side in (a, b)]
    one, other = curves
    positives = np.minimum(one.positives, other.positives)
    with np.errstate(divide="ignore", invalid="ignore"):
        recall = np.abs(one.hits / one.positives[:, None] - other.hits / other.positives[:, None]).max(axis=1)
        band = np.sqrt(np.log(4 / alpha) / 2) * (1 / np.sqrt(one.positives) + 1 / np.sqrt(other.positives))
    precision, (low, high) = _precision_shift(one, other, alpha / 2)
    lower = np.maximum(np.maximum(recall - band, low), 0.0)
    upper = np.minimum(np.maximum(recall + band, high), 1.0)
    return measured(np.maximum(recall, precision), (lower, upper), positives)


class _Curve:
    """Rows and positives from each score on, int64[G, E]."""

    __slots__ = ("called", "hits", "positives")

    def __init__(self, hits: IntArray, called: IntArray) -> None:
        self.hits = hits
        self.called = called
        self.positives: IntArray = hits[:, 0]

    @classmethod
    def of(cls, layout: TaskLayout, vectors: IntArray) -> _Curve:
        binary.edges(layout)
        positives, negatives = binary.classes(layout, vectors)
        hits, alarms = (np.cumsum(part[:, ::-1], axis=1)[:, ::-1] for part in (positives, negatives))
        return cls(hits, hits + alarms)


def _precision_shift(one: _Curve, other: _Curve, alpha: float) -> tuple[FloatArray, Interval]:
    """Largest difference of precision with bounds, float64[G] each; 0 where no threshold counts."""
    counts = (one.called >= FEWEST_POSITIVES) & (other.called >= FEWEST_POSITIVES)
    # Both signs of the difference at every threshold: each of them may be the one that strays.
    level = alpha / (2 * counts.shape[1])
    p, q = (share(side.hits, side.called, level) for side in (one, other))
    apart = join(p, q, level)
    value, low = np.abs(apart.value), np.maximum(apart.lower, -apart.upper)
    high = np.maximum(np.abs(apart.lower), np.abs(apart.upper))
    largest = [np.where(counts, part, 0.0).max(axis=1) for part in (value, low, high)]
    return largest[0], (largest[1], largest[2])
