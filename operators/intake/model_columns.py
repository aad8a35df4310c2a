"""Columns by model, of which some are made only where somebody asks for them: a fold may do without."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from operators.intake.native import Rows
    from windows.arrays import BoolArray, IntArray
    from windows.predictions.columns import Columns


@dataclass(frozen=True, slots=True)
class Loose:
    """Rows of a model as driftgauge-native has read them.

    Attributes:
        rows: n rows.
        panes: int64[n].
        late: bool[n], which came too late; None when none did.
    """

    rows: Rows
    panes: IntArray
    late: BoolArray | None


class ModelColumns(Mapping[str, "Columns"]):
    """Model -> its columns; a thin model's cost more to make than its rows do to fold."""

    def __init__(self) -> None:
        self._found: dict[str, Columns | Callable[[], Columns]] = {}
        self._loose: dict[str, Loose] = {}

    def add(self, model: str, columns: Columns) -> None:
        """Columns that are there."""
        self._found[model] = columns

    def leave(self, model: str, loose: Loose, make: Callable[[], Columns]) -> None:
        """Rows whose columns are to be made where they are asked for."""
        self._found[model], self._loose[model] = make, loose

    def loose(self, model: str) -> Loose | None:
        """The rows of a model as they were read, where they can be had."""
        return self._loose.get(model)

    def __getitem__(self, model: str) -> Columns:
        found = self._found[model]
        if callable(found):
            found = self._found[model] = found()
        return found

    def __contains__(self, model: object) -> bool:
        return model in self._found

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)
