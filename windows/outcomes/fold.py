"""Fold joined predictions and labels into outcome vectors, a batch at a time.

Every count of every group is one bincount over (group, slot); sums are exact (see `windows.sketches.exact_sums`). A row
with sign -1 adds the exact negative of what it added with +1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from windows.outcomes.layout import CALIBRATION_BINS, DELAYS, FARTHEST, TaskLayout
from windows.outcomes.lists import list_figures
from windows.outcomes.rows import Outcomes
from windows.sketches.exact_sums import Members, SumBlock

if TYPE_CHECKING:
    from windows.arrays import BoolArray, FloatArray, IntArray

__all__ = ["Outcomes", "fold_outcomes", "fold_predictions"]

SMALLEST = float(np.finfo(np.float64).eps)
"""Probabilities are held this far from 0 and 1 for the log loss, as scikit-learn does."""
TABLE_FROM = 1_500
"""Rows from which a look-up table beats a binary search."""
CHUNK = 8_192
"""Rows folded at a time: more do not fit the processor's cache."""


class _Batch:
    """Counts and terms of the rows of a batch, added to the vectors all at once."""

    def __init__(self, layout: TaskLayout, members: Members) -> None:
        self.layout = layout
        self.members = members
        self._rows = members.groups * layout.size
        self._cells: list[IntArray] = []
        self._signs: list[FloatArray] = []
        self._terms: list[tuple[str, FloatArray]] = []
        self._whole: list[tuple[int, IntArray]] = []

    def count(self, name: str, at: IntArray | int, rows: BoolArray | None = None) -> None:
        """Count each row in the slot `at` of a span; only those of `rows`, if given."""
        cells = self._rows + (at + self.layout.slot(name))
        sign = self.members.sign
        self._cells.append(cells if rows is None else cells[rows])
        if sign is not None:
            self._signs.append(sign if rows is None else sign[rows])

    def sum(self, block: str, *terms: FloatArray) -> None:
        """Add one term a row to each sum of a block."""
        self._terms.append((block, np.stack(terms)))

    def whole(self, name: str, sums: IntArray) -> None:
        """Add int64[count, m] to the slots from the first of a span on."""
        self._whole.append((self.layout.slot(name), sums))

    def spread(self, block: str, bins: IntArray, terms: FloatArray) -> None:
        """Add each row's term to the sum of its bin: the bins are groups of their own."""
        sums, members = self.layout.blocks[block], self.members
        width = len(sums.names)
        spread = np.zeros((members.count * width, sums.limbs), dtype=np.int64)
        within = Members(members.groups * width + bins, len(spread), members.sign)
        SumBlock(("",), 0, sums.top, sums.limbs).add(terms[None, :].copy(), within, spread)
        limbs_first = spread.reshape(members.count, width, sums.limbs).transpose(0, 2, 1)
        self._whole.append((sums.start, limbs_first.reshape(members.count, -1)))

    def vectors(self) -> IntArray:
        """The vector of each group, int64[count, size]."""
        count, size = self.members.count, self.layout.size
        cells = np.concatenate([np.empty(0, dtype=np.int64), *self._cells])
        weights = np.concatenate(self._signs) if self._signs else None
        out = np.bincount(cells, weights, minlength=count * size).astype(np.int64, copy=False).reshape(count, size)
        for block, terms in self._terms:
            self.layout.blocks[block].add(terms, self.members, out)
        for start, sums in self._whole:
            out[:, start : start + sums.shape[1]] += sums
        return out


def fold_predictions(layout: TaskLayout, score: FloatArray, groups: IntArray, count: int) -> IntArray:
    """Vectors of predictions made: their number and where their scores lie.

    Args:
        layout: of the task.
        score: float64[n], as in `Outcomes`.
        groups: int64[n], 0 <= group < count.
        count: number of groups.

    Returns:
        int64[count, layout.size].
    """
    out = np.zeros((count, layout.size), dtype=np.int64)
    if len(groups) == 0:
        return out
    span = layout.spans.get("score_predictions")
    out[:, layout.predictions] = np.bincount(groups, minlength=count)
    if span is not None:
        bins = span.stop - span.start
        usable = _usable(layout, score)
        if not usable.all():
            score, groups = score[usable], groups[usable]
        cells = _score_bin(layout, score) + groups * bins
        out[:, span] = np.bincount(cells, minlength=count * bins).reshape(count, bins)
    return out


def fold_outcomes(layout: TaskLayout, outcomes: Outcomes, groups: IntArray, count: int) -> IntArray:
    """Vectors of outcomes: everything performance is computed from, except the number of predictions.

    Args:
        layout: of the task.
        outcomes: n rows.
        groups: int64[n], 0 <= group < count. A row that belongs to several groups is given several times.
        count: number of groups.

    Returns:
        int64[count, layout.size].
    """
    parts = [slice(start, start + CHUNK) for start in range(0, max(len(groups), 1), CHUNK)]
    out = _fold_chunk(layout, outcomes.part(parts[0]), groups[parts[0]], count)
    for part in parts[1:]:
        out += _fold_chunk(layout, outcomes.part(part), groups[part], count)
    return out


