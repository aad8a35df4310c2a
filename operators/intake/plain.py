"""Plain: a batch of which all is records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from operators.intake.transpose import Transposed, transpose, transpose_served

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from operators.formats.parsed import Parsed
    from operators.formats.schema import ModelSchema
    from operators.intake.served import Served
    from windows.arrays import IntArray
    from windows.predictions.columns import Columns


def kinds_of(records: Sequence[Any], index: Mapping[Any, int]) -> IntArray:
    """The number of the model of each record, int64[n], by its type."""
    return np.fromiter(map(index.__getitem__, map(type, records)), np.int64, len(records))


class Plain:
    """The records of a batch as they were decoded.

    Args:
        schemas: of all models.
        parsed: the records.
        index: the number of each model by its type.
    """

    def __init__(self, schemas: Sequence[ModelSchema], parsed: Parsed, index: Mapping[Any, int]) -> None:
        self._schemas = schemas
        self._index = index
        self.rest = parsed
        self.read = parsed.read
        self.stamps = parsed.stamps
        self.proven = parsed.proven

    def by_model(self) -> list[tuple[int, IntArray | None]]:
        """Number of each model with records, and which they are (None: all)."""
        kinds = set(map(type, self.rest.records))
        if len(kinds) == 1:
            return [(self._index[kinds.pop()], None)]
        models = kinds_of(self.rest.records, self._index)
        return [(number, np.flatnonzero(models == number)) for number in np.unique(models).tolist()]

    def loose(self, _: int) -> None:
        """Nothing here was read by the package."""
        return

    def columns(self, number: int, rows: IntArray | None, panes: IntArray) -> Columns:
        """The columns of one model's records at `rows` (None: all of the batch), which has these panes."""
        return transpose(self._part(number, rows, panes))

    def served(self, number: int, rows: IntArray | None, panes: IntArray, times: IntArray, known: IntArray) -> Served:
        """What the join needs of one model's records; times and known are those of all of the batch."""
        part = self._part(number, rows, panes)
        return transpose_served(part, _picked(times, rows), _picked(known, rows))[1]

    def _part(self, number: int, rows: IntArray | None, panes: IntArray) -> Transposed:
        records = self.rest.records if rows is None else [self.rest.records[row] for row in rows.tolist()]
        return Transposed(self._schemas[number], records, _picked(panes, rows), bool(self.rest.unfit))


def _picked(values: IntArray, rows: IntArray | None) -> IntArray:
    return values if rows is None else values[rows]
