"""What pages show of a window, out of its tables: the numbers side by side, and what they are of said once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from stream.metrics.reports import Looked

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt

    from operators.tables import Table

    Floats = npt.NDArray[np.float32]

NUMBERS = ("value", "lower", "upper", "samples", "baseline")
"""The rows of what is told."""


def looked_at(
    model: str,
    source: Literal["predictions", "labels"],
    window: str,
    size: int,
    end: int,
    tables: Iterable[Table],
) -> Looked:
    """What pages show of these tables; see Looked."""
    kept = [table for table in tables if table.groups]
    heads = tuple((str(table.kind), table.metric, table.groups, table.columns) for table in kept)
    return Looked(model, source, window, size, end, heads, _numbers(kept))


def _numbers(tables: Sequence[Table]) -> Floats:
    if not tables:
        return np.empty((len(NUMBERS), 0), dtype=np.float32)
    ends = np.cumsum([table.value.size for table in tables]).tolist()
    numbers = np.full((len(NUMBERS), ends[-1]), np.nan, dtype=np.float32)
    with np.errstate(over="ignore"):
        for table, end in zip(tables, ends, strict=True):
            place = slice(end - table.value.size, end)
            for row, values in enumerate((table.value, table.lower, table.upper, table.samples, table.baseline)):
                if values is not None:
                    numbers[row, place] = values.ravel()
    return numbers
