"""The status line of `run`: on a terminal, and nowhere else."""

from __future__ import annotations

import io
import logging
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from waiting import GUARD

from stream.logs import CLEAR, LineFormatter
from stream.view.status_line import WIDEST, StatusLine

ROOT = Path(__file__).resolve().parents[3]


def test_each_line_takes_the_place_of_the_former_one() -> None:
    """Never longer than a terminal, and gone at the end."""
    out, said = io.StringIO(), iter(["one", "x" * 500])
    line = StatusLine(out, said.__next__)
    line.write()
    line.write()
    with StatusLine(out, str):
        pass
    assert out.getvalue() == f"{CLEAR}one{CLEAR}{'x' * WIDEST}{CLEAR}"


def test_a_log_line_clears_it_on_a_terminal_only() -> None:
    """Files and pipes get the line alone."""
    record = logging.LogRecord("driftgauge.run", logging.INFO, "", 0, "hello", None, None)
    assert LineFormatter("main", str).format(record).startswith("ts=")
    assert LineFormatter("main", str, CLEAR).format(record).startswith(f"{CLEAR}ts=")


@pytest.mark.parametrize("terminal", [True, False])
def test_run_shows_it_on_a_terminal(tmp_path: Path, terminal: bool) -> None:
    """A monitor that waits for its broker says so in one line that is written over; into a pipe it writes nothing."""
    from monitored import reference  # noqa: PLC0415 - builds a reference

    from windows.references.reference import to_json  # noqa: PLC0415 - likewise

    (tmp_path / "reference.json").write_bytes(to_json(reference()))
    (tmp_path / "c.yaml").write_text(
        'kafka: {brokers: "127.0.0.1:1"}\nhttp: {listen: "127.0.0.1:0"}\n'
        "models: [{name: click, task: binary, reference: reference.json}]\n"
    )
    ours, theirs = pty.openpty() if terminal else os.pipe()
    command = [sys.executable, "-m", "stream.cli.app", "run", "--config", str(tmp_path / "c.yaml")]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=theirs, stderr=log, cwd=ROOT)
    os.close(theirs)
    shown = b""
    if terminal:
        while b"not ready" not in shown:
            shown += os.read(ours, 1_024)
        assert b"no data yet" in shown
        assert b"1 models" in shown
        assert b"\n" not in shown
    process.terminate()
    process.wait(GUARD)
    if not terminal:
        assert os.read(ours, 1_024) == b""
    os.close(ours)
