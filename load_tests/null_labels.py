"""Null traffic with labels: a month in which the model stays as good as it was pages no more than the budget allows.

    python load_tests/null_labels.py [--quick] [--days N] [--only NAME ...] [--processes 1|2]

Default windows (1 h and 7 d), maturity (1 h) and budget (one false page a month). Rules of every kind of baseline on
every metric that the scenarios ask for, over two versions (the newer with 5 % of the traffic) and 21 segments, one of
them with one label an hour. Labels come for 60 % of the predictions over 20 minutes.

- month: a calibrated binary model. Every four hours the volume changes between 1, 10 and 50 predictions a second.
- balance: the share of positives follows the hour of the day; accuracy, recall, false positive rate and AUC do not,
  and only they are watched: all else truly changes.
- errors: a regression model whose errors have heavy tails (Student's t with 3 degrees of freedom), 10 a second.

Exits 1 when there are more pages than the budget of a month (or of the days, if they are more).
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from dataclasses import dataclass
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

import numpy as np
from label_counts import LabelCounts, Mix
from label_steps import Judged
from machine import show
from null_traffic import BUDGET, Found

from operators.settings.model import ModelSettings
from stream.demo.reference import ClickRows
from stream.references.build import BuildOptions, build

if TYPE_CHECKING:
    from collections.abc import Callable

    from windows.arrays import FloatArray
    from windows.outcomes.layout import Task
    from windows.references.reference import Reference

DAY = 86_400_000
START = 1_780_012_800_000 // DAY * DAY
REFERENCE_ROWS = 100_000
RATES = (1.0, 10.0, 50.0)
TURN = 4 * 3_600_000
"""Time between two changes of the volume, ms."""
COVERAGE = 0.6
COUNTRIES = tuple(f"c{number:02}" for number in range(20))
NEWER = 0.05
"""Share of the traffic that the newer version serves."""
RARE = 5e-5
"""Share of the traffic of the rarest country: one label an hour at 10 predictions a second."""

BINARY = {
    "accuracy": [
        {"baseline": "reference", "max_drop": 0.05, "segments": True},
        {"baseline": "trailing", "max_drop": 0.05},
        {"baseline": "version", "max_drop": 0.05},
    ],
    "recall": {"baseline": "trailing", "max_drop": 0.05},
    "fpr": [{"baseline": "trailing", "max_ratio": 3}, {"baseline": "reference", "max_ratio": 3, "window": "1d"}],
    "auc": [{"baseline": "reference", "max_drop": 0.03}, {"baseline": "version", "max_drop": 0.03}],
    "concept": {
        "error": {"baseline": "trailing", "max_rise": 0.05},
        "curve": {"recent": "7d", "before": "7d", "max_shift": 0.1},
    },
}
CALIBRATED = {
    **BINARY,
    "precision": {"baseline": "trailing", "max_drop": 0.05},
    "calibration_gap": {"baseline": "reference", "max_ratio": 1.2},
    "brier": {"baseline": "trailing", "max_ratio": 1.2},
    "log_loss": {"baseline": "reference", "max_ratio": 1.2},
    "ece": {"baseline": "trailing", "max_rise": 0.05},
    "positive_ratio": {"baseline": "trailing", "max_change": 0.05},
}
REGRESSION = {
    "mae": [{"baseline": "reference", "max_ratio": 1.2}, {"baseline": "trailing", "max_ratio": 1.2}],
    "rmse": [{"baseline": "trailing", "max_ratio": 1.5}, {"baseline": "version", "max_ratio": 1.5}],
    "bias": {"baseline": "trailing", "max_change": 0.2},
    "abs_error_p90": {"baseline": "trailing", "max_ratio": 1.2},
    "concept": {"error": {"baseline": "reference", "max_ratio": 1.2}},
}


@dataclass(frozen=True, slots=True)
class Scenario:
    """A kind of traffic.

    Attributes:
        name: to choose it by.
        title: for people.
        task: of the model.
        rules: its `performance:`.
        sla: its objectives on labels.
        rates: predictions a second, in turn.
        draw: (rng, rows, time in ms) -> scores, labels.
    """

    name: str
    title: str
    task: Task
    rules: dict[str, Any]
    sla: dict[str, str]
    rates: tuple[float, ...]
    draw: Callable[[np.random.Generator, int, int], tuple[FloatArray, FloatArray]]


def calibrated(rng: np.random.Generator, rows: int, _: int) -> tuple[FloatArray, FloatArray]:
    """Scores that are the probability of their labels: accuracy 0.77."""
    score = rng.beta(0.8, 1.2, rows)
    return score, (rng.random(rows) < score).astype(np.float64)


def balanced(rng: np.random.Generator, rows: int, time_ms: int) -> tuple[FloatArray, FloatArray]:
    """Scores that say the same of both classes, whose shares follow the hour of the day: accuracy 0.84 at any."""
    share = 0.4 + 0.2 * np.sin(2 * np.pi * (time_ms % DAY) / DAY)
    label = (rng.random(rows) < share).astype(np.float64)
    score = rng.beta(2.0, 5.0, rows)
    return np.where(label == 1, 1.0 - score, score), label


def heavy(rng: np.random.Generator, rows: int, _: int) -> tuple[FloatArray, FloatArray]:
    """Errors with tails that have no third moment."""
    label = rng.normal(50.0, 7.0, rows)
    return label + rng.standard_t(3, rows), label


SCENARIOS = (
    Scenario("month", "calibrated scores", "binary", CALIBRATED, {"accuracy": ">= 0.7"}, RATES, calibrated),
    Scenario("balance", "the balance of classes follows the hour", "binary", BINARY, {}, (10.0,), balanced),
    Scenario("errors", "errors with heavy tails", "regression", REGRESSION, {"mae": "< 1.4"}, (10.0,), heavy),
)


def reference_of(scenario: Scenario, rng: np.random.Generator) -> Reference:
    """What is normal, of whole days: rows with labels and countries."""
    moments = np.sort(rng.integers(START - 7 * DAY, START, REFERENCE_ROWS))
    cuts = np.flatnonzero(np.diff(moments // 3_600_000, prepend=-1))
    parts = [
        scenario.draw(rng, stop - start, int(moments[start]))
        for start, stop in zip(cuts, [*cuts[1:], REFERENCE_ROWS], strict=True)
    ]
    score, label = (np.concatenate(column) for column in zip(*parts, strict=True))
    rows = {
        "x": rng.standard_normal(REFERENCE_ROWS),
        "country": rng.choice(np.array(COUNTRIES, dtype=object), REFERENCE_ROWS),
        "prediction": score,
        "label": label,
        "timestamp": moments,
    }
    options = BuildOptions("model", segments=("country",), task=scenario.task, pane=10_000)
    return build(ClickRows(rows), options).reference


def mix_of(scenario: Scenario) -> Mix:
    """Two versions, and countries of which each has half the traffic of the one before."""
    shares = np.maximum(0.5 ** np.arange(1, len(COUNTRIES) + 1), RARE)
    shares /= shares.sum()
    groups = [
        (version, f"country={country}", float(share * part))
        for version, part in (("1", 1 - NEWER), ("2", NEWER))
        for country, share in zip(COUNTRIES, shares, strict=True)
    ]
    return Mix(groups, COVERAGE, scenario.draw)


def simulate(task: tuple[str, int, float]) -> Found:
    """One part of a scenario: a fresh start, one reference, so many days."""
    name, part, days = task
    scenario = next(each for each in SCENARIOS if each.name == name)
    rng = np.random.default_rng([sum(name.encode()), part])
    settings = ModelSettings.model_validate(
        {
            "name": "model",
            "task": scenario.task,
            "segments": ["country"],
            "performance": scenario.rules,
            "sla": scenario.sla,
        }
    )
    run = Judged(settings, reference_of(scenario, rng))
    length = run.join.tick
    counts = LabelCounts(run.join.task, length, mix_of(scenario), rng)
    found, begun = Found(panes=int(days * DAY) // length), time.process_time()
    for at in range(found.panes):
        rate = scenario.rates[at * length // TURN % len(scenario.rates)]
        _, events = run.tick(counts.tick(START // length + at, rate))
        for event in events:
            found.add(event)
        if (at + 1) * length % DAY < length:
            print(f"{name}, part {part}: day {(at + 1) * length // DAY} of {days:g}", file=sys.stderr)
    found.rows, found.seconds = counts.rows, time.process_time() - begun
    return found


def _report(scenario: Scenario, found: Found, days: float, parts: int) -> bool:
    allowed = max(BUDGET, BUDGET * days / 30)
    print(f"\n{scenario.name}: {scenario.title}")
    print(f"  {days:g} days in {parts} parts, each a fresh start; {found.panes:,} ticks,", end="")
    print(
        f" {found.rows:,} predictions; {found.seconds:.0f} s of CPU, {found.seconds / found.panes * 1e3:.1f} ms a tick"
    )
    for (version, alert, state, severity), count in sorted(found.events.items()):
        print(f"  {version:8}{alert:18}{state:10}{severity:10}{count:6}")
    for reason in found.examples:
        print(f"    {reason}")
    kept = found.pages <= allowed
    firing = sum(count for (_, _, state, _), count in found.events.items() if state == "firing")
    verdict = "" if kept else "  BROKEN"
    print(f"  alerts fired {firing}, pages {found.pages} of {allowed:g} allowed{verdict}", flush=True)
    return kept


def main(arguments: list[str]) -> int:
    """Print what fired; 1 if a promise is broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [scenario.name for scenario in SCENARIOS]
    parser.add_argument("--days", type=float, default=30.0, help="simulated days of each run")
    parser.add_argument("--only", nargs="*", choices=names, help="parts to run")
    parser.add_argument("--quick", action="store_true", help="half a simulated day of each run")
    parser.add_argument("--processes", type=int, default=min(2, len(os.sched_getaffinity(0))), choices=(1, 2))
    given = parser.parse_args(arguments)
    days = 0.5 if given.quick else given.days
    show()
    print(f"{'work':10} default windows, budget {BUDGET:g} page a month; {', '.join(given.only or names)}")
    started, kept = time.perf_counter(), True
    with get_context("spawn").Pool(given.processes) as pool:
        for scenario in SCENARIOS:
            if scenario.name in (given.only or names):
                parts = [(scenario.name, part, days / given.processes) for part in range(given.processes)]
                found = sum(pool.map(simulate, parts, chunksize=1), start=Found())
                kept &= _report(scenario, found, days, given.processes)
    print(f"\n{'all promises kept' if kept else 'BROKEN'}; {time.perf_counter() - started:.0f} s")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
