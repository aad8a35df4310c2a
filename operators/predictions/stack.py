"""Stacks: the groups of several windows one after the other, to be measured in one call.

Measuring is hundreds of numpy calls on small arrays: one group costs nearly what sixty do. Rows do not know of each
other, so what comes out for a window is the same to the last bit whatever it is stacked with.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from operators.tables import part_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from operators.predictions.ring import WindowTotals
    from operators.tables import Table
    from windows.arrays import FloatArray, IntArray
    from windows.ring import Key

MOST_ROWS = 2_000
"""(group, feature) pairs measured at once, unless one window has more: beyond it the arrays leave the caches."""


@dataclass(frozen=True, slots=True)
class Stack:
    """G groups of W windows.

    Attributes:
        windows: W.
        keys: G (version, segment) pairs, sorted within each window.
        vectors: G vectors of the layout.
        sizes: W, how many groups each window has here.
    """

    windows: Sequence[WindowTotals]
    keys: tuple[Key, ...]
    vectors: list[IntArray]
    sizes: list[int]

    def each(self, values: Iterable[FloatArray]) -> FloatArray:
        """The array of each window, repeated for each of its groups, in one row."""
        return np.concatenate([np.tile(one, size) for one, size in zip(values, self.sizes, strict=True)])

    def deal(
        self, tables: Iterable[Table], found: Sequence[list[Table]], wanted: Callable[[WindowTotals, Table], bool]
    ) -> None:
        """Give each window its groups of the tables that it wants, by appending them to its list in `found`."""
        for table in tables:
            start = 0
            for window, size, mine in zip(self.windows, self.sizes, found, strict=True):
                if size and wanted(window, table):
                    mine.append(part_of(table, start, start + size))
                start += size


def stack_of(windows: Sequence[WindowTotals], wanted: Callable[[WindowTotals, Key], bool]) -> Stack:
    """The groups that are wanted of these windows."""
    keys: list[Key] = []
    vectors: list[IntArray] = []
    sizes: list[int] = []
    for window in windows:
        mine = [key for key in sorted(window.groups) if wanted(window, key)]
        keys += mine
        vectors += [window.groups[key] for key in mine]
        sizes.append(len(mine))
    return Stack(windows, tuple(keys), vectors, sizes)


def chunks(windows: Sequence[WindowTotals], features: int) -> Iterator[list[WindowTotals]]:
    """The windows in runs that are worth measuring at once."""
    chunk: list[WindowTotals] = []
    rows = 0
    for window in windows:
        more = len(window.groups) * max(features, 1)
        if chunk and rows + more > MOST_ROWS:
            yield chunk
            chunk, rows = [], 0
        chunk.append(window)
        rows += more
    if chunk:
        yield chunk
