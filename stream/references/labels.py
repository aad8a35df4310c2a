"""The labelled rows of a build: the outcomes that performance is compared with, and the estimator fitted on them.

They are read in a pass of their own, once the profiles are there that scores and features are binned by.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from stream.references.fit import Fit
from stream.references.frames import frames
from stream.references.label_rows import LabelError, LabelReader, task_of
from windows.outcomes.fold import fold_outcomes, fold_predictions
from windows.outcomes.layout import TaskLayout, task_layout
from windows.references.reference import Reference, seal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stream.references.label_rows import LabelledRows
    from stream.references.plan import Plan
    from stream.rows.columns import Rows
    from windows.arrays import IntArray

READING = "labels"
COUNTING = "scores"


@dataclass(frozen=True, slots=True)
class Labelled:
    """A reference with what its labels tell, and what the user should know about it."""

    reference: Reference
    notes: tuple[str, ...] = ()


def with_labels(rows: Rows, plan: Plan, reference: Reference, progress: Callable[[str, float], None]) -> Labelled:
    """Add outcomes and an estimator to a reference, as far as its rows have labels."""
    if not plan.label:
        return Labelled(reference)

    def labelled_rows(name: str) -> Iterator[LabelledRows]:
        for frame in frames(rows, plan):
            yield reader(frame)
            progress(name, frame.share)

    try:
        layout = task_layout(task_of(plan, reference), reference.prediction)
        reader = LabelReader(plan, reference, layout.options)
        outcomes, fit = layout.empty(), Fit(reference, layout.options)
        for batch in labelled_rows(READING):
            outcomes = outcomes + _outcomes(layout, batch)
            fit.add(batch)
    except (LabelError, ValueError) as error:
        return Labelled(reference, (f"labels are not used: {error}",))
    if outcomes[layout.labelled] == 0:
        return Labelled(reference, ("labels are not used: no row has one",))
    estimator, note = fit.estimator(lambda: labelled_rows(COUNTING))
    positive = plan.outcomes.positive if layout.options.task == "binary" else None
    full = replace(reference, task=layout.options, outcomes=outcomes, estimator=estimator, positive=positive)
    return Labelled(seal(full), (note,) if note else ())


def _outcomes(layout: TaskLayout, rows: LabelledRows) -> IntArray:
    one = np.zeros(rows.count, dtype=np.int64)
    found = fold_outcomes(layout, rows.outcomes, one, 1)[0]
    found[layout.spans["delay"]] = 0  # rows do not say when their label came
    folded: IntArray = found + fold_predictions(layout, rows.outcomes.score, one, 1)[0]
    return folded
