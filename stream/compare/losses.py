"""How much better one of two models is on each row, by metric."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from windows.arrays import FloatArray

Task = Literal["binary", "multiclass", "regression"]

SMALLEST = 1e-15
"""A score is at least this far from 0 and 1 in a log loss: else a single sure mistake would be infinite."""

HEADLINE: dict[Task, str] = {"binary": "accuracy", "multiclass": "accuracy", "regression": "mae"}


def gains(
    task: Task, threshold: float, champion: FloatArray, candidate: FloatArray, label: FloatArray
) -> dict[str, FloatArray]:
    """By how much the candidate is better on each row, positive where it is: metric -> float64[n].

    Args:
        task: classes are compared as codes, equal where they are the same class.
        threshold: a score of at least this is a positive prediction; of a binary task.
        champion: float64[n], predictions of the model that serves.
        candidate: float64[n], of the one that may take its place.
        label: float64[n], what turned out to be true.
    """
    found: dict[str, FloatArray] = {}
    for name, loss in _losses(task, threshold).items():
        found[name] = loss(champion, label) - loss(candidate, label)
    return found


def _losses(task: Task, threshold: float) -> dict[str, Callable[[FloatArray, FloatArray], FloatArray]]:
    if task == "regression":
        return {"mae": lambda given, true: np.abs(given - true), "mse": lambda given, true: (given - true) ** 2}
    if task == "multiclass":
        return {"accuracy": lambda given, true: (given != true).astype(np.float64)}
    return {
        "accuracy": lambda given, true: ((given >= threshold) != (true > 0)).astype(np.float64),
        "brier": lambda given, true: (given - true) ** 2,
        "log_loss": _log_loss,
    }


def _log_loss(given: FloatArray, true: FloatArray) -> FloatArray:
    share = np.clip(given, SMALLEST, 1 - SMALLEST)
    found: FloatArray = -np.where(true > 0, np.log(share), np.log1p(-share))
    return found
