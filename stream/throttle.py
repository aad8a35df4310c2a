"""What would be said again and again is said seldom."""

from __future__ import annotations

import threading
import time

EVERY = 30.0
"""Seconds in which the same thing is said once."""

_MOST = 1_000
"""Things remembered; beyond it they are all forgotten, and said once more."""


class Throttle:
    """Remembers what was said when. Safe to use from several threads."""

    def __init__(self, every: float = EVERY) -> None:
        self._every = every
        self._said: dict[object, float] = {}
        self._lock = threading.Lock()

    def due(self, what: object = None) -> bool:
        """Whether it is time to say this; if so, it counts as said."""
        now = time.monotonic()
        with self._lock:
            if now - self._said.get(what, -self._every) < self._every:
                return False
            if len(self._said) >= _MOST:
                self._said.clear()
            self._said[what] = now
            return True
