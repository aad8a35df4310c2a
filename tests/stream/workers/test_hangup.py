"""SIGHUP: sent by a terminal that closes, or by whoever wants a config read again."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from waiting import until

TESTS = Path(__file__).resolve().parents[2]


def test_a_hangup_ends_nothing(tmp_path: Path) -> None:
    """It is told in a line; the workers go on, and a SIGTERM still ends everything with 0."""
    log = tmp_path / "log"
    with log.open("wb") as file:
        command = [sys.executable, str(TESTS / "flows.py"), "Steady", str(tmp_path), "2"]
        program = subprocess.Popen(command, stderr=file, cwd=TESTS, start_new_session=True)
    try:
        until(lambda: all((tmp_path / f"lives.{process}").exists() for process in range(2)))
        lives = [(tmp_path / f"lives.{process}").read_text() for process in range(2)]
        for pid in [program.pid, *map(int, lives)]:
            subprocess.run(["kill", "-HUP", str(pid)], check=True)
        until(lambda: "SIGHUP" in log.read_text())
        program.send_signal(signal.SIGTERM)
        assert program.wait() == 0
        assert [(tmp_path / f"lives.{process}").read_text() for process in range(2)] == lives
        assert "all processes start again" not in log.read_text()
    finally:
        program.kill()
        program.wait()
