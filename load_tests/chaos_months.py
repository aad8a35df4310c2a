"""Kills that nobody may notice with windows of months: chaos_labels.py, with eight hours in every second.

    python load_tests/chaos_months.py [--kills N] [--terms N]

Event time runs 28,800 times as fast as the clock, three years ago: panes are 16 hours, windows 3 to 90 days, labels
come days later and cohorts are kept for 100 days, while `driftgauge run --processes 2` is killed or stopped. Everything
that it writes and counts is compared with an undisturbed run of one process over the same topics. Exit 1 when anything
differs. 20 kills take a quarter of an hour and as many stops as much, most of it until the window of 90 days is left.
"""

from __future__ import annotations

import argparse
import re
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "load_tests")]

import machine  # noqa: E402  the path comes first
from chaos import kills, show, terms  # noqa: E402
from chaos_labels import LabelRun, LabelSetup  # noqa: E402
from chaos_labels_traffic import references  # noqa: E402
from chaos_run import Bench  # noqa: E402
from kafka_node import KafkaNode  # noqa: E402

if TYPE_CHECKING:
    from pathlib import Path as Directory

STRETCH = 28_800
"""Eight hours of event time in a second: a pane of 2 s becomes one of 16 hours, a window of 20 s one of 160."""

LONGEST = "90d"
PATIENT = "366d"
"""A partition that is read to its end holds the others while it is no more than forty times this behind the clock."""

MOST = {"no_data_after": "366d", "wait": "1d"}
"""Settings that may be no longer."""
_DURATION = re.compile(r"^(\d+)(ms|s|m)$")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0}


def stretched(value: Any) -> Any:
    """A setting with every duration in it so many times as long; those that are none stay."""
    if isinstance(value, dict):
        return {
            name: MOST.get(name) or ([*map(_seconds, one)] if name == "windows" else stretched(one))
            for name, one in value.items()
        }
    if isinstance(value, list):
        return [stretched(one) for one in value]
    return _seconds(value) if isinstance(value, str) and _DURATION.match(value) else value


def _seconds(value: str | float) -> str:
    """A duration, text or s, so many times as long."""
    found = _DURATION.match(value) if isinstance(value, str) else None
    seconds = int(found[1]) * _SECONDS[found[2]] if found else float(value)
    return f"{round(seconds * STRETCH)}s"


@dataclass(frozen=True)
class MonthsSetup(LabelSetup):
    """The same rules over windows of days and months, and one more window of 90 days."""

    def config(self, directory: Directory, name: str) -> dict[str, Any]:
        """Return the config."""
        config = super().config(directory, name)
        for part in ("models", "alerting"):
            config[part] = stretched(config[part])
        for part in ("pane", "lateness"):
            config["time"][part] = _seconds(config["time"][part])
        config["time"]["idle_after"] = PATIENT
        for model in config["models"]:
            model["drift"]["windows"].append(LONGEST)
            model["retrain"]["schedule"] = {"cron": "0 6 * * 1"}
        return config


class MonthsRun(LabelRun):
    """Traffic of months in minutes."""

    setup = MonthsSetup
    stretch = STRETCH
    # A window of 90 days takes four and a half minutes to be left, and as long again to be held.
    alert_seconds = 1_500.0


def main() -> None:
    """Kill, stop, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--terms", type=int, default=5)
    parser.add_argument("--rate", type=float, default=200.0, help="predictions a second of the clock")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="where files and logs stay")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that broker and files go with it
    machine.show()
    print(f"{'work':10} {3 * options.rate:,.0f} predictions a day on 2 processes, labels for most of them")
    with tempfile.TemporaryDirectory(prefix="driftgauge-chaos-") as scratch, KafkaNode(heap="512m") as node:
        bench = Bench(node, references(), options.keep or Path(scratch), options.rate, options.seed)
        results = []
        for run, times in ((kills, options.kills), (terms, options.terms)):
            if times:
                began = time.monotonic()
                results.append(run(bench, times, MonthsRun))
                name, problems = results[-1].name, len(results[-1].problems)
                print(f"{name:8} {time.monotonic() - began:6.0f} s, {problems} differences", flush=True)
    show(results)
    sys.exit(any(result.problems for result in results))


if __name__ == "__main__":
    main()
