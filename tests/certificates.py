"""A certificate authority for tests, by the program openssl."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from paging import REQUIRED
from waiting import GUARD

if TYPE_CHECKING:
    from pathlib import Path

NAMES = "subjectAltName=DNS:localhost,IP:127.0.0.1"


@dataclass(frozen=True)
class Pair:
    """A certificate and its private key, as PEM files.

    Attributes:
        certificate: the certificate, then its authority's.
        key: PKCS 8, encrypted if a password was given.
    """

    certificate: Path
    key: Path


class Authority:
    """Signs certificates for this machine; everything is kept in a directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self.certificate = directory / "ca.crt"
        self._key = directory / "ca.key"
        self._openssl(*_REQUEST, "-x509", "-subj", "/CN=authority", *_files(self._key, self.certificate))

    def pair(self, name: str, password: str = "", names: str = NAMES) -> Pair:
        """A new pair for `names`: localhost and 127.0.0.1."""
        key, request, signed = (self._directory / f"{name}.{end}" for end in ("plain", "csr", "pem"))
        self._openssl(*_REQUEST, "-subj", f"/CN={name}", *_files(key, request))
        extensions = self._directory / "extensions"
        extensions.write_text(names)
        authority = ("-CA", self.certificate, "-CAkey", self._key, "-CAcreateserial")
        self._openssl("x509", "-req", "-in", request, *authority, "-out", signed, "-days", "2", "-extfile", extensions)
        pair = Pair(self._directory / f"{name}.crt", self._directory / f"{name}.key")
        pair.certificate.write_text(signed.read_text() + self.certificate.read_text())
        closed = ("-passout", f"pass:{password}") if password else ("-nocrypt",)
        self._openssl("pkcs8", "-topk8", "-in", key, "-out", pair.key, *closed)
        return pair

    def _openssl(self, *arguments: object) -> None:
        program = shutil.which("openssl")
        if program is None:
            reason = "no openssl: install the Debian package openssl"
            if os.environ.get(REQUIRED) == "1":
                pytest.fail(f"{REQUIRED}=1 and {reason}", pytrace=False)
            pytest.skip(reason)
        done = subprocess.run(
            [program, *map(str, arguments)], capture_output=True, text=True, timeout=GUARD, check=False
        )
        assert done.returncode == 0, done.stderr


_REQUEST = ("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")


def _files(key: Path, out: Path) -> tuple[object, ...]:
    return ("-keyout", key, "-out", out)
