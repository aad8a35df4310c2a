"""How we say who we are to a server, and how that is said anew once it is not believed any more.

Files with tokens are replaced while we run (those of Kubernetes within the hour), and what a server gave expires
(Airflow's within a day): whoever read them once at the start is locked out later.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from stream.connectors.base import RefusedError
from stream.redact import MASK

if TYPE_CHECKING:
    from collections.abc import Callable

    from stream.connectors.client import Client

TOKEN = "/auth/token"  # noqa: S105 - where one is had
"""Of Airflow 3, whichever auth manager it has."""
CREATED = 201


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


@dataclass(frozen=True, slots=True)
class AirflowToken:
    """Airflow 3 takes no passwords but at one place, which gives a token for them.

    Attributes:
        client: of its web server, without a login.
        username: of ours.
        password: gives it as it is now.
    """

    client: Client
    username: str
    password: Callable[[], str]

    def __call__(self) -> str:
        """The header with a new token.

        Raises:
            PassingError: it could not be asked.
            RefusedError: it gives none.
        """
        answer = self.client.ask("POST", TOKEN, {"username": self.username, "password": self.password()})
        token = (answer.body or {}).get("access_token") if isinstance(answer.body, dict) else None
        if answer.status not in {200, CREATED} or not token:
            said = f"{answer.status}: {answer.text if not token else ''}"
            raise RefusedError(f"Airflow gives no token for {self.username} at {TOKEN}: {said}")
        return f"Bearer {token}"
