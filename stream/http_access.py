"""Who may see what is measured: a token or a user name with a password, compared in constant time."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from typing import TYPE_CHECKING

from stream.problems import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from stream.config import Config
    from stream.problems import KeyPath
    from stream.settings import AlertmanagerSettings, AuthSettings, HttpSettings

LARGEST = 4_096
"""Bytes of a file with a secret; in a larger one there is something else."""


class Access:
    """Compares Authorization headers with the one that is expected.

    Args:
        expected: the header; None when everybody may see everything.
    """

    def __init__(self, expected: str | None = None) -> None:
        self._expected = None if expected is None else _digest(expected)
        self.challenge = "" if expected is None else f'{expected.partition(" ")[0]} realm="driftgauge"'

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


def header_of(config: Config, auth: AuthSettings, place: KeyPath) -> str:
    """The Authorization header that settings at a place of the config stand for.

    Raises:
        ConfigError: a file with a secret cannot be read, or holds none.
    """
    if auth.username is None:
        return f"Bearer {_given(config, auth, 'token', place)}"
    return f"Basic {_pair(auth.username, _given(config, auth, 'password', place))}"


def _pair(username: str, password: str) -> str:
    """Both as the header carries them: RFC 7617, in UTF-8."""
    return b64encode(f"{username}:{password}".encode()).decode()


def secrets_of(http: HttpSettings | AlertmanagerSettings) -> Iterator[str]:
    """What must be shown nowhere, with what files hold as far as they can be read."""
    if http.tls is not None and http.tls.key_password is not None:
        yield http.tls.key_password
    if http.auth is None:
        return
    held = [secret for secret in (http.auth.token, http.auth.password) if secret is not None]
    held += [_read(path)[0] for path in (http.auth.token_file, http.auth.password_file) if path is not None]
    for secret in held:
        yield secret
        if http.auth.username is not None:
            yield _pair(http.auth.username, secret)


def _given(config: Config, auth: AuthSettings, name: str, place: KeyPath) -> str:
    """The secret of this name, or what is in its file."""
    written: str | None = getattr(auth, name)
    path: Path | None = getattr(auth, f"{name}_file")
    if written is not None or path is None:
        return written or ""
    secret, refusal = _read(path)
    if not secret:
        at = (*place, f"{name}_file")
        raise ConfigError([config.problem((at, f"{path}: {refusal}", f"a file with one line, the {name}"))])
    return secret


def _read(path: Path) -> tuple[str, str]:
    """What is in the file, or nothing and why."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
        secret = content.decode().rstrip("\r\n")
    except OSError as error:
        return "", error.strerror or "cannot be read"
    except UnicodeDecodeError:
        return "", "not text"
    if not secret or "\n" in secret or len(content) > LARGEST:
        return "", "not one line"
    return secret, ""
