from __future__ import annotations

import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from waiting import GUARD, until

ROOT = Path(__file__).resolve().parents[2]

PAUSED = """
import sys
from importlib.abc import MetaPathFinder
from pathlib import Path
import signal

class Pause(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == {module!r}:
            Path({mark!r}).touch()
            signal.pause()

sys.meta_path.insert(0, Pause())
sys.argv[1:] = {arguments!r}
from stream.start import main
main()
"""
"""The program, which waits for a signal where it would begin to load a module."""


def signalled(
    directory: Path, module: str, number: signal.Signals, *arguments: str
) -> subprocess.CompletedProcess[str]:
    """Send the signal when the program is about to load the module; how it ended."""
    mark = directory / "mark"
    code = PAUSED.format(module=module, mark=str(mark), arguments=list(arguments))
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stderr=subprocess.PIPE, text=True)
    try:
        until(mark.exists)
        process.send_signal(number)
        _, told = process.communicate(timeout=GUARD)
    finally:
        process.kill()
    return subprocess.CompletedProcess([], process.returncode, "", told)


@pytest.mark.parametrize("module", ["typer", "pydantic", "prometheus_client", "stream.workers.supervisor"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_service_that_is_still_loading_ends_with_0(tmp_path: Path, module: str, number: signal.Signals) -> None:
    """Whatever it is loading: nothing has begun, so there is nothing to fail."""
    ended = signalled(tmp_path, module, number, "run", "--config", "driftgauge.yaml")
    assert (ended.returncode, ended.stderr) == (0, "")


def test_another_command_that_is_ended_has_not_done_its_work(tmp_path: Path) -> None:
    """Its exit code is the signal's, so no script takes it for done."""
    ended = signalled(tmp_path, "pydantic", signal.SIGTERM, "check", "driftgauge.yaml")
    assert ended.returncode == -signal.SIGTERM


def test_the_installed_program_begins_there() -> None:
    """pyproject.toml names this entry."""
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert scripts == {"driftgauge": "stream.start:main"}


@pytest.mark.parametrize(
    ("command", "apart"), [(["run", "--config"], ""), (["check"], "taken apart\n")], ids=["run", "check"]
)
def test_a_monitor_that_has_ended_does_not_take_its_interpreter_apart(
    tmp_path: Path, command: list[str], apart: str
) -> None:
    """On a loaded machine that takes half the seconds that a stop has; what it said and its exit code are there."""
    code = f"""
import atexit, sys
atexit.register(print, "taken apart")
sys.argv[1:] = {[*command, str(tmp_path / "none.yaml")]!r}
from stream.start import main
main()
"""
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False, capture_output=True, text=True)
    assert (ended.returncode, ended.stdout) == (2, apart)
    assert "none.yaml" in ended.stderr
