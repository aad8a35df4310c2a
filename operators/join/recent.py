"""The ids that came of late: which predictions come again. It is no state: after a crash none is taken for another."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST = 10_000
"""Keys of a generation; there are two, about 2 MB a shard."""


class Recent:
    """The last MOST keys of a shard at least, and twice as many at most."""

    def __init__(self, most: int = MOST) -> None:
        """Begin with none."""
        self._most = most
        self._young: set[bytes] = set()
        self._old: set[bytes] = set()

    def again(self, keys: Sequence[bytes]) -> int:
        """How many of these came before, among themselves too; they are remembered."""
        found = set(keys)
        known = (found & self._young) | (found & self._old)
        self._young |= found
        if len(self._young) >= self._most:
            self._young, self._old = set(), self._young
        return len(keys) - len(found) + len(known)