def _fold_chunk(layout: TaskLayout, outcomes: Outcomes, groups: IntArray, count: int) -> IntArray:
    """The vectors of a chunk."""
    sign = None if (outcomes.sign == 1).all() else outcomes.sign.astype(np.float64)
    batch = _Batch(layout, Members(groups, count, sign))
    task = layout.options.task
    if task == "ranking":
        labelled = _fold_ranking(batch, outcomes)
    else:
        labelled = ~np.isnan(outcomes.label)
        if labelled.any():
            _FOLDS[task](batch, outcomes, labelled)
    if labelled.any():
        every = None if labelled.all() else labelled
        batch.count("labelled", 0, every)
        batch.count("delay", DELAYS.slots(np.maximum(outcomes.delay, 0) / 1_000), every)
    _fold_values(batch, outcomes.value)
    return batch.vectors()


def _fold_values(batch: _Batch, value: FloatArray) -> None:
    valued = np.abs(value) < FARTHEST
    if valued.any():
        batch.count("valued", 0, valued)
        value = np.where(valued, value, 0.0)
        square = value * value
        batch.sum("value", value, square, square * value)


def _fold_binary(batch: _Batch, outcomes: Outcomes, labelled: BoolArray) -> None:
    layout = batch.layout
    score, label = outcomes.score, outcomes.label
    positive = label == 1
    rows = _judged(batch, ~np.isnan(score) & (positive | (label == 0)), labelled)
    bins = _score_bin(layout, score if rows is None else np.where(rows, score, 0.0))
    to_negatives = layout.slot("negatives") - layout.slot("positives")
    batch.count("positives", np.where(positive, bins, bins + to_negatives), rows)
    probability = np.clip(score, 0.0, 1.0)
    right = np.where(positive, probability, 1.0 - probability)
    if rows is not None:
        probability, right = np.where(rows, probability, 0.0), np.where(rows, right, 1.0)
    gap = 1.0 - right
    loss = -np.log(np.clip(right, SMALLEST, 1.0 - SMALLEST))
    if layout.improbable is not None and (odd := layout.improbable[bins]).any():
        gap, loss, probability = (np.where(odd, 0.0, part) for part in (gap, loss, probability))
    if rows is not None:
        loss = np.where(rows, loss, 0.0)
    square, loss_2 = gap * gap, loss * loss
    fourth = square * square
    batch.sum("losses", gap, square, square * gap, fourth, fourth * square, loss, loss_2, loss_2 * loss / 64)
    if layout.calibration is not None:
        batch.spread("calibration", layout.calibration[bins], probability)


def _fold_multiclass(batch: _Batch, outcomes: Outcomes, labelled: BoolArray) -> None:
    codes = batch.layout.classes
    score, label = outcomes.score, outcomes.label
    rows = _judged(batch, _is_code(score) & _is_code(label), labelled)
    # Classes beyond those that are told apart are "other", and one of them is not another.
    others: BoolArray = (score >= codes - 1) & (label >= codes - 1) & (score != label)
    if others.any():
        batch.count("other_wrong", 0, others if rows is None else others & rows)
    further: BoolArray = label >= codes
    if further.any():
        batch.count("further", 0, further if rows is None else further & rows)
    predicted, truth = (_code(part if rows is None else np.where(rows, part, 0.0), codes) for part in (score, label))
    batch.count("confusion", truth * codes + predicted, rows)
    if outcomes.probabilities is not None:
        _fold_class_scores(batch, outcomes.probabilities, predicted, truth, rows)


def _fold_class_scores(
    batch: _Batch, probabilities: FloatArray, predicted: IntArray, truth: IntArray, rows: BoolArray | None
) -> None:
    """Losses and confidence of the rows that have class scores; what they leave of 1 is the score of other."""
    with np.errstate(over="ignore", invalid="ignore"):
        scored: BoolArray = np.isfinite(probabilities.sum(axis=1))
    if rows is not None:
        scored &= rows
    if not scored.any():
        return
    known = np.clip(np.where(scored[:, None], probabilities, 0.0), 0.0, 1.0)
    rest = np.clip(1.0 - known.sum(axis=1), 0.0, 1.0)
    # A sum of 1 less a rounding error leaves nothing.
    rest[rest < 1e-9] = 0.0
    scores = np.column_stack((known, rest))
    right = np.take_along_axis(scores, truth[:, None], axis=1)[:, 0]
    brier = np.square(scores).sum(axis=1) + 1.0 - 2.0 * right
    confidence = np.take_along_axis(scores, predicted[:, None], axis=1)[:, 0]
    gap = np.where(scored, 1.0 - right, 0.0)
    brier = np.where(scored, brier, 0.0)
    loss = np.where(scored, -np.log(np.clip(right, SMALLEST, 1.0 - SMALLEST)), 0.0)
    gap_2, brier_2, loss_2 = gap * gap, brier * brier, loss * loss
    batch.sum("losses", gap, gap_2, gap_2 * gap, brier, brier_2, brier_2 * brier, loss, loss_2, loss_2 * loss / 64)
    bins = np.minimum((confidence * CALIBRATION_BINS).astype(np.int64), CALIBRATION_BINS - 1)
    batch.count("confident", bins, scored)
    batch.count("confident_right", bins, scored & (predicted == truth))
    batch.spread("confidence", bins, np.where(scored, confidence, 0.0))


