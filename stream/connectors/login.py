"""How we say who we are to a server, and how that is said anew once it is not believed any more.

Files with tokens are replaced while we run (those of Kubernetes within the hour), and what a server gave expires
(Airflow's within a day): whoever read them once at the start is locked out later.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from stream.redact import MASK

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(slots=True)
class Login:
    """An Authorization header. Safe to use from several threads.

    Attributes:
        get: gives the header as it is now.
    """

    get: Callable[[], str]
    _held: str = field(default="", repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def header(self) -> str:
        """The header; the same until it is renewed."""
        with self._lock:
            self._held = self._held or self.get()
            return self._held

    def renewed(self, refused: str) -> str:
        """The header after one has been refused: that of whoever was faster, else what is given now."""
        with self._lock:
            if self._held in {"", refused}:
                self._held = self.get()
            return self._held

    def mask(self, text: str) -> str:
        """A text without the secret: the config does not know one that came later."""
        secret = self._held.rpartition(" ")[2]
        return text.replace(secret, MASK) if secret else text
