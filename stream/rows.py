"""Rows of a Parquet, CSV or JSON-lines file as Arrow record batches, column by column and in bounded memory."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from stream.errors import UsageError

BATCH_ROWS = 65_536
BATCH_CELLS = 4_000_000
"""Wide rows come in smaller batches: a batch is held several times over while it is counted."""
MAX_GROUP_BYTES = 256 << 20
STREAM_BUFFER = 256 << 10
SPECIAL = ("prediction", "label", "latency_ms", "timestamp", "version", "prediction_id", "model", "error")
"""Columns with a meaning of their own: features only when a config lists them."""
FORMATS = (".parquet", ".csv", ".jsonl")

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


def open_rows(path: Path, kinds: dict[str, str]) -> Rows:
    """The rows of a file, by the ending of its name.

    Args:
        path: a .parquet, .csv or .jsonl file.
        kinds: column -> "numeric" or "categorical" where a config says so.

    Raises:
        UsageError: the file is not there, is of another kind, or is broken.
    """
    from stream.rows_csv import CsvRows  # noqa: PLC0415 - the readers import Column from here
    from stream.rows_jsonl import JsonlRows  # noqa: PLC0415

    readers: dict[str, Any] = {".parquet": ParquetRows, ".csv": CsvRows, ".jsonl": JsonlRows, ".ndjson": JsonlRows}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise UsageError(f"{path}: cannot tell its format; a name ending in {', '.join(FORMATS)} is needed")
    if not path.is_file():
        raise UsageError(f"{path}: no such file; a {', '.join(FORMATS)} file with rows is needed")
    try:
        rows: Rows = reader(path, kinds)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise broken(path, error) from None
    return rows


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


class ParquetRows:
    """Rows of a Parquet file; structs named `features` and `context` are flattened."""

    def __init__(self, path: Path, kinds: dict[str, str]) -> None:
        """Read the schema. `kinds` is not needed: Parquet knows its types."""
        del kinds
        self.path = path
        with pq.ParquetFile(path) as file:
            schema, self._rows = file.schema_arrow, file.metadata.num_rows
            largest = max((file.metadata.row_group(i).total_byte_size for i in range(file.num_row_groups)), default=0)
        # a whole file may be one row group: large ones are read through buffers instead of whole column chunks
        self._buffer = STREAM_BUFFER if largest > MAX_GROUP_BYTES else 0
        refuse_twins(path, schema.names)
        self._where: dict[str, tuple[str, ...]] = {}
        self.columns = tuple(self._columns(schema))

    def _columns(self, schema: pa.Schema) -> Iterator[Column]:
        for origin in ("features", "context"):
            index = schema.get_field_index(origin)
            if index >= 0 and pa.types.is_struct(schema.field(index).type):
                for child in schema.field(index).type:
                    if child.name not in self._where:
                        self._where[child.name] = (origin, child.name)
                        yield Column(child.name, kind_of_type(child.type), origin)
        for field in schema:
            if field.name not in self._where and not pa.types.is_struct(field.type):
                self._where[field.name] = (field.name,)
                yield Column(field.name, kind_of_type(field.type))

    def batches(self, names: Sequence[str]) -> Iterator[tuple[pa.RecordBatch, float]]:
        """Batches with the named columns, each with the share of the file read so far."""
        roots = sorted({self._where[name][0] for name in names})
        done = 0
        try:
            with pq.ParquetFile(self.path, pre_buffer=False, buffer_size=self._buffer) as file:
                for batch in file.iter_batches(batch_size=_batch_rows(len(names)), columns=roots):
                    done += batch.num_rows
                    arrays = [self._array(batch, name) for name in names]
                    yield _batch(arrays, names, batch.num_rows), done / max(self._rows, 1)
        except (pa.ArrowException, OSError) as error:
            raise broken(self.path, error) from None

    def _array(self, batch: pa.RecordBatch, name: str) -> pa.Array:
        array = batch.column(self._where[name][0])
        if len(self._where[name]) == 1:
            return array
        children = array.flatten()  # a null struct makes its fields null
        return children[array.type.get_field_index(name)]


def _batch_rows(columns: int) -> int:
    return max(min(BATCH_ROWS, BATCH_CELLS // max(columns, 1)), 256)


def _batch(arrays: list[pa.Array], names: Sequence[str], rows: int) -> pa.RecordBatch:
    if not arrays:
        return pa.record_batch({"": pa.nulls(rows)})
    return pa.RecordBatch.from_arrays(arrays, names=list(names))
