import http.client
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from supervised import gone, lives
from waiting import GUARD, until

FLOWS = Path(__file__).resolve().parents[2] / "flows.py"


class Program:
    """`flows.py` as a process of its own, with its stderr in a file."""

    def __init__(self, directory: Path, flow: str, processes: int) -> None:
        self.directory, self.processes = directory, processes
        self._log = directory / "stderr"
        with self._log.open("wb") as stderr:
            arguments = [sys.executable, str(FLOWS), flow, str(directory), str(processes)]
            self.process = subprocess.Popen(arguments, stderr=stderr, start_new_session=True, cwd=FLOWS.parents[1])

    def log(self) -> str:
        """What it has written to stderr."""
        return self._log.read_text()

    def page(self, name: str) -> tuple[int, str]:
        """Status and body of a page, once it listens."""
        found = until(lambda: re.search(r"on http://([\d.]+):(\d+)", self.log()))
        with closing(http.client.HTTPConnection(found[1], int(found[2]), timeout=GUARD)) as connection:
            connection.request("GET", f"/{name}")
            answer = connection.getresponse()
            return answer.status, answer.read().decode()

    def ready(self) -> None:
        """Wait until /readyz says so."""
        until(lambda: self.page("readyz")[0] == 200)

    def workers(self) -> list[int]:
        """Process ids of all workers that ever came so far as to run the flow."""
        return [pid for process in range(self.processes) for pid in lives(self.directory, process)]


@pytest.fixture
def programs() -> Iterator[list[Program]]:
    """Programs to be ended after the test."""
    started: list[Program] = []
    yield started
    for program in started:
        if program.process.poll() is None:
            os.killpg(program.process.pid, signal.SIGKILL)
        program.process.wait()


def begin(programs: list[Program], directory: Path, flow: str = "Steady", processes: int = 2) -> Program:
    """Start a program."""
    programs.append(Program(directory, flow, processes))
    return programs[-1]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("to_group", [False, True])
def test_a_signal_ends_it_with_0(
    programs: list[Program], tmp_path: Path, number: signal.Signals, to_group: bool
) -> None:
    """To the parent alone, as from an orchestrator, or to all of its processes, as from a terminal or systemd.

    `load_tests/chaos.py` holds it to 5 s.
    """
    program = begin(programs, tmp_path)
    program.ready()
    (os.killpg if to_group else os.kill)(program.process.pid, number)
    assert program.process.wait(GUARD) == 0
    assert {path.name for path in tmp_path.glob("stopped.*")} == {"stopped.0", "stopped.1"}
    assert "Traceback" not in program.log()


def test_a_ctrl_c_while_the_workers_come_up_is_no_traceback(programs: list[Program], tmp_path: Path) -> None:
    """They have SIGINT blocked from their first instruction on."""
    program = begin(programs, tmp_path)
    until(lambda: "started 2 dataflow processes" in program.log())
    os.killpg(program.process.pid, signal.SIGINT)
    assert program.process.wait(GUARD) == 0
    assert "Traceback" not in program.log()


def test_workers_end_with_their_parent(programs: list[Program], tmp_path: Path) -> None:
    """A parent killed by kill -9 leaves no orphans: they see the end of the pipe and stop gracefully."""
    program = begin(programs, tmp_path)
    program.ready()
    program.process.kill()
    until(lambda: all(gone(pid) for pid in program.workers()))
    assert {path.name for path in tmp_path.glob("stopped.*")} == {"stopped.0", "stopped.1"}


def test_a_failure_to_mend_is_one_line_and_its_exit_code(programs: list[Program], tmp_path: Path) -> None:
    """The user reads what is wrong, and no traceback."""
    program = begin(programs, tmp_path, "Refusing")
    assert program.process.wait(GUARD) == 2
    assert program.log().splitlines()[-1] == "state: /var/lib/driftgauge is of format 7, this is format 1"
    assert "Traceback" not in program.log()


def test_metrics_are_served_while_workers_crash(programs: list[Program], tmp_path: Path) -> None:
    """/metrics and /healthz answer throughout; /readyz says 503 and who failed."""
    program = begin(programs, tmp_path, "Failing")
    until(lambda: 'driftgauge_worker_restarts_total{process="1",reason="failed"}' in program.page("metrics")[1])
    assert program.page("healthz")[0] == 200
    status, reasons = until(
        lambda: next(
            (page for page in [program.page("readyz")] if "process 1 failed with exit code 1" in page[1]), None
        )
    )
    assert status == 503, reasons
    assert 'driftgauge_build_info{version="' in program.page("metrics")[1]


def test_every_log_line_is_structured(programs: list[Program], tmp_path: Path) -> None:
    """One line an event, a crash with its trace included, from the parent and from the workers."""
    program = begin(programs, tmp_path, "Failing")
    until(lambda: "the dataflow failed" in program.log())
    os.kill(program.process.pid, signal.SIGTERM)
    assert program.process.wait(GUARD) == 0
    form = r'ts=\d{4}-\d\d-\d\dT[\d:.]+Z level=\w+ process=(main|worker-\d) logger=\w+ msg=".*"( trace=".*")?'
    assert [line for line in program.log().splitlines() if not re.fullmatch(form, line)] == []
