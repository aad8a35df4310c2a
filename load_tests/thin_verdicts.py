"""The same verdict with and without timestamps in the reference, at 160 predictions a day.

    python load_tests/thin_verdicts.py [--days N] [--step-day N]

`driftgauge init` from training rows with and without a timestamp column, then `driftgauge replay` of ten months in
which one of seven features takes a step, with nothing written by hand. Prints the first page of each, when it came, the
best that a test of a fixed sample can do, and what else fired. Exits 1 unless both page for the stepped feature first,
within the same fortnight, and page for nothing else before.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from machine import show

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from thin_history import DAY, STEPPED, History, write_history, write_training

MODEL = "thin"
APART = 14 * DAY


def run(*arguments: str | Path, directory: Path) -> str:
    """A command of driftgauge's; what it printed."""
    command = [Path(sys.executable).with_name("driftgauge"), *arguments]
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def events_of(history: History, directory: Path, files: tuple[Path, Path], *, timestamps: bool) -> list[dict[str, Any]]:
    """Alert events of a default `init` and `replay`."""
    place = directory / ("timed" if timestamps else "untimed")
    place.mkdir()
    rows = write_training(history, place / "train.csv", timestamps=timestamps)
    said = run("init", "--from", rows, "--model", MODEL, directory=place)
    begun = time.perf_counter()
    out = place / "out"
    flags = ("--config", "driftgauge.yaml", "--predictions", files[0], "--feedback", files[1], "--out", out)
    run("replay", *flags, directory=place)
    size = (out / "evaluations.jsonl").stat().st_size / 1e6
    print(f"\n{place.name}: {time.perf_counter() - begun:.0f} s of wall time, {size:.1f} MB of evaluations")
    print("\n".join(line for line in said.splitlines() if "predictions" in line or "pace" in line))
    return [json.loads(line) for line in (out / "alerts.jsonl").read_text().splitlines()]


def at(event: dict[str, Any]) -> int:
    """Event time, ms."""
    return int(datetime.fromisoformat(event["event_time"]).timestamp() * 1000)


def page_of(history: History, events: list[dict[str, Any]]) -> int | None:
    """When the stepped feature paged, if it is named first and nothing paged before; prints what fired."""
    pages = [event for event in events if event["severity"] == "critical" and event["state"] in {"firing", "updated"}]
    for event in events:
        if event["state"] == "firing":
            days = (at(event) - history.stepped_at) / DAY
            print(f"  {days:+7.1f} d after the step: {event['severity']:8} {event['alert']}: {event['reason'][:150]}")
    if not pages:
        return None
    first = min(pages, key=at)
    named = first["alert"] in {"DataDrift", "PredictionDrift"} and at(first) > history.stepped_at
    drift = [event for event in pages if event["alert"] == "DataDrift" and event["causes"][0]["feature"] == STEPPED]
    return at(drift[0]) if named and drift else None


def main(arguments: list[str]) -> int:
    """Print both; 1 if they are not the same."""
    parser = argparse.ArgumentParser(description="The same verdict with and without timestamps in the reference.")
    parser.add_argument("--days", type=int, default=305)
    parser.add_argument("--step-day", type=int, default=200)
    given = parser.parse_args(arguments)
    show()
    history = History(days=given.days, step_day=given.step_day)
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        files = write_history(history, directory, MODEL)
        runs = (events_of(history, directory, files, timestamps=timestamps) for timestamps in (True, False))
        found = [page_of(history, events) for events in runs]
    delays = [None if one is None else (one - history.stepped_at) / DAY for one in found]
    shown = ", ".join("never" if delay is None else f"{delay:.1f} days" for delay in delays)
    print(f"\nthe stepped feature pages after: {shown} (with, without timestamps)")
    known = [one for one in found if one is not None]
    kept = len(known) == 2 and abs(known[0] - known[1]) <= APART
    print("the same verdict" if kept else "NOT THE SAME")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
