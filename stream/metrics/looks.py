"""What pages show of a window, out of its tables: the numbers side by side, and what they are of said once."""

from __future__ import annotations

from functools import lru_cache
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
    numbers = np.empty((len(NUMBERS), sum(table.value.size for table in tables)), dtype=np.float32)
    rows: tuple[list[npt.NDArray[np.float64] | npt.NDArray[np.int64]], ...] = (
        [table.value for table in tables],
        [table.lower for table in tables],
        [table.upper for table in tables],
        [table.samples for table in tables],
        [_none(table.value.shape) if table.baseline is None else table.baseline for table in tables],
    )
    with np.errstate(over="ignore"):
        for place, values in zip(numbers, rows, strict=True):
            np.concatenate(values, axis=None, out=place, casting="same_kind")
    return numbers


@lru_cache(maxsize=256)
def _none(shape: tuple[int, ...]) -> npt.NDArray[np.float64]:
    """As many numbers that are none."""
    none = np.full(shape, np.nan)
    none.flags.writeable = False
    return none
