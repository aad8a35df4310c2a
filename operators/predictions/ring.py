"""Ring: slices of one window of one model become the window's totals.

Keyed by model and window; awakened once a slice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from windows.ring import Groups, Ring

if TYPE_CHECKING:
    from operators.predictions.slices import Slice
    from windows.arrays import FloatArray
    from windows.panes import Window
    from windows.predictions.layout import Layout


@dataclass(slots=True)
class RingState:
    """The ring, None before the first slice."""

    ring: Ring | None = None
    version: ClassVar[int] = 1


@dataclass(frozen=True, slots=True)
class WindowTotals:
    """All that a window holds at the end of slice `index`.

    (version, segment) -> vector, valid until the next slice enters. `changed` is False where neither the groups nor the
    factors can have changed since these totals were given last.
    """

    model: str
    window: Window
    index: int
    groups: Groups
    factors: FloatArray | None
    changed: bool = True

    @property
    def end(self) -> int:
        """End of the window, ms."""
        return (self.index + 1) * self.window.slide

    @property
    def start(self) -> int:
        """Start of the window, ms."""
        return self.end - self.window.size


class Rings:
    """Slides one window."""

    def __init__(self, layout: Layout, state: RingState) -> None:
        """Continue from `state`."""
        self.layout = layout
        self.state = state
        self.moments = layout.sums
        self._before: WindowTotals | None = None

    def __call__(self, entering: Slice) -> WindowTotals:
        """The window's totals after this slice."""
        if self.state.ring is None:
            self.state.ring = Ring(entering.window.slices)
        ring = self.state.ring
        moved = ring.push(entering.index, entering.groups, self.moments)
        changed = moved or self._before is None or not _equal(self._before.factors, entering.factors)
        model, window = self.layout.model, entering.window
        self._before = WindowTotals(model, window, entering.index, ring.totals, entering.factors, changed)
        return self._before


def _equal(one: FloatArray | None, other: FloatArray | None) -> bool:
    return one is other or (one is not None and other is not None and np.array_equal(one, other))
