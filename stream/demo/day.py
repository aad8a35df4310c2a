"""What `demo --seasonal` plays: a day of ride requests in a minute, beside a reference with its hours and one without.

Waits and distances follow the hours of the local week, so a reference for all hours finds the night odd, or, as it
counts the season as noise, sees nothing. In the afternoon waits grow for real.
"""

from __future__ import annotations

import datetime as dt
import json
import zoneinfo
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from stream.config.zones import zone_of
from stream.references.build import build
from stream.references.plan import BuildOptions, SeasonOptions
from stream.rows.columns import Column
from windows.references.pace import DAY, HOUR, WEEK
from windows.references.seasons import SeasonClock

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from windows.arrays import FloatArray, IntArray
    from windows.references.reference import Reference

ZONE = "Europe/Berlin"
SEASONAL, FIXED = "rides", "rides-fixed"
"""Model compared with the reference of its hours; the same predictions beside one reference for all hours."""
DAYS = 28
PANE = 900_000
ROWS = 120_000
A_DAY = 60_000
"""Predictions of the day, for each model."""
SHIFTED_AT = 15 * HOUR
"""From midnight on."""
SHIFTED_BY = 0.7
FEATURE = "wait_minutes"
SHIFT_TEXT = f"{FEATURE} is up by {SHIFTED_BY} of its deviation within an hour"
RIDE_LEVELS = (1.2, 0.0, 0.6, -0.6)
"""Where the logarithm of a wait lies by night, by day, and at weekends, in deviations."""

CONFIG = """\
# What `driftgauge demo --seasonal` runs on: the same predictions under two names, and so beside two references.
kafka: {{brokers: "{brokers}", start: earliest}}
state: {{directory: state}}
http: {{listen: "{listen}"}}
# The day is past, and a partition that is empty for a moment says nothing about then: hence idle_after.
time: {{pane: 15m, lateness: 2m, idle_after: 60d}}
models:
  - name: rides
    task: regression
    reference: rides.reference.json
    seasonal: {{timezone: Europe/Berlin}}
    drift: {{windows: [1h, 6h]}}
    prediction: {{windows: [1h, 6h]}}
    quality: {{windows: [1h]}}
  - name: rides-fixed
    task: regression
    reference: rides-fixed.reference.json
    drift: {{windows: [1h, 6h]}}
    prediction: {{windows: [1h, 6h]}}
    quality: {{windows: [1h]}}
"""


def wednesday(now: int) -> int:
    """Midnight in Berlin (ms) of the last Wednesday that was over a day ago."""
    today = dt.datetime.fromtimestamp(now / 1e3, zoneinfo.ZoneInfo(ZONE)).replace(
        hour=0, minute=0, second=0, microsecond=0
    )
    days = (today.weekday() - 2) % 7
    return round((today - dt.timedelta(days=days if days >= 2 else days + 7)).timestamp() * 1e3)


@lru_cache(maxsize=4)
def clock(around: int) -> SeasonClock:
    """Local hours of the weeks around a day."""
    return SeasonClock(zone_of(ZONE, around - 2 * DAYS * DAY, around + 2 * DAY), tuple(range(WEEK)))


@dataclass(frozen=True, slots=True)
class Rides:
    """Some requests in the order of their times."""

    times: IntArray
    wait: FloatArray
    distance: FloatArray
    app: Sequence[str]
    price: FloatArray

    def columns(self) -> dict[str, Any]:
        """As columns of rows."""
        return {
            "timestamp": self.times,
            FEATURE: self.wait,
            "distance_km": self.distance,
            "app": np.array(self.app, dtype=object),
            "prediction": self.price,
        }


def drawn(start: int, span: int, count: int, seed: int, shift_from: int | None = None) -> Rides:
    """So many requests within a span of time (ms); from `shift_from` on waits are longer."""
    rng = np.random.default_rng(seed)
    times = start + rng.integers(0, span, 3 * count)
    hours = clock(start // DAY * DAY).hours_of(times)
    volume = 1 - 0.6 * np.cos(2 * np.pi * (hours % 24 - 3) / 24)
    kept = np.flatnonzero(rng.random(len(times)) * 1.6 < volume)[:count]
    kept = kept[np.argsort(times[kept], kind="stable")]
    times, hours = times[kept], hours[kept]
    day = (hours % 24 >= 7) & (hours % 24 < 21)
    level = np.array(RIDE_LEVELS)[day.astype(np.int64) + 2 * (hours >= 5 * 24)]
    moved = 0.0 if shift_from is None else SHIFTED_BY * (times >= shift_from)
    wait = np.exp(1.2 + 0.5 * (rng.standard_normal(len(times)) + level + moved))
    distance = np.exp(1.5 + 0.6 * (rng.standard_normal(len(times)) + 0.7 * (level > 0)))
    app = rng.choice(["ios", "android", "web"], len(times), p=[0.45, 0.4, 0.15]).tolist()
    return Rides(times, wait, distance, app, 2.5 + 1.4 * distance * np.exp(0.1 * rng.standard_normal(len(times))))


class RideRows:
    """Requests as a build reads them."""

    path = Path("rides")

    def __init__(self, rides: Rides) -> None:
        found = rides.columns()
        found["timestamp"] = pa.array(rides.times, pa.timestamp("ms", "UTC"))
        kinds = {"timestamp": "time", "app": "category"}
        self.columns = tuple(Column(name, kinds.get(name, "number")) for name in found)  # type: ignore[arg-type]
        self._batch = pa.record_batch({name: pa.array(values) for name, values in found.items()})

    def batches(self, names: Sequence[str]) -> Iterator[tuple[Any, float]]:
        """One batch with the named columns."""
        yield self._batch.select(list(names)), 1.0


def references(start: int) -> tuple[Reference, Reference, tuple[str, ...]]:
    """Of the four weeks before a day: with the season that the build finds, and without; and what it says of it."""
    rows = RideRows(drawn(start - DAYS * DAY, DAYS * DAY, ROWS, 1))
    asked = BuildOptions(SEASONAL, task="regression", pane=PANE, seasonal=SeasonOptions(ZONE))
    seasonal = build(rows, asked)
    fixed = build(rows, BuildOptions(FIXED, task="regression", pane=PANE)).reference
    return seasonal.reference, fixed, tuple(note for note in seasonal.notes if "season" in note)


def encoded(rides: Rides) -> list[bytes]:
    """Each request as a message: both predictions of it, a line each."""
    found = []
    for at, wait, distance, app, price in zip(
        rides.times.tolist(), rides.wait.tolist(), rides.distance.tolist(), rides.app, rides.price.tolist(), strict=True
    ):
        one = {
            "timestamp": at,
            "version": "3",
            "prediction": round(price, 2),
            "features": {FEATURE: round(wait, 2), "distance_km": round(distance, 2), "app": app},
        }
        lines = (json.dumps({"model": model, **one}) for model in (SEASONAL, FIXED))
        found.append("\n".join(lines).encode())
    return found
