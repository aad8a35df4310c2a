"""Spill: rows put aside on disk in buckets by their key, so that a join needs no more memory than a bucket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import xxhash

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BUFFER = 1 << 16
"""Bytes of a bucket that are written at once."""

ROWS_A_BUCKET = 50_000
"""About as many rows are joined at a time."""

MOST_BUCKETS = 1_024


def buckets_for(rows: int) -> int:
    """How many buckets so many rows are put into."""
    return max(1, min(MOST_BUCKETS, -(-rows // ROWS_A_BUCKET)))


class Spill:
    """Rows of one kind; a file a bucket.

    Args:
        directory: where the files are.
        name: of the kind.
        buckets: how many; of kinds that are to be joined it must be the same.
    """

    def __init__(self, directory: Path, name: str, buckets: int) -> None:
        self._paths = [directory / f"{name}.{number}.jsonl" for number in range(buckets)]
        self._buffers = [bytearray() for _ in range(buckets)]
        self._encode = msgspec.json.Encoder().encode

    def add(self, key: str, row: dict[str, Any]) -> None:
        """Put a row aside."""
        number = xxhash.xxh3_64_intdigest(key.encode()) % len(self._buffers)
        buffer = self._buffers[number]
        buffer += self._encode(row) + b"\n"
        if len(buffer) >= BUFFER:
            self._flush(number)

    def rows(self, number: int) -> Iterator[dict[str, Any]]:
        """The rows of a bucket in the order in which they came; its file is gone afterwards."""
        self._flush(number)
        path = self._paths[number]
        if path.exists():
            with path.open("rb") as file:
                yield from map(msgspec.json.decode, file)
            path.unlink()

    def _flush(self, number: int) -> None:
        if self._buffers[number]:
            with self._paths[number].open("ab") as file:
                file.write(self._buffers[number])
            self._buffers[number].clear()