def _fold_regression(batch: _Batch, outcomes: Outcomes, labelled: BoolArray) -> None:
    layout = batch.layout
    with np.errstate(over="ignore", invalid="ignore"):
        gap = outcomes.score - outcomes.label
        error = gap / layout.scale
        label = (outcomes.label - layout.center) / layout.scale
    rows = _judged(batch, (np.abs(error) < FARTHEST) & (np.abs(label) < FARTHEST), labelled)
    binned = np.isfinite(outcomes.score) & labelled
    batch.count("score_labelled", _score_bin(layout, np.where(binned, outcomes.score, 0.0)), binned)
    if rows is not None:
        error, label = np.where(rows, error, 0.0), np.where(rows, label, 0.0)
    size = np.abs(error)
    if layout.errors is not None:
        batch.count("errors", layout.errors.slots(size), rows)
    if layout.options.tolerance is not None:
        within: BoolArray = np.abs(gap) <= layout.options.tolerance
        batch.count("within", 0, within if rows is None else within & rows)
    error_2, label_2 = error * error, label * label
    cube, fourth = error_2 * error, error_2 * error_2
    batch.sum("squares", error, size, error_2, label, label_2)
    batch.sum("powers", cube, np.abs(cube), fourth, fourth * error_2, label_2 * label, label_2 * label_2)


def _fold_ranking(batch: _Batch, outcomes: Outcomes) -> BoolArray:
    """Fold the lists; returns which rows have a label."""
    n = len(batch.members.groups)
    if outcomes.clicked is None:
        return np.zeros(n, dtype=bool)
    labelled = np.fromiter((clicked is not None for clicked in outcomes.clicked), dtype=bool, count=n)
    if not labelled.any():
        return labelled
    figures = list_figures(outcomes.ranked, outcomes.clicked, batch.layout.options.k)
    rows = _judged(batch, figures.usable, labelled)
    batch.count("clicked_lists", 0, figures.reciprocal > 0)
    shown, clicks = figures.shown, figures.clicks
    terms = np.stack((shown, clicks, shown * shown, shown * clicks, clicks * clicks))
    if rows is not None:
        terms *= rows
    batch.whole("shown", batch.members.sums(terms).T)
    if figures.clicked.any():
        terms = np.stack((figures.clicked, figures.unlisted))
        batch.whole("clicked", batch.members.sums(terms if rows is None else terms * rows).T)
    ndcg, reciprocal = figures.ndcg, figures.reciprocal
    ndcg_2, reciprocal_2 = ndcg * ndcg, reciprocal * reciprocal
    batch.sum("lists", ndcg, ndcg_2, ndcg_2 * ndcg, reciprocal, reciprocal_2, reciprocal_2 * reciprocal)
    return labelled


_FOLDS = {"binary": _fold_binary, "multiclass": _fold_multiclass, "regression": _fold_regression}


def _judged(batch: _Batch, usable: BoolArray, labelled: BoolArray) -> BoolArray | None:
    """The labelled rows that can be judged, None for all rows; the labelled others are counted as unusable."""
    if usable.all() and labelled.all():
        return None
    if (labelled & ~usable).any():
        batch.count("unusable", 0, labelled & ~usable)
    return usable & labelled


def _usable(layout: TaskLayout, score: FloatArray) -> BoolArray:
    """Which scores have a bin."""
    if layout.options.task == "multiclass":
        return _is_code(score)
    if layout.options.task == "regression":
        return np.isfinite(score)
    return ~np.isnan(score)


def _is_code(score: FloatArray) -> BoolArray:
    usable: BoolArray = (score >= 0) & (score < FARTHEST)
    return usable


def _code(score: FloatArray, codes: int) -> IntArray:
    """The code of a class as it is told apart: the last stands for all others."""
    return np.minimum(score, codes - 1.0).astype(np.int64)


def _score_bin(layout: TaskLayout, score: FloatArray) -> IntArray:
    """The score bin of each usable score."""
    edges = layout.score_edges
    if edges is None:
        return _code(score, layout.classes)
    bins = layout.score_bins
    if bins is None or len(edges) < CALIBRATION_BINS or len(score) < TABLE_FROM:
        return np.searchsorted(edges, score, side="right").astype(np.int64)
    found: IntArray = bins.find(np.clip(score, -1e300, 1e300)[None, :])[0]
    return found
