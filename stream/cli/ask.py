"""Asking a running monitor over HTTP, as its page does."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

from stream.config.edges.addresses import split_address
from stream.config.load import load
from stream.errors import Unreachable, UsageError
from stream.http.authorization import header_of

if TYPE_CHECKING:
    from pathlib import Path

    from stream.config.load import Config

PATIENCE = 10.0
"""Seconds that an answer may take."""


class Monitor:
    """The monitor of a config, at the address that the config says, or at another.

    Raises:
        ConfigError: the config cannot be read, or its `http.auth`.
    """

    def __init__(self, config: Path | None, url: str | None) -> None:
        loaded = None if config is None else load(config)
        self.url = (url or _address(loaded)).rstrip("/")
        self._header = None
        if loaded is not None and loaded.http.auth is not None:
            self._header = header_of(loaded, loaded.http.auth, ("http", "auth"))
        self._tls = None if loaded is None or loaded.http.tls is None else _trusting(loaded)

    def ask(self, path: str) -> Any:
        """The JSON at a path below /api/v1.

        Raises:
            Unreachable: nobody answers there.
            UsageError: the answer is a refusal.
        """
        headers = {"Accept": "application/json"} | ({} if self._header is None else {"Authorization": self._header})
        request = urllib.request.Request(f"{self.url}/api/v1{path}", headers=headers)  # noqa: S310 - the user's own
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE, context=self._tls) as answer:  # noqa: S310 - likewise
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            raise UsageError(f"{self.url}: {_refusal(error)}") from None
        except (OSError, ValueError) as error:
            why = getattr(error, "reason", error)
            raise Unreachable(f"{self.url}: no monitor answers: {why}") from None


def _refusal(error: urllib.error.HTTPError) -> str:
    if error.code == 401:
        return "http.auth of the monitor's config asks for a secret; give the config with --config"
    try:
        return str(json.loads(error.read())["error"])
    except (ValueError, KeyError, TypeError):
        return f"answers {error.code}; is it a driftgauge with pages?"


def _address(config: Config | None) -> str:
    listen = "127.0.0.1:9108" if config is None else config.http.listen
    host, port = split_address(listen)
    scheme = "http" if config is None or config.http.tls is None else "https"
    here = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - it listens there
    return f"{scheme}://{f'[{here}]' if ':' in here else here}:{port}"


def _trusting(config: Config) -> ssl.SSLContext:
    """Trusts the monitor's own certificate beside those of this machine: it may be signed by itself."""
    context = ssl.create_default_context()
    if config.http.tls is not None:
        context.load_verify_locations(config.http.tls.certificate)
    return context
