"""Run length: how long the second opinions on concept drift run on a steady error until they raise a false alarm.

    python load_tests/run_length.py [--quick]

Errors of slices of cohorts are drawn from populations that never change: shares of wrong predictions at several
volumes, and a skewed mean absolute error. The mean run length is slices seen over alarms raised (each detector starts
anew after an alarm), with the 95 % interval of a Poisson count; beside it, how many slices after an error has risen by
so many of its deviations the alarm comes. Exits 1 if a measured mean is below what evaluations say, or a rise of four
deviations is not told within 30 slices in the median.
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING

import numpy as np
from machine import show
from scipy.stats import chi2

from operators.judging.opinions import RUN_LENGTH, WARM_UP, Detectors

if TYPE_CHECKING:
    from collections.abc import Callable

    Draw = Callable[[np.random.Generator, int], np.ndarray]

STREAMS: dict[str, Draw] = {
    "5 % wrong of 100": lambda rng, n: rng.binomial(100, 0.05, n) / 100,
    "10 % wrong of 1,000": lambda rng, n: rng.binomial(1_000, 0.1, n) / 1_000,
    "30 % wrong of 100,000": lambda rng, n: rng.binomial(100_000, 0.3, n) / 100_000,
    "mae of 200, lognormal": lambda rng, n: rng.lognormal(0, 1, (n, 200)).mean(axis=1),
}
LENGTH = 2_000
RISES = (1.0, 2.0, 4.0)


def main() -> int:
    """Print the tables; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the runs")
    runs = 20 if parser.parse_args().quick else 200
    show()
    began = time.monotonic()
    failed = False
    print(f"{runs} runs of {LENGTH:,} slices each, the first {WARM_UP} to warm up")
    for name in RUN_LENGTH:
        print(f"\n{name}: told as one false alarm in {RUN_LENGTH[name]:,} slices")
        alarms = slices = 0
        for text, draw in STREAMS.items():
            found = sum(_alarms(name, draw(np.random.default_rng((7, run)), LENGTH)) for run in range(runs))
            seen = runs * (LENGTH - WARM_UP)
            low, high = _interval(found, seen)
            print(f"  {text:24} {found:5} alarms, one in {low:,.0f} to {high:,.0f} slices")
            alarms, slices = alarms + found, slices + seen
        low, high = _interval(alarms, slices)
        print(f"  {'all':24} {alarms:5} alarms, one in {low:,.0f} to {high:,.0f} slices")
        failed |= high < RUN_LENGTH[name]
        for rise in RISES:
            waits = [_wait(name, rise, run) for run in range(runs // 2)]
            most = np.quantile(waits, 0.9)
            print(f"  a rise of {rise:g} deviations: median {np.median(waits):.0f} slices, 90 % {most:.0f}")
            failed |= rise == RISES[-1] and np.median(waits) > 30
    print(f"\n{time.monotonic() - began:.0f} s")
    return int(failed)


def _alarms(name: str, values: np.ndarray) -> int:
    detectors = Detectors()
    return sum(opinion.changed for value in values.tolist() for opinion in detectors.see(value) if opinion.name == name)


def _wait(name: str, rise: float, run: int) -> float:
    """Slices from the rise to the alarm; inf where none comes in 500."""
    rng = np.random.default_rng((11, run))
    before = rng.binomial(1_000, 0.1, 200) / 1_000
    after = rng.binomial(1_000, 0.1 + rise * np.sqrt(0.1 * 0.9 / 1_000), 500) / 1_000
    detectors = Detectors()
    for value in before.tolist():
        detectors.see(value)
    for at, value in enumerate(after.tolist()):
        if any(opinion.changed and opinion.name == name for opinion in detectors.see(value)):
            return at + 1
    return float("inf")


def _interval(alarms: int, slices: int) -> tuple[float, float]:
    """95 % interval of the mean run length: Garwood's for a Poisson count."""
    high = slices / (chi2.ppf(0.025, 2 * alarms) / 2) if alarms else float("inf")
    return slices / (chi2.ppf(0.975, 2 * alarms + 2) / 2), high


if __name__ == "__main__":
    sys.exit(main())
