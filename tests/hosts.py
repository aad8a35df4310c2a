"""A monitor on several hosts: programs that meet on addresses of the loopback, each with a directory of its own."""

from __future__ import annotations

import http.client
import os
import re
import signal
import subprocess
import sys
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any, Self

import yaml
from kafka_node import free_ports
from monitored import ROOT
from waiting import GUARD, until

if TYPE_CHECKING:
    from monitored import Site

PROCESSES = 2
TIMEOUT = "2s"


class Host:
    """`driftgauge run` on one of the hosts.

    Args:
        site: what is watched, and the state that the first host goes on with.
        hosts: where each can be met.
        number: which one this is.
        changes: of its config.
        processes: on it.
    """

    def __init__(
        self,
        site: Site,
        hosts: list[str],
        number: int,
        changes: dict[str, Any] | None = None,
        processes: int = PROCESSES,
    ) -> None:
        self.number, self.processes = number, processes
        self.directory = site.directory / f"host-{number}"
        self.directory.mkdir(exist_ok=True)
        self.state = self.directory / "state"
        self._log = self.directory / "log"
        config = yaml.safe_load(site.path.read_text())
        config["cluster"] = {"hosts": hosts, "processes": processes, "timeout": TIMEOUT}
        config["state"] = {"directory": "state", "epoch": "500ms"}
        for model in config["models"]:
            model["reference"] = str(site.directory / model["reference"])
        self.path = self.directory / "c.yaml"
        self.path.write_text(yaml.safe_dump({**config, **(changes or {})}))
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Start it, again after an end."""
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(self.command, stderr=log, cwd=ROOT, start_new_session=True)
        return self

    @property
    def command(self) -> list[str]:
        """What is run on the host."""
        command = [sys.executable, "-m", "stream.cli.app", "run", "--config", str(self.path)]
        return [*command, "--host", str(self.number)]

    @property
    def log(self) -> str:
        """What it wrote to stderr, in all its lives."""
        return self._log.read_text()

    @property
    def pid(self) -> int:
        """Process id of the supervisor."""
        assert self.process is not None
        return self.process.pid

    def page(self, name: str) -> str:
        """A page; empty while it does not listen."""
        found = re.findall(r"on http://([\d.]+):(\d+)", self.log)
        if not found:
            return ""
        with (
            suppress(OSError, http.client.HTTPException),
            closing(http.client.HTTPConnection(found[-1][0], int(found[-1][1]), timeout=GUARD)) as connection,
        ):
            connection.request("GET", f"/{name}")
            return connection.getresponse().read().decode()
        return ""

    def is_ready(self) -> bool:
        """Whether its /readyz says so."""
        return self.page("readyz") == "ready\n"

    def series(self) -> dict[str, float]:
        """Value of each of our series."""
        found = re.findall(r"^driftgauge_(\S+?(?:\{.*\})?) (\S+)$", self.page("metrics"), re.MULTILINE)
        return {name: float(value) for name, value in found}

    def workers(self) -> list[int]:
        """Process ids of its dataflow processes, of the latest start."""
        found = re.findall(r"started \d+ dataflow processes: \[([\d, ]+)\]", self.log)
        return [int(pid) for pid in found[-1].split(",")] if found else []

    def signal(self, number: signal.Signals) -> None:
        """Send the supervisor a signal."""
        os.kill(self.pid, number)

    def wait(self) -> int:
        """Its exit code."""
        assert self.process is not None
        return self.process.wait(GUARD)

    def kill(self) -> None:
        """The whole host: supervisor and workers at once."""
        if self.process is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


class Hosts(list[Host]):
    """All hosts; a context manager that starts them, and kills what is left."""

    def __init__(
        self,
        site: Site,
        count: int,
        processes: int = PROCESSES,
        addresses: list[str] | None = None,
        kind: type[Host] = Host,
    ) -> None:
        ports = free_ports(count)
        self.addresses = addresses or [f"127.0.0.{2 + number}:{port}" for number, port in enumerate(ports)]
        super().__init__(kind(site, self.addresses, number, processes=processes) for number in range(count))

    def __enter__(self) -> Self:
        for host in self:
            host.start()
        return self

    def __exit__(self, *_: object) -> None:
        for host in self:
            host.kill()

    def is_ready(self) -> bool:
        """Whether each of them says so."""
        return all(host.is_ready() for host in self)

    def until_ready(self) -> None:
        """Wait until each of them says so."""
        for host in self:
            until(lambda host=host: self._lives() and host.is_ready())  # type: ignore[misc]

    def total(self, metric: str) -> float:
        """The sum of a metric over all series of all hosts."""
        return sum(value for host in self for name, value in host.series().items() if name.partition("{")[0] == metric)

    def until_read(self, count: int) -> None:
        """Wait until so many records are read, over all hosts."""
        until(lambda: self._lives() and self.total("records_read_total") >= count)
        assert self.total("records_read_total") == count

    def stop(self) -> list[int]:
        """SIGTERM to all; the exit codes."""
        for host in self:
            host.signal(signal.SIGTERM)
        return [host.wait() for host in self]

    def _lives(self) -> bool:
        for host in self:
            code = None if host.process is None else host.process.poll()
            assert code is None, f"host {host.number} ended with {code}: {host.log[-2000:]}"
        return True
