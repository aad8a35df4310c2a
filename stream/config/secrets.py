"""Secrets that a config names, or keeps in files."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from stream.config.connectors import ConnectorSettings, HttpTarget
    from stream.config.edges.alertmanager import AlertmanagerSettings
    from stream.config.edges.http import HttpSettings
    from stream.config.edges.registry import RegistrySettings

LARGEST = 4_096
"""Bytes of a file with a secret; in a larger one there is something else."""


def _pair(username: str, password: str) -> str:
    """Both as the header carries them: RFC 7617, in UTF-8."""
    return b64encode(f"{username}:{password}".encode()).decode()


def secrets_of(http: HttpSettings | AlertmanagerSettings | RegistrySettings | HttpTarget) -> Iterator[str]:
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


def one_line(path: Path) -> tuple[str, str]:
    """The secret in a file, or nothing and why."""
    return _read(path)


def connector_secrets(connectors: Iterable[ConnectorSettings]) -> Iterator[str]:
    """Likewise of connectors."""
    for one in connectors:
        target = one.target
        for name in ("secret", "url", "password", "api_key"):
            path = getattr(target, f"{name}_file", None)
            held = getattr(target, name, None) if name != "url" or one.kind == "slack" else None
            yield from (text for text in (held, _read(path)[0] if path is not None else None) if text)
        if hasattr(target, "auth"):
            yield from secrets_of(target)


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
