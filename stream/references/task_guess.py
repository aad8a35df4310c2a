"""The task of a model, where nobody said it: guessed from its predictions and labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stream.references.label_rows import probable
from stream.rows.arrays import categories
from stream.rows.kinds import FEW_CODES
from windows.sketches.profiles import CategoricalProfile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stream.rows.columns import Column, Rows
    from windows.outcomes.layout import Task
    from windows.references.reference import Reference

FEW_SHOWN = 5
"""Classes that a note lists."""

SAME = 0.5
"""Share of rows in which prediction and label are the same, where few whole numbers are classes."""


def task_of(reference: Reference, kind: str | None, label: Column | None, rows: Rows) -> Task:
    """The task that the predictions look like, or without them the labels."""
    prediction = reference.prediction
    if prediction is None:
        return "ranking" if kind == "list" else _task_of_labels(label, rows)
    if isinstance(prediction, CategoricalProfile):
        return "binary" if len(prediction.categories) <= 2 and kind != "list" else "multiclass"
    return "binary" if probable(prediction) else "regression"


def _task_of_labels(label: Column | None, rows: Rows) -> Task:
    """The task that has such labels: the first rows are looked at."""
    if label is None or label.kind not in {"number", "category"}:
        return "binary"
    first = next((batch.column(0) for batch, _ in rows.batches([label.name])), None)
    names = [] if first is None else categories(first, label.missing)[1]
    if len(names) <= 2:
        return "binary"
    numbers = label.kind == "number"
    whole = all(name.removeprefix("-").isdecimal() for name in names)
    return "regression" if numbers and not (whole and len(names) <= FEW_CODES) else "multiclass"


def shared_codes(rows: Rows, prediction: Column | None, label: Column | None) -> tuple[str, ...]:
    """The few whole numbers that are both predictions and labels, mostly the same in a row: classes, not quantities."""
    known = [column for column in (prediction, label) if column is not None and column.kind == "number"]
    if len(known) < 2:
        return ()
    batch, _ = next(rows.batches([column.name for column in known]), (None, None))
    if batch is None:
        return ()
    (predicted, one), (labels, other) = (
        categories(batch.column(at), column.missing) for at, column in enumerate(known)
    )
    both = (predicted >= 0) & (labels >= 0)
    found = {*(one[code] for code in set(predicted[both])), *(other[code] for code in set(labels[both]))}
    if not 2 < len(found) <= FEW_CODES or not all(name.removeprefix("-").isdecimal() for name in found):
        return ()
    place = {name: at for at, name in enumerate(one)}
    same = np.array([place.get(name, -1) for name in other])[labels[both]] == predicted[both]
    return tuple(sorted(found, key=int)) if same.mean() >= SAME else ()


def codes_note(codes: tuple[str, ...]) -> Iterator[str]:
    """What to say of predictions and labels that were taken for classes, if they were."""
    if codes:
        more = ", ..." if len(codes) > FEW_SHOWN else ""
        yield (
            f"predictions and labels are the same {len(codes)} whole numbers ({', '.join(codes[:FEW_SHOWN])}{more}), so"
            " they are taken for classes; --task regression where they are quantities"
        )
