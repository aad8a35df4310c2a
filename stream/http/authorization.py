"""The Authorization header that settings stand for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stream.config.problems import ConfigError
from stream.config.secrets import _pair, _read

if TYPE_CHECKING:
    from pathlib import Path

    from stream.config.edges.access import AuthSettings
    from stream.config.load import Config
    from stream.config.problems import KeyPath


def header_of(config: Config, auth: AuthSettings, place: KeyPath) -> str:
    """The Authorization header that settings at a place of the config stand for.

    Raises:
        ConfigError: a file with a secret cannot be read, or holds none.
    """
    if auth.username is None:
        return f"Bearer {_given(config, auth, 'token', place)}"
    return f"Basic {_pair(auth.username, _given(config, auth, 'password', place))}"


def password_of(config: Config, auth: AuthSettings, place: KeyPath) -> str:
    """The password that settings with a user name give, or their file holds now.

    Raises:
        ConfigError: as above.
    """
    return _given(config, auth, "password", place)


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
