"""Lists as predictions for driftgauge-native: scores of classes and rankings, as `prediction_type` has them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from windows.estimates.estimator import MulticlassEstimator
from windows.values import position_of

if TYPE_CHECKING:
    from operators.formats.schema import ModelSchema
    from windows.outcomes.layout import Task

MOST = 1_000
"""Elements of a list that is longer are counted in Python."""


@dataclass(frozen=True, slots=True)
class ToldLists:
    """What the package is told of lists.

    Attributes:
        least: elements they have at least.
        most: elements they have at most.
        scores: whether they are scores of classes; else items.
        pair: the place of the positive class's score, of two.
        names: classes in the order of the scores; none for "0", "1", ...
        classes: the place of the score of each class that is estimated from, if it has one.
        chosen: whether the class with the highest score becomes the prediction.
    """

    least: int
    most: int
    scores: bool = True
    pair: int = 0
    names: tuple[str, ...] = ()
    classes: tuple[int | None, ...] = ()
    chosen: bool = False


def lists_of(schema: ModelSchema, task: Task | None, classes: tuple[str, ...] | None) -> ToldLists | None:
    """What a list is as a prediction of a model; None where it is none.

    `classes` are those that a map's list of scores is about.
    """
    layout = schema.layout
    if classes is not None:
        return ToldLists(len(classes), len(classes), names=classes, chosen=True)
    if layout.prediction is None:
        return _unprofiled(task)
    if layout.prediction.numeric:
        return None if layout.pair is None else ToldLists(1, 2, pair=layout.pair)
    return ToldLists(0, MOST, names=layout.positions, classes=_estimated(schema))


def _unprofiled(task: Task | None) -> ToldLists | None:
    if task == "binary":
        return ToldLists(1, 2)
    if task == "ranking":
        return ToldLists(0, MOST, scores=False)
    return ToldLists(0, MOST) if task == "multiclass" else None


def _estimated(schema: ModelSchema) -> tuple[int | None, ...]:
    """The place of each class that is estimated from among the scores."""
    estimate = schema.layout.estimate
    if estimate is None or not isinstance(estimate.estimator, MulticlassEstimator):
        return ()
    places = [position_of(name, schema.layout.positions) for name in estimate.estimator.classes]
    return tuple(None if place < 0 else place for place in places)
