"""Fold: columns become partial pane sketches, where the partition is read; only these cross the network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from windows.fold import Sketches, binning_of, fold

if TYPE_CHECKING:
    from operators.decode import Decoded
    from windows.layout import Layout


Progress = tuple[int | None, int | None, bool]
"""Floor, pane of confirmed silence, whether the partition ended."""


@dataclass(frozen=True, slots=True)
class Partial:
    """What one batch of one partition adds to a model, and how far the partition has come.

    Attributes:
        partition: which partition.
        partitions: how many the topic has.
        sketches: (pane, version, segment) -> vector.
        late: records of the model that came after an earlier record of the batch had closed their pane.
        floor: first pane still open after the batch, counting its own records only; None when it had none.
        silent_until: pane up to which the partition is confirmed to hold nothing more; None when unknown.
        ended: nothing will follow.
    """

    partition: int
    partitions: int
    sketches: Sketches
    late: int
    floor: int | None
    silent_until: int | None
    ended: bool


class Fold:
    """Folds decoded batches. What it remembers only saves messages: progress that every model has already been told."""

    def __init__(self, layouts: tuple[Layout, ...], pane: int) -> None:
        """Prepare the binning of every model."""
        self.binnings = {layout.model: binning_of(layout) for layout in layouts}
        self.pane = pane
        self.told: dict[int, Progress] = {}

    def __call__(self, decoded: Decoded) -> list[tuple[str, Partial]]:
        """One partial for each model with records, and for every model when the partition's progress is news."""
        silent = None if decoded.silent_until is None else decoded.silent_until // self.pane
        progress = self._progress(decoded, silent)
        models = self.binnings if progress else decoded.columns.keys() | decoded.late.keys()
        return [
            (
                model,
                Partial(
                    decoded.partition,
                    decoded.partitions,
                    fold(self.binnings[model], decoded.columns[model]) if model in decoded.columns else {},
                    decoded.late.get(model, 0),
                    decoded.floor,
                    silent,
                    decoded.ended,
                ),
            )
            for model in models
        ]

    def _progress(self, decoded: Decoded, silent: int | None) -> bool:
        """Whether the partition moved on, fell silent, spoke again or ended since the models were last told."""
        known = self.told.get(decoded.partition, (None, None, False))
        floor, silent_before, ended = known
        now: Progress
        if decoded.floor is not None:
            now = (decoded.floor if floor is None else max(floor, decoded.floor), None, decoded.ended)
        else:
            now = (floor, silent if silent is not None else silent_before, decoded.ended or ended)
        self.told[decoded.partition] = now
        return now != known
