"""Any pace: null traffic and power with the config that `init` writes for it, from 100 a day to 10,000 a second.

    python load_tests/paces.py [--only null|power] [--paces NAME ...] [--days N]

One model of 50 features (the power table: 24 numeric ones); pane, windows and limits are those that `init` writes from
a reference with timestamps of that pace. NULL: nothing changes for 30 days, or as many as are asked for; pages must
stay within the budget. POWER: all numeric features take a step of a Kolmogorov-Smirnov distance after windows are full;
the median delay until a feature is found, beside the best that any test of a fixed sample can do at the same level (as
in `load_tests/power.py`): it knows beforehand what moves, where and how far, and looks once at the ideal moment. Exits
1 when a page exceeds the budget, or the median ratio of the delays at a pace exceeds 2.5.
"""

from __future__ import annotations

import argparse
import copy
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from columns_run import ColumnsRun
from columns_traffic import MODEL, Feature, Sketcher, features_of, lognormal, normal, reference_of, uniform
from machine import show
from scipy.special import ndtri

from operators.settings.alerting import AlertingSettings
from operators.settings.durations import show_duration
from operators.settings.event_time import TimeSettings
from operators.settings.model import ModelSettings
from stream.config.pace import PacePlan, plan_pace, show_windows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from windows.arrays import FloatArray
    from windows.references.reference import Reference

DAY = 86_400_000
START = 20_000 * DAY
"""Midnight of some day in 2024."""

BUDGET = AlertingSettings().false_pages_per_month
MINOR = 0.05
DISTANCES = (0.1, 0.15, 0.2, 0.3)
PROMISED = 2.5
NEVER = float("inf")
MOST_ROWS = 9_000
"""Rows of normal traffic before the step: windows that hold more see it only later."""


@dataclass(frozen=True, slots=True)
class Rate:
    """A pace, how long its reference was collected, and how many days of null traffic are simulated by default."""

    name: str
    per_day: float
    reference_days: float
    days: float


RATES = (
    Rate("100/day", 100, 365, 30),
    Rate("5,000/day", 5_000, 20, 30),
    Rate("1/s", 86_400, 2.5, 3),
    Rate("2/s", 172_800, 2.5, 0),
    Rate("10/s", 864_000, 0.3, 0),
    Rate("10,000/s", 864_000_000, 0.0003, 0.25),
)
"""2/s and 10/s are for the power table alone."""


def scene(rate: Rate, features: Sequence[Feature]) -> tuple[Reference, Sketcher, PacePlan]:
    """A reference of the pace, what draws panes from it, and what `init` makes of it."""
    rng = np.random.default_rng(int(rate.per_day))
    rows = max(min(int(rate.per_day * rate.reference_days), 200_000), 20_000)
    times = START - np.sort(rng.integers(1, int(rows / rate.per_day * DAY) + 2, rows))[::-1]
    reference = reference_of(features, rng, lambda _: rng.standard_normal(rows), times.astype(np.int64), rows)
    suits = plan_pace(reference)
    if suits is None:
        raise SystemExit("the reference has no pace")
    return reference, Sketcher(reference, features), suits


def run_of(reference: Reference, suits: PacePlan) -> ColumnsRun:
    """The steps with the settings that `init` writes."""
    drift = {"windows": [show_duration(size) for size in suits.windows]}
    quality = {
        "windows": [show_duration(size) for size in suits.quality],
        "stale_after": show_duration(suits.stale_after),
    }
    given = {"name": MODEL, "task": "binary", "drift": drift, "prediction": drift, "quality": quality}
    time_ = {"pane": show_duration(suits.pane), "lateness": show_duration(suits.lateness)}
    return ColumnsRun(ModelSettings.model_validate(given), reference, TimeSettings.model_validate(time_))


