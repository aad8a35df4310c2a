"""Places for clients of the HTTP pages, and the deadline by which each must have asked."""

from __future__ import annotations

import contextlib
import io
import socket
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Buffer

PLACES = 32
"""Threads at a time."""

TO_ASK = 10.0
"""Seconds a client has for the whole of its request, handshake included; scrapers and probes need milliseconds."""

TO_ANSWER = 10.0
"""Seconds a client has to take the answer."""

FAIR = 5.0
"""Seconds of an answer after which its place may be given away."""


TO_LEAVE = 5.0
"""Seconds who is sent away has to give the place back; milliseconds, but on a busy machine."""


@dataclass(slots=True)
class _Guest:
    client: socket.socket
    since: float
    asking: bool = True


class Room:
    """When all places are taken, the one that has been asking for longest loses its own to who comes.

    So clients that say nothing, or a byte a second, keep nobody out, however many they are: who asks at once is
    answered.
    """

    def __init__(self, places: int = PLACES) -> None:
        self._free = threading.BoundedSemaphore(places)
        self._lock = threading.Lock()
        self._guests: dict[int, _Guest] = {}

    def enter(self, client: socket.socket) -> bool:
        """Take a place; False when nobody could be sent away for it."""
        if not self._free.acquire(blocking=False) and not (self._send_away() and self._free.acquire(timeout=TO_LEAVE)):
            return False
        with self._lock:
            self._guests[id(client)] = _Guest(client, time.monotonic())
        return True

    def asked(self, client: socket.socket) -> None:
        """The request is there."""
        with self._lock:
            guest = self._guests.get(id(client))
            if guest is not None:
                guest.asking, guest.since = False, time.monotonic()

    def leave(self, client: socket.socket) -> None:
        """Give the place back."""
        with self._lock:
            self._guests.pop(id(client), None)
        self._free.release()

    def _send_away(self) -> bool:
        """End the connection that has been asking for longest, or else one that does not take its answer."""
        with self._lock:
            before = time.monotonic() - FAIR
            movable = [guest for guest in self._guests.values() if guest.asking or guest.since < before]
            if not movable:
                return False
            worst = min(movable, key=lambda guest: (not guest.asking, guest.since))
            del self._guests[id(worst.client)]
            # The plain socket's: its thread may be inside of the encrypted one's.
            with contextlib.suppress(OSError):  # gone by itself
                socket.socket.shutdown(worst.client, socket.SHUT_RDWR)
        return True


class Hurried(io.RawIOBase):
    """Reads from a socket until a deadline for everything: a byte at a time gains no time.

    Args:
        client: the socket; its timeout is changed.
        deadline: by time.monotonic().
    """

    def __init__(self, client: socket.socket, deadline: float) -> None:
        self._client = client
        self._deadline = deadline

    def readable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, buffer: Buffer, /) -> int:
        """Some bytes.

        Raises:
            TimeoutError: the deadline is over.
        """
        self._client.settimeout(left(self._deadline))
        return self._client.recv_into(buffer)


def left(deadline: float) -> float:
    """Seconds until the deadline, as a socket's timeout.

    Raises:
        TimeoutError: none are left.
    """
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise TimeoutError("the client takes too long to ask")
    return seconds
