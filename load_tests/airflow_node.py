"""One real Airflow 3 on free ports of the loopback, on SQLite. The tests and the load tests share this file."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from installed import programs
from kafka_node import free_ports

from stream.connectors.airflow_token import AirflowToken
from stream.connectors.base import PassingError
from stream.connectors.client import Client
from stream.connectors.login import Login

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION = "3.3.2"
CONSTRAINTS = "https://raw.githubusercontent.com/apache/airflow/constraints-{version}/constraints-{python}.txt"
START_SECONDS = 1_500.0
PAUSE = 0.2
ADMIN = "admin"


class AirflowError(RuntimeError):
    """It does not run; the message ends with its last words."""


def install() -> Path:
    """The directory of Airflow's programs.

    Raises:
        NotInstalledError: it cannot be had here.
    """
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return programs("apache-airflow", VERSION, CONSTRAINTS.format(version=VERSION, python=python))


class AirflowNode:
    """One Airflow; a context manager that starts it and leaves nothing behind.

    Args:
        dags: files with DAGs, by name.
        settings: `AIRFLOW__SECTION__KEY` -> value, beside and over the built-in ones.
        command: what is started; the API server alone takes runs and never begins them.

    Raises:
        NotInstalledError: it cannot be had here.
    """

    def __init__(
        self, dags: Mapping[str, str], settings: Mapping[str, str] | None = None, command: str = "standalone"
    ) -> None:
        self._programs = install()
        self._command = command
        self.directory = Path(tempfile.mkdtemp(prefix="driftgauge-airflow-"))
        (self.directory / "dags").mkdir()
        for name, text in dags.items():
            (self.directory / "dags" / name).write_text(text)
        port, logs, triggers = free_ports(3)
        self.url = f"http://127.0.0.1:{port}"
        self._process: subprocess.Popen[bytes] | None = None
        self._environment = {
            **os.environ,
            "PATH": f"{self._programs}{os.pathsep}{os.environ.get('PATH', '')}",  # standalone starts others by name
            "AIRFLOW_HOME": str(self.directory),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__PARALLELISM": "2",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{ADMIN}:admin",
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(port),
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(logs),
            "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(triggers),
            "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "300",  # a task fails with the first answer that takes longer
            "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
            **(settings or {}),
        }

    @property
    def password(self) -> str:
        """Of the user `admin`, as Airflow has made it."""
        held = self.directory / "simple_auth_manager_passwords.json.generated"
        return str(json.loads(held.read_text())[ADMIN])

    @property
    def client(self) -> Client:
        """Asks it as its admin."""
        plain = Client(self.url, 60.0)
        return Client(self.url, 60.0, login=Login(AirflowToken(plain, ADMIN, lambda: self.password)))

    def runs(self, dag: str) -> list[dict[str, Any]]:
        """All runs of a DAG."""
        found = self.client.good("GET", f"/api/v2/dags/{dag}/dagRuns?limit=100")
        return list(found["dag_runs"])

    def run(self, *arguments: str) -> None:
        """Run a command of Airflow's to its end.

        Raises:
            AirflowError: it failed.
        """
        with self._log() as log:
            done = subprocess.run(
                [self._programs / "airflow", *arguments], stdout=log, stderr=log, env=self._environment, check=False
            )
        if done.returncode:
            raise AirflowError(f"airflow {' '.join(arguments)}: {self._words()}")

    def start(self, dag: str) -> None:
        """Start it and return once it knows this DAG.

        Raises:
            AirflowError: it ended, or did not answer in time.
        """
        if self._command != "standalone":
            self.run("db", "migrate")
            self.run("dags", "reserialize")
        with self._log() as log:
            self._process = subprocess.Popen(
                [self._programs / "airflow", self._command],
                cwd=self.directory,
                stdout=log,
                stderr=log,
                env=self._environment,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._knows(dag):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise AirflowError(f"Airflow does not know {dag}: {self._words()}")
            time.sleep(PAUSE)

    def _knows(self, dag: str) -> bool:
        with suppress(PassingError, OSError, ValueError):
            return self.client.ask("GET", f"/api/v2/dags/{dag}").status == 200
        return False

    def _log(self) -> Any:
        return (self.directory / "airflow.log").open("ab")

    def _words(self) -> str:
        lines = (self.directory / "airflow.log").read_text(errors="replace").strip().splitlines()
        return " | ".join(lines[-5:]) or "(silent)"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(30)
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)
