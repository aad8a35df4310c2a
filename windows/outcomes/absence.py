"""Why a metric has no value: "900 labels, none positive" says more than a gap."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from windows.outcomes import binary
from windows.outcomes.layout import MAX_CLASSES
from windows.outcomes.metrics import METRICS

if TYPE_CHECKING:
    from windows.arrays import IntArray
    from windows.outcomes.layout import TaskLayout
    from windows.outcomes.metric import Metric


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
    task, row = layout.options.task, METRICS[layout.options.task][metric]
    known = {"binary": _binary, "multiclass": _multiclass}.get(task)
    found = (None if known is None else known(layout, vector, row)) or row.lack
    return f"{labels:,} labels, {found}" if found else f"{labels:,} labels, which are not enough for it"


def _binary(layout: TaskLayout, vector: IntArray, row: Metric) -> str | None:
    positives, negatives = (int(part.sum()) for part in binary.classes(layout, vector[None, :]))
    if "positives" in row.needs and positives == 0:
        return "none positive"
    if "negatives" in row.needs and negatives == 0:
        return "all positive"
    if "alarms" in row.needs:
        return f"none of a positive prediction (threshold {layout.options.threshold:g})"
    beyond = int(binary.improbable(layout, vector[None, :])[0])
    if "probabilities" in row.needs and beyond:
        return f"{beyond:,} of scores outside 0 to 1: they are no probabilities"
    return None


def _multiclass(layout: TaskLayout, vector: IntArray, row: Metric) -> str | None:
    further = int(vector[layout.slot("further")])
    if further:
        return f"{further:,} of classes beyond the {MAX_CLASSES} that are told apart, so it is not known"
    if "probabilities" in row.needs and not np.any(vector[layout.spans["confident"]]):
        return "none of a prediction that came with class scores"
    return None
