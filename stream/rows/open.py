"""Opens files of rows: one, a directory of them, or those that a pattern matches."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from stream.errors import UsageError
from stream.rows.columns import Column, Rows, Wishes, broken
from stream.rows.csv_file import CsvRows
from stream.rows.jsonl_file import JsonlRows
from stream.rows.parquet_file import ParquetRows
from stream.rows.parts import Part, parts_of

_READERS: dict[str, Any] = {"parquet": ParquetRows, "csv": CsvRows, "jsonl": JsonlRows}


def open_rows(path: Path, wishes: Wishes | dict[str, str]) -> Rows:
    """The rows of a file, of all files of a directory, or of those that a pattern matches.

    Args:
        path: .parquet, .csv or .jsonl, text also as .gz, .zst and .bz2.
        wishes: what a user says of the columns; of their kinds alone where it is a mapping.

    Raises:
        UsageError: the file is not there, is of another kind, or is broken.
    """
    wanted = Wishes(kinds=wishes) if isinstance(wishes, dict) else wishes
    parts = [_open(part, wanted) for part in parts_of(path)]
    return parts[0] if len(parts) == 1 else PartedRows(path, parts)


def _open(part: Part, wishes: Wishes) -> Rows:
    try:
        rows: Rows = _READERS[part.format](part, wishes)
    except (pa.ArrowException, OSError, EOFError, UnicodeDecodeError) as error:
        raise broken(part.path, error) from None
    return rows


class PartedRows:
    """Rows of several files, one after the other. A column that a file does not have is missing in its rows."""

    def __init__(self, path: Path, parts: Sequence[Rows]) -> None:
        """Take the columns of all of them.

        Raises:
            UsageError: one has no column of the first, as a file that begins with a row instead of their names.
        """
        _refuse_strange(parts)
        self.path = path
        self._parts = parts
        found: dict[str, Column] = {}
        for part in parts:
            for column in part.columns:
                found[column.name] = _merged(found[column.name], column, part.path) if column.name in found else column
        self.columns = tuple(found.values())

    @property
    def notes(self) -> tuple[str, ...]:
        """What is told of any part, once; some of it after its rows were read."""
        told = [note for part in self._parts for note in getattr(part, "notes", ())]
        return tuple(dict.fromkeys((*told, *_partitions(self.path, self._parts), *_lacking(self.columns, self._parts))))

    def batches(self, names: Sequence[str]) -> Iterator[tuple[pa.RecordBatch, float]]:
        """Batches with the named columns, each with the share of the files read so far."""
        for number, part in enumerate(self._parts):
            there = {column.name for column in part.columns}
            for batch, share in part.batches([name for name in names if name in there]):
                arrays = [batch.column(name) if name in there else pa.nulls(batch.num_rows) for name in names]
                whole = pa.RecordBatch.from_arrays(arrays or [pa.nulls(batch.num_rows)], names=list(names) or [""])
                yield whole, (number + share) / len(self._parts)


def _refuse_strange(parts: Sequence[Rows]) -> None:
    names = {column.name for column in parts[0].columns}
    for part in parts[1:]:
        own = [column.name for column in part.columns]
        if own and names and names.isdisjoint(own):
            raise UsageError(
                f"{part.path}: has no column of {parts[0].path.name}, but {', '.join(own[:5])}: the names of the"
                " columns are needed in the first line of each file"
            )


def _partitions(path: Path, parts: Sequence[Rows]) -> Iterator[str]:
    """What the names of folders say, as Hive and Spark write columns: it is not read."""
    folders = {folder for part in parts for folder in part.path.parts[len(path.parts) : -1]}
    names = {folder.partition("=")[0] for folder in folders if "=" in folder}
    if names:
        yield f"left out, being in the names of folders: {', '.join(sorted(names))}"


def _lacking(columns: Sequence[Column], parts: Sequence[Rows]) -> Iterator[str]:
    """Columns that some files do not have."""
    names = [{column.name for column in part.columns} for part in parts]
    for column in columns:
        without = [part.path.name for part, there in zip(parts, names, strict=True) if column.name not in there]
        if without and not column.bookkeeping:
            more = f" and {len(without) - 1} more" if len(without) > 1 else ""
            yield f"missing in the rows of files that have no column {column.name}: {without[0]}{more}"


def _merged(one: Column, other: Column, path: Path) -> Column:
    """The column of two files; what has values says more than what has none.

    Raises:
        UsageError: they cannot be read as one.
    """
    missing = tuple(dict.fromkeys((*one.missing, *other.missing)))
    if other.empty or one.kind == other.kind:
        return replace(one, missing=missing, note=one.note or other.note)
    if one.empty:
        return replace(other, missing=missing)
    if {one.kind, other.kind} == {"number", "category"}:
        note = (
            f"categories, for in {path.name} it is {'text' if other.kind == 'category' else 'numbers'}, unlike before"
        )
        return replace(one, kind="category", comma=False, missing=missing, note=note)
    raise UsageError(f"{path}: column {one.name!r} is a {other.kind} here and a {one.kind} in the files before")
