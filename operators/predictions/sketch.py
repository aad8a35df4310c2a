"""Sketch: what a window holds, as counts, for who wants to see how a feature moved and not only how far.

Judges have no use for it. It is copied out of the ring where the ring is kept, and only of a window that has changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from windows.ring import narrow
from windows.segments import WHOLE

if TYPE_CHECKING:
    from operators.predictions.ring import WindowTotals
    from windows.arrays import IntArray
    from windows.panes import Window
    from windows.predictions.layout import Layout


@dataclass(frozen=True, slots=True)
class Sketch:
    """What a window of one model holds at the end of slice `index`.

    Attributes:
        model: its name.
        window: size and slide.
        index: counts slides since the epoch.
        counts: version -> integers[rows + 1 + L], in the narrowest type that holds them: the slots [0, rows] of the
            layout (every column, then the number of rows), then those of latencies, [latency, size) of the layout.
    """

    model: str
    window: Window
    index: int
    counts: dict[str, IntArray]

    @property
    def end(self) -> int:
        """End of the window, ms."""
        return (self.index + 1) * self.window.slide


def sketch_of(layout: Layout, totals: WindowTotals) -> Sketch:
    """The counts of the whole of every version; segments are left out."""
    counts = {
        version: narrow(np.concatenate((vector[: layout.rows + 1], vector[layout.latency :])))
        for (version, segment), vector in totals.groups.items()
        if segment == WHOLE
    }
    return Sketch(totals.model, totals.window, totals.index, counts)


def closes_tile(totals: WindowTotals) -> bool:
    """Whether the window ends at a multiple of its size: such windows cover all of time, each moment once."""
    return totals.end % totals.window.size == 0
