"""Local times without an offset, told by the hour that clocks skip."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from stream.references.build import BuildOptions, build
from stream.references.hour_volumes import HourVolumes
from stream.references.skipped_hour import skipped_hour
from stream.rows.columns import Wishes
from stream.rows.open import open_rows

if TYPE_CHECKING:
    from pathlib import Path


def volumes(times: pd.DatetimeIndex) -> HourVolumes:
    """Rows by hour, as a build counts them."""
    found = HourVolumes()
    found.add(times.as_unit("ms").asi8)
    return found


@pytest.mark.parametrize(
    ("zone", "day", "hour"),
    [
        ("Europe/Berlin", "2026-03-28", "02:00 and 03:00 of 2026-03-29"),
        ("Europe/London", "2026-03-28", "01:00 and 02:00 of 2026-03-29"),
        ("America/Chicago", "2026-03-07", "02:00 and 03:00 of 2026-03-08"),
        ("Australia/Melbourne", "2026-10-03", "02:00 and 03:00 of 2026-10-04"),
    ],
)
def test_the_hour_that_clocks_skip_is_told(zone: str, day: str, hour: str) -> None:
    """Two days of a row every two minutes, by the clock on the wall."""
    local = pd.date_range(day, periods=1_440, freq="2min", tz=zone)
    said = skipped_hour(volumes(local.tz_localize(None)))
    assert said is not None
    assert hour in said
    assert "tz_localize" in said
    assert skipped_hour(volumes(local.tz_convert("UTC").tz_localize(None))) is None


def test_other_hours_without_rows_are_none() -> None:
    """An outage at another time; a pause every night; too few rows to tell."""
    times = pd.date_range("2026-03-20", "2026-04-03", freq="2min")
    assert skipped_hour(volumes(times[~((times >= "2026-03-25 02:00") & (times < "2026-03-25 03:00"))])) is None
    assert skipped_hour(volumes(times[times.hour != 2])) is None
    local = pd.date_range("2026-03-20", "2026-04-03", freq="15min", tz="Europe/Berlin").tz_localize(None)
    assert skipped_hour(volumes(local)) is None
    assert skipped_hour(HourVolumes()) is None


def test_a_build_says_it(tmp_path: Path) -> None:
    """With the other notes."""
    local = pd.date_range("2026-03-28", periods=1_440, freq="2min", tz="Europe/Berlin").tz_localize(None)
    path = tmp_path / "r.csv"
    pd.DataFrame({"x": np.arange(1_440) % 7, "timestamp": local}).to_csv(path, index=False)
    built = build(open_rows(path, Wishes()), BuildOptions("m"))
    assert any("the hour that clocks skip in Europe/Berlin" in note for note in built.notes)
