"""Rows of a table in the order of their times: what a database exports has no order, or the newest first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from operators.settings.source import UTC
from stream.errors import UsageError
from stream.rows.columns import BATCH_ROWS
from stream.rows.times import milliseconds

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stream.references.hour_volumes import HourVolumes
    from stream.rows.columns import Rows
    from windows.arrays import IntArray

MOST_SORTED = 5_000_000
"""Rows that are sorted at most: they are held in memory for it."""


def order_of(
    rows: Rows, column: str, lateness: int, volumes: HourVolumes | None = None, timezone: str = UTC
) -> IntArray | None:
    """The rows by time, int64[n]; None where none comes more than `lateness` ms after a later one.

    Rows without a time stay behind the one before them. None too where the column is no time, or of too many rows.
    `volumes` is told the times; those without an offset are of this zone.
    """
    found: list[IntArray] = []
    try:
        for batch, _ in rows.batches([column]):
            times, known = milliseconds(batch.column(0), column, timezone)
            found.append(np.where(known, times, np.iinfo(np.int64).min))
            if volumes is not None and known.any():
                volumes.add(times[known])
    except UsageError:
        return None
    times = np.concatenate(found) if found else np.zeros(0, dtype=np.int64)
    if not len(times) or len(times) > MOST_SORTED:
        return None
    none = times == np.iinfo(np.int64).min
    highest = np.maximum.accumulate(times)
    if none.all() or int((highest - times)[~none].max()) <= lateness:
        return None
    before = np.maximum.accumulate(np.where(none, -1, np.arange(len(times))))
    filled = np.where(none, np.where(before >= 0, times[before], times), times)
    return np.argsort(filled, kind="stable")


def ordered(rows: Rows, names: Sequence[str], order: IntArray) -> Iterator[tuple[pa.RecordBatch, float]]:
    """All rows in this order, as batches with the share so far."""
    table = pa.Table.from_batches([batch for batch, _ in rows.batches(names)])
    for start in range(0, len(order), BATCH_ROWS):
        part = table.take(pa.array(order[start : start + BATCH_ROWS])).combine_chunks()
        share = min(1.0, (start + BATCH_ROWS) / len(order))
        yield from ((batch, share) for batch in part.to_batches())
