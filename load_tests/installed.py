"""Other people's servers in environments of their own: installed from PyPI once, into the user's cache directory.

The tests and the load tests share this file. What such a server needs is not what driftgauge needs, so it gets a Python
environment for itself, made by `uv` where it is on PATH and by `venv` and `pip` elsewhere.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import urllib.request
from contextlib import suppress
from pathlib import Path

COMPLETE = "complete"
"""A file of this name says that an environment was not left half made."""
ANSWER_SECONDS = 10.0


class NotInstalledError(RuntimeError):
    """It cannot be had here; the message says why in one line."""


def home(package: str, version: str) -> Path:
    """Where the environment of a package is, whether it is there or not."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "driftgauge"
    return cache / f"{package}-{version}-py{sys.version_info.major}.{sys.version_info.minor}"


def is_there(package: str, version: str) -> bool:
    """Whether it has been installed before."""
    return (home(package, version) / COMPLETE).exists()


def programs(package: str, version: str, constraints: str | None = None) -> Path:
    """The directory of a package's programs, which is installed on first use.

    Args:
        package: its name on PyPI.
        version: which.
        constraints: address of a file with the versions that it was tested with; what is resolved today where that does
            not answer.

    Raises:
        NotInstalledError: it could not be installed.
    """
    place = home(package, version)
    place.parent.mkdir(parents=True, exist_ok=True)
    with (place.parent / f".{package}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (place / COMPLETE).exists():
            _install(place, f"{package}=={version}", constraints)
            (place / COMPLETE).touch()
    return place / "bin"


def _install(place: Path, what: str, constraints: str | None) -> None:
    shutil.rmtree(place, ignore_errors=True)
    uv = shutil.which("uv")
    python = str(place / "bin" / "python")
    make = [uv, "venv", "-q", "--python", sys.executable] if uv else [sys.executable, "-m", "venv"]
    fill = [uv, "pip", "install", "-q", "--python", python] if uv else [python, "-m", "pip", "install", "-q"]
    _run([*make, str(place)])
    held = place / "constraints.txt"
    with suppress(OSError):
        if constraints is not None:
            with urllib.request.urlopen(constraints, timeout=ANSWER_SECONDS) as answer:  # noqa: S310 - it is ours
                held.write_bytes(answer.read())
    _run([*fill, *(["--constraint", str(held)] if held.exists() else []), what])


def _run(command: list[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise NotInstalledError(f"{command[0]}: {error.strerror}") from None
    if done.returncode:
        words = (done.stderr or done.stdout).strip().splitlines() or ["no output"]
        raise NotInstalledError(f"{command[-1]} could not be installed: {words[-1]}")
