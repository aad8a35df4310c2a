"""What is known of a column of rows, and what every reader of rows offers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

import pyarrow as pa

from stream.errors import UsageError

BATCH_ROWS = 65_536
BATCH_CELLS = 4_000_000
"""Wide rows come in smaller batches: a batch is held several times over while it is counted."""
SPECIAL = ("prediction", "label", "latency_ms", "timestamp", "version", "prediction_id", "model", "error")
"""Columns with a meaning of their own: features only when a config lists them."""

ColumnKind = Literal["number", "category", "list", "time", "other"]

UNREAD = frozenset({"time", "other"})
"""Kinds of columns that are no predictions of any task."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of rows.

    Attributes:
        name: its name; a field of a nested `features` or `context` object goes by its own name.
        kind: what its values are.
        origin: "features" and "context" for fields of such an object (the prediction record), "row" otherwise.
        missing: texts that stand for no value.
        comma: its numbers have a decimal comma.
        truth: it is true or false in every row, in words here and as 1 or 0 there.
        what: what it holds, where that is neither numbers nor categories.
        bookkeeping: it is the writer's, not the user's: an index.
        key: its numbers name rows: each is there once, and the column is called like an id.
        empty: none of the rows looked at has a value.
        note: what the user should know about how it is read.
    """

    name: str
    kind: ColumnKind
    origin: Literal["row", "features", "context"] = "row"
    missing: tuple[str, ...] = ()
    comma: bool = False
    truth: bool = False
    what: str = ""
    bookkeeping: bool = False
    key: bool = False
    empty: bool = False
    note: str = ""


class Rows(Protocol):
    """Rows that can be read more than once."""

    @property
    def path(self) -> Path:
        """The file."""

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns, nested objects flattened."""

    def batches(self, names: Sequence[str]) -> Iterator[tuple[pa.RecordBatch, float]]:
        """Batches with the named columns, each with the share of the file read so far (0 to 1)."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a user says of columns.

    Attributes:
        kinds: column -> "numeric" or "categorical".
        missing: texts that stand for no value in every column; None where nothing was said.
        missing_in: column -> such texts of its own.
    """

    kinds: dict[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] | None = None
    missing_in: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def missing_of(self, name: str) -> tuple[str, ...] | None:
        """The texts of one column; None where it is to be found out."""
        own = self.missing_in.get(name)
        return self.missing if own is None else tuple(dict.fromkeys((*own, *(self.missing or ()))))


def broken(path: Path, error: Exception) -> UsageError:
    """The error for a file that cannot be read, on one line."""
    lines = str(error).splitlines() or [type(error).__name__]
    return UsageError(f"{path}: cannot be read: {lines[0][:300]}")


def refuse_twins(path: Path, names: Sequence[str]) -> None:
    """Refuse rows in which two columns have one name.

    Raises:
        UsageError: with the name.
    """
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise UsageError(f"{path}: column {min(twice)!r} appears twice; each column needs a name of its own")


def batch_rows(columns: int) -> int:
    """How many rows a batch of so many columns has at most."""
    return max(min(BATCH_ROWS, BATCH_CELLS // max(columns, 1)), 256)


def batch_of(arrays: list[pa.Array], names: Sequence[str], rows: int) -> pa.RecordBatch:
    """A record batch; of no columns, one that still has its rows."""
    if not arrays:
        return pa.record_batch({"": pa.nulls(rows)})
    return pa.RecordBatch.from_arrays(arrays, names=list(names))
