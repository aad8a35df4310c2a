"""Seasons: eight weeks of traffic that lives by a clock, with a reference by hour of the week and with a fixed one.

    python load_tests/seasons.py [--quick] [--only classes weeks step]

- classes: 20 builds with four planted classes (days, nights, both of weekends) and 20 without: how often exactly those
  are found.
- weeks: Berlin and New York, each eight weeks over its change of the clocks: three times as many predictions by day as
  by night, and every second column one standard deviation away by night, half of one at weekends. What fires, with the
  seasonal reference and with the fixed one of the same rows. Panes of 5 minutes, windows of 5m, 1h and 1d.
- step: a step of KS 0.2 in one column at moments of the week, with that season and in traffic without one of the same
  volume: event time until DataDrift says so.

Exits 1 when a promise is broken: pages with seasons, fewer than ten with the fixed reference, a delay above 1.5 times
that of flat traffic, or classes that are not those planted.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from columns_run import ColumnsRun
from columns_traffic import TableRows
from machine import show
from scipy.special import ndtr, ndtri

from operators.settings.event_time import TimeSettings
from operators.settings.model import ModelSettings
from stream.config.zones import zone_of
from stream.references.build import build
from stream.references.plan import BuildOptions, SeasonOptions
from windows.references.pace import DAY, HOUR, WEEK
from windows.references.seasons import SeasonClock

if TYPE_CHECKING:
    from windows.arrays import FloatArray, IntArray
    from windows.references.reference import Reference

PANE = 300_000
BEGIN = 1_772_409_600_000
"""2026-03-02, a Monday: New York changes its clocks on the 8th, Berlin on the 29th."""
REFERENCE_DAYS = 28
REFERENCE_ROWS = 600_000
COLUMNS = 8
RATE = 20.0
"""Predictions a second, on average."""
SHIFTS = np.array([1.0, 0.0, 0.5, -0.5])
"""Of every second column, by class: night, day, night and day of a weekend."""
STEP = float(2 * ndtri(0.6))
"""Two normal distributions so far apart are KS 0.2 apart."""
SETTINGS = {
    "drift": {"windows": ["5m", "1h", "1d"]},
    "prediction": {"windows": ["5m", "1h", "1d"]},
    "quality": {"windows": ["5m", "1h"]},
}


def planted(hours: IntArray) -> IntArray:
    """The class of local hours of the week."""
    day = (hours % 24 >= 8) & (hours % 24 < 20)
    found: IntArray = day.astype(np.int64) + 2 * (hours // 24 >= 5)
    return found


@dataclass(frozen=True)
class World:
    """Traffic of one zone; `season` 0 is none."""

    zone: str
    season: float = 1.0

    @property
    def clock(self) -> SeasonClock:
        """Its local hours."""
        return SeasonClock(zone_of(self.zone, BEGIN, BEGIN + 365 * DAY), tuple(range(WEEK)))

    def shift(self, hours: IntArray) -> FloatArray:
        """How far every second column has moved."""
        moved: FloatArray = self.season * SHIFTS[planted(hours)]
        return moved

    def volume(self, hours: IntArray) -> FloatArray:
        """Relative to the mean: three times as much at 14:00 as at 2:00."""
        found: FloatArray = 1 - 0.5 * np.cos(2 * np.pi * (hours % 24 - 2) / 24)
        return found

    def rows(self, count: int, seed: int) -> pa.Table:
        """The rows of a reference."""
        rng = np.random.default_rng(seed)
        times = BEGIN + rng.integers(0, REFERENCE_DAYS * DAY, 2 * count)
        hours = self.clock.hours_of(times)
        kept = rng.random(len(times)) * 1.5 < self.volume(hours)
        times, hours = times[kept][:count], hours[kept][:count]
        order = np.argsort(times)
        times, hours = times[order], hours[order]
        moved = self.shift(hours)
        columns = {f"f{at}": rng.standard_normal(len(times)) + moved * (at % 2) for at in range(COLUMNS)}
        columns["prediction"] = rng.standard_normal(len(times)) + moved
        return pa.table({"timestamp": pa.array(times, pa.timestamp("ms", "UTC")), **columns})

    def reference(self, *, seasonal: bool, rows: int = REFERENCE_ROWS, seed: int = 1) -> Reference:
        """Built as a user would."""
        asked = SeasonOptions(self.zone) if seasonal else None
        options = BuildOptions("m", task="regression", pane=PANE, seasonal=asked)
        return build(TableRows(self.rows(rows, seed)), options).reference


class Traffic:
    """Panes of a world, as vectors of one model."""

    def __init__(self, world: World, reference: Reference, seed: int) -> None:
        self.world, self.rng = world, np.random.default_rng(seed)
        self.run = ColumnsRun(
            ModelSettings.model_validate({"name": "m", "task": "regression", **SETTINGS}),
            reference,
            TimeSettings.model_validate({"pane": "5m"}),
        )
        self.layout = self.run.plan.layout
        self.shares = cache(self._shares)

    def _shares(self, column: int, shift: float) -> FloatArray:
        edges: FloatArray = self.layout.columns[column].profile.edges  # type: ignore[union-attr]
        return np.diff(ndtr(np.concatenate(([-np.inf], edges, [np.inf])) - shift))

    def pane(self, start: int, step: float = 0.0) -> list[Any]:
        """The events of the next pane; the first column that has no season has moved by `step`."""
        hour = _clock(self.world.zone).hours_of(np.array([start]))[0]
        rows = int(self.rng.poisson(RATE * PANE / 1e3 * float(self.world.volume(hour))))
        moved = float(self.world.shift(hour))
        vector = np.zeros(self.layout.size, dtype=np.int64)
        for at, field in enumerate(self.layout.columns):
            seasonal = at % 2 if at < COLUMNS else 1
            counts = self.rng.multinomial(rows, self.shares(at, moved * seasonal + (step if at == 0 else 0.0)))
            vector[field.start : field.start + len(counts)] = counts
        vector[self.layout.rows] = rows
        if self.layout.phases is not None:
            vector[self.layout.phases.start + int(self.layout.phases.clock.classes_of(np.array([start]))[0])] = rows
        return self.run.pane(start // PANE, {("1", ""): vector})


def classes(builds: int) -> bool:
    """Builds with a season and without."""
    found = 0
    for seed in range(builds):
        seasons = World("Europe/Berlin").reference(seasonal=True, rows=120_000, seed=seed).seasons
        mine = None if seasons is None else np.array(seasons.clock.hours)
        truth = planted(np.arange(WEEK))
        found += mine is not None and len({(a, b) for a, b in zip(mine, truth, strict=True)}) == 4 == len(set(mine))
    flat = sum(
        World("Europe/Berlin", 0.0).reference(seasonal=True, rows=120_000, seed=seed).seasons is None
        for seed in range(builds)
    )
    print(f"\nclasses: 120,000 rows of {REFERENCE_DAYS} days, {COLUMNS} columns and a prediction")
    print(f"  exactly the four planted classes: {found} of {builds}; one class without a season: {flat} of {builds}")
    return found == flat == builds


def weeks(zone: str, days: int) -> bool:
    """What fires in eight weeks, with each reference."""
    world, counts = World(zone), {}
    for kind in ("seasonal", "fixed"):
        reference = world.reference(seasonal=kind == "seasonal")
        traffic, begun = Traffic(world, reference, 7), time.process_time()
        events = [event for at in range(0, days * DAY, PANE) for event in traffic.pane(BEGIN + at)]
        pages = {(event.fingerprint, event.started_at) for event in events if event.severity == "critical"}
        fired = sum(event.state == "firing" for event in events)
        counts[kind] = len(pages), fired
        cost = (time.process_time() - begun) / (days * DAY // PANE) * 1e3
        factor = np.median([profile.overdispersion for profile in reference.features.values()])
        print(
            f"  {zone:18}{kind:10}pages {len(pages):4}  alerts {fired:4}  median overdispersion {factor:6.2f}", end=""
        )
        print(f"  {cost:.2f} ms of CPU a pane", flush=True)
    return counts["seasonal"] == (0, 0) and counts["fixed"][0] >= 10


def step(moments: int) -> bool:
    """How long a step of KS 0.2 takes to be told."""
    delays = {}
    for season in (1.0, 0.0):
        world = World("Europe/Berlin", season)
        reference = world.reference(seasonal=True)
        found = []
        for number in range(moments):
            start = BEGIN + REFERENCE_DAYS * DAY + (number * 37 % WEEK) * HOUR
            traffic = Traffic(world, reference, 100 + number)
            for at in range(start - 6 * HOUR, start, PANE):
                traffic.pane(at)
            events = (event for at in range(start, start + DAY, PANE) for event in traffic.pane(at, STEP))
            told = next((event for event in events if event.state == "firing"), None)
            found.append((DAY if told is None else told.event_time - start) / 60_000)
        delays[season] = found
    with_, without = (np.array(delays[season]) for season in (1.0, 0.0))
    print(f"\nstep of KS 0.2 at {moments} moments of the week: minutes until DataDrift, season and flat")
    print(
        f"  mean {with_.mean():.1f} and {without.mean():.1f}, largest {with_.max():.0f} and {without.max():.0f}", end=""
    )
    print(f"; ratio of the means {with_.mean() / without.mean():.2f}")
    return bool(with_.mean() <= 1.5 * without.mean())


@cache
def _clock(zone: str) -> SeasonClock:
    return World(zone).clock


def main(arguments: list[str]) -> int:
    """Print the tables; 1 if a promise is broken."""
    parser = argparse.ArgumentParser(description="Seasonal references beside fixed ones.")
    parser.add_argument("--quick", action="store_true", help="two weeks, three builds, four steps")
    parser.add_argument("--only", nargs="*", choices=("classes", "weeks", "step"), default=("classes", "weeks", "step"))
    given = parser.parse_args(arguments)
    show()
    kept = True
    if "classes" in given.only:
        kept &= classes(3 if given.quick else 20)
    if "weeks" in given.only:
        days = 14 if given.quick else 56
        print(f"\n{days} days over changes of the clocks, {RATE:g} predictions a second on average")
        for zone in ("Europe/Berlin", "America/New_York"):
            kept &= weeks(zone, days)
    if "step" in given.only:
        kept &= step(4 if given.quick else 24)
    print("\nall promises kept" if kept else "\nBROKEN")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
