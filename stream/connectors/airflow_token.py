"""Tokens of Airflow 3, which takes passwords at one place only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stream.connectors.base import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from stream.connectors.client import Client

PLACE = "/auth/token"
"""Of every auth manager."""
CREATED = 201


@dataclass(frozen=True, slots=True)
class AirflowToken:
    """Gives a header with a token for a user name and a password.

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
        answer = self.client.ask("POST", PLACE, {"username": self.username, "password": self.password()})
        token = (answer.body or {}).get("access_token") if isinstance(answer.body, dict) else None
        if answer.status not in {200, CREATED} or not token:
            said = f"{answer.status}: {answer.text if not token else ''}"
            raise RefusedError(f"Airflow gives no token for {self.username} at {PLACE}: {said}")
        return f"Bearer {token}"
