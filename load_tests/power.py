"""Power: how long after a shift a feature is found to have drifted, by size of the shift and volume.

    python load_tests/power.py [--quick]

Every cell is the median over 48 numeric features (normal, lognormal, uniform) that shift in the middle of a pane after
an hour of normal traffic, in one model of 50 features at the default config: first finding of any window, at the minor
level (KS 0.05 or PSI 0.1), pane end plus lateness. Beside it, in brackets, the best that any test of a fixed sample can
do at the same level: the uniformly most powerful test on the mean of the normal variable behind the feature, against
the same threshold, with just the sample size that finds half of the shifts, knowing beforehand what moves, where and
how far, looking once, at the ideal moment; also plus lateness. Exits 1 if a shift of KS 0.2 at 10,000 a second takes
more than 30 s, or a larger shift or volume takes longer than a smaller one by more than a window's slide.
"""

from __future__ import annotations

import argparse
import copy
import sys
import time
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from columns_run import ColumnsRun
from columns_traffic import MODEL, Choice, Feature, Sketcher, lognormal, normal, reference_of, uniform, zipf
from machine import show
from scipy.special import ndtri

from operators.settings.model import ModelSettings

if TYPE_CHECKING:
    from windows.arrays import FloatArray

PANE, START = 10_000, 178_000_000
REFERENCE_ROWS = 200_000
WARM = 360
"""Panes before the shift: the longest window is full of normal traffic."""
HORIZON = 720
"""Panes after the shift before giving up: two hours."""
DISTANCES = (0.06, 0.08, 0.1, 0.15, 0.2, 0.3)
RATES = (2, 10, 100, 1_000, 10_000, 100_000)
MINOR = 0.05
NEVER = float("inf")


def features() -> tuple[Feature, ...]:
    """48 numeric features whose order is that of a normal variable, and two categorical ones that stay."""
    shapes = (normal(), lognormal(), uniform())
    numeric = [Feature(f"f{i:02}", shapes[i % 3]) for i in range(48)]
    return (*numeric, Feature("f48", zipf(5)), Feature("f49", zipf(40)))


def warm(sketcher: Sketcher, run: ColumnsRun, rng: np.random.Generator, rows: int) -> None:
    """An hour of normal traffic."""
    for number in range(WARM):
        run.pane(START + number, {("1", ""): sketcher.draw(rng, rows)})


def delays(
    sketcher: Sketcher, run: ColumnsRun, rng: np.random.Generator, rows: int, shares: FloatArray, horizon: int
) -> FloatArray:
    """Seconds until each shifted feature is found, float64[48]; infinite where it is not within the horizon."""
    numeric = np.array([not isinstance(feature.shape, Choice) for feature in features()])
    found = np.full(len(numeric), NEVER)
    at = (START + WARM) * PANE + PANE // 2
    for number in range(START + WARM, START + WARM + horizon):
        first = number == START + WARM
        before = rows // 2 if first else 0
        vector = sketcher.draw(rng, rows - before, shares)
        run.pane(number, {("1", ""): vector + sketcher.draw(rng, before) if first else vector})
        elapsed = ((number + 1) * PANE + run.lateness - at) / 1e3
        drifted = run.drifted(len(numeric))
        found[drifted & np.isinf(found)] = elapsed
        if np.isfinite(found[numeric]).all():
            break
    return found[numeric]


def ideal(distance: float, rate: float, alpha: float, lateness: int) -> float:
    """Seconds until the best fixed sample is complete: ``n = (z / (d - d0))^2`` rows give it a power of one half."""
    shift, threshold = (2 * float(ndtri((1 + value) / 2)) for value in (distance, MINOR))
    rows = (float(-ndtri(alpha)) / (shift - threshold)) ** 2
    return rows / rate + lateness / 1e3


def _text(seconds: float) -> str:
    if seconds == NEVER:
        return f"> {HORIZON * PANE // 3_600_000} h"
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5_400 else f"{seconds / 3600:.1f} h"


def main(arguments: list[str]) -> int:
    """Print the table; 1 if it is not as promised."""
    parser = argparse.ArgumentParser(description="Delay of detection by size of the shift and volume.")
    parser.add_argument("--quick", action="store_true", help="two volumes, ten minutes at most after the shift")
    quick = parser.parse_args(arguments).quick
    rates, horizon = ((100, 10_000), 60) if quick else (RATES, HORIZON)
    show()
    print(
        f"{'work':10} 50 features, {len(rates)} volumes, {len(DISTANCES)} shifts, reference of {REFERENCE_ROWS:,} rows"
    )
    started = time.perf_counter()
    rng = np.random.default_rng(17)
    times = START * PANE - REFERENCE_ROWS * 20 + np.arange(REFERENCE_ROWS, dtype=np.int64) * 20
    reference = reference_of(features(), rng, lambda _: rng.standard_normal(REFERENCE_ROWS), times, REFERENCE_ROWS)
    sketcher = Sketcher(reference, features())
    table = {}
    print("\nmedian delay until the drift is found [best fixed sample at the same level]")
    print(f"{'a second':>10}" + "".join(f"{f'KS {distance:g}':>18}" for distance in DISTANCES))
    for rate in rates:
        rows = rate * PANE // 1000
        base = ColumnsRun(ModelSettings(name=MODEL, task="binary"), reference)
        warm(sketcher, base, rng, rows)
        print(f"{rate:10,}", end="")
        for distance in DISTANCES:
            shift = 2 * float(ndtri((1 + distance) / 2))
            shares = sketcher.shares.copy()
            for row in range(48):
                shares[row] = sketcher.shares_at(row, shift)
            found = delays(sketcher, copy.deepcopy(base), rng, rows, shares, horizon)
            # Not np.median: half of the features found and half not is no number between.
            table[rate, distance] = float(np.sort(found)[len(found) // 2])
            best = _text(ideal(distance, rate, base.plan.alpha, base.lateness))
            print(f"{f'{_text(table[rate, distance])} [{best}]':>18}", end="", flush=True)
        print()
    print(f"\nlevel of each bound {base.plan.alpha:.1e}; {time.perf_counter() - started:.0f} s")
    return 0 if _kept(table, rates) else 1


def _kept(table: dict[tuple[int, float], float], rates: tuple[int, ...]) -> bool:
    kept = table[10_000, 0.2] <= 30
    slack = 61.0
    for rate in rates:
        row = [table[rate, distance] for distance in DISTANCES]
        kept &= all(later <= earlier + slack for earlier, later in pairwise(row))
    for distance in DISTANCES:
        column = [table[rate, distance] for rate in rates]
        kept &= all(later <= earlier + slack for earlier, later in pairwise(column))
    if not kept:
        print("BROKEN: too late, or a larger shift or volume takes longer than a smaller one")
    return kept


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
