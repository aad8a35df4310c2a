"""Scores: predictions as numbers of the task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from operators.intake.label_codes import INVALID
from operators.intake.transpose import best_of
from windows.values import position_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from operators.plans.join import JoinPlan
    from windows.arrays import FloatArray


class Scores:
    """Reads the predictions of one model: float64[n] as `Outcomes.score` wants them, NaN where there is none."""

    def __init__(self, plan: JoinPlan) -> None:
        """Choose the reading by task."""
        self.task = plan.task.options.task
        self.read = plan.labels.reader()
        self.other = float(len(plan.labels.classes))
        self.positions = plan.layout.positions
        # Whose scores the two are is not known where the classes have names and nobody gave them in order.
        self.pair = plan.layout.pair if plan.labels.positive is None or plan.layout.positions else None

    def __call__(self, predictions: Sequence[Any]) -> FloatArray:
        """The scores of n predictions as they were decoded."""
        if self.task == "ranking":
            return np.full(len(predictions), np.nan)
        if self.task == "multiclass":
            return np.array([self._class(item) for item in predictions], dtype=np.float64)
        if set(map(type, predictions)) <= {float, type(None)}:
            return np.array(predictions, dtype=np.float64)
        return np.array([self._number(item) for item in predictions], dtype=np.float64)

    def _number(self, item: Any) -> float:
        if isinstance(item, list):
            if len(item) == 1:
                return float(item[0])
            return np.nan if self.pair is None or not item else float(item[self.pair])
        if isinstance(item, bool | str):
            score = self.read(item)
            return score if score >= 0 else np.nan
        try:
            return np.nan if item is None else float(item)
        except OverflowError:  # JSON integers have no bound
            return np.nan

    def _class(self, item: Any) -> float:
        """The code of a class; one more than all of them for a class that is none of the model's."""
        code = self.read(best_of(item, self.positions) if isinstance(item, list) else item)
        return self.other if code == INVALID else code


def probabilities_of(predictions: Sequence[Any], plan: JoinPlan) -> FloatArray | None:
    """Class scores float64[n, K] of a multiclass task, NaN rows where a prediction lists none."""
    if plan.task.options.task != "multiclass":
        return None
    classes, names = plan.task.options.classes, plan.layout.positions
    positions = [position_of(name, names) for name in classes]
    scores = np.full((len(predictions), len(classes)), np.nan)
    for row, item in enumerate(predictions):
        if isinstance(item, list) and (not names or len(item) == len(names)):
            scores[row] = [item[at] if 0 <= at < len(item) else np.nan for at in positions]
    return scores


def ranked_of(predictions: Sequence[Any], plan: JoinPlan) -> list[list[Any]] | None:
    """Ranked items of a ranking: n lists."""
    if plan.task.options.task != "ranking":
        return None
    return [item if isinstance(item, list) else [] for item in predictions]
