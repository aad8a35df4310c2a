"""Rows with a note on what they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import pyarrow as pa

    from stream.rows.columns import Column, Rows


class NotedRows:
    """Rows as they are, and a note that goes into what is built from them."""

    def __init__(self, rows: Rows, note: str) -> None:
        self._rows = rows
        self._note = note

    @property
    def path(self) -> Path:
        """The file."""
        return self._rows.path

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns."""
        return self._rows.columns

    @property
    def notes(self) -> tuple[str, ...]:
        """The note, and what the rows tell by themselves."""
        return (self._note, *getattr(self._rows, "notes", ()))

    def batches(self, names: Sequence[str]) -> Iterator[tuple[pa.RecordBatch, float]]:
        """Batches with the named columns."""
        return self._rows.batches(names)
