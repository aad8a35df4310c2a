"""Metrics of a binary model. A prediction is positive from the threshold on; rows without a usable score are left out.

- accuracy, precision, recall, fpr, positive_ratio, predicted_positive_ratio: shares, Clopper and Pearson.
- f1 (of the positive class), macro_f1, balanced_accuracy (of both classes): `windows.outcomes.class_scores`.
- mcc: Matthews correlation; without a value where labels or predictions are all the same.
- auc: `windows.outcomes.auc`; its interval includes the error of the bins.
- log_loss (natural logarithm), brier, calibration_gap (mean |score - label|): `windows.statistics.skewed_mean`.
- ece over ten equal bins of [0, 1]: `windows.outcomes.calibration_error`.

log_loss, brier, calibration_gap and ece are of probabilities: a score outside [0, 1] is left out of them, and with
more than MOST_IMPROBABLE of such they have no value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from windows.outcomes import class_scores
from windows.outcomes.auc import Area, area
from windows.outcomes.calibration_error import calibration_error
from windows.outcomes.fold import SMALLEST
from windows.outcomes.layout import CALIBRATION_BINS
from windows.outcomes.metric import Metric
from windows.sketches.edges import single_valued
from windows.statistics.intervals import proportion_interval
from windows.statistics.measured import Measured, by_laws, measured, share, without
from windows.statistics.skewed_mean import Moments, mean_laws

if TYPE_CHECKING:
    from collections.abc import Callable

    from windows.arrays import BoolArray, FloatArray, IntArray
    from windows.outcomes.layout import TaskLayout

MOST_IMPROBABLE = 0.01
"""Share of the scores that may be no probabilities: they are left out of what is about probabilities."""
LARGEST_LOSS = float(-np.log(SMALLEST))


def classes(layout: TaskLayout, vectors: IntArray) -> tuple[IntArray, IntArray]:
    """Positives and negatives per score bin, int64[G, B] each."""
    return vectors[:, layout.spans["positives"]], vectors[:, layout.spans["negatives"]]


def matrix(layout: TaskLayout, vectors: IntArray) -> IntArray:
    """Confusion at the threshold, int64[G, 2, 2]: rows are labels, columns predictions, negative first."""
    first = threshold_bin(layout)
    halves = [
        np.stack((counts[:, :first].sum(axis=1), counts[:, first:].sum(axis=1)), axis=1)
        for counts in reversed(classes(layout, vectors))
    ]
    return np.stack(halves, axis=1)


def threshold_bin(layout: TaskLayout) -> int:
    """The first score bin that is a positive prediction."""
    return int(np.searchsorted(edges(layout), layout.cuts[layout.options.threshold])) + 1


def edges(layout: TaskLayout) -> FloatArray:
    """The score edges.

    Raises:
        TypeError: not a binary model.
    """
    if layout.score_edges is None or layout.calibration is None:
        raise TypeError(f"a {layout.options.task} model has no probability of a positive class")
    return layout.score_edges


def areas(layout: TaskLayout, vectors: IntArray) -> Area:
    """Area under the ROC curve of each group."""
    ends = edges(layout)
    tied = np.zeros(len(ends) + 1)
    tied[1:-1] = single_valued(ends)
    return area(*classes(layout, vectors), tied)


def _accuracy(layout: TaskLayout, vectors: IntArray, alpha: float) -> Measured:
    counts = matrix(layout, vectors)
    return share(counts[:, 0, 0] + counts[:, 1, 1], counts.sum(axis=(1, 2)), alpha)


def _precision(layout: TaskLayout, vectors: IntArray, alpha: float) -> Measured:
    counts = matrix(layout, vectors)
    return share(counts[:, 1, 1], counts[:, :, 1].sum(axis=1), alpha)


def _recall(layout: TaskLayout, vectors: IntArray, alpha: float) -> Measured:
    counts = matrix(layout, vectors)
    return share(counts[:, 1, 1], counts[:, 1, :].sum(axis=1), alpha)


def _fpr(layout: TaskLayout, vectors: IntArray, alpha: float) -> Measured:
    counts = matrix(layout, vectors)
    return share(counts[:, 0, 1], counts[:, 0, :].sum(axis=1), alpha)


def _f1(layout: TaskLayout, vectors: IntArray, alpha: float) -> Measured:
    counts = matrix(layout, vectors)
    return class_scores.f1(counts[:, 1, 1], counts[:, 0, 1] + counts[:, 1, 0], alpha)


def _mcc(layout: TaskLayout, vectors: IntArray, alpha: float) -> Measured:
    """Matthews correlation; bounds from those of its parts.

    At a given share of positives it rises with the rate of true positives and of true negatives, so the worst and best
    corner of their exact intervals, over the interval of that share, bound it at any level (union of four bounds).
    """
    counts = matrix(layout, vectors)
    labels, rows = counts.sum(axis=2), counts.sum(axis=(1, 2))
    sides = [proportion_interval(counts[:, at, at], labels[:, at], alpha / 4) for at in (1, 0)]
    ends = proportion_interval(labels[:, 1], rows, alpha / 4)
    with np.errstate(invalid="ignore", divide="ignore"):
        seen, rates = labels[:, 1] / rows, [counts[:, at, at] / labels[:, at] for at in (1, 0)]
        value = _correlation(rates[0], rates[1], seen)
        inside = np.linspace(0.0, 1.0, 65)[:, None]
        positives = np.vstack((ends[0] + inside * (ends[1] - ends[0]), seen))
        lower = np.nanmin(_correlation(sides[0][0], sides[1][0], positives), axis=0, initial=1.0)
        upper = np.nanmax(_correlation(sides[0][1], sides[1][1], positives), axis=0, initial=-1.0)
    return measured(value, (lower, upper), rows)


def _correlation(found: FloatArray, spared: FloatArray, positive: FloatArray) -> FloatArray:
    """Matthews correlation from the rates of true positives and negatives at a share of positives; NaN if constant."""
    called = positive * found + (1 - positive) * (1 - spared)
    ratio: FloatArray = (found + spared - 1) * np.sqrt(positive * (1 - positive) / (called * (1 - called)))
    return ratio


def _positive_ratio(layout: TaskLayout, vectors: IntArray, alpha: float) -> Measured:
    counts = matrix(layout, vectors)
    return share(counts[:, 1, :].sum(axis=1), counts.sum(axis=(1, 2)), alpha)


def _predicted_positive_ratio(layout: TaskLayout, vectors: IntArray, alpha: float) -> Measured:
    counts = matrix(layout, vectors)
    return share(counts[:, :, 1].sum(axis=1), counts.sum(axis=(1, 2)), alpha)


def _auc(layout: TaskLayout, vectors: IntArray, alpha: float) -> Measured:
    found = areas(layout, vectors)
    lower, upper = found.laws.bounds(alpha)
    bounds = np.maximum(lower - found.error, 0.0), np.minimum(upper + found.error, 1.0)
    return measured(found.value, bounds, _rows(layout, vectors))


def _mean(names: tuple[str, str, str], high: float) -> Callable[[TaskLayout, IntArray, float], Measured]:
    def mean(layout: TaskLayout, vectors: IntArray, alpha: float) -> Measured:
        rows = _probable(layout, vectors)
        moments = loss_moments(layout, vectors, rows, names)
        return by_laws(moments.mean, mean_laws(moments, 0.0, high, alpha), 0.0, high, rows, alpha)

    return mean


def loss_moments(layout: TaskLayout, vectors: IntArray, rows: IntArray, names: tuple[str, str, str]) -> Moments:
    """Moments of one loss from the sums of its powers."""
    sums = layout.blocks["losses"]
    first, second, third = (sums.read(vectors, name) for name in names)
    return Moments.of_sums(rows.astype(np.float64), first, second, third * (64.0 if names[2].endswith("64th") else 1.0))


def _log_loss(layout: TaskLayout, vectors: IntArray, alpha: float) -> Measured:
    rows = _probable(layout, vectors)
    moments = loss_moments(layout, vectors, rows, ("loss", "loss_2", "loss_3_64th"))
    laws = mean_laws(moments, 0.0, worst_loss(layout, vectors), alpha)
    return by_laws(moments.mean, laws, 0.0, LARGEST_LOSS, rows, alpha)


def worst_loss(layout: TaskLayout, vectors: IntArray) -> FloatArray:
    """The greatest log loss that the scores seen could have had, float64[G]: with the label one doubts most.

    Losses end at 36, but where no score is near 0 or 1 none comes close to that.
    """
    ends = np.concatenate(([0.0], np.clip(edges(layout), 0.0, 1.0), [1.0]))
    nearest = np.minimum(ends[:-1], 1.0 - ends[1:])
    seen = sum(classes(layout, vectors)) + vectors[:, layout.spans["score_predictions"]] > 0
    loss: FloatArray = -np.log(np.maximum(np.where(seen, nearest, 0.5).min(axis=1), SMALLEST))
    return loss


def improbable(layout: TaskLayout, vectors: IntArray) -> IntArray:
    """Labelled rows whose score is below 0 or above 1, so no probability: int64[G]."""
    positives, negatives = classes(layout, vectors)
    found: IntArray = (positives + negatives)[:, improbable_bins(layout)].sum(axis=1)
    return found


def improbable_bins(layout: TaskLayout) -> BoolArray:
    """The score bins that lie beyond 0 or 1.

    Raises:
        TypeError: not a binary model.
    """
    if layout.improbable is None:
        raise TypeError(f"a {layout.options.task} model has no probability of a positive class")
    return layout.improbable


def _probable(layout: TaskLayout, vectors: IntArray) -> IntArray:
    """Labelled rows with a probability; 0 where too many of a group have none."""
    rows, beyond = _rows(layout, vectors), improbable(layout, vectors)
    return np.where(beyond > MOST_IMPROBABLE * rows, 0, rows - beyond)


def _ece(layout: TaskLayout, vectors: IntArray, alpha: float) -> Measured:
    counts, positives, scores = calibration_counts(layout, vectors)
    _, cuts = _calibration(layout)
    # The ten equal bins are unions of the calibration bins.
    tenth = np.minimum((cuts[:-1] * CALIBRATION_BINS + 1e-9).astype(np.int64), CALIBRATION_BINS - 1)
    starts = np.flatnonzero(np.diff(tenth, prepend=-1))
    counts, positives = np.add.reduceat(counts, starts, axis=1), np.add.reduceat(positives, starts, axis=1)
    found = calibration_error(counts, positives, np.add.reduceat(scores, starts, axis=1), alpha)
    return without(found, _probable(layout, vectors) == 0)


def calibration_counts(layout: TaskLayout, vectors: IntArray) -> tuple[IntArray, IntArray, FloatArray]:
    """Rows, positive labels and sum of scores of each calibration bin, [G, C] each."""
    of, cuts = _calibration(layout)
    starts = np.searchsorted(of, np.arange(len(cuts) - 1))
    both = (counts * ~improbable_bins(layout) for counts in classes(layout, vectors))
    positives, negatives = (np.add.reduceat(counts, starts, axis=1) for counts in both)
    sums = layout.blocks["calibration"]
    scores = np.stack([sums.read(vectors, name) for name in sums.names], axis=1)
    return positives + negatives, positives, scores


def _calibration(layout: TaskLayout) -> tuple[IntArray, FloatArray]:
    if layout.calibration is None or layout.calibration_edges is None:
        raise TypeError(f"a {layout.options.task} model has no probability of a positive class")
    return layout.calibration, layout.calibration_edges


def _rows(layout: TaskLayout, vectors: IntArray) -> IntArray:
    positives, negatives = classes(layout, vectors)
    rows: IntArray = positives.sum(axis=1) + negatives.sum(axis=1)
    return rows


METRICS = {
    "accuracy": Metric(_accuracy),
    "precision": Metric(_precision, needs=("alarms",)),
    "recall": Metric(_recall, needs=("positives",)),
    "f1": Metric(_f1, needs=("positives",)),
    **class_scores.of_both(matrix),
    "mcc": Metric(_mcc, lack="or the predictions for them, all the same"),
    "fpr": Metric(_fpr, needs=("negatives",)),
    "auc": Metric(_auc, needs=("positives", "negatives")),
    "log_loss": Metric(_log_loss, needs=("probabilities",)),
    "brier": Metric(_mean(("gap_2", "gap_4", "gap_6"), 1.0), needs=("probabilities",)),
    "ece": Metric(_ece, needs=("probabilities",), added=True),
    "calibration_gap": Metric(_mean(("gap", "gap_2", "gap_3"), 1.0), needs=("probabilities",)),
    "positive_ratio": Metric(_positive_ratio),
    "predicted_positive_ratio": Metric(_predicted_positive_ratio),
}
