"""Fold: columns become partial pane sketches, where the partition is read; only these cross the network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from operators.intake.model_columns import ModelColumns
from operators.intake.native import chosen
from operators.progress import Told, progress_of
from windows.predictions.fold import Sketches, binning_of, fold, with_folder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from operators.intake.decode import Decoded
    from operators.intake.native import Native
    from operators.progress import Progress
    from windows.predictions.columns import Columns
    from windows.predictions.fold import Binning
    from windows.predictions.layout import Layout


@dataclass(frozen=True, slots=True)
class Partial:
    """What one batch of one partition adds to a model, and how far the partition has come.

    Attributes:
        progress: see Progress.
        sketches: (pane, version, segment) -> vector.
        late: records of the model that came after an earlier record of the batch had closed their pane.
        unnamed: the batch itself, and no sketches, where it holds more versions than are told apart: a sketch of each
            would cost hundreds of times what its records do, and which of them count is for the one who knows all.
    """

    progress: Progress
    sketches: Sketches
    late: int
    unnamed: Columns | None = None


class Fold:
    """Folds decoded batches. What it remembers only saves messages: progress that every model has already been told."""

    def __init__(
        self,
        layouts: tuple[Layout, ...],
        pane: int,
        max_versions: Mapping[str, int],
        native: Native | Literal["chosen"] | None = "chosen",
    ) -> None:
        """Prepare the binning of every model; `native` is the package that folds, by default the one that reads."""
        folders = chosen() if native == "chosen" else native
        self.binnings = {layout.model: with_folder(binning_of(layout, pane), folders) for layout in layouts}
        self.pane = pane
        self.max_versions = max_versions
        self.told = Told()

    def __call__(self, decoded: Decoded) -> list[tuple[str, Partial]]:
        """One partial for each model with records, and for every model when the partition's progress is news."""
        progress = progress_of(decoded.origin, decoded.floor, self.pane)
        models = self.binnings if self.told.is_news(progress) else decoded.columns.keys() | decoded.late.keys()
        return [(model, self._partial(model, decoded, progress)) for model in models]

    def _partial(self, model: str, decoded: Decoded, progress: Progress) -> Partial:
        binning, late = self.binnings[model], decoded.late.get(model, 0)
        sketches = self._of_rows(binning, model, decoded.columns)
        if sketches is not None:
            return Partial(progress, sketches, late)
        columns = decoded.columns.get(model)
        if columns is None:
            return Partial(progress, {}, late)
        if len(columns.versions) > self.max_versions[model]:
            return Partial(progress, {}, late, columns)
        return Partial(progress, fold(binning, columns), late)

    def _of_rows(self, binning: Binning, model: str, columns: Mapping[str, Columns]) -> Sketches | None:
        """Sketches of a model's rows as they were read; None where they are columns, or have to become some."""
        if not binning.whole or binning.folder is None or not isinstance(columns, ModelColumns):
            return None
        loose = columns.loose(model)
        if loose is None:
            return None
        return binning.folder.fold_rows(loose.rows, loose.panes, loose.late, self.max_versions[model])
