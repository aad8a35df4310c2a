"""A monitor on several hosts, each a network namespace, that are disturbed one by one and changed in number."""

from __future__ import annotations

import contextlib
import http.client
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import yaml
from chaos_labels import LabelMonitor, LabelRun
from chaos_monitor import create_topics
from patience import until
from product import ROOT
from usage import tree, workers_below

from operators.plans.join import SHARDS
from stream.state.unfinished import resume_epoch

if TYPE_CHECKING:
    from pathlib import Path

    from chaos_monitor import Setup
    from chaos_run import Bench
    from namespaces import Loopback, Network

PORT, HTTP = 2100, 9108
TIMEOUT = "3s"
READY_SECONDS = 300.0
SAVED_SECONDS = 300.0
LAST_WORDS = 15
"""Lines of a log that are shown of a host that does not become ready."""
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class HostsMonitor(LabelMonitor):
    """As one monitor: its series are those of all hosts. The undisturbed one is on this machine alone."""

    network: Network | Loopback
    marks = (*LabelMonitor.marks, "actions_timestamp_seconds")

    def __init__(self, setup: Setup, directory: Path, name: str, processes: int) -> None:
        super().__init__(setup, directory, name, processes)
        self._config: dict[str, Any] = yaml.safe_load(self.path.read_text())
        self._programs: dict[int, subprocess.Popen[bytes]] = {}
        self.count = 0 if name == "undisturbed" else len(self.network.places)
        if self.count:
            changelog = f"{setup.topic}.{name}.changelog"
            create_topics(setup.bootstrap, {changelog: SHARDS})
            self._config["topics"]["changelog"] = changelog

    @property
    def hosts(self) -> range:
        """Their numbers; none for a monitor that knows no hosts."""
        return range(self.count)

    def state(self, host: int) -> Path:
        """The state directory of a host."""
        return self.directory / f"state-{host}"

    def start(self) -> None:
        """Start all that do not run."""
        if not self.count:
            super().start()
            return
        for host in self.hosts:
            if self.is_away(host):
                self.start_host(host)

    def start_host(self, host: int) -> None:
        """Start one."""
        path = self.directory / f"host-{host}.yaml"
        places = self.network.places[: self.count]
        several = {
            "hosts": [f"{place.address}:{PORT}" for place in places] if self.count > 1 else [],
            "processes": self.processes,
            "timeout": TIMEOUT,
            "insecure": True,
        }
        own = {
            "state": {"directory": str(self.state(host))},
            "http": {"listen": f"{places[host].address}:{HTTP}"},
            "cluster": several,
        }
        path.write_text(yaml.safe_dump({**self._config, **own}))
        command = [sys.executable, "-m", "stream.cli.app", "run", "--config", str(path), "--host", str(host)]
        with self.log(host).open("ab") as log:
            self._programs[host] = subprocess.Popen(
                places[host].command(*command), cwd=ROOT, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )

    def log(self, host: int) -> Path:
        """What a host wrote."""
        return self.directory / f"host-{host}.log"

    def is_away(self, host: int) -> bool:
        """Whether it does not run."""
        return host not in self._programs or self._programs[host].poll() is not None

    def signal_host(self, host: int, number: signal.Signals) -> None:
        """Send every process of a host a signal."""
        for pid in tree(self._programs[host].pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def kill_supervisor(self, host: int) -> None:
        """Kill -9 it alone."""
        self._programs[host].kill()
        self._programs[host].wait()

    def kill_host(self, host: int) -> None:
        """Kill -9 all of it at once."""
        self.signal_host(host, signal.SIGKILL)
        self._programs[host].wait()

    def until_saved(self) -> None:
        """Wait until epochs that began after this was asked have ended: a start goes on from there, not anew.

        That something is counted says nothing of it: on a busy machine the first epoch may last longer.
        """
        begun = self._resumes_at()
        until(lambda: self._resumes_at() >= begun + 3, SAVED_SECONDS, "epochs end")

    def _resumes_at(self) -> int:
        """The epoch that a start would go on at; 1 while none has ended."""
        with contextlib.ExitStack() as stack:
            parts = []
            for path in sorted(self.state(0).glob("*.sqlite3")):
                part = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=60)
                parts.append(stack.enter_context(contextlib.closing(part)))
            return resume_epoch(parts)

    def lose_disk(self, host: int) -> None:
        """Kill -9 all of a host, and take everything that it kept."""
        self.kill_host(host)
        shutil.rmtree(self.state(host))

    def stop_host(self, host: int) -> int:
        """SIGTERM; its exit code."""
        self._programs[host].terminate()
        return self._programs[host].wait(600)

    def workers_of(self, host: int) -> list[int]:
        """Dataflow processes of a host."""
        return workers_below(self._programs[host].pid)

    def terminate(self) -> tuple[int, float]:
        """SIGTERM to all; the worst exit code and the seconds it took."""
        if not self.count:
            return super().terminate()
        began = time.monotonic()
        running = [host for host in self.hosts if not self.is_away(host)]
        for host in running:
            self._programs[host].terminate()
        codes = [self._programs[host].wait(600) for host in running]
        return max(codes, key=abs), time.monotonic() - began

    def metrics(self) -> str:
        """Return the metrics of all hosts that answer, added up: each counts what it has read."""
        if not self.count:
            return super().metrics()
        summed: dict[str, float] = {}
        for host in self.hosts:
            for line in self._page(host, "metrics").splitlines():
                if not line.startswith("#"):
                    series, _, value = line.rpartition(" ")
                    summed[series] = summed.get(series, 0.0) + float(value)
        return "".join(f"{series} {value}\n" for series, value in summed.items())

    def is_ready(self) -> bool:
        """Whether every host says so."""
        return all(self._page(host, "readyz") == "ready\n" for host in self.hosts)

    def until_ready(self) -> float:
        """Wait until every host says that it is ready; the seconds it took. In vain: print what each has to say."""
        began = time.monotonic()
        try:
            until(self.is_ready, READY_SECONDS, "every host is ready")
        except TimeoutError:
            for host in self.hosts:
                lines = self.log(host).read_text().splitlines()[-LAST_WORDS:]
                print(
                    f"\nhost {host}{' (away)' if self.is_away(host) else ''}: {self._page(host, 'readyz', any_=True)}"
                )
                print("\n".join(lines), flush=True)
            raise
        return time.monotonic() - began

    def resize(self, count: int) -> None:
        """Stop all, move the state, start so many."""
        self.terminate()
        directories = [str(self.state(host)) for host in range(max(count, self.count))]
        options = ["--hosts", str(count), "--processes", str(self.processes)]
        command = [sys.executable, "-m", "stream.cli.app", "state", "move", *directories, *options]
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
        self.count = count
        self.start()

    def __exit__(self, *_: object) -> None:
        for program in self._programs.values():
            if program.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(program.pid, signal.SIGKILL)
                program.wait()
        super().__exit__()

    def _page(self, host: int, name: str, *, any_: bool = False) -> str:
        """What a host answers; with `any_` also when that is a refusal."""
        if self.is_away(host):
            return ""
        try:
            with _OPENER.open(f"http://{self.network.places[host].address}:{HTTP}/{name}", timeout=5) as answer:
                return str(answer.read().decode())
        except urllib.error.HTTPError as refusal:
            return refusal.read().decode() if any_ else ""
        except (OSError, http.client.HTTPException):  # not there, cut off, frozen, or not ready
            return ""


class HostsRun(LabelRun):
    """Traffic with labels, and a monitor on several hosts."""

    watcher = HostsMonitor
    monitor: HostsMonitor

    def __init__(self, bench: Bench, name: str, network: Network | Loopback, count: int) -> None:
        HostsMonitor.network = network
        super().__init__(bench, name)
        self.monitor.count = count
