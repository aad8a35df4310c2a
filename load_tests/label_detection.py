"""Detection power with labels: a drop of 5 points in accuracy is alerted as soon as the interval allows.

    python load_tests/label_detection.py [--seeds N] [--rate LABELS_A_SECOND] [--quick]

A binary model is right in 90 % of its predictions, then in 85 %, from a random moment on; 100 labels a second. Two
limits are in force on windows of 10 minutes and an hour: 2 points below 0.9 (minor), 3 points below it (major). Beside
each alert stands what no monitor could do better:

- the same window: SciPy's exact binomial test at the same level on all labels of each window, counted from the rows;
  an alert at that very window is the earliest a fixed-sample test allows, plus label_delay and the slide;
- the fewest labels after the change with which that test would find it, in a window of its own that began right then.

An alert counts as emitted when the tick has passed that shows its window mature. Exits 1 unless every seed is alerted
at the very window of the exact test, at both levels, and nothing fires before the change.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING

import numpy as np
from label_counts import LabelCounts, Mix
from label_steps import Judged
from machine import show
from null_labels import START
from scipy.stats import binom, binomtest

from operators.settings.model import ModelSettings
from stream.demo.reference import ClickRows
from stream.references.build import BuildOptions, build

if TYPE_CHECKING:
    from operators.alerts.event import AlertEvent
    from windows.arrays import FloatArray
    from windows.references.reference import Reference

RIGHT, WORSE = 0.90, 0.85
LIMITS = {"minor": 0.02, "major": 0.03}
SIZES = {"10m": 600_000, "1h": 3_600_000}
DELAY = 300_000
"""label_delay, ms: by then all labels have come."""
SEVERITY = {"minor": "warning", "major": "critical"}
BEFORE, AFTER = 3_900_000, 5_400_000
"""Time before and after the change, ms."""


def settings() -> ModelSettings:
    """A model with one rule."""
    return ModelSettings.model_validate(
        {
            "name": "model",
            "task": "binary",
            "performance": {
                "windows": list(SIZES),
                "label_delay": DELAY / 1e3,
                "accuracy": {"baseline": RIGHT, "max_drop": LIMITS},
            },
        }
    )


def reference() -> Reference:
    """Scores of a model that is right in 90 %."""
    rng = np.random.default_rng(0)
    score, label = draw(rng, 50_000, RIGHT)
    rows = {"x": rng.standard_normal(50_000), "prediction": score, "label": label}
    return build(ClickRows(rows), BuildOptions("model", task="binary", pane=10_000)).reference


def draw(rng: np.random.Generator, rows: int, right: float) -> tuple[FloatArray, FloatArray]:
    """Scores on the right side of the threshold with this probability."""
    label = (rng.random(rows) < 0.4).astype(np.float64)
    agrees = rng.random(rows) < right
    strong = rng.uniform(0.5, 1.0, rows)
    return np.where(agrees == (label == 1), strong, 1.0 - strong), label


@dataclass
class Outcome:
    """What one seed led to.

    Attributes:
        seed: it.
        change: ms.
        level: of every bound.
        alerts: level -> (window size, its end, when it was told), ms.
        exact: the same of the exact test.
        wrong: events before the change.
    """

    seed: int
    change: int
    level: float
    alerts: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    exact: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    wrong: int = 0

    @property
    def kept(self) -> bool:
        """Whether each level was told as early as the exact test allows."""
        told = {name: alert[1:] for name, alert in self.alerts.items()}
        return (
            told == {name: alert[1:] for name, alert in self.exact.items()}
            and set(told) == set(LIMITS)
            and not (self.wrong)
        )


def simulate(given: Reference, seed: int, rate: float) -> Outcome:
    """One seed."""
    rng = np.random.default_rng((13, seed))
    run = Judged(settings(), given)
    length = run.join.tick
    outcome = Outcome(seed, START + BEFORE + int(rng.integers(0, SIZES["10m"])), run.plan.alpha)
    rows: dict[int, tuple[int, int]] = {}

    def drawn(rng: np.random.Generator, count: int, at: int) -> tuple[FloatArray, FloatArray]:
        worse = round(count * min(max((at + length - outcome.change) / length, 0.0), 1.0))
        parts = [draw(rng, count - worse, RIGHT), draw(rng, worse, WORSE)]
        score, label = (np.concatenate(column) for column in zip(*parts, strict=True))
        rows[at] = count, int(((score >= 0.5) == (label == 1)).sum())
        return score, label

    counts = LabelCounts(run.join.task, length, Mix((("1", "one", 1.0),), 1.0, drawn), rng)
    windows = {window.size: window.slide for window in run.plan_of_cohorts.windows}
    for number in range((START - length) // length, (START + BEFORE + AFTER) // length):
        tick = counts.tick(number, rate)
        _, events = run.tick(tick)
        for event in events:
            _note(outcome, event, tick.end)
        for size, slide in windows.items():
            _test(outcome, rows, size, (tick.end - DELAY) // slide * slide, tick.end, length)
        if len(outcome.alerts) == len(outcome.exact) == len(LIMITS):
            break
    return outcome


def _note(outcome: Outcome, event: AlertEvent, now: int) -> None:
    if event.alert != "PerformanceDrop" or event.state == "resolved":
        return
    outcome.wrong += event.window.end <= outcome.change
    for level, severity in SEVERITY.items():
        if event.severity in {severity, "critical"} and level not in outcome.alerts:
            outcome.alerts[level] = SIZES.get(event.window.size, 0), event.window.end, now


def _test(outcome: Outcome, rows: dict[int, tuple[int, int]], size: int, end: int, now: int, length: int) -> None:
    """The exact test on the rows of a window, if it is full."""
    parts = [rows.get(at) for at in range(end - size, end, length)]
    found = [part for part in parts if part is not None]
    trials, right = sum(part[0] for part in found), sum(part[1] for part in found)
    for level, limit in LIMITS.items():
        if level in outcome.exact or not trials:
            continue
        if binomtest(right, trials, RIGHT - limit, alternative="less").pvalue <= outcome.level:
            outcome.exact[level] = size, end, now


def fewest(limit: float, level: float) -> int:
    """Labels of which 85 % are right, as they are on average, that the exact test rejects `limit` below 90 % with."""
    low, high = 1, 1 << 24
    while low < high:
        middle = (low + high) // 2
        if binom.cdf(int(middle * WORSE), middle, RIGHT - limit) <= level:
            high = middle
        else:
            low = middle + 1
    return low


def main(arguments: list[str]) -> int:
    """Print the outcomes; 1 if the promise is broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--rate", type=float, default=100.0, help="labels a second")
    parser.add_argument("--quick", action="store_true", help="5 seeds")
    given = parser.parse_args(arguments)
    seeds = 5 if given.quick else given.seeds
    show()
    print(
        f"{'work':10} {seeds} seeds, accuracy {RIGHT} to {WORSE}, {given.rate:g} labels/s,"
        f" label_delay {DELAY // 60_000}m"
    )
    started, profile, outcomes = time.perf_counter(), reference(), []
    for seed in range(seeds):
        outcomes.append(simulate(profile, seed, given.rate))
        if not outcomes[-1].kept:
            print(f"BROKEN: {outcomes[-1]}", flush=True)
    level = outcomes[0].level
    print(f"level of every bound: {level:.2g}\n")
    head = f"{'limit':>8}{'alerted':>10}{'median s':>10}{'most s':>9}{'exact test: median s':>22}{'most s':>9}"
    print(f"{head}{'fewest labels':>15}{'in s':>7}{'+ delay, slide s':>18}")
    slide = min(SIZES.values()) // 20 // 1000
    for name, limit in LIMITS.items():
        told = [(one.alerts[name][2] - one.change) / 1e3 for one in outcomes if name in one.alerts]
        exact = [(one.exact[name][2] - one.change) / 1e3 for one in outcomes if name in one.exact]
        least = fewest(limit, level)
        row = f"{limit:>8.2f}{len(told):>6}/{seeds:<3}"
        if told and exact:
            row += f"{median(told):>10.0f}{max(told):>9.0f}{median(exact):>22.0f}{max(exact):>9.0f}"
        seconds = least / given.rate
        print(f"{row}{least:>15,}{seconds:>7.0f}{seconds + DELAY / 1e3 + slide:>18.0f}")
    kept = sum(outcome.kept for outcome in outcomes)
    print(f"\nalerted at the very window of the exact test, at both levels: {kept}/{seeds}")
    print(f"alerts before the change: {sum(outcome.wrong for outcome in outcomes)}")
    print(f"{time.perf_counter() - started:.0f} s")
    return 0 if kept == seeds else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
