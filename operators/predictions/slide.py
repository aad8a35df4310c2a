"""Slide: one window moves on by its slices, and is measured where it changed.

Keyed by model and window. Measured in the same place as it is kept, so that totals never travel.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from operators.predictions.sketch import Sketch, closes_tile, sketch_of
from operators.tables import Measures

if TYPE_CHECKING:
    from collections.abc import Iterator

    from operators.predictions.measure import Measure
    from operators.predictions.ring import Rings, WindowTotals
    from operators.predictions.slices import Slice
    from operators.tables import Table


class Slide:
    """One window of one model; with `sketches`, what it holds is told, too, where it changed."""

    def __init__(self, rings: Rings, measure: Measure, *, sketches: bool = False) -> None:
        """Continue from the state of `rings`."""
        self.rings = rings
        self.measure = measure
        self.sketches = sketches
        self._tables: tuple[Table, ...] = ()

    def __call__(self, slices: list[Slice]) -> Iterator[Measures | Sketch]:
        """Slices to measures: the windows that changed are measured together, the others keep their tables.

        Of several that come together the latest is told as a sketch, and those that cover time without a gap.
        """
        totals = [self._kept(self.rings(entering), last=entering is slices[-1]) for entering in slices]
        measured = iter(self.measure.many([window for window in totals if window.changed]))
        for window in totals:
            if window.changed:
                self._tables = next(measured).tables
            yield Measures(window.model, window.window, window.index, self._tables, window.changed)
        if self.sketches:
            yield from self._sketches([window for window in totals if window.changed])

    def _sketches(self, changed: list[WindowTotals]) -> Iterator[Sketch]:
        """What is worth a picture of the windows that changed."""
        for window in changed:
            if window is changed[-1] or closes_tile(window):
                yield sketch_of(self.rings.layout, window)

    def _kept(self, totals: WindowTotals, *, last: bool) -> WindowTotals:
        """The totals, of their own where another slice enters before they are measured."""
        if last or not totals.changed:
            return totals
        return replace(totals, groups={key: vector.copy() for key, vector in totals.groups.items()})
