"""Canary: how often a new version that is no worse is rolled back, and how soon one that is worse.

    python load_tests/canary.py [--quick]

Equal arms: 1,000 canaries of two weeks, slices of an hour, a rhythm of the day that both arms share, and users who come
back (beta-binomial counts, so that rows of a slice are no independent draws). Worse arms: two points of accuracy less,
five labels a second in each arm, a minute late, slices of 25 s. Both by the step of the dataflow, at the level of all
bounds of a model with the default rules, with a margin of half a point. Exits 1 if more than one of the equal is rolled
back, or the worse are not within an hour in the median and three hours all.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass

import numpy as np
from machine import show
from unit_traffic import Kinds

from operators.actions.canary import verdict
from operators.cohorts.canary import Canary, CanaryConfig, CanaryState
from operators.plans.model import plan_models
from operators.settings.actions import CanarySettings
from operators.settings.alerting import AlertingSettings
from operators.settings.event_time import TimeSettings
from operators.settings.model import ModelSettings
from stream.demo.reference import click_reference
from windows.cohort_ring import CohortRing
from windows.outcomes.layout import TaskOptions, task_layout

HOUR = 3_600_000
LAYOUT = task_layout(TaskOptions("binary"), None)
KINDS = Kinds(np.array([0.9, 0.1]), np.ones(2), np.full(2, np.nan))
RIGHT, WRONG = KINDS.predictions(LAYOUT) + KINDS.outcomes(LAYOUT, 0)
ARMS = ("8", "7")
CANARY = {"metric": "accuracy", "margin": 0.005, "share": 0.5}


@dataclass(frozen=True)
class World:
    """Two arms: labels a slice of each, its accuracy, and by how much it strays from slice to slice.

    `rows` predictions in each arm and slice are right with a chance drawn anew for each arm and slice about its own,
    with so much correlation within (`shared`), and lowered for both by the time of day.
    """

    slide: int
    slices: int
    rows: int
    accuracy: tuple[float, float]
    shared: float
    late: int = 0


EQUAL = World(HOUR, 14 * 24, 2_000, (0.95, 0.95), 0.002)
WORSE = World(25_000, 3 * 144, 125, (0.93, 0.95), 0.0, late=60_000)


def main() -> int:
    """Print the figures; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the canaries")
    runs = 100 if parser.parse_args().quick else 1_000
    show()
    began = time.monotonic()
    alpha = _level()
    print(f"level of a bound: {alpha:.2g}")
    ends = [_run(EQUAL, alpha, seed) for seed in range(runs)]
    names = [name for name, _ in ends]
    counts = {name: names.count(name) for name in ("rollback", "promote", "review")}
    print(f"equal arms, {runs:,} of two weeks: {counts}")
    worse = [_run(WORSE, alpha, seed) for seed in range(runs // 5)]
    waits = sorted(wait for name, wait in worse if name == "rollback")
    missed = len(worse) - len(waits)
    median, most = waits[len(waits) // 2] / 60_000, waits[-1] / 60_000
    took = f"rolled back after {median:.0f} min in the median, {most:.0f} min at most"
    print(f"two points worse, {len(worse)}: {took}; {missed} not")
    print(f"{time.monotonic() - began:.0f} s")
    return int(counts["rollback"] > 1 or missed > 0 or median > 60 or most > 180)


def _level() -> float:
    given = {
        "name": "click",
        "task": "binary",
        "performance": {"accuracy": {"baseline": 0.95, "max_drop": 0.05}},
        "canary": CANARY,
    }
    model = ModelSettings.model_validate(given)
    references = {"click": click_reference(10_000, 30_000)}
    plans = plan_models([model], references, TimeSettings(), AlertingSettings(), everything=False)
    return plans["click"].alpha


def _run(world: World, alpha: float, seed: int) -> tuple[str, int]:
    """What is decided first, and how long (ms) after both served."""
    rng, settings = np.random.default_rng(seed), CanarySettings.model_validate(CANARY)
    canary = Canary(CanaryConfig("accuracy", frozenset(), settings.most), LAYOUT, alpha, CanaryState())
    ring, first = CohortRing(4), {"7": 0, "8": world.slide}
    for index in range(world.slices + 2):
        ring.advance(index)
        easier = 0.02 * np.sin(2 * np.pi * index * world.slide / (24 * HOUR))
        for name, mean in zip(ARMS, world.accuracy, strict=True):
            if index or name == "7":
                chance = np.clip(mean + easier, 0.0, 1.0)
                if world.shared:
                    size = 1 / world.shared - 1
                    chance = rng.beta(chance * size, (1 - chance) * size)
                right = int(rng.binomial(world.rows, chance))
                ring.add(index, (name, ""), right * RIGHT + (world.rows - right) * WRONG)
        reading = canary(ring, world.slide, (index + 1) * world.slide, first)
        found = None if reading is None else verdict(settings, reading, "")
        if reading is not None and found is not None:
            return found.action, reading.end - reading.since + world.late
    return "none", 0


if __name__ == "__main__":
    sys.exit(main())
