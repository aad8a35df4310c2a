"""Features together under a season: half of them move with the hours of Berlin, all at once, and nothing is broken."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from columns_run import ColumnsRun
from columns_traffic import TableRows
from seasons import BEGIN, World

from operators.settings.event_time import TimeSettings
from operators.settings.model import ModelSettings
from stream.references.build import build
from stream.references.plan import BuildOptions, JointOptions, SeasonOptions
from windows.predictions.columns import Columns
from windows.predictions.fold import binning_of, fold
from windows.references.pace import DAY, HOUR
from windows.references.reference import Reference, seal

if TYPE_CHECKING:
    from collections.abc import Callable

    from operators.alerts.event import AlertEvent
    from windows.arrays import FloatArray, IntArray

    Draw = Callable[[np.random.Generator, int, int, float], FloatArray]

FEATURES = 10
HOURLY = 500
PANE = HOUR // 4
WORLD = World("Europe/Berlin")
WINDOWS = {"windows": ["15m", "1h", "1d"]}
SETTINGS = {
    "name": "m",
    "task": "regression",
    "multivariate": WINDOWS,
    "drift": WINDOWS,
    "prediction": WINDOWS,
    "quality": WINDOWS,
}
DAYS = 28


def rows(draw: Draw, begin: int, length: int, count: int, seed: int, rho: float) -> tuple[IntArray, FloatArray]:
    """Times (ms), and float64[FEATURES, n]; every second feature follows the hours."""
    rng = np.random.default_rng(seed)
    times = np.sort(begin + rng.integers(0, length, count * 3 // 2))
    hours = WORLD.clock.hours_of(times)
    kept = rng.random(len(times)) * 1.5 < WORLD.volume(hours)
    times, hours = times[kept], hours[kept]
    x = draw(rng, FEATURES, len(times), rho)
    x[1::2] += WORLD.shift(hours)
    return times, x


def reference(draw: Draw, rho: float) -> Reference:
    """Built as a user would, of four weeks before the traffic."""
    times, x = rows(draw, BEGIN - DAYS * DAY, DAYS * DAY, DAYS * 24 * HOURLY, 1, rho)
    columns = {f"f{at}": x[at] for at in range(FEATURES)}
    table = pa.table({"timestamp": pa.array(times, pa.timestamp("ms", "UTC")), **columns})
    season, joint = SeasonOptions(WORLD.zone), JointOptions("conditional")
    return build(
        TableRows(table), BuildOptions("m", task="regression", pane=PANE, seasonal=season, joint=joint)
    ).reference


def flat(draw: Draw, rho: float) -> Reference:
    """The same, with features told from each other over all hours."""
    times, x = rows(draw, BEGIN - DAYS * DAY, DAYS * DAY, DAYS * 24 * HOURLY, 1, rho)
    columns = {f"f{at}": x[at] for at in range(FEATURES)}
    table = pa.table({"timestamp": pa.array(times, pa.timestamp("ms", "UTC")), **columns})
    joint = JointOptions("conditional")
    pooled = build(TableRows(table), BuildOptions("m", task="regression", pane=PANE, joint=joint)).reference
    return seal(replace(reference(draw, rho), joint=pooled.joint))


class Traffic:
    """Panes of the world."""

    def __init__(self, draw: Draw, known: Reference) -> None:
        """Nothing yet."""
        self.draw = draw
        settings = ModelSettings.model_validate(SETTINGS)
        self.run = ColumnsRun(settings, known, TimeSettings.model_validate({"pane": "15m"}))
        self.binning = binning_of(self.run.plan.layout, PANE)

    def day(self, begin: int, rho: float, seed: int) -> list[AlertEvent]:
        """The events of a day."""
        times, x = rows(self.draw, begin, DAY, 24 * HOURLY, seed, rho)
        panes, events = times // PANE, []
        for pane in range(begin // PANE, (begin + DAY) // PANE):
            mine = panes == pane
            count = int(mine.sum())
            none = np.zeros((0, count), dtype=np.int64)
            batch = Columns(
                panes=np.full(count, pane, dtype=np.int64),
                versions=("1",),
                version=np.zeros(count, dtype=np.int64),
                numeric=x[:, mine],
                categorical=none,
                segments=none,
                latency=np.full(count, np.nan),
                failed=None,
            )
            events += self.run.pane(pane, {key[1:]: vector for key, vector in fold(self.binning, batch).items()})
        return events


def seasons(draw: Draw, rho: float, days: int, breaks: int) -> bool:
    """Healthy weeks over the change of the clocks, and pairs that turn around at moments of a week."""
    print(f"\nseasons: {FEATURES} features, every second one by the hours, {HOURLY} predictions an hour, {days} days")
    kept = True
    for name, known in (("by class of hours", reference(draw, rho)), ("over all hours", flat(draw, rho))):
        traffic = Traffic(draw, known)
        events = [event for day in range(days) for event in traffic.day(BEGIN + day * DAY, rho, 100 + day)]
        fired = sum(event.alert == "Anomaly" and event.state == "firing" for event in events)
        others = sum(event.state == "firing" for event in events) - fired
        delays, right = [], 0
        for number in range(breaks):
            begin = BEGIN + (number * 37 % 168) * HOUR + DAY
            traffic = Traffic(draw, known)
            traffic.day(begin - DAY, rho, 1_000 + number)
            told = [event for event in traffic.day(begin, -rho, 2_000 + number) if event.alert == "Anomaly"]
            if told:
                delays.append((told[0].event_time - begin) / 60_000)
                right += {cause.feature for cause in told[-1].causes if cause.feature} == {"f0", "f1"}
        late = f"after {np.mean(delays):.0f} min (mean), {max(delays):.0f} at most" if delays else "never"
        print(f"  learnt {name:18} Anomaly fired {fired} times, other alerts {others}; a pair that turns", end="")
        print(f" told {len(delays)} of {breaks}, {late}, these two and no other named {right}", flush=True)
        kept &= name != "by class of hours" or (fired == others == 0 and len(delays) == right == breaks)
    return kept
