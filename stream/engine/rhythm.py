"""When a source asks again. Bytewax does not call it while an epoch waits for the slowest process, and spins instead.

A source that is due then is looked at over and over, without a pause, until all processes have ended the epoch: on
several hosts that was a third of a core each, with nothing to read. So a source is due at the very end of its epoch,
which has all of them end it together, and next when the others are about to have ended it, as they lately were. Pure.
"""

from __future__ import annotations

from collections import deque

SHARE = 0.7
"""Of the shortest of the last ends: less is asked for, or that they have become shorter would never be seen."""

LAST = 3
"""Ends of epochs that are looked back at."""

LONGEST = 3.0
"""Seconds that the end of an epoch counts for at most: a host that was frozen for a minute says nothing of the next."""


class Rhythm:
    """Of one partition of a source; times are seconds of one clock.

    Args:
        epoch: seconds from one snapshot to the next.
        pause: seconds that a source without news is left alone.
    """

    def __init__(self, epoch: float, pause: float) -> None:
        self._epoch, self._pause = epoch, pause
        self._saved: float | None = None
        self._held = False
        self._took: deque[float] = deque([0.0], LAST)

    def saved(self, now: float) -> None:
        """The epoch ends here; it goes on when it has ended everywhere."""
        self._saved, self._held = now, True

    def asked(self, now: float) -> None:
        """The source is asked: nothing holds it any more."""
        if self._held and self._saved is not None:
            self._held = False
            self._took.append(min(now - self._saved, LONGEST))

    def is_over(self, now: float) -> bool:
        """Whether its epoch ends when it has answered."""
        return self._saved is not None and now >= self._saved + self._epoch

    def rest(self, now: float) -> float:
        """Seconds until it should be asked again, having nothing more to give."""
        if self.is_over(now):
            return max(self._pause, SHARE * min(self._took))
        return self._pause if self._saved is None else min(self._pause, self._saved + self._epoch - now)
