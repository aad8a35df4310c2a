"""Rows of a Parquet file. What its writer declared is kept: a dictionary is a category, whatever its values are."""

import base64
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from stream.rows.columns import Column, ColumnKind, Wishes, batch_of, batch_rows, broken, refuse_twins
from stream.rows.kinds import Texts, decide, unless_marks
from stream.rows.lists import list_array
from stream.rows.parts import Part
from windows.arrays import FloatArray

if TYPE_CHECKING:
    from pathlib import Path

MAX_GROUP_BYTES = 256 << 20
STREAM_BUFFER = 256 << 10
_WHAT = (
    (pa.types.is_struct, "a structure"),
    (pa.types.is_map, "a map"),
    (pa.types.is_duration, "durations"),
    (pa.types.is_time, "times of day"),
    (pa.types.is_binary, "bytes"),
    (pa.types.is_large_binary, "bytes"),
    (pa.types.is_fixed_size_binary, "bytes"),
    (pa.types.is_nested, "lists"),
)


class ParquetRows:
    """Rows of a Parquet file; structs named `features` and `context` are flattened."""

    def __init__(self, part: Part, wishes: Wishes) -> None:
        """Read the schema, and the first rows of columns of text."""
        self.path: Path = part.path
        with pq.ParquetFile(self.path) as file:
            schema, self._rows = file.schema_arrow, file.metadata.num_rows
            stored = file.metadata.metadata or {}
            largest = max((file.metadata.row_group(i).total_byte_size for i in range(file.num_row_groups)), default=0)
        # a whole file may be one row group: large ones are read through buffers instead of whole column chunks
        self._buffer = STREAM_BUFFER if largest > MAX_GROUP_BYTES else 0
        refuse_twins(self.path, schema.names)
        self._where: dict[str, tuple[str, ...]] = {}
        told = _pandas(schema)
        self._index = _index_columns(told, schema)
        self._categories = _dictionaries(stored) | _categoricals(told)
        self._listed: frozenset[str] = frozenset()
        declared = tuple(self._declared(schema))
        self.columns = tuple(self._decided(declared, wishes))
        self._listed = frozenset(column.name for column in self.columns if column.kind == "list")

    def _declared(self, schema: pa.Schema) -> Iterator[tuple[Column, pa.DataType]]:
        for origin in ("features", "context"):
            index = schema.get_field_index(origin)
            if index >= 0 and pa.types.is_struct(schema.field(index).type):
                for child in schema.field(index).type:
                    if child.name not in self._where:
                        self._where[child.name] = (origin, child.name)
                        yield column_of(Column(child.name, "number", origin), child.type), child.type
        for field in schema:
            nested = field.name in {"features", "context"} and pa.types.is_struct(field.type)
            if field.name not in self._where and not nested:
                self._where[field.name] = (field.name,)
                column = Column(field.name, "number", bookkeeping=field.name in self._index)
                found = column_of(column, field.type)
                declared = field.name in self._categories and found.kind == "number"
                yield (replace(found, kind="category") if declared else found), field.type

    def _decided(self, declared: Sequence[tuple[Column, pa.DataType]], wishes: Wishes) -> Iterator[Column]:
        texts = [column.name for column, kind in declared if _is_text(kind)]
        whole = [column.name for column, kind in declared if pa.types.is_integer(kind) and column.kind == "number"]
        batch = next(self.batches([*texts, *whole]), (None, 0.0))[0] if texts or whole else None
        for column, _ in declared:
            missing, wanted = wishes.missing_of(column.name) or (), wishes.kinds.get(column.name)
            if column.name in texts and batch is not None:
                yield decide(column, Texts(batch.column(column.name).cast(pa.string()), "typed"), wishes)
            elif wanted is not None and column.kind in {"number", "category"}:
                yield replace(column, kind="number" if wanted == "numeric" else "category", missing=missing)
            elif column.name in whole and batch is not None:
                yield replace(unless_marks(column, numbers_of(batch.column(column.name))), missing=missing)
            else:
                yield replace(column, missing=missing)

    def batches(self, names: Sequence[str]) -> Iterator[tuple[pa.RecordBatch, float]]:
        """Batches with the named columns, each with the share of the file read so far."""
        roots = sorted({self._where[name][0] for name in names})
        done = 0
        try:
            with pq.ParquetFile(self.path, pre_buffer=False, buffer_size=self._buffer) as file:
                for batch in file.iter_batches(batch_size=batch_rows(len(names)), columns=roots):
                    done += batch.num_rows
                    arrays = [self._array(batch, name) for name in names]
                    yield batch_of(arrays, names, batch.num_rows), done / max(self._rows, 1)
        except (pa.ArrowException, OSError) as error:
            raise broken(self.path, error) from None

    def _array(self, batch: pa.RecordBatch, name: str) -> pa.Array:
        array = batch.column(self._where[name][0])
        if len(self._where[name]) > 1:
            array = array.flatten()[array.type.get_field_index(name)]  # a null struct makes its fields null
        array = array.storage if isinstance(array.type, pa.BaseExtensionType) else array
        return list_array(array.to_pylist()) if name in self._listed and _is_text(array.type) else array


def numbers_of(array: pa.Array) -> FloatArray:
    """float64[n], NaN where missing."""
    return np.asarray(array.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False), dtype=np.float64)


def column_of(column: Column, kind: pa.DataType) -> Column:
    """The column of an Arrow type."""
    if isinstance(kind, pa.BaseExtensionType):
        return column_of(column, kind.storage_type)
    if pa.types.is_dictionary(kind):
        values = kind_of_type(kind.value_type)
        return replace(column, kind="category" if values == "number" else values)
    what = next((words for is_it, words in _WHAT if is_it(kind)), str(kind))
    found = kind_of_type(kind)
    return replace(
        column, kind=found, what=what if found == "other" else {"list": "lists", "time": "times"}.get(found, "")
    )


def kind_of_type(kind: pa.DataType) -> ColumnKind:
    """What values of this Arrow type are to driftgauge."""
    types = pa.types
    if types.is_dictionary(kind):
        return "category" if (values := kind_of_type(kind.value_type)) == "number" else values
    if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind) or types.is_null(kind):
        return "number"
    if _is_text(kind) or types.is_boolean(kind):
        return "category"
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return "list"
    return "time" if types.is_timestamp(kind) or types.is_date(kind) else "other"


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _pandas(schema: pa.Schema) -> dict[str, Any]:
    """What pandas wrote of its table; empty where it did not write it."""
    try:
        told = json.loads((schema.metadata or {}).get(b"pandas", b"{}"))
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _index_columns(told: dict[str, Any], schema: pa.Schema) -> frozenset[str]:
    """The columns that pandas wrote an index as."""
    named = (name for name in told.get("index_columns", ()) if isinstance(name, str))
    return frozenset((*named, *(name for name in schema.names if name.startswith("__index_level_"))))


def _categoricals(told: dict[str, Any]) -> frozenset[str]:
    """The columns that were of pandas' type category, which Parquet keeps as their values."""
    columns = (column for column in told.get("columns", ()) if isinstance(column, dict))
    return frozenset(str(column.get("field_name")) for column in columns if column.get("pandas_type") == "categorical")


def _dictionaries(stored: dict[bytes, bytes]) -> frozenset[str]:
    """The columns that were dictionaries in Arrow: its reader restores those of text alone."""
    try:
        written = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(stored[b"ARROW:schema"])))
    except (KeyError, ValueError, pa.ArrowException):
        return frozenset()
    return frozenset(field.name for field in written if pa.types.is_dictionary(field.type))
