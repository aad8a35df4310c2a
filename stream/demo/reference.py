"""The demo's reference: rows of the click model, profiled in memory as `driftgauge init` profiles a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from stream.demo.click_model import CATEGORICAL, MODEL, click_rows
from stream.references.build import BuildOptions, build
from stream.rows.columns import Column

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from windows.references.reference import Reference

ROWS = 150_000


class ClickRows:
    """Rows of the click model as a build reads them."""

    path = Path("click model")

    def __init__(self, rows: dict[str, npt.NDArray[Any]]) -> None:
        self.columns = tuple(Column(name, "category" if name in CATEGORICAL else "number") for name in rows)
        self._batch = pa.record_batch({name: pa.array(values, from_pandas=True) for name, values in rows.items()})

    def batches(self, names: Sequence[str]) -> Iterator[tuple[Any, float]]:
        """One batch with the named columns."""
        yield self._batch.select(list(names)), 1.0


def click_reference(pane: int, rows: int = ROWS) -> Reference:
    """The reference of the click model from `rows` rows, always the same; `pane` in ms."""
    return build(ClickRows(click_rows(rows)), BuildOptions(MODEL, task="binary", pane=pane)).reference
