"""What a person looks at behind the figures of a version: coverage by score, reliability, confusion and more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from windows.outcomes.curves import (
    Confusion,
    Coverage,
    PrecisionRecall,
    Reliability,
    confusion,
    coverage_by_score,
    pr_curve,
    reliability,
)

if TYPE_CHECKING:
    from windows.arrays import IntArray
    from windows.outcomes.layout import TaskLayout

MOST_CLASSES = 12
"""A confusion matrix of more classes is not told cell by cell."""


@dataclass(frozen=True, slots=True)
class Curves:
    """Of one version over one mature window; None where the task has none, or nobody asked.

    Attributes:
        version: of the model.
        coverage: which predictions get a label: where that changes with the score, labels are selective, and no metric
            is a fair one.
        reliability: scores against frequencies.
        confusion: labels against predictions.
        precision_recall: a binary model at the tenths and its own threshold.
    """

    version: str
    coverage: Coverage
    reliability: Reliability | None = None
    confusion: Confusion | None = None
    precision_recall: PrecisionRecall | None = None


def curves_of(layout: TaskLayout, version: str, vector: IntArray, alpha: float, *, everything: bool) -> Curves:
    """The curves of one group; all that the task has, or coverage alone."""
    coverage, task = coverage_by_score(layout, vector, alpha), layout.options.task
    if not everything or task not in {"binary", "multiclass"}:
        return Curves(version, coverage)
    small = task == "binary" or len(layout.options.classes) < MOST_CLASSES
    return Curves(
        version,
        coverage,
        reliability(layout, vector, alpha),
        confusion(layout, vector) if small else None,
        _at_tenths(layout, pr_curve(layout, vector)) if task == "binary" else None,
    )


def _at_tenths(layout: TaskLayout, curve: PrecisionRecall) -> PrecisionRecall:
    """A point for each tenth and the model's own threshold; a reference has a hundred edges."""
    wanted = sorted(layout.cuts)
    at = np.searchsorted(curve.threshold, [layout.cuts[one] for one in wanted])
    return PrecisionRecall(np.array(wanted), curve.precision[at], curve.recall[at], curve.fpr[at])
