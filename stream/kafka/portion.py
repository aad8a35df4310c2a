"""Portions: how many messages to ask for, so that a batch is bounded in bytes as well as in messages. Pure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

POLL = 1_000
"""Messages a call of `consume`; measured best."""

BATCH_BYTES = 16 << 20
"""Bytes after which a batch is handed on even though more are waiting.

Of 8,000 messages of 10 features it is a sixth, so that these are as many as before; of messages that hold a hundred
predictions each it is some 500, and what is made of them fits in memory several times.
"""

PROBE = 16
"""Messages that are asked for while nobody knows how large they are."""


class Portions:
    """Of one partition; learns from each portion how large messages are."""

    def __init__(self, most: int = BATCH_BYTES) -> None:
        self._most = most
        self._held = 0
        self._size: float | None = None

    def begin(self) -> None:
        """A batch begins."""
        self._held = 0

    def next(self, room: int) -> int:
        """How many messages to ask for, where the batch has room for `room` more; 0 when it has bytes enough."""
        if self._held >= self._most:
            return 0
        if self._size is None:
            return min(PROBE, room)
        fitting = math.ceil((self._most - self._held) / max(self._size, 1.0))
        return min(POLL, room, fitting)

    def took(self, messages: Sequence[Any]) -> None:
        """These have come; the length of each is that of its value."""
        if messages:
            size = sum(map(len, messages))
            self._held += size
            # the larger of two: one portion of small ones says nothing of those behind it
            mean = size / len(messages)
            self._size = mean if self._size is None else max(mean, (self._size + mean) / 2)
