"""Predictions that may get a label: what the join needs of them, beside their columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from windows.arrays import IntArray
    from windows.predictions.columns import Columns


@dataclass(frozen=True, slots=True)
class Served:
    """n predictions of one model, late or not.

    Attributes:
        columns: their columns.
        ids: n prediction ids, None where a record has none.
        times: int64[n], event time, ms.
        known: int64[n], effective time, ms: event time, or the start of the first pane that the partition's earlier
            records of the batch had left open, whichever is later.
        predictions: n predictions as decoded: number, category, or list.
    """

    columns: Columns
    ids: Sequence[str | None]
    times: IntArray
    known: IntArray
    predictions: Sequence[Any]
