"""Drawing the truth of simulated predictions: labels that come out as those of the reference's labelled rows did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from operators.intake.label_codes import LabelCodes
from stream.simulate.draws import draw_of
from windows.estimates.calibration import calibrate
from windows.estimates.estimator import BinaryEstimator
from windows.outcomes.binary import classes
from windows.outcomes.layout import task_layout
from windows.outcomes.multiclass import matrix
from windows.sketches.profiles import CategoricalProfile, NumericProfile

if TYPE_CHECKING:
    from stream.simulate.draws import Column
    from windows.arrays import BoolArray, FloatArray, IntArray
    from windows.outcomes.layout import Task, TaskLayout
    from windows.references.reference import Reference
    from windows.sketches.profiles import Profile

UNLISTED = "unlisted"
"""The label of a class that the reference folded into others."""
USUALLY_RIGHT = 0.9
"""Share of right predictions of a multiclass model whose reference has no labelled rows."""
USUAL_ERROR = 0.25
"""Standard deviation of a regression model's errors, in that of its predictions, where the reference has none."""
USUAL_CLICKED, USUAL_RECIPROCAL = 0.3, 0.5
"""Share of lists with a click, and the mean of 1 / place of it, where the reference has no labelled lists."""
MOST_PLACES = 100
ITEMS, STRIDE = 10_007, 101
"""Items that rankings show, a prime, and how far apart those of one list are numbered."""


class Labels(Protocol):
    """The truth of one model's predictions as float64[n], NaN for none: 0 or 1, a class's code, a value, an item."""

    def draw(self, rng: np.random.Generator, prediction: Column) -> FloatArray:
        """The truth of predictions as drawn from the reference."""

    def contradicted(self, rng: np.random.Generator, labels: FloatArray) -> FloatArray:
        """Labels that have nothing to do with the predictions any more."""

    def positive(self, labels: FloatArray) -> BoolArray:
        """Which ones are said where silence means the contrary."""

    def shown(self, labels: FloatArray) -> list[Any]:
        """As they are sent; there are no NaN among them."""


def labels_of(reference: Reference, task: Task, positive: str | None = None, k: int = 10) -> Labels | None:
    """What labels are drawn by.

    Without a shift the model is as good as on the labelled rows of its reference, score by score or class by class;
    without labelled rows its scores are taken for probabilities.

    Args:
        reference: of the model.
        task: of the model.
        positive: name of the positive class of a binary model whose predictions are classes.
        k: items that a ranking shows.

    Returns:
        None where labels cannot be drawn: the reference has no predictions, or none of the task's kind.
    """
    if task == "ranking":
        return RankingLabels(reference, k)
    if reference.prediction is None:
        return None
    if task == "binary":
        return BinaryLabels(reference, positive)
    if task == "multiclass" and isinstance(reference.prediction, CategoricalProfile):
        return ClassLabels(reference, reference.prediction)
    if task == "regression" and isinstance(reference.prediction, NumericProfile):
        return ValueLabels(reference, reference.prediction)
    return None


class BinaryLabels:
    """1 with the calibrated probability of the score. The opposite contradicts."""

    def __init__(self, reference: Reference, positive: str | None = None) -> None:
        self._scores = _class_scores(reference.prediction, positive)
        self._cells = _cells(reference)

    def draw(self, rng: np.random.Generator, prediction: Column) -> FloatArray:
        """1 with the probability of the score's cell."""
        scores = prediction if self._scores is None else self._scores[prediction.astype(np.int64)]
        if self._cells is None:
            chance: FloatArray = np.clip(scores, 0.0, 1.0)
        else:
            edges, shares = self._cells
            chance = shares[np.searchsorted(edges, scores, side="right")]
        return np.where(np.isnan(scores), np.nan, rng.random(len(scores)) < chance)

    def contradicted(self, rng: np.random.Generator, labels: FloatArray) -> FloatArray:  # noqa: ARG002 - of the protocol
        """The opposite."""
        return 1.0 - labels

    def positive(self, labels: FloatArray) -> BoolArray:
        """The ones."""
        found: BoolArray = labels == 1
        return found

    def shown(self, labels: FloatArray) -> list[Any]:
        """Integers."""
        found: list[int] = labels.astype(np.int64).tolist()
        return found


