"""Where each count and sum of a model's outcomes stands: one int64 vector holds all that performance is computed from.

As in `windows.predictions.layout`, merging is addition and a revision is taken back by subtraction, exactly. What a
vector holds depends on the task; sizes: binary 400 to 1,000 slots (by the bins of the reference), multiclass 280 +
(classes + 1)^2, regression 650, ranking 230.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from windows.sketches.bins import Bins, bins_of
from windows.sketches.edges import single_valued, spelt_alike
from windows.sketches.exact_sums import SumBlock
from windows.sketches.log_bins import LogBins
from windows.sketches.profiles import NumericProfile

if TYPE_CHECKING:
    from collections.abc import Mapping

    from windows.arrays import BoolArray, FloatArray, IntArray
    from windows.sketches.profiles import Profile

Task = Literal["binary", "multiclass", "regression", "ranking"]

TASKS: tuple[Task, ...] = get_args(Task)

MAX_CLASSES = 32
"""Classes with a row of their own in the confusion matrix; the rest is "other"."""
PLAIN_BINS = 128
"""Equal score bins of a binary model whose reference has no scores."""
PLAIN_STEP = 8.0
"""... and as many steps of an eighth in the logarithm of the odds to each side where nothing is known of them."""
HALF_ULP = 2.0**-24
"""What a number may lose in a float32, as a share of it: a score of 0.7 that came through one is at least 0.7."""
BEYOND = 1e-6
"""A score further beyond 0 or 1 is no probability."""
CALIBRATION_BINS = 10
"""Equal bins of [0, 1] the expected calibration error is taken over."""
DELAYS = LogBins(low=1.0, high=400 * 86_400.0, accuracy=0.05)
"""Label delays in seconds: within 5 % from one second to 400 days."""
FARTHEST = 2.0**30
"""Numbers from here on (in units of the layout's scale) count as infinite: their powers would not fit the sums."""


@dataclass(frozen=True, slots=True)
class TaskOptions:
    """What the config says about a model's outcomes.

    Attributes:
        task: kind of model.
        threshold: binary: a score from here on is a positive prediction.
        classes: multiclass: names in code order; labels and predictions may have further codes, of further classes.
        k: ranking: places that count for NDCG and CTR.
        tolerance: regression: largest absolute error that is still good; None: not asked for.
        negative_after: whether no feedback in time is a negative label.
    """

    task: Task
    threshold: float = 0.5
    classes: tuple[str, ...] = ()
    k: int = 10
    tolerance: float | None = None
    negative_after: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class TaskLayout:
    """The slots of a model's outcome vectors.

    Attributes:
        options: as given, classes cut to MAX_CLASSES.
        score_edges: float64[E], increasing, of the score bins; bin i holds the scores with i edges at or below them, so
            there are E + 1. None when scores have no bins (multiclass: one bin a class and one for other).
        center: regression: labels are taken about it.
        scale: regression: a power of two near the reference's deviation, the unit of errors and labels.
        errors: regression: bins of the absolute error over `scale`.
        calibration: binary: int64[E + 1], the calibration bin of each score bin.
        calibration_edges: binary: float64[C + 1] from 0 to 1; multiclass: those of the confidence.
        cuts: binary: each tenth and the threshold -> the score edge that stands for it.
        improbable: binary: bool[E + 1], the score bins that lie beyond 0 or 1.
        spans: slots of each group of counts, by name.
        blocks: sums, by name of the block.
        size: number of slots.
    """

    options: TaskOptions
    score_edges: FloatArray | None
    center: float
    scale: float
    errors: LogBins | None
    calibration: IntArray | None
    calibration_edges: FloatArray | None
    spans: Mapping[str, slice]
    blocks: Mapping[str, SumBlock]
    size: int
    score_bins: Bins | None
    cuts: Mapping[float, float]
    improbable: BoolArray | None

    @property
    def classes(self) -> int:
        """Codes of classes there are, "other" included."""
        return len(self.options.classes) + 1

    @property
    def predictions(self) -> int:
        """The slot of the number of predictions."""
        return self.slot("predictions")

    @property
    def labelled(self) -> int:
        """The slot of the number of predictions with a label."""
        return self.slot("labelled")

    @property
    def unusable(self) -> int:
        """The slot of the labelled predictions whose score or label is no number that could be judged."""
        return self.slot("unusable")

    @property
    def valued(self) -> int:
        """The slot of the predictions with a business value."""
        return self.slot("valued")

    def slot(self, name: str) -> int:
        """The first slot of a span."""
        return int(self.spans[name].start)

    def empty(self) -> IntArray:
        """A vector of zeros, int64[size]."""
        return np.zeros(self.size, dtype=np.int64)


class _Plan:
    """Slots handed out one after the other."""

    def __init__(self) -> None:
        self.spans: dict[str, slice] = {}
        self.blocks: dict[str, SumBlock] = {}
        self.size = 0

    def counts(self, name: str, width: int) -> None:
        self.spans[name] = slice(self.size, self.size + width)
        self.size += width

    def sums(self, block: str, names: tuple[str, ...], top: int, limbs: int) -> None:
        self.blocks[block] = SumBlock(names, self.size, top, limbs)
        self.size = self.blocks[block].stop


def task_layout(options: TaskOptions, prediction: Profile | None) -> TaskLayout:
    """The layout that follows from the task and the reference's profile of the prediction.

    Raises:
        ValueError: an option makes no sense for the task; one line.
    """
    _check(options)
    options = TaskOptions(
        task=options.task,
        threshold=options.threshold,
        classes=options.classes[:MAX_CLASSES],
        k=options.k,
        tolerance=options.tolerance,
        negative_after=options.negative_after,
    )
    profile = prediction if isinstance(prediction, NumericProfile) else None
    plan = _Plan()
    for name in ("predictions", "labelled", "unusable", "valued"):
        plan.counts(name, 1)
    plan.counts("delay", DELAYS.count)
    plan.sums("value", ("value", "value_2", "value_3"), top=68, limbs=6)
    edges = calibration = calibration_edges = errors = None
    center, scale = 0.0, 1.0
    cuts: dict[float, float] = {}
    if options.task == "binary":
        fine = _fine(prediction)
        cuts = _cuts(fine, options.threshold)
        edges, calibration, calibration_edges = _binary(plan, fine, cuts, profile)
    elif options.task == "multiclass":
        calibration_edges = np.arange(CALIBRATION_BINS + 1) / CALIBRATION_BINS
        _multiclass(plan, options)
    elif options.task == "regression":
        edges, center, scale, errors = _regression(plan, profile)
    else:
        _ranking(plan)
    return TaskLayout(
        options=options,
        score_edges=edges,
        center=center,
        scale=scale,
        errors=errors,
        calibration=calibration,
        calibration_edges=calibration_edges,
        spans=MappingProxyType(plan.spans),
        blocks=MappingProxyType(plan.blocks),
        size=plan.size,
        score_bins=bins_of([edges]) if edges is not None and len(edges) > 1 else None,
        cuts=MappingProxyType(cuts),
        improbable=_improbable(edges) if edges is not None and options.task == "binary" else None,
    )


def _check(options: TaskOptions) -> None:
    if options.task == "binary" and not 0 < options.threshold < 1:
        raise ValueError(f"the threshold of a binary model must be between 0 and 1, given {options.threshold}")
    if options.task == "multiclass" and not options.classes:
        raise ValueError("a multiclass model needs its classes")
    if options.task == "ranking" and options.k < 1:
        raise ValueError(f"k must be at least 1, given {options.k}")
    if options.tolerance is not None and not options.tolerance > 0:
        raise ValueError(f"the tolerance must be above 0, given {options.tolerance}")


def _fine(prediction: Profile | None) -> FloatArray:
    """The score edges of a reference; where it has no scores, equal ones, and where it has no predictions more of them.

    Scores of rare classes crowd near 0 and those of saturated models near 1: there the odds are divided, not the score.
    """
    if isinstance(prediction, NumericProfile):
        return prediction.edges
    equal = np.arange(PLAIN_BINS) / PLAIN_BINS
    if prediction is not None:
        return equal
    odds = np.exp(np.arange(-PLAIN_BINS, PLAIN_BINS + 1) / PLAIN_STEP)
    return np.unique(np.concatenate((equal, odds / (1 + odds))))


def _cuts(fine: FloatArray, threshold: float) -> dict[float, float]:
    """Tenth or threshold -> its score edge: a score that is one of them in another spelling lies above it too."""
    wanted = [*(np.arange(1, CALIBRATION_BINS) / CALIBRATION_BINS).tolist(), threshold]
    return {cut: spelt_alike(fine, cut, HALF_ULP) for cut in wanted}


def _binary(
    plan: _Plan, fine: FloatArray, cuts: Mapping[float, float], profile: NumericProfile | None
) -> tuple[FloatArray, IntArray, FloatArray]:
    """Score bins for both labels, calibration sums and sums of losses."""
    tenths = np.arange(CALIBRATION_BINS + 1) / CALIBRATION_BINS
    # Scores of exactly 0 or 1 have bins of their own, as other ties have in the reference.
    ends = np.array([-BEYOND, 0.0, np.nextafter(0.0, 1.0), 1.0, np.nextafter(1.0, 2.0), 1.0 + BEYOND])
    at = np.searchsorted(fine, ends, side="right") - 1
    own = np.concatenate((single_valued(fine), [False]))[at] & (at >= 0) & (fine[at.clip(0)] < ends)
    edges: FloatArray = np.unique(np.concatenate((fine, list(cuts.values()), ends[~own])))
    marks = tenths if profile is None else np.unique(np.concatenate((tenths, _coarse_cuts(profile))))
    marks = marks[(marks >= 0) & (marks <= 1)]
    # The score bin i starts at edges[i - 1]; all below 0 belong to the first calibration bin, from 1 on to the last.
    starts = np.concatenate(([-np.inf], edges))
    same = marks.copy()
    same[np.isin(marks, tenths[1:-1])] = [cuts[tenth] for tenth in tenths[1:-1].tolist()]
    calibration = np.clip(np.searchsorted(same, starts, side="right") - 1, 0, len(marks) - 2).astype(np.int64)
    plan.counts("score_predictions", len(edges) + 1)
    plan.counts("positives", len(edges) + 1)
    plan.counts("negatives", len(edges) + 1)
    plan.sums("calibration", tuple(str(bin_) for bin_ in range(len(marks) - 1)), top=-12, limbs=2)
    # One block for all: the powers of |score - label| up to 1, log losses up to 36.1, their squares up to 1,300 and
    # their cubes, over 64, up to 733.
    names = ("gap", "gap_2", "gap_3", "gap_4", "gap_6", "loss", "loss_2", "loss_3_64th")
    plan.sums("losses", names, top=-12, limbs=2)
    return edges, calibration, marks


def _improbable(edges: FloatArray) -> BoolArray:
    """bool[E + 1]: the score bins that lie beyond 0 or 1."""
    first, last = np.searchsorted(edges, [-BEYOND, 1.0 + BEYOND], side="left")
    at = np.arange(len(edges) + 1)
    beyond: BoolArray = (at <= first) | (at > last)
    return beyond


def _multiclass(plan: _Plan, options: TaskOptions) -> None:
    """Confusion matrix; for predictions with class scores, confidence bins and sums of losses."""
    codes = len(options.classes) + 1
    plan.counts("score_predictions", codes)
    plan.counts("confusion", codes * codes)
    plan.counts("other_wrong", 1)
    plan.counts("further", 1)
    plan.counts("confident", CALIBRATION_BINS)
    plan.counts("confident_right", CALIBRATION_BINS)
    plan.sums("confidence", tuple(str(bin_) for bin_ in range(CALIBRATION_BINS)), top=-12, limbs=2)
    names = ("gap", "gap_2", "gap_3", "brier", "brier_2", "brier_3", "loss", "loss_2", "loss_3_64th")
    plan.sums("losses", names, top=-12, limbs=2)


def _regression(plan: _Plan, profile: NumericProfile | None) -> tuple[FloatArray, float, float, LogBins]:
    """Powers of the error and of the label, quantiles of the absolute error, coverage by predicted value."""
    edges: FloatArray = np.empty(0) if profile is None else _coarse_cuts(profile)
    if profile is None:
        center, scale, errors = 0.0, 1.0, LogBins(low=1e-6, high=1e9, accuracy=0.05)
    else:
        center, scale = profile.center, float(2.0 ** np.round(np.log2(profile.scale)))
        errors = LogBins(low=1e-4, high=1e4, accuracy=0.025)
    plan.counts("score_predictions", len(edges) + 1)
    plan.counts("score_labelled", len(edges) + 1)
    plan.counts("within", 1)
    plan.counts("errors", errors.count)
    plan.sums("squares", ("error", "abs", "error_2", "label", "label_2"), top=38, limbs=5)
    # These serve the intervals only. A term is at most 2^180.
    plan.sums("powers", ("error_3", "abs_3", "error_4", "error_6", "label_3", "label_4"), top=158, limbs=11)
    return edges, center, scale, errors


def _ranking(plan: _Plan) -> None:
    """Sums of the three figures of a list; clicks and places shown within k are whole numbers."""
    for name in ("clicked_lists", "shown", "clicks", "shown_2", "shown_clicks", "clicks_2", "clicked", "unlisted"):
        plan.counts(name, 1)
    names = ("ndcg", "ndcg_2", "ndcg_3", "reciprocal", "reciprocal_2", "reciprocal_3")
    plan.sums("lists", names, top=-12, limbs=2)


def _coarse_cuts(profile: NumericProfile) -> FloatArray:
    """The inner edges of the reference's coarse bins."""
    cuts: FloatArray = profile.edges[1:-1][np.diff(profile.coarse) > 0]
    return cuts
