"""Labels that are still to come, in the order of their time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from windows.arrays import FloatArray, IntArray

LABEL = np.dtype([("due", np.int64), ("stamp", np.int64), ("number", np.int64), ("label", np.float64)])
"""When a label comes (ms) and the time it carries, which are the same unless it is sent again, the number of its
prediction, and what it says."""
MOST = 4_000_000
"""Labels that wait at most, 128 MB; further ones are lost."""
MERGED_AT = 20_000
"""New rows that are searched one by one before they are sorted into the others."""


class LabelQueue:
    """A queue by time, bounded; rows as in LABEL.

    Args:
        most: rows that may wait.

    Attributes:
        lost: rows that found no room.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._sorted = _rows(0)
        self._new = _rows(0)
        self.lost = 0

    def __len__(self) -> int:
        return len(self._sorted) + len(self._new)

    def put(self, due: IntArray, stamp: IntArray, number: IntArray, label: FloatArray) -> None:
        """Add n rows; those beyond the bound are lost, and counted."""
        taken = min(len(due), self._most - len(self))
        self.lost += len(due) - taken
        rows = _rows(taken)
        for name, column in zip(LABEL.names or (), (due, stamp, number, label), strict=True):
            rows[name] = column[:taken]
        self._new = np.concatenate((self._new, rows))
        if len(self._new) > MERGED_AT:
            self._sorted, self._new = _by_time(self._sorted, self._new), _rows(0)

    def take(self, now: int) -> Any:
        """The rows due up to `now` (ms), in the order of their times; of the same time, in that of their coming."""
        ripe = int(np.searchsorted(self._sorted["due"], now, side="right"))
        due = self._new["due"] <= now
        found = _by_time(self._sorted[:ripe], self._new[due])
        self._sorted, self._new = self._sorted[ripe:], self._new[~due]
        return found


def _rows(count: int) -> Any:
    return np.zeros(count, dtype=LABEL)


def _by_time(*parts: Any) -> Any:
    rows = np.concatenate(parts)
    return rows[np.argsort(rows["due"], kind="stable")]