def _class_scores(profile: Profile | None, positive: str | None) -> FloatArray | None:
    """The score of each slot of a prediction that is a class; None for one that is a number."""
    if not isinstance(profile, CategoricalProfile):
        return None
    read = LabelCodes("binary", profile.categories, positive).reader()
    scores = np.array([read(name) for name in profile.categories] + [np.nan] * 3)
    return np.where(scores < 0, np.nan, scores)


def _cells(reference: Reference) -> tuple[FloatArray, FloatArray] | None:
    """Edges of score cells and the share of positives in each; None without labelled rows."""
    if isinstance(reference.estimator, BinaryEstimator):
        cells = reference.estimator.cells
        return cells.edges, calibrate(cells).share
    known = _outcomes(reference, "binary")
    if known is None or known[0].score_edges is None:
        return None
    layout, vectors = known
    positives, negatives = (part[0].astype(np.float64) for part in classes(layout, vectors))
    return known[0].score_edges, (positives + 0.5) / (positives + negatives + 1.0)


class ClassLabels:
    """A class as often as the reference's rows had it where that class was predicted. Any other class contradicts."""

    def __init__(self, reference: Reference, profile: CategoricalProfile) -> None:
        known = _outcomes(reference, "multiclass")
        if known is None:
            self._names = profile.categories
            size = len(self._names) + 1
            confusion = np.full((size, size), (1.0 - USUALLY_RIGHT) / max(1, size - 1))
            np.fill_diagonal(confusion, USUALLY_RIGHT)
        else:
            layout, vectors = known
            self._names = layout.options.classes
            confusion = matrix(layout, vectors)[0].astype(np.float64)
        codes = {name: code for code, name in enumerate(self._names)}
        other = len(self._names)
        self._codes = np.array([codes.get(name, other) for name in profile.categories] + [other] * 3)
        never = confusion.sum(axis=0) == 0
        confusion[never, never] = 1.0  # a class that was never predicted is right when it is
        self._cumulative = np.cumsum(confusion / confusion.sum(axis=0), axis=0)
        self._missing = len(profile.categories) + 1

    def draw(self, rng: np.random.Generator, prediction: Column) -> FloatArray:
        """A class by the column of the confusion matrix."""
        cumulative = self._cumulative[:, self._codes[prediction.astype(np.int64)]]
        truth = (rng.random(len(prediction)) >= cumulative).sum(axis=0)
        return np.where(prediction == self._missing, np.nan, np.minimum(truth, len(self._names)))

    def contradicted(self, rng: np.random.Generator, labels: FloatArray) -> FloatArray:
        """Another class, each as likely."""
        size = len(self._names) + 1
        moved: FloatArray = (labels + rng.integers(1, size, len(labels))) % size
        return moved

    def positive(self, labels: FloatArray) -> BoolArray:
        """All: no class goes without saying."""
        found: BoolArray = labels >= 0
        return found

    def shown(self, labels: FloatArray) -> list[Any]:
        """Names."""
        names = (*self._names, UNLISTED)
        return [names[code] for code in labels.astype(np.int64).tolist()]


