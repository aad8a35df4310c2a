"""Rows of Berlin that follow its hours: half of the columns, and the prediction, have the season of `seasons.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from seasons import World

from windows.references.pace import DAY

if TYPE_CHECKING:
    from windows.arrays import FloatArray, IntArray

COLUMNS = 4
SEASONAL = 1
"""Every column whose number is odd has the season."""
WORLD = World("Europe/Berlin")


def drawn(begin: int, days: int, rows: int, seed: int) -> tuple[IntArray, FloatArray]:
    """Times (ms) of so many rows, and the columns: float64[COLUMNS + 1, rows], the prediction last."""
    rng = np.random.default_rng(seed)
    times = begin + rng.integers(0, days * DAY, 2 * rows)
    hours = WORLD.clock.hours_of(times)
    kept = rng.random(len(times)) * 1.5 < WORLD.volume(hours)
    order = np.argsort(times[kept][:rows], kind="stable")
    times, hours = times[kept][:rows][order], hours[kept][:rows][order]
    follows = np.array([*(at % 2 == SEASONAL for at in range(COLUMNS)), True])
    return times, rng.standard_normal((COLUMNS + 1, rows)) + WORLD.shift(hours) * follows[:, None]


def table(times: IntArray, columns: FloatArray) -> pa.Table:
    """As rows of a file."""
    named = {f"f{at}": columns[at] for at in range(COLUMNS)}
    return pa.table({"timestamp": pa.array(times, pa.timestamp("ms", "UTC")), **named, "prediction": columns[-1]})
