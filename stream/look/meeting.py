"""Whether labels find their predictions: ids and times of the latest records of both sides, held against each other."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from operators.join.early import hours_apart, note
from operators.join.ticks import NOBODY, LabelTotals
from operators.join.unmatched import why_unmatched
from windows.values import id_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from operators.formats.plain import PlainRecord


@dataclass(slots=True)
class Side:
    """Predictions or labels of a model.

    Attributes:
        records: how many.
        times: id -> when it was made, or said, ms.
    """

    records: int = 0
    times: dict[str, int] = field(default_factory=dict)

    @property
    def newest(self) -> tuple[int, str]:
        """The latest, and its id."""
        return max(((at, ident) for ident, at in self.times.items()), default=NOBODY)


Sides = dict[str, Side]
"""By the name of the model."""


def add(sides: Sides, records: Iterable[tuple[PlainRecord, int, int]], *, labels: bool) -> None:
    """Note records of one side; each comes with the number of its message and when it was written, ms."""
    for record, _, written in records:
        if not (record.labels if labels else record.predicts):
            continue
        side = sides.setdefault(str(record.value("model")), Side())
        side.records += 1
        ident, time = record.value("prediction_id"), record.value("timestamp")
        if ident is not None and id_of(ident):
            side.times[id_of(ident)] = written if time is None else time


def unmet(model: str, predictions: Sides, labels: Sides, older: Callable[[], Sides]) -> Iterator[str]:
    """What to say of a model whose labels find no prediction, or are from before those that they find.

    Args:
        model: its name.
        predictions: the latest of each model.
        labels: the same.
        older: more of the predictions, asked for where none of these is met.
    """
    theirs = labels.get(model, Side())
    mine = predictions.get(model, Side())
    if not theirs.times or not mine.records:
        return
    if not theirs.times.keys() & mine.times.keys() and mine.times:
        mine = older().get(model, mine)
    met = theirs.times.keys() & mine.times.keys()
    totals = LabelTotals(prediction=mine.newest, about=theirs.newest, unmatched={"here": len(met)})
    for ident in met:
        note(totals, theirs.times[ident], mine.times[ident])
    if hours_apart(totals) is not None:
        yield f"{model}: of the latest labels: {why_unmatched(totals)}"
    elif not met:
        older_ones = " Labels of older predictions are not among them." if mine.times else ""
        yield (
            f"{model}: none of the latest {theirs.records:,} labels is about one of the latest {mine.records:,}"
            f" predictions: {why_unmatched(totals)}{older_ones}"
        )
