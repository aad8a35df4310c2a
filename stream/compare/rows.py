"""Two files of the same rows, side by side, in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stream.errors import UsageError
from stream.rows.arrays import numbers

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stream.rows.columns import Rows
    from windows.arrays import BoolArray

ID, PREDICTION, LABEL = "prediction_id", "prediction", "label"


@dataclass(frozen=True, slots=True)
class Side:
    """One of the files and where its columns are."""

    name: str
    rows: Rows

    def needs(self, *names: str) -> None:
        """Refuse a file without these columns.

        Raises:
            UsageError: one is missing.
        """
        known = {column.name for column in self.rows.columns}
        for name in names:
            if name not in known:
                raise UsageError(
                    f"--{self.name} {self.rows.path}: no column {name!r}; it has {', '.join(sorted(known))}"
                )

    def has(self, name: str) -> bool:
        """Whether it has a column."""
        return any(column.name == name for column in self.rows.columns)


def side_by_side(champion: Side, candidate: Side, segments: Sequence[str]) -> Iterator[dict[str, pa.Array]]:
    """Batches of the same rows: `label` and segments of the champion's file, `champion` and `candidate` predictions.

    Raises:
        UsageError: a column is missing, or the files do not hold the same rows in the same order.
    """
    champion.needs(PREDICTION, LABEL, *segments)
    candidate.needs(PREDICTION)
    keys = [name for name in (ID, LABEL) if champion.has(name) and candidate.has(name)][:1]
    if not keys:
        raise UsageError("nothing says that the files hold the same rows: a column prediction_id, or label, in both")
    theirs = Slicer(candidate.rows.batches([PREDICTION, *keys]))
    at = 0
    for mine, _ in champion.rows.batches([*dict.fromkeys((PREDICTION, LABEL, *keys, *segments))]):
        other = theirs.take(mine.num_rows)
        if len(other) < mine.num_rows:
            raise UsageError(
                f"--candidate {candidate.rows.path}: has {at + len(other):,} rows, the champion's file more"
            )
        _same(mine, other, keys, at)
        at += mine.num_rows
        columns = {name: mine.column(name) for name in (LABEL, *segments)}
        yield {"champion": mine.column(PREDICTION), "candidate": _one(other.column(PREDICTION)), **columns}
    if len(theirs.take(1)):
        raise UsageError(f"--candidate {candidate.rows.path}: has more rows than the {at:,} of the champion's file")


class Slicer:
    """Gives rows of an iterator of batches in any portions."""

    def __init__(self, batches: Iterator[tuple[pa.RecordBatch, float]]) -> None:
        self._batches = batches
        self._held: list[pa.RecordBatch] = []

    def take(self, rows: int) -> pa.Table:
        """The next rows: as many, or all that are left."""
        taken: list[pa.RecordBatch] = []
        while rows:
            if not self._held:
                following = next(self._batches, None)
                if following is None:
                    break
                self._held.append(following[0])
                continue
            batch = self._held.pop()
            taken.append(batch.slice(0, rows))
            if batch.num_rows > rows:
                self._held.append(batch.slice(rows))
            rows -= taken[-1].num_rows
        return pa.Table.from_batches(taken).combine_chunks() if taken else pa.table({})


def _same(mine: pa.RecordBatch, other: pa.Table, keys: Sequence[str], at: int) -> None:
    """Refuse rows that are not the same.

    Raises:
        UsageError: with the first row that differs.
    """
    for key in keys:
        left, right = (_one(one.column(key)) for one in (mine, other))
        rows = np.flatnonzero(_differs(left, right))
        if len(rows):
            row = int(rows[0])
            said = (
                f"{key} is {left[row].as_py()!r} in the champion's file and {right[row].as_py()!r} in the candidate's"
            )
            raise UsageError(f"row {at + row + 1}: {said}: sort both files alike")


def _differs(left: pa.Array, right: pa.Array) -> BoolArray:
    """Which values are not the same: as numbers where they are numbers, which files may write in several ways."""
    one, other = numbers(left), numbers(right)
    if not (np.isnan(one).all() or np.isnan(other).all()):
        found: BoolArray = ~np.isclose(one, other, equal_nan=True)
        return found
    texts = [pc.fill_null(pc.cast(one, pa.string()), "") for one in (left, right)]
    differs: BoolArray = pc.not_equal(*texts).to_numpy(zero_copy_only=False)
    return differs


def _one(column: Any) -> Any:
    found = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return found.dictionary_decode() if pa.types.is_dictionary(found.type) else found
