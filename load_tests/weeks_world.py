"""Eight weeks of a model whose inputs follow the hours of Berlin, healthy and with one fault each, as parquet files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from scipy.special import expit
from seasons import BEGIN, STEP, World

from windows.references.pace import DAY, HOUR

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from windows.arrays import FloatArray, IntArray

DAILY = 4_000
"""Predictions a day on average, three times as many at 14:00 as at 2:00."""
REFERENCE_DAYS = 28
DAYS = 56
ONSET_DAY = 42
ONSET = BEGIN + ONSET_DAY * DAY + 8 * HOUR
"""Monday 13 April 2026, 10:00 in Berlin, two weeks after the clocks changed there."""
LEAD = 1
"""Healthy days at the beginning of a file with a fault."""
LAST = 7
"""Days with the fault in it, its first included."""
RAMP = 7 * DAY
HOLIDAY = ONSET_DAY + 2
"""The Wednesday after."""
WORLD = World("Europe/Berlin")
DEVICES = ("desktop", "mobile", "tablet")
SHARES = np.array([[0.25, 0.65, 0.10], [0.60, 0.35, 0.05], [0.20, 0.70, 0.10], [0.30, 0.60, 0.10]])
"""Of the devices by class: night, day, night and day of a weekend."""
RHO = 0.8


@dataclass(frozen=True)
class Fault:
    """What goes wrong; `features` are those that a verdict should name (any of them)."""

    name: str
    features: tuple[str, ...]
    begins: int = ONSET
    hours: Callable[[IntArray, IntArray], IntArray] | None = None
    change: Callable[[dict[str, FloatArray], IntArray], None] | None = None


def _sunday(times: IntArray, hours: IntArray) -> IntArray:
    holiday = (times + 2 * HOUR) // DAY == BEGIN // DAY + HOLIDAY
    return np.where(holiday, 6 * 24 + hours % 24, hours)


def _step(name: str) -> Callable[[dict[str, FloatArray], IntArray], None]:
    def change(columns: dict[str, FloatArray], times: IntArray) -> None:
        columns[name][times >= ONSET] += STEP

    return change


def _ramp(columns: dict[str, FloatArray], times: IntArray) -> None:
    columns["f0"] += STEP * np.clip((times - ONSET) / RAMP, 0.0, 1.0)


def _clock(columns: dict[str, FloatArray], times: IntArray) -> None:
    hours = WORLD.clock.hours_of(times)
    other = WORLD.clock.hours_of(times + 12 * HOUR)
    columns["f1"] += np.where(times >= ONSET, WORLD.shift(other) - WORLD.shift(hours), 0.0)


def _pair(columns: dict[str, FloatArray], times: IntArray) -> None:
    after = times >= ONSET
    columns["f5"][after] -= 2 * RHO * columns["f4"][after]


SEASONAL = ("f1", "f3", "device", "prediction")
FAULTS = (
    Fault("step of KS 0.2", ("f0",), change=_step("f0")),
    Fault("step of KS 0.2 in a feature with a season", ("f1",), change=_step("f1")),
    Fault("ramp to KS 0.2 in 7 days", ("f0",), change=_ramp),
    Fault("a holiday that no calendar has", SEASONAL, BEGIN + HOLIDAY * DAY - 2 * HOUR, hours=_sunday),
    Fault("a feature's clock is 12 hours off", ("f1",), change=_clock),
    Fault("a pair turns from rho 0.8 to -0.8", ("f4", "f5"), change=_pair),
)


def day(number: int, fault: Fault | None = None) -> pa.Table:
    """The rows of a day (UTC) since the beginning of the eight weeks; those before are the reference's."""
    rng = np.random.default_rng(10_000 + number)
    times = np.sort(BEGIN + number * DAY + rng.integers(0, DAY, DAILY * 3 // 2))
    lived = WORLD.clock.hours_of(times)
    if fault is not None and fault.hours is not None:
        lived = fault.hours(times, lived)
    kept = rng.random(len(times)) * 1.5 < WORLD.volume(lived)
    times, lived = times[kept], lived[kept]
    count, moved = len(times), WORLD.shift(lived)
    columns: dict[str, FloatArray] = {f"f{at}": rng.standard_normal(count) + moved * (at in {1, 3}) for at in range(6)}
    columns["f5"] = RHO * columns["f4"] + np.sqrt(1 - RHO**2) * columns["f5"]
    score = rng.standard_normal(count) + moved
    below = np.cumsum(SHARES, axis=1)[_classes(lived)]
    device = (rng.random(count)[:, None] >= below[:, :2]).sum(axis=1)
    if fault is not None and fault.change is not None:
        fault.change(columns, times)
    return pa.table(
        {
            "timestamp": pa.array(times, pa.timestamp("ms", "UTC")),
            **columns,
            "device": pa.array(np.array(DEVICES)[device]),
            "prediction": expit(score - 1.0),
        }
    )


def _classes(hours: IntArray) -> IntArray:
    by_day = (hours % 24 >= 8) & (hours % 24 < 20)
    found: IntArray = by_day.astype(np.int64) + 2 * (hours // 24 >= 5)
    return found


def write(directory: Path, days: int, faults: tuple[Fault, ...] = FAULTS) -> list[str]:
    """reference.parquet, healthy.parquet and one file a fault; the names of the worlds in order."""
    _file(directory / "reference.parquet", range(-REFERENCE_DAYS, 0), None)
    _file(directory / "healthy.parquet", range(days), None)
    for at, fault in enumerate(faults):
        _file(directory / f"fault{at}.parquet", range(ONSET_DAY - LEAD, ONSET_DAY + LAST), fault)
    return ["healthy", *(f"fault{at}" for at in range(len(faults)))]


def _file(path: Path, days: range, fault: Fault | None) -> None:
    with pq.ParquetWriter(path, day(0).schema) as file:
        for number in days:
            file.write_table(day(number, fault))
