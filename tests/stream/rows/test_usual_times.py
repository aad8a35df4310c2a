"""Times of rows under other names than `timestamp`: `init`, `reference build` and `replay` know the same ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from stream.references.build import BuildOptions, Built, build
from stream.rows.columns import Wishes
from stream.rows.open import open_rows

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 200
MOMENTS = pd.date_range("2026-05-04", periods=ROWS, freq="1h")
FIRST, LAST = int(MOMENTS[0].timestamp() * 1e3), int(MOMENTS[-1].timestamp() * 1e3)
BASE = pd.DataFrame({"x": np.random.default_rng(1).normal(size=ROWS)})


def _built(directory: Path, table: pd.DataFrame, form: str, options: BuildOptions | None = None) -> Built:
    path = directory / f"r.{form}"
    if form == "csv":
        table.to_csv(path, index=False)
    elif form == "jsonl":
        table.to_json(path, orient="records", lines=True, date_format="iso")
    else:
        table.to_parquet(path, index=False)
    return build(open_rows(path, Wishes()), options or BuildOptions("m"))


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize("name", ["time", "ts", "event_time", "eventTime", "datetime", "created_at", "Scored At"])
def test_times_go_by_their_usual_names(tmp_path: Path, name: str, form: str) -> None:
    """The first and last are those of pandas, the reference remembers the name, and a note says so."""
    built = _built(tmp_path, BASE.assign(**{name: MOMENTS}), form)
    assert (built.reference.start, built.reference.end) == (FIRST, LAST)
    assert built.reference.columns == {"timestamp": name}
    assert any(f"taken `{name}` for the times" in note for note in built.notes)


def test_epoch_seconds_under_a_usual_name_are_times(tmp_path: Path) -> None:
    """Numbers as well as text."""
    built = _built(tmp_path, BASE.assign(ts=MOMENTS.as_unit("s").astype("int64")), "csv")
    assert (built.reference.start, built.reference.end) == (FIRST, LAST)


def test_seconds_since_the_first_row_are_a_feature(tmp_path: Path) -> None:
    """`Time` of a known table of card payments counts from its first row: no moment, and watched as it was."""
    built = _built(tmp_path, BASE.assign(Time=np.random.default_rng(2).integers(0, 172_792, ROWS)), "csv")
    assert built.reference.start is None
    assert "Time" in built.reference.features


def test_of_two_the_likelier_is_taken_and_the_other_told(tmp_path: Path) -> None:
    """What is ignored, or said to be the times, is no question any more."""
    table = BASE.assign(created_at=MOMENTS - pd.Timedelta("9h"), event_time=MOMENTS)
    built = _built(tmp_path, table, "csv")
    assert built.reference.start == FIRST
    assert any("`created_at` could hold the times of the rows, too" in note for note in built.notes)
    said = _built(tmp_path, table, "csv", BuildOptions("m", roles={"timestamp": "created_at"}))
    assert said.reference.start == FIRST - 9 * 3_600_000
    ignored = _built(tmp_path, table, "csv", BuildOptions("m", ignored=("event_time",)))
    assert ignored.reference.start == FIRST - 9 * 3_600_000
    for other in (said, ignored):
        assert not any("too:" in note for note in other.notes)


def test_a_column_called_timestamp_is_before_all_others(tmp_path: Path) -> None:
    """As before."""
    built = _built(tmp_path, BASE.assign(time=MOMENTS - pd.Timedelta("9h"), timestamp=MOMENTS), "csv")
    assert (built.reference.start, built.reference.columns) == (FIRST, {})


def test_dates_of_something_else_are_not_taken(tmp_path: Path) -> None:
    """A day of birth, a sign-up: told, and left to the user."""
    built = _built(tmp_path, BASE.assign(signup_date=MOMENTS), "csv")
    assert built.reference.start is None
    assert any("--timestamp COLUMN" in note for note in built.notes)
