"""Slide: one window moves on by its slices; what moved is measured together, where it changed.

The window is keyed by model and window. Slices that come together are measured where they are kept, for there may be
many. Of one alone the totals go on to who measures all windows that moved: in the same process, so that totals never
travel, and those of one model in one call, which costs little more than one window does.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from operators.predictions.ring import WindowTotals
from operators.predictions.sketch import Sketch, closes_tile, sketch_of
from operators.tables import Measures

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from operators.predictions.measure import Measure
    from operators.predictions.ring import Rings
    from operators.predictions.slices import Slice
    from operators.tables import Table

Moved = WindowTotals | Measures | Sketch
"""What comes of a slice: totals that are to be measured, or did not change; or what has been measured already."""


class Slide:
    """One window of one model; with `sketches`, what it holds is told, too, where it changed."""

    def __init__(self, rings: Rings, measure: Measure, *, sketches: bool = False) -> None:
        """Continue from the state of `rings`."""
        self.rings = rings
        self.measure = measure
        self.sketches = sketches

    def __call__(self, slices: list[Slice]) -> Iterator[Moved]:
        """Slices to totals, or to measures where several have come together.

        Of several the latest is told as a sketch, and those that cover time without a gap.
        """
        totals = [self._kept(self.rings(entering)) for entering in slices]
        changed = [window for window in totals if window.changed]
        if len(changed) > 1:
            measured = iter(self.measure.many(changed))
            yield from (next(measured) if window.changed else window for window in totals)
        else:
            yield from totals
        if self.sketches:
            yield from self._sketches(changed)

    def _sketches(self, changed: Sequence[WindowTotals]) -> Iterator[Sketch]:
        """What is worth a picture of the windows that changed."""
        for window in changed:
            if window is changed[-1] or closes_tile(window):
                yield sketch_of(self.rings.layout, window)

    def _kept(self, totals: WindowTotals) -> WindowTotals:
        """The totals, of their own where they are to be measured: another slice may enter before that."""
        if not totals.changed:
            return replace(totals, groups={})
        return replace(totals, groups={key: vector.copy() for key, vector in totals.groups.items()})


class MeasureMoved:
    """Measures windows that moved, of all models. Remembers of each the tables that hold until it changes."""

    def __init__(self, measures: Mapping[str, Measure]) -> None:
        """With the measure of each model."""
        self._measures = measures
        self._tables: dict[tuple[str, int], tuple[Table, ...]] = {}

    def __call__(self, moved: Iterable[Moved]) -> Iterator[Measures | Sketch]:
        """Totals to measures, each in its place; the rest goes by."""
        items = list(moved)
        together: dict[str, list[WindowTotals]] = {}
        for item in items:
            if isinstance(item, WindowTotals) and item.changed:
                together.setdefault(item.model, []).append(item)
        measured = {model: iter(self._measures[model].many(windows)) for model, windows in together.items()}
        for item in items:
            yield item if isinstance(item, Sketch) else self._measured(item, measured)

    def _measured(self, item: WindowTotals | Measures, measured: Mapping[str, Iterator[Measures]]) -> Measures:
        place = item.model, item.window.size
        if isinstance(item, WindowTotals) and not item.changed:
            return Measures(item.model, item.window, item.index, self._tables[place], changed=False)
        found = item if isinstance(item, Measures) else next(measured[item.model])
        self._tables[place] = found.tables
        return found
