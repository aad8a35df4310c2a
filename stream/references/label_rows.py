"""Labelled rows of a build as outcomes: predictions beside what turned out to be true."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from operators.intake.label_codes import INVALID, LabelCodes
from stream.references.count import CategorySlots
from stream.references.frames import PREDICTION
from stream.references.label_names import MOST_NAMES
from stream.rows.arrays import categories, class_scores, lists, numbers
from windows.outcomes.fold import Outcomes
from windows.outcomes.layout import MAX_CLASSES, TaskOptions
from windows.predictions.columns import Columns
from windows.sketches.edges import HALF_TOLERANCE, TOLERANCE
from windows.sketches.profiles import CategoricalProfile, NumericProfile
from windows.values import position_of

if TYPE_CHECKING:
    import pyarrow as pa

    from stream.references.frames import Coded, Frame
    from stream.references.label_names import LabelNames
    from stream.references.plan import Plan
    from windows.arrays import BoolArray, FloatArray, IntArray
    from windows.outcomes.layout import Task
    from windows.references.reference import Reference


class LabelError(ValueError):
    """The labels cannot be used; the message says why."""


@dataclass(frozen=True, slots=True)
class LabelledRows:
    """n rows of a batch.

    Attributes:
        outcomes: predictions and labels, NaN where a row has none.
        columns: what else is known of the rows, as folding takes it.
        times: int64[n] ms and bool[n] where known; None without such a column.
    """

    outcomes: Outcomes
    columns: Columns
    times: tuple[IntArray, BoolArray] | None = None

    @property
    def count(self) -> int:
        """Rows."""
        return len(self.outcomes.label)


def task_of(plan: Plan, reference: Reference, names: LabelNames) -> TaskOptions:
    """What the outcomes are: as the config says it, or as the predictions look. The classes are all that there are.

    Raises:
        LabelError: the task cannot be judged with these columns.
    """
    prediction, given = reference.prediction, plan.outcomes
    task = plan.task or _guessed(reference)
    if plan.lists_of_labels and task != "ranking":
        raise LabelError(f"each is a list, and a {task} model has one label a prediction: several are not read")
    if task == "regression" and not isinstance(prediction, NumericProfile):
        raise LabelError("the task regression has numbers, and the predictions are none")
    if task == "binary" and prediction is None:
        raise LabelError("the predictions are neither scores nor classes")
    classes: tuple[str, ...] = ()
    if task == "multiclass":
        if not isinstance(prediction, CategoricalProfile):
            raise LabelError("the task multiclass has classes, and the predictions are none")
        classes = tuple(dict.fromkeys((*prediction.categories, *known_names(plan, names))))
    return TaskOptions(task, given.threshold, classes, given.k, given.tolerance, given.negative_after)


def known_names(plan: Plan, names: LabelNames) -> tuple[str, ...]:
    """What labels may be called: as the user says, or as the positions of the scores, or as the rows have it.

    Raises:
        LabelError: there are too many names.
    """
    given = plan.outcomes.classes
    if given:
        return given
    if plan.prediction == "scores":
        return tuple(map(str, range(names.width)))
    if len(names.rows) > MOST_NAMES:
        raise LabelError(f"they have more than {MOST_NAMES:,} names; classes are at most so many")
    return tuple(name for name, _ in names.rows.most_common())


def _guessed(reference: Reference) -> Task:
    prediction = reference.prediction
    if prediction is None:
        return "ranking"
    if isinstance(prediction, CategoricalProfile):
        return "multiclass"
    return "binary" if probable(prediction) else "regression"


def probable(prediction: NumericProfile) -> bool:
    """Whether predictions look like the probability of a class. Edges lie a little beyond the values."""
    return bool(prediction.edges[0] >= -2 * TOLERANCE and prediction.edges[-1] <= 1 + 2 * HALF_TOLERANCE)


class LabelReader:
    """Turns frames into labelled rows."""

    def __init__(self, plan: Plan, reference: Reference, options: TaskOptions, classes: tuple[str, ...]) -> None:
        """Prepare the codes of classes (all names that labels may have) and of categories."""
        self.scores = plan.prediction == "scores"
        self.task = options.task
        self.labels = LabelCodes(options.task, classes, plan.outcomes.positive)
        self.read = self.labels.reader()
        self.positions = plan.outcomes.classes
        self.told_apart = len(options.classes[:MAX_CLASSES])
        self.odd: Counter[str] = Counter()
        profiles = dict(reference.features)
        if reference.prediction is not None:
            profiles[PREDICTION] = reference.prediction
        self.numeric = [name for name, profile in profiles.items() if isinstance(profile, NumericProfile)]
        self.categorical = {
            name: CategorySlots(list(profile.categories))
            for name, profile in profiles.items()
            if isinstance(profile, CategoricalProfile)
        }

    def __call__(self, frame: Frame) -> LabelledRows:
        """The rows of one batch.

        Raises:
            LabelError: the labels are not what the task has.
        """
        label, predicted = frame.given["label"], frame.given.get("prediction")
        nothing = np.full(frame.rows, np.nan)
        outcomes = Outcomes(
            score=nothing,
            probabilities=None,
            ranked=None,
            label=nothing,
            clicked=None,
            value=nothing,
            delay=np.zeros(frame.rows, dtype=np.int64),
            sign=np.ones(frame.rows, dtype=np.int64),
        )
        if self.task == "ranking":
            outcomes = replace(outcomes, ranked=lists(predicted), clicked=lists(label))
        elif self.task == "regression":
            outcomes = replace(outcomes, score=frame.numeric[PREDICTION], label=_numbers(label))
        else:
            outcomes = replace(outcomes, score=self._score(frame), label=self._label(categories(label)))
            if self.task == "multiclass" and self.scores:
                positions = [position_of(name, self.positions) for name in self.labels.classes[: self.told_apart]]
                outcomes = replace(outcomes, probabilities=class_scores(predicted, positions))
        return LabelledRows(outcomes, self._columns(frame, outcomes.probabilities), frame.times)

    def _score(self, frame: Frame) -> FloatArray:
        """The score of the positive class, or the code of the predicted class."""
        if PREDICTION in frame.numeric:
            return frame.numeric[PREDICTION]
        codes, names = frame.categorical[PREDICTION]
        found = self._coded(codes, names)
        if self.task == "multiclass":  # a class that is none of the model's is a class all the same, and wrong
            return np.where(found == INVALID, float(len(self.labels.classes)), found)
        odd = np.flatnonzero(found == INVALID)
        if len(odd):
            raise LabelError(self.labels.refusal(names[int(codes[odd[0]])]).replace("label", "prediction", 1))
        return found

    def _label(self, coded: Coded) -> FloatArray:
        """The labels; those that are none are counted, and left out."""
        codes, names = coded
        found = self._coded(codes, names)
        odd = found == INVALID
        if odd.any():
            counts = np.bincount(codes[odd], minlength=len(names))
            self.odd.update({names[at]: int(counts[at]) for at in np.flatnonzero(counts).tolist()})
        return np.where(odd, np.nan, found)

    def _coded(self, codes: IntArray, names: list[str]) -> FloatArray:
        table = np.array([*(self.read(name) for name in names), np.nan])
        found: FloatArray = table[codes]  # the code -1 picks the last entry: missing
        return found

    def _columns(self, frame: Frame, probabilities: FloatArray | None) -> Columns:
        none: IntArray = np.zeros(frame.rows, dtype=np.int64)
        numeric = [frame.numeric[name] for name in self.numeric]
        codes = [slots(frame.categorical[name]) for name, slots in self.categorical.items()]
        return Columns(
            panes=none,
            versions=("",),
            version=none,
            numeric=np.array(numeric, dtype=np.float64).reshape(len(numeric), frame.rows),
            categorical=np.array(codes, dtype=np.int64).reshape(len(codes), frame.rows),
            segments=np.zeros((0, frame.rows), dtype=np.int64),
            latency=np.full(frame.rows, np.nan),
            failed=None,
            probabilities=None if probabilities is None else probabilities[:, : self._categories()],
        )

    def _categories(self) -> int:
        """Classes that are predicted, which come first among all."""
        return len(self.categorical[PREDICTION].names)


def _numbers(label: pa.Array) -> FloatArray:
    odd: Counter[str] = Counter()
    try:
        found = numbers(label, odd=odd)
    except (ValueError, TypeError) as error:
        raise LabelError(f"the task regression has numbers, and the labels are none ({error})") from None
    if odd:
        raise LabelError(f"the task regression has numbers, and {next(iter(odd))!r} among the labels is none")
    return found


def usable(matrix: Any) -> FloatArray:
    """The columns of float64[k, n] without a missing or infinite value."""
    found: FloatArray = matrix[:, np.isfinite(matrix).all(axis=0)]
    return found
