"""What the columns of rows are, whatever file they come from."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Column:
    """A column of rows.

    Attributes:
        name: its name; a field of a nested `features` or `context` object goes by its own name.
        kind: what its values are.
        origin: "features" and "context" for fields of such an object (the prediction record), "row" otherwise.
    """

    name: str
    kind: ColumnKind
    origin: Literal["row", "features", "context"] = "row"


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


def broken(path: Path, error: Exception) -> UsageError:
    """The error for a file that cannot be read, on one line."""
    lines = str(error).splitlines() or [type(error).__name__]
    return UsageError(f"{path}: cannot be read: {lines[0][:300]}")


def kind_of_type(kind: pa.DataType) -> ColumnKind:
    """What values of this Arrow type are to driftgauge."""
    types = pa.types
    if types.is_dictionary(kind):
        return kind_of_type(kind.value_type)
    if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind) or types.is_null(kind):
        return "number"
    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind) or types.is_boolean(kind):
        return "category"
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return "list"
    return "time" if types.is_timestamp(kind) or types.is_date(kind) else "other"


def refuse_twins(path: Path, names: Sequence[str]) -> None:
    """Refuse rows in which two columns have one name.

    Raises:
        UsageError: with the name.
    """
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise UsageError(f"{path}: column {min(twice)!r} appears twice; each column needs a name of its own")


def _batch_rows(columns: int) -> int:
    return max(min(BATCH_ROWS, BATCH_CELLS // max(columns, 1)), 256)


def _batch(arrays: list[pa.Array], names: Sequence[str], rows: int) -> pa.RecordBatch:
    if not arrays:
        return pa.record_batch({"": pa.nulls(rows)})
    return pa.RecordBatch.from_arrays(arrays, names=list(names))
