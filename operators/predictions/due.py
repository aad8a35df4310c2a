"""Due: the panes of a gap in event time at whose end anything can be another than a pane before.

A pane with data changes a window twice: at the end of the slice it belongs to, and when that slice leaves. Between
those moments every look at the window is the look before. What else happens in a gap (NoData, a stream that has been
clear for a window's length, an alert that ends) follows from state, and the judge goes through it by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from windows.panes import Window


def looks_at(pane: int, windows: Sequence[Window], length: int, *, learning: bool) -> Iterator[int]:
    """The panes at whose end a window takes a pane in, and lets it go.

    Args:
        pane: one with data.
        windows: of the model.
        length: of a pane, ms.
        learning: whether overdispersion is learnt from panes: what a pane taught is in the look after the one it is in.
    """
    for window in windows:
        panes = window.slide // length
        end = (pane // panes + 1) * panes - 1
        yield end
        yield end + window.slices * panes
        if learning:
            yield end + panes


def due_panes(begin: int, mark: int, held: Iterable[int], known: Iterable[int]) -> list[int]:
    """The panes in [begin, mark) to be ticked: those that hold data, those that are known to matter, and the last."""
    return sorted({pane for pane in (*held, *known, mark - 1) if begin <= pane < mark})
