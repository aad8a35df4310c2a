"""Months of thin traffic: what a replay of them costs, with the config that `init` writes from the training rows.

    python load_tests/pace.py [CASE ...]

Cases: public (160 predictions a day over ten months, seven features, labels half a day late, a step in one feature),
untimed (the same, training rows without timestamps), years (two years of 300 a day), year (a year of 5,000 a day with
50 features, windows of 7 d, labels up to 30 days late). Nothing of it is public data; it is drawn in its shape by
tests/thin_history.py. CPU time is that of the replay's process, start-up included: on a machine that does other work
the wall time says little.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "load_tests")]

import machine  # noqa: E402  the path comes first
from thin_history import DAY, MIDNIGHT, STEPPED, History, write_history, write_training  # noqa: E402

WEEK = '["7d"]'


@dataclass(frozen=True)
class Case:
    """A history, whether its training rows have times, settings over those of `init`, and the goals."""

    history: History
    seconds: float
    megabytes: float
    timestamps: bool = True
    settings: dict[str, str] = field(default_factory=dict)


LATE = {
    "models.0.performance.label_delay": "30d",
    "models.0.performance.wait": "1d",
    "models.0.performance.windows": WEEK,
    "models.0.drift.windows": WEEK,
    "models.0.prediction.windows": WEEK,
    "models.0.quality.windows": WEEK,
    "time.pane": "1h",
}
CASES = {
    "public": Case(History(), 20, 20),
    "untimed": Case(History(), 20, 20, timestamps=False),
    "years": Case(History(per_day=300, days=730, step=0.0, begin=MIDNIGHT - 366 * DAY), 15, 40),
    "year": Case(
        History(
            per_day=5_000,
            days=365,
            numeric=40,
            categorical=10,
            training=30,
            step=0.0,
            label_days=30.0,
            begin=MIDNIGHT - 60 * DAY,
        ),
        120,
        100,
        settings=LATE,
    ),
}


def draw(case: Case, directory: Path) -> tuple[Path, Path, Path]:
    """The files of predictions, feedback and training rows."""
    training = write_training(case.history, directory / "train.csv", timestamps=case.timestamps)
    return *write_history(case.history, directory, "thin"), training


def run(name: str, case: Case) -> bool:
    """Draw, `init`, replay, and print what it took; whether that is within the goals."""
    with tempfile.TemporaryDirectory() as at:
        directory = Path(at)
        # In a process of its own: a child's highest memory counts that of the parent that began it.
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:
            predictions, feedback, training = pool.submit(draw, case, directory).result()
        command = [sys.executable, "-m", "stream.cli.app"]
        init = [*command, "init", "--from", training, "--model", "thin", "-o", directory]
        subprocess.run(init, check=True, cwd=ROOT, capture_output=True)
        files = ["-c", directory / "driftgauge.yaml", "--predictions", predictions, "--feedback", feedback]
        settings = [part for key, value in case.settings.items() for part in ("--set", f"{key}={value}")]
        began = time.monotonic()
        process = subprocess.Popen(
            [*command, "replay", *files, *settings, "-o", directory / "out"], cwd=ROOT, stdout=subprocess.DEVNULL
        )
        _, status, used = os.wait4(process.pid, 0)
        wall, cpu = time.monotonic() - began, used.ru_utime + used.ru_stime
        if os.waitstatus_to_exitcode(status) != 0:
            print(f"{name:8} failed")
            return False
        megabytes = (directory / "out" / "evaluations.jsonl").stat().st_size / 1e6
        rows = 2 * case.history.per_day * case.history.days
        print(
            f"{name:8} {rows:>9,} records  CPU {cpu:6.1f} s (goal {case.seconds:.0f})  wall {wall:6.1f} s  "
            f"{rows / cpu:7,.0f} records/CPU s  RSS {used.ru_maxrss / 1024:5.0f} MB  "
            f"evaluations {megabytes:5.1f} MB (goal {case.megabytes:.0f})"
        )
        pages(directory / "out" / "alerts.jsonl", case.history)
        return cpu <= case.seconds and megabytes <= case.megabytes


def pages(path: Path, history: History) -> None:
    """Print what fired, and how long after the step."""
    for event in map(json.loads, path.read_text().splitlines()):
        if event["state"] != "firing":
            continue
        first = event["causes"][0]["feature"] if event["causes"] else ""
        seconds = time.mktime(time.strptime(event["started_at"][:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone
        days = (seconds * 1e3 - history.stepped_at) / 86_400_000
        when = f"{days:.1f} days after the step in {STEPPED}" if history.step else ""
        print(f"         {event['severity']:8} {event['alert']} {first} {event['metric']} {event['started_at']} {when}")


def main() -> int:
    """Run the cases that are named, or all."""
    machine.show()
    chosen = sys.argv[1:] or list(CASES)
    met = [run(name, CASES[name]) for name in chosen]
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
