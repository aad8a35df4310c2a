"""The vigil over dataflow processes: which of them has been silent for so long that it must be replaced."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

LOOK = 1.0
"""Seconds between two looks."""


class Vigil:
    """Counts only silence that it was awake for: a machine that was suspended has not seen its workers hang.

    Args:
        patience: seconds.
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._looked: float | None = None
        self._watched: dict[int, float] = {}

    def look(self, now: float, silences: Mapping[int, float]) -> int | None:
        """The process to be replaced, at `now` (seconds) with these silences (seconds); None when all may go on."""
        awake = 0.0 if self._looked is None else min(now - self._looked, 2 * LOOK)
        self._looked = now
        self._watched = {
            process: min(seconds, self._watched.get(process, 0.0) + awake) for process, seconds in silences.items()
        }
        hung = [process for process, seconds in self._watched.items() if seconds > self._patience]
        return min(hung, default=None)
