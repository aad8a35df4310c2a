"""Rows of a Parquet file."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from stream.rows.columns import Column, _batch, _batch_rows, broken, kind_of_type, refuse_twins

MAX_GROUP_BYTES = 256 << 20

STREAM_BUFFER = 256 << 10


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
