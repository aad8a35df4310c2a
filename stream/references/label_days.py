"""Labelled rows of a build by day: how much the metrics of a model differ from one day to the next."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from operators.settings.metrics import RULED
from windows.outcomes.days import variation_of
from windows.outcomes.fold import fold_outcomes, fold_predictions
from windows.outcomes.metrics import task_metrics
from windows.references.pace import DAY

if TYPE_CHECKING:
    from stream.references.label_rows import LabelledRows
    from windows.arrays import IntArray
    from windows.outcomes.days import DayVariation
    from windows.outcomes.layout import TaskLayout
    from windows.references.reference import Reference

MOST_DAYS = 400
"""The latest days of which outcomes are kept apart: 400 vectors of a thousand counts are 3 MB."""

MUCH = 0.02
"""Deviation between days, as a share of the metric itself, that is worth a note."""


class LabelDays:
    """Counts outcomes, those of each whole day of UTC apart."""

    def __init__(self, layout: TaskLayout, reference: Reference) -> None:
        """Of the latest days between the first and the last row: those two are cut off by the span."""
        self._layout = layout
        known = reference.start is not None and reference.end is not None
        stop = (reference.end or 0) // DAY
        self._first = max((reference.start or 0) // DAY + 1, stop - MOST_DAYS) if known else stop
        self._days = np.zeros((max(stop - self._first, 0), layout.size), dtype=np.int64)
        self.total = layout.empty()

    def add(self, rows: LabelledRows) -> None:
        """Take in a batch."""
        groups, group = np.unique(self._places(rows), return_inverse=True)
        found = fold_outcomes(self._layout, rows.outcomes, group, len(groups))
        found[:, self._layout.spans["delay"]] = 0  # rows do not say when their label came
        found += fold_predictions(self._layout, rows.outcomes.score, group, len(groups))
        self.total = self.total + found.sum(axis=0)
        inside = groups < len(self._days)
        self._days[groups[inside]] += found[inside]

    def variation(self) -> dict[str, DayVariation]:
        """How each metric differs between days, of those that do."""
        seen = np.flatnonzero(self._days[:, self._layout.labelled])
        return variation_of(self._layout, self._days[seen], seen) if len(seen) else {}

    def _places(self, rows: LabelledRows) -> IntArray:
        """The day of each row; one past the last for what lies in none."""
        rest = len(self._days)
        if rows.times is None:
            return np.full(rows.count, rest)
        times, timed = rows.times
        days = times // DAY - self._first
        return np.where(timed & (days >= 0) & (days < rest), days, rest)


def day_note(layout: TaskLayout, outcomes: IntArray, found: dict[str, DayVariation]) -> str | None:
    """What to say of metrics that differ much from day to day, of those that new configs have rules on."""
    usual = task_metrics(layout, outcomes[None], 0.5, [name for name in RULED if name in found])
    much = [
        (name, found[name].deviation)
        for name, one in usual.items()
        if found[name].deviation >= MUCH * abs(float(one.value[0]))
    ]
    if not much:
        return None
    named = ", ".join(f"{name} by {deviation:.2g}" for name, deviation in much)
    return (
        f"days differ in what becomes of the predictions, beyond chance: {named} (one standard deviation); a fall is"
        " told once it is more than such days explain"
    )
