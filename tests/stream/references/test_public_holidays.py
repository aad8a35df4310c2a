"""`init --holidays`: public holidays become entries of the calendar, as rows and config count them."""

from __future__ import annotations

import datetime as dt
import sys
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from seasonal import seasonal_rows
from typer.testing import CliRunner

from stream.cli.app import app
from stream.config.load import load, load_references
from stream.errors import UsageError
from stream.references.public_holidays import EPOCH, calendar_text, public_holidays, since

if TYPE_CHECKING:
    from pathlib import Path

TODAY = dt.date(2026, 3, 1)


def initialised(place: Path, rows: dict[str, object], *more: str) -> str:
    """What `init` says."""
    pq.write_table(pa.table(rows), place / "rows.parquet")
    asked = ["init", "--from", str(place / "rows.parquet"), "--model", "m", "--output", str(place), *more]
    done = CliRunner().invoke(app, [*asked, "--ignore", "site"])
    assert done.exit_code == 0, done.output
    return " ".join(done.output.split())


def test_holidays_of_a_country_and_of_a_part_of_it() -> None:
    """Known days of 2026; a holiday that is a Sunday anyway is none, and Bavaria has one more in January."""
    germany = {one.date for one in public_holidays("DE", TODAY)}
    bavaria = {one.date for one in public_holidays("de-by", TODAY)}
    assert {dt.date(2026, 4, 6), dt.date(2026, 5, 1), dt.date(2026, 12, 25), dt.date(2027, 1, 1)} <= germany
    assert dt.date(2022, 5, 1) not in germany  # a Sunday
    assert dt.date(2026, 1, 6) in bavaria - germany
    assert {one.year for one in germany} == set(range(2016, 2028))
    days = [one.day for one in public_holidays("DE", TODAY)]
    assert days == sorted(days)
    assert (dt.date(2026, 12, 25) - EPOCH).days in days


@pytest.mark.parametrize("country", ["XX", "DE-NOWHERE", "Germany", ""])
def test_what_is_no_country_is_refused(country: str) -> None:
    """With what is needed."""
    with pytest.raises(UsageError, match=r"--holidays: nothing is known of .*; a code such as DE or US-NY is needed"):
        public_holidays(country, TODAY)


def test_without_the_package_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an extra."""
    monkeypatch.setitem(sys.modules, "holidays", None)
    with pytest.raises(UsageError, match=r"pip install 'driftgauge\[holidays\]'"):
        public_holidays("DE", TODAY)


def test_they_are_written_from_the_year_of_the_rows_on() -> None:
    """Each with its name; none where there are none."""
    start = int(dt.datetime(2026, 6, 1, tzinfo=dt.UTC).timestamp() * 1000)
    text = calendar_text(since(public_holidays("DE", TODAY), start))
    assert text.splitlines()[1].startswith("      - {date: 2026-01-01, like: sunday}  # ")
    assert calendar_text(()) == " []"


def test_init_writes_them_and_counts_rows_by_them(tmp_path: Path) -> None:
    """Easter of Berlin is in the rows: Good Friday and Easter Monday count by the hours of a Sunday."""
    said = initialised(tmp_path, seasonal_rows(30_000, days=42), "--timezone", "Europe/Berlin", "--holidays", "DE")
    config = load(tmp_path / "driftgauge.yaml", {})
    written = {entry.date for entry in config.models[0].calendar if entry.like == "sunday"}
    assert {dt.date(2026, 4, 3), dt.date(2026, 4, 6)} <= written
    assert f"{len(written)} holidays of DE have the hours of a Sunday" in said
    reference = load_references(config)["m"]
    assert reference.seasons is not None
    plain = tmp_path / "plain"
    plain.mkdir()
    initialised(plain, seasonal_rows(30_000, days=42), "--timezone", "Europe/Berlin")
    without = load_references(load(plain / "driftgauge.yaml", {}))["m"].seasons
    assert without is not None
    rows = [sum(one.rows for one in seasons.classes) for seasons in (reference.seasons, without)]
    assert rows == [30_000, 30_000]
    assert [one.rows for one in reference.seasons.classes] != [one.rows for one in without.classes]


def test_without_a_season_nothing_is_written(tmp_path: Path) -> None:
    """Which is said."""
    rng = np.random.default_rng(0)
    times = 1_772_409_600_000 + np.sort(rng.integers(0, 21 * 86_400_000, 20_000))
    rows = {
        "timestamp": pa.array(times, pa.timestamp("ms", "UTC")),
        "x": rng.standard_normal(20_000),
        "prediction": rng.random(20_000),
        "site": ["a"] * 20_000,
    }
    said = initialised(tmp_path, rows, "--holidays", "DE")
    assert "the holidays of DE are not written" in said
    assert load(tmp_path / "driftgauge.yaml", {}).models[0].calendar == ()
