"""TLS of the HTTP pages; a certificate that is replaced on disk is used from the next connection on."""

from __future__ import annotations

import logging
import os
import ssl
from typing import TYPE_CHECKING

from stream.config.problems import ConfigError

if TYPE_CHECKING:
    import socket
    from pathlib import Path

    from stream.config.edges.access import ClientTlsSettings, TlsSettings
    from stream.config.load import Config

_LOG = logging.getLogger("driftgauge.http")


class Tls:
    """Encrypts connections that were accepted.

    Raises:
        OSError: the certificate or the key cannot be used; `filename` is set when it is that file that is missing.
    """

    def __init__(self, settings: TlsSettings) -> None:
        self._settings = settings
        self._stamp = self._look()
        self._context = self._load()

    def wrap(self, client: socket.socket) -> ssl.SSLSocket:
        """The encrypted socket; the handshake is still to be made, for it may take as long as the client likes."""
        stamp = self._look()
        if stamp != self._stamp:
            self._stamp = stamp
            self._renew()
        return self._context.wrap_socket(client, server_side=True, do_handshake_on_connect=False)

    def _renew(self) -> None:
        """Take the new files; a pair that does not fit is being replaced, and the old one goes on meanwhile."""
        try:
            self._context = self._load()
            _LOG.info("a new certificate is used: %s", self._settings.certificate)
        except OSError as error:
            _LOG.warning("%s: not used, the former one goes on: %s", self._settings.certificate, reason(error))

    def _look(self) -> tuple[object, ...]:
        return tuple(_stamp(str(path)) for path in (self._settings.certificate, self._settings.key))

    def _load(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        password = self._settings.key_password or ""  # without one OpenSSL would ask at the terminal
        for path in (self._settings.certificate, self._settings.key):
            path.open("rb").close()  # OpenSSL does not say which file it cannot read
        context.load_cert_chain(self._settings.certificate, self._settings.key, lambda: password)
        return context


def _stamp(path: str) -> object:
    try:
        facts = os.stat(path)  # noqa: PTH116 - one system call, at each connection
    except OSError:
        return None
    return facts.st_mtime_ns, facts.st_ino, facts.st_size


def load_tls(config: Config) -> Tls | None:
    """What the config's `http.tls` says.

    Raises:
        ConfigError: the certificate or the key cannot be used.
    """
    settings = config.http.tls
    if settings is None:
        return None
    try:
        return Tls(settings)
    except OSError as error:
        readable = error.filename != str(settings.certificate) and _readable(settings.certificate)
        name = "key" if readable else "certificate"
        said = f"{getattr(settings, name)}: {reason(error)}"
        allowed = "PEM files of a certificate and of its private key are needed"
        raise ConfigError([config.problem((("http", "tls", name), said, allowed))]) from None


def _readable(certificate: Path) -> bool:
    """Whether it holds a certificate, so that the key is what does not fit: OpenSSL does not say."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(certificate)
    except OSError:
        return False
    return True


def reason(error: OSError) -> str:
    """Why, in a few words."""
    if isinstance(error, ssl.SSLError):
        if error.reason in {None, "PEM_LIB"}:
            return "not readable as PEM, or not opened by the password"
        return error.reason.lower().replace("_", " ")
    return error.strerror or str(error)


def client_context(config: Config, tls: ClientTlsSettings | None, section: str) -> ssl.SSLContext:
    """How a client encrypts and whom it trusts, by the settings `tls` of a section of the config.

    Raises:
        ConfigError: a certificate or a key cannot be used.
    """
    context = ssl.create_default_context()
    if tls is None:
        return context
    try:
        name, path = "ca", tls.ca
        if path is not None:
            context.load_verify_locations(path)
        name, path = "certificate", tls.certificate
        if path is not None:
            # An encrypted key without its password must be an error, not a question on the terminal.
            context.load_cert_chain(path, tls.key, lambda: tls.key_password or "")
    except OSError as error:
        said = f"{path}: {error.strerror or error}"
        raise ConfigError([config.problem(((section, "tls", name), said, "a PEM file"))]) from None
    return context
