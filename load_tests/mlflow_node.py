"""One real MLflow server on a free port of the loopback, on SQLite. The tests and the load tests share this file."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from installed import is_there, programs
from kafka_node import free_ports

from stream.connectors.base import PassingError
from stream.connectors.client import Client

VERSION = "3.17.2"
API = "/api/2.0/mlflow"
START_SECONDS = 1_500.0
PAUSE = 0.2


class MlflowError(RuntimeError):
    """It does not run; the message ends with its last words."""


def found() -> Path | None:
    """The program, if it is on this machine: as DRIFTGAUGE_MLFLOW names it, on PATH, or installed before."""
    named = os.environ.get("DRIFTGAUGE_MLFLOW") or shutil.which("mlflow")
    if named is not None:
        return Path(named)
    return programs("mlflow", VERSION) / "mlflow" if is_there("mlflow", VERSION) else None


def install() -> Path:
    """The program, installed if it is not there.

    Raises:
        NotInstalledError: it cannot be had here.
    """
    return found() or programs("mlflow", VERSION) / "mlflow"


class MlflowNode:
    """One server; a context manager that starts it and leaves nothing behind.

    Args:
        program: its program.
    """

    def __init__(self, program: Path) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="driftgauge-mlflow-"))
        (port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{port}"
        self.client = Client(self.url, 60.0)
        store = [f"--backend-store-uri=sqlite:///{self.directory}/mlflow.db"]
        store += [f"--default-artifact-root={self.directory}/artifacts"]
        address = ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
        self._command = [str(program), "server", *address, *store]
        self._process: subprocess.Popen[bytes] | None = None

    def register(self, name: str, versions: int = 1) -> None:
        """Make a registered model with so many versions."""
        self.client.good("POST", f"{API}/registered-models/create", {"name": name})
        for _ in range(versions):
            self.add(name)

    def add(self, name: str) -> str:
        """Add a version, as a training does; its number."""
        source = {"name": name, "source": "s3://nowhere/model"}
        made: dict[str, Any] = self.client.good("POST", f"{API}/model-versions/create", source)
        return str(made["model_version"]["version"])

    def move(self, name: str, version: str, alias: str = "champion") -> None:
        """Move an alias, as people do."""
        self.client.good("POST", f"{API}/registered-models/alias", {"name": name, "alias": alias, "version": version})

    def at(self, name: str, alias: str = "champion") -> str:
        """The version that an alias is at."""
        answer = self.client.good("GET", f"{API}/registered-models/alias?name={name}&alias={alias}")
        return str(answer["model_version"]["version"])

    def __enter__(self) -> Self:
        with (self.directory / "log").open("wb") as log:
            self._process = subprocess.Popen(
                self._command, cwd=self.directory, stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._is_up():
            if self._process.poll() is not None or time.monotonic() > deadline:
                words = " | ".join((self.directory / "log").read_text(errors="replace").strip().splitlines()[-5:])
                self.__exit__()
                raise MlflowError(f"MLflow does not come up: {words}")
            time.sleep(PAUSE)
        return self

    def _is_up(self) -> bool:
        with suppress(PassingError):
            return self.client.ask("GET", "/health").status == 200
        return False

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            for number in (signal.SIGTERM, signal.SIGKILL):  # its helpers outlive it
                with suppress(ProcessLookupError):
                    os.killpg(self._process.pid, number)
                with suppress(subprocess.TimeoutExpired):
                    self._process.wait(20)
        shutil.rmtree(self.directory, ignore_errors=True)
