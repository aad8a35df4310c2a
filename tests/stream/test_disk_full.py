from __future__ import annotations

import http.client
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Self

import pytest
from monitored import ROOT, Site, Traffic
from waiting import GUARD, until

if TYPE_CHECKING:
    from brokers import Broker

SIZE = "8m"


class SmallDisk:
    """`driftgauge run` whose state directory is a disk of its own, in a mount namespace; a context manager."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._state = site.directory / "state"
        self._state.mkdir(mode=0o700)
        self._log = site.directory / "log"

    def __enter__(self) -> Self:
        unshare = shutil.which("unshare")
        mount = f"mount -t tmpfs -o size={SIZE},mode=0700 tmpfs {self._state}"
        command = [str(unshare), "--user", "--map-root-user", "--mount", "sh", "-c"]
        if unshare is None or subprocess.run([*command, mount], capture_output=True, check=False).returncode:
            pytest.skip("a disk of its own needs unshare and user namespaces")
        run = f"{mount} && exec {sys.executable} -m stream.cli.app run --config {self._site.path}"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen([*command, run], stderr=log, cwd=ROOT, start_new_session=True)
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    @property
    def _ballast(self) -> Path:
        return Path(f"/proc/{self._process.pid}/root{self._state}/ballast")

    def fill(self) -> None:
        """Leave nothing of the disk."""
        with self._ballast.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                pass

    def free(self) -> None:
        """Take it back."""
        self._ballast.unlink()

    def page(self, name: str) -> tuple[int, str]:
        """Status and body of a page."""
        found = until(lambda: re.search(r"on http://([\d.]+):(\d+)", self._log.read_text()))
        with closing(http.client.HTTPConnection(found[1], int(found[2]), timeout=GUARD)) as connection:
            connection.request("GET", f"/{name}")
            answer = connection.getresponse()
            return answer.status, answer.read().decode()

    def total(self, metric: str) -> int:
        """The sum of a counter."""
        rows = re.findall(rf"^driftgauge_{metric}(?:\{{.*\}})? (\S+)$", self.page("metrics")[1], re.MULTILINE)
        return int(sum(map(float, rows)))

    def terminate(self) -> int:
        """SIGTERM; its exit code."""
        self._process.terminate()
        return self._process.wait(GUARD)


def test_a_full_disk_is_waited_out_and_costs_no_record(embedded_broker: Broker, tmp_path: Path) -> None:
    """Nothing can be saved: it starts again and again and says so; with room again, every record is counted once."""
    site = Site(tmp_path / "site", embedded_broker, embedded_broker.topic("predictions"))
    with SmallDisk(site) as monitor:
        traffic = Traffic(site, int(time.time() * 1e3) - 60_000)
        traffic.write(5)
        until(lambda: monitor.total("records_folded_total") == traffic.count)
        monitor.fill()
        traffic.write(5)
        until(lambda: monitor.total("worker_restarts_total") >= 2)
        assert monitor.page("healthz")[0] == 200
        status, why = until(lambda: next((p for p in [monitor.page("readyz")] if "start again" in p[1]), None))
        assert status == 503, why
        monitor.free()
        traffic.write(5)
        until(lambda: monitor.total("records_read_total") == traffic.count)
        until(lambda: monitor.total("records_folded_total") + monitor.total("late_records_total") == traffic.count)
        assert monitor.terminate() == 0
