"""Another config on several hosts: all take it, or none does.

The host that is told to (SIGHUP) reads its config, and offers to go on with it. Each of the others notices, reads its
own config, and offers the same, or declines. A host takes it when all offer the same, or one that saw this has taken
it.
"""

from __future__ import annotations

import logging
import time
from secrets import token_hex
from typing import TYPE_CHECKING, Protocol

from stream.workers.hosts import facts_of

if TYPE_CHECKING:
    from stream.cluster.seat import Seat
    from stream.workers.reload import Found
    from stream.workers.worker import Flow

PATIENCE = 45.0
"""Seconds until all must have read their configs; `driftgauge reload` waits a little longer."""

_LOG = logging.getLogger("driftgauge.reload")


class Renewal(Protocol):
    """Reads the config again, and goes on with it."""

    def read(self) -> Found | None:
        """What is there now; None where the former config goes on."""

    def take(self, found: Found) -> Flow:
        """Go on with it."""

    def refuse(self, why: str) -> None:
        """The former one goes on."""


class Concord:
    """Of one host."""

    def __init__(self, seat: Seat, renewal: Renewal) -> None:
        self._seat, self._renewal = seat, renewal
        self._found: Found | None = None
        self._until = 0.0
        self._considered: set[str] = set()

    def look(self, *, asked: bool) -> Flow | None:
        """What all hosts run from now on; None while, or because, the former goes on. `asked`: to read the config."""
        others = self._seat.unheard()
        if asked or not self._considered.issuperset(others):
            self._read(others, asked=asked)
        return None if self._found is None else self._settle(self._found)

    def _read(self, others: tuple[str, ...], *, asked: bool) -> None:
        news = [one for one in others if one not in self._considered]
        self._considered.update(others)
        if not asked:
            _LOG.info("another host goes on with another config, if all do: the one here is read again")
        self._found, self._until = self._renewal.read(), time.monotonic() + PATIENCE
        if self._found is None:
            self._seat.decline(others)
            return
        # Whoever offers it for the sake of another host is heard as that one is: nobody begins anew because of it.
        turn = token_hex(4) if asked else news[0].partition(" ")[2]
        self._considered.add(self._seat.offer(facts_of(self._found.config, self._found.references), turn))

    def _settle(self, found: Found) -> Flow | None:
        taken, by = self._seat.answer()
        if taken:
            self._seat.take()
            self._found = None
            return self._renewal.take(found)
        if by or time.monotonic() > self._until:
            whose = f"that of {by} says something else" if by else f"not all hosts have read it within {PATIENCE:.0f} s"
            self._found = None
            self._seat.decline()
            self._renewal.refuse(f"{whose}; it has to be the same on every host")
        return None
