"""Rows of a CSV file."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pc

from stream.errors import UsageError
from stream.rows.columns import Column, broken, kind_of_type, refuse_twins

BLOCK_BYTES = 4 << 20
_KINDS = {"error": "categorical"}  # empty in the first rows as a rule, which says nothing about those that fail
_REFUSED = re.compile(r"In CSV column #(\d+): .*? to (\w+)[^:]*: invalid value '(.*)'", re.DOTALL)


class CsvRows:
    """Rows of a CSV file with a header.

    Types are those of the first block; whole numbers may go on with fractions. An empty field is missing,
    and so are NA, NaN, null and their like where they are not quoted.
    """

    def __init__(self, path: Path, kinds: dict[str, str]) -> None:
        """Infer the types of the columns from the first block of the file."""
        self.path = path
        self._size = max(path.stat().st_size, 1)
        try:
            with pc.open_csv(path, read_options=pc.ReadOptions(block_size=BLOCK_BYTES)) as reader:
                schema = reader.schema
        except pa.ArrowInvalid as error:
            if "Empty CSV file" in str(error):
                raise UsageError(f"{path}: empty; a header and rows are needed") from None
            raise
        self._names = schema.names
        refuse_twins(path, self._names)
        self._types = {
            field.name: _settled(field.type, kinds.get(field.name, _KINDS.get(field.name))) for field in schema
        }
        self.columns = tuple(Column(name, kind_of_type(kind)) for name, kind in self._types.items())

    def batches(self, names: Sequence[str]) -> Iterator[tuple[pa.RecordBatch, float]]:
        """Batches with the named columns, each with the share of the file read so far."""
        convert = pc.ConvertOptions(
            column_types=self._types,
            include_columns=list(names),
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        )
        try:
            with self.path.open("rb") as file:
                read = pc.ReadOptions(block_size=BLOCK_BYTES)
                with pc.open_csv(file, read_options=read, convert_options=convert) as reader:
                    for batch in reader:
                        yield batch, min(file.tell() / self._size, 1.0)
        except pa.ArrowInvalid as error:
            raise self._refusal(error) from None
        except OSError as error:
            raise broken(self.path, error) from None

    def _refusal(self, error: pa.ArrowInvalid) -> UsageError:
        match = _REFUSED.search(str(error))
        if match is None:
            return broken(self.path, error)
        name = self._names[int(match[1])]
        return UsageError(
            f"{self.path}: column {name!r}: {match[3][:80]!r} is no {match[2]}, as its first rows are; "
            f"correct it, or list the column as categorical under the model's features"
        )


def _settled(kind: pa.DataType, wanted: str | None) -> pa.DataType:
    """The type to read a column as: the first block's, but wide enough for what may follow."""
    if wanted == "categorical":
        return pa.string()
    if wanted == "numeric" or pa.types.is_integer(kind) or pa.types.is_null(kind):
        return pa.float64()
    return kind
