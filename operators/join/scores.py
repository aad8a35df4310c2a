"""Scores: predictions as numbers of the task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

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
        self.classes = {name: float(code) for code, name in enumerate(plan.labels.classes)}
        self.other = float(len(plan.labels.classes))

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
        if isinstance(item, list):  # the scores of both classes, the positive one last
            return float(item[-1]) if item else np.nan
        if isinstance(item, bool | str):
            score = self.read(item)
            return score if score >= 0 else np.nan
        try:
            return np.nan if item is None else float(item)
        except OverflowError:  # JSON integers have no bound
            return np.nan

    def _class(self, item: Any) -> float:
        if isinstance(item, list):
            item = str(int(np.argmax(item))) if item else None
        return np.nan if item is None else self.classes.get(item, self.read(item))


def probabilities_of(predictions: Sequence[Any], plan: JoinPlan) -> FloatArray | None:
    """Class scores float64[n, K] of a multiclass task, NaN rows where a prediction lists none."""
    if plan.task.options.task != "multiclass":
        return None
    classes = plan.labels.classes
    positions = [int(name) if name.isdecimal() else -1 for name in classes]
    scores = np.full((len(predictions), len(classes)), np.nan)
    for row, item in enumerate(predictions):
        if isinstance(item, list):
            scores[row] = [item[at] if 0 <= at < len(item) else np.nan for at in positions]
    return scores


def ranked_of(predictions: Sequence[Any], plan: JoinPlan) -> list[list[Any]] | None:
    """Ranked items of a ranking: n lists."""
    if plan.task.options.task != "ranking":
        return None
    return [item if isinstance(item, list) else [] for item in predictions]