class ValueLabels:
    """The predicted value less an error like those of the reference's rows. The truth of another one contradicts."""

    def __init__(self, reference: Reference, profile: NumericProfile) -> None:
        self._another = draw_of(profile)
        self._usual = USUAL_ERROR * profile.scale
        self._sizes: FloatArray | None = None
        known = _outcomes(reference, "regression")
        if known is None or known[0].errors is None:
            return
        layout, vectors = known
        counts = vectors[0, layout.spans["errors"]]
        squares = layout.blocks["squares"]
        error, size = (float(squares.read(vectors, name)[0]) for name in ("error", "abs"))
        self._sizes = known[0].errors.answers * layout.scale
        self._cumulative: IntArray = np.cumsum(counts)
        self._positive = 0.5 if size == 0 else min(1.0, max(0.0, (1.0 + error / size) / 2.0))

    def draw(self, rng: np.random.Generator, prediction: Column) -> FloatArray:
        """The value less an error."""
        n = len(prediction)
        if self._sizes is None:
            return prediction - rng.normal(0.0, self._usual, n)
        picked = np.searchsorted(self._cumulative, rng.integers(0, self._cumulative[-1], n), side="right")
        error = self._sizes[picked] * np.where(rng.random(n) < self._positive, 1.0, -1.0)
        labels: FloatArray = prediction - error
        return labels

    def contradicted(self, rng: np.random.Generator, labels: FloatArray) -> FloatArray:
        """Values that predictions have, but others."""
        drawn = self._another(rng, len(labels)).astype(np.float64)
        return np.where(np.isnan(drawn), labels, drawn)

    def positive(self, labels: FloatArray) -> BoolArray:
        """All: no value goes without saying."""
        found: BoolArray = np.isfinite(labels)
        return found

    def shown(self, labels: FloatArray) -> list[Any]:
        """Numbers."""
        found: list[float] = labels.tolist()
        return found


class RankingLabels:
    """The item that was clicked in a list, -1 for none: as often, and as far up, as in the reference's lists.

    At most one item of a list is clicked, and places are geometric. No click contradicts.
    """

    def __init__(self, reference: Reference, places: int) -> None:
        self.places = min(places, MOST_PLACES)
        self._clicked, reciprocal = USUAL_CLICKED, USUAL_RECIPROCAL
        known = _outcomes(reference, "ranking")
        if known is not None:
            layout, vectors = known
            lists = int(vectors[0, layout.labelled] - vectors[0, layout.unusable])
            clicked = int(vectors[0, layout.slot("clicked_lists")])
            self._clicked = clicked / lists
            reciprocal = float(layout.blocks["lists"].read(vectors, "reciprocal")[0]) / max(1, clicked)
        self._cumulative = np.cumsum(_geometric(self.places, reciprocal))

    def lists(self, rng: np.random.Generator, n: int) -> IntArray:
        """int64[n, places], the items of n lists, best first; a list never holds an item twice."""
        # Neighbours on a circle of items, in a stride that never comes around: different without a sort.
        first = rng.integers(0, ITEMS, (n, 1))
        return (first + np.arange(self.places) * STRIDE) % ITEMS

    def draw(self, rng: np.random.Generator, prediction: Column) -> FloatArray:
        """The item clicked in each list."""
        n = len(prediction)
        place = np.searchsorted(self._cumulative[:-1], rng.random(n), side="right")
        item = np.take_along_axis(prediction.astype(np.int64), place[:, None], axis=1)[:, 0]
        return np.where(rng.random(n) < self._clicked, item, -1.0)

    def contradicted(self, rng: np.random.Generator, labels: FloatArray) -> FloatArray:  # noqa: ARG002 - of the protocol
        """No click."""
        return np.full(len(labels), -1.0)

    def positive(self, labels: FloatArray) -> BoolArray:
        """The clicks."""
        found: BoolArray = labels >= 0
        return found

    def shown(self, labels: FloatArray) -> list[Any]:
        """Lists of the ids of clicked items."""
        return [[item_id(item)] if item >= 0 else [] for item in labels.astype(np.int64).tolist()]


def item_id(item: int) -> str:
    """The id of an item, as predictions and labels name it."""
    return f"item-{item}"


def _geometric(places: int, reciprocal: float) -> FloatArray:
    """Shares of the places, each a constant part of the one above, whose mean of 1 / place is the one given."""
    at = np.arange(places)
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        shares: FloatArray = middle**at / (middle**at).sum()
        low, high = (middle, high) if (shares / (at + 1)).sum() > reciprocal else (low, middle)
    return shares


def _outcomes(reference: Reference, task: Task) -> tuple[TaskLayout, IntArray] | None:
    """The outcomes of the reference's labelled rows, int64[1, size], with their layout."""
    if reference.task is None or reference.outcomes is None or reference.task.task != task:
        return None
    layout = task_layout(reference.task, reference.prediction)
    if reference.outcomes[layout.labelled] <= reference.outcomes[layout.unusable]:
        return None
    return layout, reference.outcomes[None, :]
