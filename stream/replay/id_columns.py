"""The columns by which labels of a table find predictions of another, where no name says it: by what is in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from operators.formats.guesses import usually_called
from operators.records import Topic
from stream.errors import UsageError
from stream.replay.tables import OF_FEEDBACK, mapped_names, other_names
from stream.rows.arrays import numbers
from stream.rows.columns import SPECIAL, Wishes
from stream.rows.open import open_rows
from stream.rows.repeats import Repeats, repeats_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import pyarrow as pa

    from stream.config.load import Config
    from windows.references.reference import Reference

ID = "prediction_id"
MOST_AGAIN = 0.1
"""The share of labels that may revise others, at most: ids of which more are there again name something else."""
MET = 0.5
"""The share of labels that find their prediction by an id, at least."""


@dataclass(frozen=True, slots=True)
class IdColumns:
    """The columns of ids, "" for those that are named already; and what to say of it.

    Attributes:
        predictions: the column in the files of predictions.
        labels: the column in those of labels.
        note: what was found; "" for nothing.
    """

    predictions: str = ""
    labels: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class _Side:
    """The files of one side.

    Attributes:
        paths: of them.
        named: the column of ids as it is named; "" where none is.
        candidates: columns of texts and whole numbers, which may be ids.
    """

    paths: Sequence[Path]
    named: str
    candidates: tuple[str, ...]

    def ids(self, column: str) -> Repeats:
        """The ids of all files in a column."""
        found = Repeats()
        for path in self.paths:
            repeats_of(open_rows(path, {column: "categorical"}), column, found)
        return found


def id_columns(
    predictions: Sequence[Path], labels: Sequence[Path], config: Config, references: Mapping[str, Reference]
) -> IdColumns:
    """Which columns of two sets of tables hold the ids that join them.

    Columns of one name, or both called as ids often are, are such if no two predictions share a value, hardly two
    labels do, and most labels find their prediction by it.

    Raises:
        UsageError: several do.
    """
    if not predictions or not labels:
        return IdColumns()
    served = _side(predictions, Topic.PREDICTIONS, config, references)
    told = _side(labels, Topic.FEEDBACK, config, references)
    if served.named and told.named:
        return IdColumns()
    fits = [pair for pair in _pairs(served, told) if _joins(*pair, served, told)]
    usual = [pair for pair in fits if all(map(_usual, pair))]
    chosen = usual if len(usual) == 1 else fits
    if len(chosen) > 1:
        shown = ", ".join(f"'{label}'" for label in dict.fromkeys(label for _, label in chosen))
        raise UsageError(
            f"{labels[0]}: no column {ID!r}, and its labels find their predictions by several: {shown}. Say which it is"
            f" in the config, with sources: [{{topic: T, map: {{{ID}: COLUMN}}}}, {{topic: F, holds: feedback, map:"
            f" {{{ID}: COLUMN}}}}]"
        )
    if not chosen:
        return IdColumns()
    ((mine, theirs),) = chosen
    both = f"`{mine}`" if mine == theirs else f"`{mine}` of the predictions and `{theirs}` of the labels"
    note = f"predictions and labels are joined by {both}, being unique and in both; `{ID}` in a map names another"
    return IdColumns(
        "" if mine == served.named else mine,
        "" if theirs == told.named else theirs,
        note,
    )


def _side(paths: Sequence[Path], holds: Topic, config: Config, references: Mapping[str, Reference]) -> _Side:
    also = list(other_names(holds, config, references))
    named, candidates = "", dict[str, int]()
    for path in paths:
        rows = open_rows(path, Wishes())
        there = [column for column in rows.columns if not column.bookkeeping and column.origin == "row"]
        names = [column.name for column in there]
        mapped = [name for role, name in mapped_names(holds, config) if role == ID and name in names]
        other = [name for role, name in also if role == ID and name in names]
        named = named or next(iter([*mapped, *(name for name in names if name == ID), *other]), "")
        taken = {*SPECIAL, *OF_FEEDBACK, *(name for _, name in also)}
        some = next((batch for batch, _ in rows.batches([one.name for one in there if one.kind == "number"])), None)
        broken = set() if some is None else {name for name in some.schema.names if _fractions(some, name)}
        for column in there:
            if column.kind in {"number", "category"} and column.name not in taken | broken:
                candidates[column.name] = candidates.get(column.name, 0) + 1
    everywhere = tuple(name for name, count in candidates.items() if count == len(paths))
    return _Side(paths, named, everywhere)


def _fractions(batch: pa.RecordBatch, name: str) -> bool:
    """Whether a column of numbers has some that are not whole."""
    values = numbers(batch.column(name))
    values = values[np.isfinite(values)]
    return bool(np.any(values != np.floor(values)))


def _pairs(served: _Side, told: _Side) -> Iterator[tuple[str, str]]:
    """Columns that may be the ids of both sides."""
    for mine in [served.named] if served.named else served.candidates:
        for theirs in [told.named] if told.named else told.candidates:
            if mine == theirs or (_usual(mine) and _usual(theirs)):
                yield mine, theirs


def _usual(name: str) -> bool:
    return bool(usually_called(ID, [name]))


def _joins(mine: str, theirs: str, served: _Side, told: _Side) -> bool:
    """Whether most labels find the one prediction that they are about."""
    ids = served.ids(mine)
    if not ids.rows or ids.again:
        return False
    labels = told.ids(theirs)
    return labels.distinct >= (1 - MOST_AGAIN) * labels.rows > 0 and labels.among(ids) >= MET