def null(rate: Rate, days: float) -> bool:
    """Simulate traffic in which nothing changes; whether its pages stay within the budget."""
    reference, sketcher, suits = scene(rate, features_of(50))
    run, rng = run_of(reference, suits), np.random.default_rng(5)
    begun, fired, pages, examples = time.process_time(), 0, set(), []
    panes = int(days * DAY / suits.pane)
    for number in range(panes):
        rows = int(rng.poisson(rate.per_day * suits.pane / DAY))
        groups = {("1", ""): sketcher.draw(rng, rows)} if rows else {}
        for event in run.pane(START // suits.pane + number, groups):
            fired += event.state == "firing"
            if event.severity == "critical":
                pages.add((event.fingerprint, event.started_at))
            if event.state == "firing" and len(examples) < 3:
                examples.append(f"{event.alert}: {event.reason}")
    kept = len(pages) <= max(BUDGET, BUDGET * days / 30)
    print(
        f"{rate.name:>10} {days:6g} days, {panes:7,} panes of {show_duration(suits.pane)}, windows"
        f" {show_windows(suits.windows)}: {fired} alerts, {len(pages)} pages{'' if kept else '  BROKEN'};"
        f" {time.process_time() - begun:.0f} s of CPU",
        flush=True,
    )
    for line in examples:
        print(f"           {line}")
    return kept


def numeric_features() -> tuple[Feature, ...]:
    """24 numeric features whose order is that of a normal variable."""
    shapes = (normal(), lognormal(), uniform())
    return tuple(Feature(f"f{at:02}", shapes[at % 3]) for at in range(24))


def delays(run: ColumnsRun, sketcher: Sketcher, shares: FloatArray, first: int, per_pane: float) -> FloatArray:
    """Panes until each feature is found, float64[24]; infinite where none is within 40 times MOST_ROWS."""
    rng, pane = np.random.default_rng(first), first
    found = np.full(24, NEVER)
    limit = first + int(np.ceil(20 * MOST_ROWS / per_pane))
    while not np.isfinite(found).all() and pane < limit:
        rows = int(rng.poisson(per_pane))
        run.pane(pane, {("1", ""): sketcher.draw(rng, rows, shares)} if rows else {})
        pane += 1
        drifted = run.drifted(24)
        found[drifted & np.isinf(found)] = pane - first
    return found


def ideal(distance: float, alpha: float) -> float:
    """Rows of the best fixed sample: ``n = (z / (d - d0))^2`` give it a power of one half."""
    shift, threshold = (2 * float(ndtri((1 + value) / 2)) for value in (distance, MINOR))
    rows: float = (float(-ndtri(alpha)) / (shift - threshold)) ** 2
    return rows


def power(rate: Rate) -> bool:
    """The line of a pace; whether the median ratio is as promised."""
    features = numeric_features()
    reference, sketcher, suits = scene(rate, features)
    base, per_pane = run_of(reference, suits), rate.per_day * suits.pane / DAY
    rng, first = np.random.default_rng(3), START // suits.pane
    warm = int(np.ceil(MOST_ROWS / per_pane))
    for number in range(warm):
        rows = int(rng.poisson(per_pane))
        base.pane(first + number, {("1", ""): sketcher.draw(rng, rows)} if rows else {})
    ratios = []
    print(f"{rate.name:>10}", end="")
    for distance in DISTANCES:
        shift = 2 * float(ndtri((1 + distance) / 2))
        shares = sketcher.shares.copy()
        for row in range(24):
            shares[row] = sketcher.shares_at(row, shift)
        found = np.sort(delays(copy.deepcopy(base), sketcher, shares, first + warm, per_pane))
        seconds = float(found[12]) * suits.pane / 1e3 + suits.lateness / 1e3
        best = max(ideal(distance, base.plan.alpha) / rate.per_day * DAY, suits.pane) / 1e3 + suits.lateness / 1e3
        ratios.append(seconds / best)
        print(f"{f'{_text(seconds)} [{_text(best)}]':>22}", end="", flush=True)
    middle = float(np.median(ratios))
    print(f"   ratios {', '.join(f'{ratio:.2f}' for ratio in ratios)}: median {middle:.2f}", flush=True)
    return middle <= PROMISED


def _text(seconds: float) -> str:
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.0f} s"


def main(arguments: list[str]) -> int:
    """Print both tables; 1 if a promise is broken."""
    parser = argparse.ArgumentParser(description="False alarms and delays at any pace.")
    parser.add_argument("--only", choices=("null", "power"))
    parser.add_argument("--paces", nargs="*", choices=[rate.name for rate in RATES])
    parser.add_argument("--days", type=float, help="simulated days of null traffic at each pace")
    given = parser.parse_args(arguments)
    rates = [rate for rate in RATES if not given.paces or rate.name in given.paces]
    show()
    kept = True
    if given.only != "power":
        print(f"\nnull traffic, budget {BUDGET:g} page a month; config as init writes it")
        for rate in rates:
            days = rate.days if given.days is None else given.days
            kept &= not days or null(rate, days)
    if given.only != "null":
        print("\nmedian delay until a step is found [best fixed sample at the same level]")
        print(" " * 10 + "".join(f"{f'KS {distance:g}':>22}" for distance in DISTANCES))
        for rate in rates:
            kept &= power(rate)
    print("all promises kept" if kept else "BROKEN")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
