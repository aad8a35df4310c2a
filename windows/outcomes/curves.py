"""What a person looks at behind the figures: reliability, precision and recall, confusion, label coverage by score."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from windows.outcomes import binary, multiclass
from windows.statistics.intervals import proportion_interval

if TYPE_CHECKING:
    from windows.arrays import FloatArray, IntArray
    from windows.outcomes.layout import TaskLayout

OTHER = "other"


@dataclass(frozen=True, slots=True, eq=False)
class Reliability:
    """Mean score against share of positives in C score bins; NaN in empty bins.

    Attributes:
        edges: float64[C + 1], from 0 to 1.
        count: int64[C], labelled rows.
        mean_score: float64[C]; multiclass: of the predicted class.
        positive_ratio: float64[C]; multiclass: share of right predictions.
        lower: float64[C], bound of the ratio.
        upper: float64[C], bound of the ratio.
    """

    edges: FloatArray
    count: IntArray
    mean_score: FloatArray
    positive_ratio: FloatArray
    lower: FloatArray
    upper: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class PrecisionRecall:
    """A binary model at every threshold there is a score edge for; NaN without positives (predicted positives).

    Attributes:
        threshold: float64[E], ascending.
        precision: float64[E].
        recall: float64[E].
        fpr: float64[E], false positive rate: with recall the ROC curve.
    """

    threshold: FloatArray
    precision: FloatArray
    recall: FloatArray
    fpr: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Confusion:
    """Labels against predictions.

    Attributes:
        classes: names, "other" last; binary: "0" and "1".
        counts: int64[C, C], rows are labels, columns predictions.
    """

    classes: tuple[str, ...]
    counts: IntArray


@dataclass(frozen=True, slots=True, eq=False)
class Coverage:
    """Which predictions get a label: a share that changes with the score means that labels are selective.

    Attributes:
        names: of the C bins: "[0.1, 0.2)", or classes.
        predictions: int64[C].
        labelled: int64[C].
        ratio: float64[C], NaN without predictions.
        lower: float64[C], bound of the ratio.
        upper: float64[C], bound of the ratio.
    """

    names: tuple[str, ...]
    predictions: IntArray
    labelled: IntArray
    ratio: FloatArray
    lower: FloatArray
    upper: FloatArray


def reliability(layout: TaskLayout, vector: IntArray, alpha: float = 0.025) -> Reliability:
    """The reliability curve of one group, binary or multiclass.

    Raises:
        TypeError: another task.
    """
    if layout.calibration_edges is None:
        raise TypeError(f"a {layout.options.task} model has no reliability curve")
    count, right, scores = (
        binary.calibration_counts(layout, vector[None, :])
        if layout.options.task == "binary"
        else multiclass.confidence_counts(layout, vector[None, :])
    )
    ratio, lower, upper = _ratio(right[0], count[0], alpha)
    mean = np.divide(scores[0], count[0], out=np.full(len(count[0]), np.nan), where=count[0] > 0)
    return Reliability(layout.calibration_edges, count[0], mean, ratio, lower, upper)


def pr_curve(layout: TaskLayout, vector: IntArray) -> PrecisionRecall:
    """Precision, recall and false positive rate of one group at every score edge.

    Raises:
        TypeError: not a binary model.
    """
    edges = binary.edges(layout)
    positives, negatives = (part[0] for part in binary.classes(layout, vector[None, :]))
    hits, alarms = (np.cumsum(part[::-1])[::-1][1:].astype(np.float64) for part in (positives, negatives))
    with np.errstate(divide="ignore", invalid="ignore"):
        return PrecisionRecall(
            edges, hits / (hits + alarms), hits / int(positives.sum()), alarms / int(negatives.sum())
        )


def confusion(layout: TaskLayout, vector: IntArray) -> Confusion:
    """The confusion matrix of one group; binary: at the threshold.

    Raises:
        TypeError: another task.
    """
    if layout.options.task == "binary":
        return Confusion(("0", "1"), binary.matrix(layout, vector[None, :])[0])
    if layout.options.task == "multiclass":
        return Confusion((*layout.options.classes, OTHER), multiclass.matrix(layout, vector[None, :])[0])
    raise TypeError(f"a {layout.options.task} model has no confusion matrix")


def coverage_by_score(layout: TaskLayout, vector: IntArray, alpha: float = 0.025) -> Coverage:
    """Share of labelled predictions by score, one group; ranking: one bin for all."""
    predictions, labelled, names = _coverage_counts(layout, vector)
    ratio, lower, upper = _ratio(np.minimum(labelled, predictions), predictions, alpha)
    return Coverage(names, predictions, labelled, ratio, lower, upper)


def _coverage_counts(layout: TaskLayout, vector: IntArray) -> tuple[IntArray, IntArray, tuple[str, ...]]:
    task = layout.options.task
    if task == "ranking":
        return vector[[layout.predictions]], vector[[layout.labelled]], ("all",)
    predictions = vector[layout.spans["score_predictions"]]
    if task == "multiclass":
        matrix = multiclass.matrix(layout, vector[None, :])[0]
        return predictions, matrix.sum(axis=0), (*layout.options.classes, OTHER)
    if task == "binary" and layout.calibration is not None and layout.calibration_edges is not None:
        cuts = layout.calibration_edges
        starts = np.searchsorted(layout.calibration, np.arange(len(cuts) - 1))
        labelled = vector[layout.spans["positives"]] + vector[layout.spans["negatives"]]
        return np.add.reduceat(predictions, starts), np.add.reduceat(labelled, starts), _names(cuts[1:-1])
    return predictions, vector[layout.spans["score_labelled"]], _names(layout.score_edges)


def _names(cuts: FloatArray | None) -> tuple[str, ...]:
    """Names of the bins between these inner edges."""
    ends = ["-inf", *(f"{cut:g}" for cut in ([] if cuts is None else cuts)), "inf"]
    return tuple(f"[{low}, {high})" for low, high in pairwise(ends))


def _ratio(part: IntArray, whole: IntArray, alpha: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    lower, upper = proportion_interval(part, whole, alpha)
    ratio = np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0)
    return ratio, np.where(whole > 0, lower, np.nan), np.where(whole > 0, upper, np.nan)
