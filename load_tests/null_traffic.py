"""Null traffic: a simulated month in which nothing changes pages no more than the budget allows.

    python load_tests/null_traffic.py [--quick] [--days N] [--only NAME ...] [--processes 1|2]

Each run drives the default config (windows of 10 s, 1 min, 1 h; one false page a month) over 50 features, the
prediction, the latency and two objectives; features have missing values, rare categories, heavy ties and constants.

- month: independent rows; every four hours the volume changes between 2, 50 and 1,000 predictions a second. 30 days.
- autocorrelated, untimed: rows of AR(1) 0.7 traffic at 5 and 50 a second, with a reference that knows how much panes
  vary, and with one without timestamps, so that the first hour of traffic tells it.
- cold: the latter started 100 times, two minutes each: what is said before anything is known.
- seasonal: 20 a second on average; mix and volume follow the hour of the day, and the reference spans whole days.
- strong: the same, but hours truly further from the whole than the thresholds. What fires there is no noise; it is
  printed, not judged.

The last part, volume, measures single windows from 10^2 to 10^8 predictions: how often a bound is above zero without
drift at a level of 1 %, and what fires with the default config without drift and under a drift too small to matter.

Exits 1 when a page exceeds the budget or a level is not kept.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

import null_volume
import numpy as np
from columns_run import ColumnsRun
from columns_traffic import MODEL, Sketcher, features_of, reference_of
from machine import show
from scipy.signal import lfilter
from scipy.special import ndtr

from operators.settings.alerting import AlertingSettings
from operators.settings.model import ModelSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from operators.alerts.event import AlertEvent
    from windows.arrays import FloatArray, IntArray
    from windows.references.reference import Reference
    from windows.ring import Groups

PANE = 10_000
DAY_PANES = 8_640
START = 178_000_000 // DAY_PANES * DAY_PANES
"""Index of the first pane: midnight of some day in 2026."""
BUDGET = AlertingSettings().false_pages_per_month
REFERENCE_ROWS = 200_000
ERRORS = 1e-4
OBJECTIVES = {
    "latency_p99_ms": {"objective": "< 150", "window": "1m"},
    "availability": {"objective": ">= 0.99", "window": "1m"},
}
"""The truth is a p99 of 96 ms and an availability of 99.99 %."""
RATES = (2, 50, 1000)
"""Predictions a second."""
TURN_PANES = 1_440
"""Panes between two changes of the volume: four hours."""
PHI = 0.7
MILD, STRONG = 0.1, 0.6
"""Amplitudes of the daily wave of z, in standard deviations."""
MOMENTS = 144
"""Steps of the daily wave; every second column follows it, the prediction among them."""


@dataclass(slots=True)
class Found:
    """What one part of a run led to."""

    panes: int = 0
    rows: int = 0
    seconds: float = 0.0
    events: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)
    pages: int = 0
    factors: list[float] = field(default_factory=list)
    examples: list[str] = field(default_factory=list)
    paged: set[tuple[str, int]] = field(default_factory=set)

    def add(self, event: AlertEvent) -> None:
        """Count an event by version, alert, state and severity; an alert is a page once it is critical."""
        self.events[event.version, event.alert, event.state, event.severity] += 1
        alert = event.fingerprint, event.started_at
        if event.severity == "critical" and alert not in self.paged:
            self.paged.add(alert)
            self.pages += 1
        if event.state == "firing" and len(self.examples) < 3:
            self.examples.append(event.reason)

    def __add__(self, other: Found) -> Found:
        return Found(
            self.panes + other.panes,
            self.rows + other.rows,
            self.seconds + other.seconds,
            self.events + other.events,
            self.pages + other.pages,
            self.factors + other.factors,
            (self.examples + other.examples)[:3],
        )


@dataclass(frozen=True, slots=True)
class Scenario:
    """A kind of traffic, how long it is simulated by default, and whether its pages count against the budget."""

    name: str
    title: str
    days: float
    judged: bool
    build: Callable[[np.random.Generator], tuple[Reference, Source]]
    life: int = 10**9
    """Panes until the monitor is started anew."""


Source = Any
"""(rng) -> endless iterator of groups, one pane each."""


def _independent(rng: np.random.Generator) -> tuple[Reference, Source]:
    features = features_of()
    reference = reference_of(features, rng, lambda _: rng.standard_normal(REFERENCE_ROWS), _times(), REFERENCE_ROWS)
    sketcher = Sketcher(reference, features, error_rate=ERRORS)

    def panes(rng: np.random.Generator) -> Iterator[Groups]:
        for number in range(10**9):
            rate = RATES[number // TURN_PANES % len(RATES)]
            yield {("1", ""): sketcher.draw(rng, int(rng.poisson(rate * PANE / 1e3)))}

    return reference, panes


def _autocorrelated(rng: np.random.Generator, *, timed: bool) -> tuple[Reference, Source]:
    features = features_of()
    times = _times() if timed else None
    reference = reference_of(features, rng, lambda _: _ar(rng, 1, REFERENCE_ROWS)[0], times, REFERENCE_ROWS)
    sketcher = Sketcher(reference, features, error_rate=ERRORS)

    def panes(rng: np.random.Generator) -> Iterator[Groups]:
        last = {rate: rng.standard_normal(len(sketcher.columns)) for rate in (5, 50)}
        while True:
            groups = {}
            for rate, before in last.items():
                z = _ar(rng, len(sketcher.columns), rate * PANE // 1000, before)
                before[:] = z[:, -1]
                groups[f"{rate}/s", ""] = sketcher.autocorrelated(rng, z)
            yield groups

    return reference, panes


def _ar(rng: np.random.Generator, columns: int, rows: int, last: FloatArray | None = None) -> FloatArray:
    """float64[columns, rows] of a stationary AR(1) process with unit variance, continuing from `last`."""
    last = rng.standard_normal(columns) if last is None else last
    noise = rng.standard_normal((columns, rows)) * np.sqrt(1 - PHI**2)
    found, _ = lfilter([1.0], [1.0, -PHI], noise, axis=1, zi=PHI * last[:, None])
    values: FloatArray = found
    return values


def _seasonal(rng: np.random.Generator, *, amplitude: float) -> tuple[Reference, Source]:
    features = features_of()
    columns = len(features) + 1
    waves = np.where(np.arange(columns) % 2 == 0, amplitude, 0.0) * rng.choice((-1.0, 1.0), columns)
    # Seven whole days; the volume of each moment is proportional to its rate.
    moments = np.sort(rng.choice(7 * DAY_PANES, REFERENCE_ROWS, p=_rates(7 * DAY_PANES)))
    times = (START - 7 * DAY_PANES + moments) * PANE + rng.integers(0, PANE, REFERENCE_ROWS)
    phase = np.sin(2 * np.pi * moments / DAY_PANES)

    def latent(row: int) -> FloatArray:
        z: FloatArray = rng.standard_normal(REFERENCE_ROWS) + waves[row] * phase
        return z

    reference = reference_of(features, rng, latent, times.astype(np.int64), REFERENCE_ROWS)
    sketcher = Sketcher(reference, features, error_rate=ERRORS)

    @cache
    def shares(moment: int) -> FloatArray:
        shifts = waves * np.sin(2 * np.pi * (moment + 0.5) / MOMENTS)
        return np.stack([sketcher.shares_at(row, float(shift)) for row, shift in enumerate(shifts)])

    rates = _rates(DAY_PANES) * DAY_PANES * 20 * PANE / 1e3

    def panes(rng: np.random.Generator) -> Iterator[Groups]:
        for number in range(10**9):
            of_day = number % DAY_PANES
            rows = int(rng.poisson(rates[of_day]))
            yield {("1", ""): sketcher.draw(rng, rows, shares(of_day * MOMENTS // DAY_PANES))}

    return reference, panes


def _rates(panes: int) -> FloatArray:
    """Share of the volume in each pane of whole days: three times as much at noon as at midnight."""
    rates = 1 - 0.5 * np.cos(2 * np.pi * np.arange(panes) / DAY_PANES)
    shares: FloatArray = rates / rates.sum()
    return shares


def _times() -> IntArray:
    """50 rows a second until the traffic starts."""
    return START * PANE - REFERENCE_ROWS * 20 + np.arange(REFERENCE_ROWS, dtype=np.int64) * 20


def _timed(rng: np.random.Generator) -> tuple[Reference, Source]:
    return _autocorrelated(rng, timed=True)


def _untimed(rng: np.random.Generator) -> tuple[Reference, Source]:
    return _autocorrelated(rng, timed=False)


def _mild(rng: np.random.Generator) -> tuple[Reference, Source]:
    return _seasonal(rng, amplitude=MILD)


def _strong(rng: np.random.Generator) -> tuple[Reference, Source]:
    return _seasonal(rng, amplitude=STRONG)


def _ks(shift: float) -> float:
    """Distance of a normal variable from the same moved by `shift`; a little more than from the whole day."""
    return float(2 * ndtr(shift / 2) - 1)


SCENARIOS = (
    Scenario("month", "independent rows at 2, 50 or 1,000 a second", 30, True, _independent),
    Scenario("autocorrelated", "AR(1) 0.7 at 5 and 50 a second, overdispersion from the reference", 2, True, _timed),
    Scenario("untimed", "the same, overdispersion from the first hour of traffic", 2, True, _untimed),
    Scenario("cold", "the same, started anew every two minutes", 1_200 / DAY_PANES, True, _untimed, life=12),
    Scenario("seasonal", f"hours up to KS {_ks(MILD):.3f} from the reference of whole days", 7, True, _mild),
    Scenario("strong", f"hours up to KS {_ks(STRONG):.3f} from it: truly past the thresholds", 1, False, _strong),
)


def simulate(task: tuple[str, int, int]) -> Found:
    """One part of a scenario: a fresh start, one reference, so many panes."""
    name, part, count = task
    scenario = next(each for each in SCENARIOS if each.name == name)
    rng = np.random.default_rng([sum(name.encode()), part])
    reference, panes = scenario.build(rng)
    run = ColumnsRun(ModelSettings(name=MODEL, task="binary", sla=OBJECTIVES), reference)
    found, begun = Found(panes=count), time.process_time()
    for number, groups in zip(range(count), panes(rng), strict=False):
        if number and number % scenario.life == 0:
            run = ColumnsRun(ModelSettings(name=MODEL, task="binary", sla=OBJECTIVES), reference)
        found.rows += sum(int(vector[run.plan.layout.rows]) for vector in groups.values())
        for event in run.pane(START + number, groups):
            found.add(event)
        if number % DAY_PANES == DAY_PANES - 1:
            print(f"{name}, part {part}: day {number // DAY_PANES + 1} of {count / DAY_PANES:g}", file=sys.stderr)
    found.seconds = time.process_time() - begun
    found.factors = run.overdispersion().tolist()
    return found


def _report(scenario: Scenario, found: Found, parts: int) -> bool:
    days = found.panes / DAY_PANES
    allowed = max(BUDGET, BUDGET * days / 30)
    cost = found.seconds / found.panes * 1e3
    print(f"\n{scenario.name}: {scenario.title}")
    print(f"  {days:.2f} days in {parts} parts, each a fresh start;", end="")
    print(f" {found.panes:,} panes, {found.rows:,} predictions;", end="")
    print(f" {found.seconds:.0f} s of CPU, {cost:.2f} ms a pane")
    if found.factors:
        middle, most = np.median(found.factors), max(found.factors)
        print(f"  overdispersion of the columns: median {middle:.2f}, largest {most:.2f}")
    for (version, alert, state, severity), count in sorted(found.events.items()):
        print(f"  {version:8}{alert:18}{state:10}{severity:10}{count:6}")
    for reason in found.examples:
        print(f"    {reason}")
    kept = found.pages <= allowed or not scenario.judged
    firing = sum(count for (_, _, state, _), count in found.events.items() if state == "firing")
    print(f"  alerts fired {firing}, pages {found.pages}", end="")
    print(f" of {allowed:g} allowed{'' if kept else '  BROKEN'}" if scenario.judged else " (not judged)", flush=True)
    return kept


def main(arguments: list[str]) -> int:
    """Print what fired; 1 if a promise is broken."""
    parser = argparse.ArgumentParser(description="False alarms of traffic in which nothing changes.")
    names = [scenario.name for scenario in SCENARIOS]
    parser.add_argument(
        "--days", type=float, help="simulated days of each run; by default 30 for the month, fewer others"
    )
    parser.add_argument("--only", nargs="*", choices=[*names, "volume"], help="parts to run")
    parser.add_argument("--quick", action="store_true", help="half a simulated day of each run")
    parser.add_argument("--processes", type=int, default=min(2, len(os.sched_getaffinity(0))), choices=(1, 2))
    given = parser.parse_args(arguments)
    wanted = given.only or [*names, "volume"]
    show()
    print(f"{'work':10} default config, budget {BUDGET:g} page a month; {', '.join(wanted)}")
    started, kept = time.perf_counter(), True
    with get_context("spawn").Pool(given.processes) as pool:
        for scenario in SCENARIOS:
            if scenario.name in wanted:
                days = min(0.5, scenario.days) if given.quick else given.days or scenario.days
                count = max(1, int(days * DAY_PANES) // given.processes)
                parts = [(scenario.name, part, count) for part in range(given.processes)]
                kept &= _report(scenario, sum(pool.map(simulate, parts, chunksize=1), start=Found()), given.processes)
    if "volume" in wanted:
        kept &= null_volume.run(quick=given.quick)
    print(f"\n{'all promises kept' if kept else 'BROKEN'}; {time.perf_counter() - started:.0f} s")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
