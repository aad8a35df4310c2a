"""Who may see what is measured: a token or a user name with a password, compared in constant time."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

from stream.http.authorization import header_of

if TYPE_CHECKING:
    from stream.config.load import Config


class Access:
    """Compares Authorization headers with the one that is expected.

    Args:
        expected: the header; None when everybody may see everything.
    """

    def __init__(self, expected: str | None = None) -> None:
        self._expected = None if expected is None else _digest(expected)
        self.challenge = "" if expected is None else f'{expected.partition(" ")[0]} realm="driftgauge"'

    @property
    def protects(self) -> bool:
        """Whether not everybody may see everything."""
        return self._expected is not None

    def admits(self, header: str | None) -> bool:
        """Whether a request with this header is let in."""
        # Digests are of one length, so the time tells nothing of the secret, its length included.
        return self._expected is None or hmac.compare_digest(_digest(header or ""), self._expected)


def _digest(header: str) -> bytes:
    scheme, _, rest = header.partition(" ")
    return hashlib.sha256(f"{scheme.lower()} {rest.strip()}".encode(errors="replace")).digest()


def load_access(config: Config) -> Access:
    """What the config's `http.auth` says.

    Raises:
        ConfigError: a file with a secret cannot be read, or holds none.
    """
    auth = config.http.auth
    if auth is None:
        return Access()
    return Access(header_of(config, auth, ("http", "auth")))
