"""The labelled rows of a build: the outcomes that performance is compared with, and the estimator fitted on them.

They are read in a pass of their own, once the profiles are there that scores and features are binned by.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from stream.references.fit import Fit
from stream.references.frames import frames
from stream.references.label_days import LabelDays, day_note
from stream.references.label_rows import LabelError, LabelReader, known_names, probable, task_of
from windows.outcomes.layout import task_layout
from windows.references.reference import Reference, seal
from windows.sketches.profiles import NumericProfile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stream.references.label_names import LabelNames
    from stream.references.label_rows import LabelledRows
    from stream.references.plan import Plan
    from stream.rows.columns import Rows
    from windows.outcomes.layout import TaskOptions

READING = "labels"
COUNTING = "scores"
MOST_ODD_LABELS = 0.01
"""Share of the labels that may be none: more are no slips, but other labels than the model's."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """A reference with what its labels tell, and what the user should know about it."""

    reference: Reference
    notes: tuple[str, ...] = ()


def with_labels(
    rows: Rows, plan: Plan, reference: Reference, names: LabelNames, progress: Callable[[str, float], None]
) -> Labelled:
    """Add outcomes and an estimator to a reference, as far as its rows have labels."""
    if not plan.label:
        return Labelled(reference)

    def labelled_rows(name: str) -> Iterator[LabelledRows]:
        for frame in frames(rows, plan):
            yield reader(frame)
            progress(name, frame.share)

    try:
        options = task_of(plan, reference, names)
        classes = _classes(plan, options, names)
        layout = task_layout(options, reference.prediction)
        reader = LabelReader(plan, reference, options, classes)
        days, fit = LabelDays(layout, reference), Fit(reference, layout.options)
        for batch in labelled_rows(READING):
            days.add(batch)
            fit.add(batch)
        outcomes = days.total
        left_out = _left_out(reader, int(outcomes[layout.labelled]))
    except (LabelError, ValueError) as error:
        return Labelled(reference, (f"labels are not used: {error}",))
    if outcomes[layout.labelled] == 0:
        return Labelled(reference, ("labels are not used: no row has one",))
    estimator, note = fit.estimator(lambda: labelled_rows(COUNTING))
    positive = plan.outcomes.positive if layout.options.task == "binary" else None
    full = replace(
        reference,
        task=layout.options,
        outcomes=outcomes,
        estimator=estimator,
        positive=positive,
        classes=classes,
        label_days=days.variation(),
    )
    doubt = _doubt(plan, options, reference, names)
    alike = day_note(layout, outcomes, full.label_days)
    return Labelled(seal(full), tuple(said for said in (left_out, doubt, alike, note) if said))


def _doubt(plan: Plan, options: TaskOptions, reference: Reference, names: LabelNames) -> str | None:
    """Why predictions and labels may be of another task, or on another scale, than they are read as."""
    prediction = reference.prediction
    if not isinstance(prediction, NumericProfile) or probable(prediction):
        return None
    span = f"{prediction.edges[0]:.4g} to {prediction.edges[-1]:.4g}"
    if options.task == "binary":
        return (
            f"the predictions are {span}, and those of a binary model are scores of 0 to 1, which the threshold"
            f" {options.threshold:g} is for: accuracy, precision and recall are right only where these are decisions"
            " themselves; of percent or log-odds, log the probability"
        )
    if options.task == "regression" and plan.task is None and len(names.rows) == 2:
        return (
            f"the labels are {' and '.join(sorted(names.rows))} alone, and the predictions {span}: taken for a"
            " regression, and if the model is binary, --task binary and scores of 0 to 1 are needed"
        )
    return None


def _classes(plan: Plan, options: TaskOptions, names: LabelNames) -> tuple[str, ...]:
    """All names that labels may have, where they are names.

    Raises:
        LabelError: there are too many, or it cannot be told which is whose score.
    """
    if options.task == "multiclass":
        return options.classes
    if options.task != "binary" or plan.outcomes.positive is None:
        return ()
    if plan.prediction == "pair" and not plan.outcomes.classes:
        raise LabelError(
            "the predictions are scores of two classes, and which is whose is not known: `classes` (--classes) names"
            " the two in the order of the scores"
        )
    return known_names(plan, names)


def _left_out(reader: LabelReader, labelled: int) -> str | None:
    """What labels were left out, being none.

    Raises:
        LabelError: they are too many for slips.
    """
    odd = sum(reader.odd.values())
    if not odd:
        return None
    name, count = reader.odd.most_common(1)[0]
    said = reader.labels.refusal(name)
    if odd > MOST_ODD_LABELS * (labelled + odd):
        raise LabelError(f"{said} ({odd:,} of {labelled + odd:,} labels are none)")
    return f"{odd:,} of {labelled + odd:,} labels are left out, mostly {name!r} ({count:,}): {said}"
