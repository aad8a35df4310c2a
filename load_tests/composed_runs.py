"""The container test several times in a row, each from a clean slate: is it green each time, and how long does it take?

    python load_tests/composed_runs.py [--runs 5] [--under COMMAND] [--keep DIRECTORY]

Every run is `tests/deploy/test_containers.py` whole: the image built, docker-compose.yml up by its health checks, the
simulated shift a page, each container killed once, every record counted once, down and up again, removed with its data.
Between two runs no container, volume or network of the former may be left; one engine serves all of them, so that base
images are made once. Printed are how long each part took in each run, and the image's size. Exit 1 when a run is not
green. Needs what the test needs (deploy/stand-ins/README.md); where no engine answers one is started.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "load_tests")]

import machine  # noqa: E402  the path comes first
from containers import REQUIRED, engine, run  # noqa: E402  likewise

TEST = "tests/deploy/test_containers.py"
LAST_LINES = 60
"""Of what a run wrote that are shown where it was not green."""


@dataclass(frozen=True)
class Outcome:
    """A run.

    Attributes:
        code: of pytest; 0 when all is green.
        summary: its last line.
        seconds: of each part that the test tells, and of the whole.
        size: what is told of the image.
        left: containers, volumes and networks that are there afterwards and were not before.
        text: all that it wrote.
    """

    code: int
    summary: str
    seconds: dict[str, float]
    size: str
    left: list[str]
    text: str

    @property
    def green(self) -> bool:
        """Whether each test passed, none was skipped, and nothing is left."""
        return self.code == 0 and "skipped" not in self.summary and not self.left


def read(text: str) -> tuple[dict[str, float], str, str]:
    """What a run tells: seconds by part, the image's size, and how it ended."""
    told = re.findall(r"^containers: (.+)$", text, re.MULTILINE)
    seconds = {}
    for line in told:
        if found := re.fullmatch(r"(.+): (\d+) s", line):
            seconds[found[1]] = float(found[2])
        elif found := re.match(r"page (-?\d+) s after the shift", line):
            seconds["from the shift to the page"] = float(found[1])
    size = next((line for line in told if " MB, of which " in line), "not told")
    ends = re.findall(r"^=+ (.* in [\d.]+s.*?) =+$", text, re.MULTILINE)
    return seconds, size, ends[-1] if ends else "no summary"


def inventory(env: dict[str, str]) -> set[str]:
    """Every container, volume and network that the engine has."""
    formats = {"container": "{{.Names}}", "volume": "{{.Name}}", "network": "{{.Name}}"}
    found = set()
    for kind, form in formats.items():
        every = ["--all"] if kind == "container" else []
        names = run("docker", kind, "ls", *every, "--format", form, env=env).split()
        found |= {f"{kind} {name}" for name in names}
    return found


def once(env: dict[str, str], under: list[str]) -> Outcome:
    """One run."""
    before = inventory(env)
    command = [*under, sys.executable, "-m", "pytest", "-s", "-n", "0", TEST]
    began = time.monotonic()
    done = subprocess.run(
        command, cwd=ROOT, env={**env, REQUIRED: "1"}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    text = done.stdout.decode(errors="replace")
    seconds, size, summary = read(text)
    within = re.search(r" in ([\d.]+)s", summary)  # without the time that was waited for the command before it
    seconds["the whole test"] = float(within[1]) if within else time.monotonic() - began
    return Outcome(done.returncode, summary, seconds, size, sorted(inventory(env) - before), text)


def show(outcomes: list[Outcome]) -> None:
    """A line a part, a column a run, and the median."""
    parts = list(dict.fromkeys(part for outcome in outcomes for part in outcome.seconds))
    width = max(len(part) for part in parts)
    numbers = "".join(f"{number:>7}" for number in range(1, len(outcomes) + 1))
    print(f"\n{'seconds in run':{width}}{numbers} median")
    for part in parts:
        values = [outcome.seconds.get(part) for outcome in outcomes]
        cells = "".join(f"{'-' if value is None else f'{value:.0f}':>7}" for value in values)
        median = statistics.median(value for value in values if value is not None)
        print(f"{part:{width}}{cells}{median:>7.0f}")
    print("\n".join(dict.fromkeys(outcome.size for outcome in outcomes)))


def main() -> None:
    """Run them one after another, and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--under", default="", help="what goes before each run's command, such as `nice -n 10`")
    parser.add_argument("--keep", type=Path, help="where what each run wrote stays")
    options = parser.parse_args()
    machine.show()
    os.environ[REQUIRED] = "1"  # so that an engine is started where none answers
    outcomes = []
    with tempfile.TemporaryDirectory(prefix="driftgauge-runs-") as scratch, engine() as env:
        directory = options.keep or Path(scratch)
        directory.mkdir(parents=True, exist_ok=True)
        for number in range(1, options.runs + 1):
            outcome = once(env, shlex.split(options.under))
            outcomes.append(outcome)
            (directory / f"run-{number}.log").write_text(outcome.text)
            load = os.getloadavg()[0]
            print(f"run {number}: {'green' if outcome.green else 'NOT GREEN'}: {outcome.summary}; load {load:.0f}")
            if not outcome.green:
                print("\n".join([*outcome.text.splitlines()[-LAST_LINES:], *(f"left: {one}" for one in outcome.left)]))
            sys.stdout.flush()
    show(outcomes)
    green = sum(outcome.green for outcome in outcomes)
    print(f"{green} of {len(outcomes)} green")
    sys.exit(green != len(outcomes))


if __name__ == "__main__":
    main()
