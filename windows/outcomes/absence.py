"""Why a metric has no value: "900 labels, none positive" says more than a gap."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from windows.outcomes import binary
from windows.outcomes.layout import MAX_CLASSES

if TYPE_CHECKING:
    from windows.arrays import IntArray
    from windows.outcomes.layout import TaskLayout

OF_POSITIVES = frozenset({"recall", "auc"})
OF_NEGATIVES = frozenset({"fpr", "auc"})
OF_ALARMS = frozenset({"precision"})
"""Binary metrics that need a positive label, a negative one, a positive prediction."""
OF_PROBABILITIES = frozenset({"log_loss", "brier", "ece", "calibration_gap"})


def absence(layout: TaskLayout, vector: IntArray, metric: str) -> str:
    """One sentence without its period, on a metric that has no value for the outcomes of one group.

    Args:
        layout: of the task.
        vector: int64[size].
        metric: its name.
    """
    labels = int(vector[layout.labelled])
    if metric == "value_mean":
        return "no business value has come"
    if labels == 0:
        return "no label has come"
    if labels == int(vector[layout.unusable]):
        return f"{labels:,} labels, none of a prediction that it could be held against"
    task = layout.options.task
    known = {"binary": _binary, "multiclass": _multiclass}.get(task)
    found = None if known is None else known(layout, vector, metric)
    if found is None and metric == "r2":
        found = "all the same, so there is no variance to explain"
    return f"{labels:,} labels, {found}" if found else f"{labels:,} labels, which are not enough for it"


def _binary(layout: TaskLayout, vector: IntArray, metric: str) -> str | None:
    positives, negatives = (int(part.sum()) for part in binary.classes(layout, vector[None, :]))
    if metric in OF_POSITIVES | {"f1"} and positives == 0:
        return "none positive"
    if metric in OF_NEGATIVES and negatives == 0:
        return "all positive"
    if metric in OF_ALARMS:
        return f"none of a positive prediction (threshold {layout.options.threshold:g})"
    if metric == "mcc":
        return "or the predictions for them, all the same"
    beyond = int(binary.improbable(layout, vector[None, :])[0])
    if metric in OF_PROBABILITIES and beyond:
        return f"{beyond:,} of scores outside 0 to 1: they are no probabilities"
    return None


def _multiclass(layout: TaskLayout, vector: IntArray, metric: str) -> str | None:
    further = int(vector[layout.slot("further")])
    if further:
        return f"{further:,} of classes beyond the {MAX_CLASSES} that are told apart, so it is not known"
    if metric in OF_PROBABILITIES and not np.any(vector[layout.spans["confident"]]):
        return "none of a prediction that came with class scores"
    return None
