"""Rows of a table as the messages that they stand for, so that `peek` shows a file of Parquet or CSV like a topic."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import msgspec

from operators.formats.guesses import usually_called
from stream.rows.arrays import numbers, plain
from stream.rows.columns import SPECIAL, Wishes
from stream.rows.open import open_rows
from stream.rows.parts import FORMATS, PACKED

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import pyarrow as pa

    from stream.rows.columns import Column, Rows

OPTIONS = {"prediction": "--prediction", "label": "--label", "latency_ms": "--latency", "version": "--version"}
"""Special columns that `init` is told of by an option, where they bear another name."""
OUTCOMES = frozenset({"label", "value", "kind"})
LEAST_FEATURES = 1


def is_table(path: Path) -> bool:
    """Whether a file is a table by its name."""
    name = path.name.lower()
    bare = next((name.removesuffix(packed) for packed in PACKED if name.endswith(packed)), name)
    return any(bare.endswith(suffix) for suffix, form in FORMATS.items() if form != "jsonl")


class Table:
    """A file of rows.

    Raises:
        UsageError: it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._rows: Rows = open_rows(path, Wishes())
        self._columns = [column for column in self._rows.columns if not column.bookkeeping]

    def messages(self, count: int) -> list[bytes]:
        """The first rows as JSON, as they would be in a topic: numbers as such, what stands for no value as null."""
        names = [column.name for column in self._columns]
        batch = next((batch for batch, _ in self._rows.batches(names) if batch.num_rows), None)
        if batch is None:
            return []
        some = batch.slice(0, count)
        values = [_values(column, some.column(at)) for at, column in enumerate(self._columns)]
        return [self._message(row) for row in zip(*values, strict=True)]

    def _message(self, row: Sequence[Any]) -> bytes:
        record: dict[str, Any] = {}
        for column, value in zip(self._columns, row, strict=True):
            where = record if column.origin == "row" else record.setdefault(column.origin, {})
            where[column.name] = value
        return msgspec.json.encode(record, enc_hook=str)

    def advice(self) -> Iterator[str]:
        """How `init` and `replay` are told of such a file, where it has features."""
        names = [column.name for column in self._columns if column.origin == "row"]
        roles = {
            role: found[0]
            for role in OPTIONS
            if role not in names and (found := usually_called(role, (one.name for one in self._columns if _plain(one))))
        }
        known = {*SPECIAL, *OUTCOMES, *roles.values(), *usually_called("prediction_id", names)}
        features = [one for one in self._columns if one.kind in {"number", "category"} and one.name not in known]
        if not features or (len(features) <= LEAST_FEATURES and not {"prediction", *roles} & {*names, "prediction"}):
            return
        said = "".join(f" {OPTIONS[role]} {_quoted(name)}" for role, name in roles.items())
        path = _quoted(str(self._rows.path))
        yield f"a reference and a config of these rows: driftgauge init --from {path} --model NAME{said}"


def _plain(column: Column) -> bool:
    return column.origin == "row" and column.kind in {"number", "category", "list"}


def _quoted(text: str) -> str:
    return text if text.replace("_", "").replace("/", "").replace(".", "").replace("-", "").isalnum() else f"'{text}'"


def _values(column: Column, array: pa.Array) -> list[Any]:
    """Values of a column as JSON has them."""
    if column.kind == "number":
        found = numbers(array, column.missing, comma=column.comma).tolist()
        return [None if math.isnan(value) else int(value) if value.is_integer() else value for value in found]
    return [None if value in column.missing else value for value in _bare(array)]


def _bare(array: pa.Array) -> list[Any]:
    return [None if value is None or value != value else value for value in plain(array).to_pylist()]  # noqa: PLR0124
