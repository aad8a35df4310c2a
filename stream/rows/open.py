"""Rows of a Parquet, CSV or JSON-lines file as Arrow record batches, column by column and in bounded memory."""

from pathlib import Path
from typing import Any

import pyarrow as pa

from stream.errors import UsageError
from stream.rows.columns import Rows, broken
from stream.rows.csv_file import CsvRows
from stream.rows.jsonl_file import JsonlRows
from stream.rows.parquet_file import ParquetRows

FORMATS = (".parquet", ".csv", ".jsonl")


def open_rows(path: Path, kinds: dict[str, str]) -> Rows:
    """The rows of a file, by the ending of its name.

    Args:
        path: a .parquet, .csv or .jsonl file.
        kinds: column -> "numeric" or "categorical" where a config says so.

    Raises:
        UsageError: the file is not there, is of another kind, or is broken.
    """
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
