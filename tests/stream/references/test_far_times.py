"""Times that stand for none: a day of 1970 or of 9999 among those of a week."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from stream.errors import UsageError
from stream.references.build import BuildOptions, build
from stream.references.far_times import DayVolumes
from stream.rows.columns import Wishes
from stream.rows.open import open_rows

if TYPE_CHECKING:
    from pathlib import Path

    from windows.arrays import IntArray

ROWS = 1_000
TIMES = pd.date_range("2026-05-04", periods=ROWS, freq="10min")


@pytest.mark.parametrize("form", ["csv", "parquet"])
@pytest.mark.parametrize("odd", ["1970-01-01", "0001-01-01", "9999-12-31 23:59:59"])
def test_a_few_times_far_from_all_others_are_none(tmp_path: Path, odd: str, form: str) -> None:
    """The span and the pace are those of the others; the rows count, and the note says which they are."""
    times = [odd if at in {3, 700} else str(one) for at, one in enumerate(TIMES)]
    table, path = pd.DataFrame({"x": np.arange(ROWS) % 7, "timestamp": times}), tmp_path / f"r.{form}"
    if form == "csv":
        table.to_csv(path, index=False)
    else:
        table.to_parquet(path)
    built = build(open_rows(path, Wishes()), BuildOptions("m"))
    reference = built.reference
    assert reference.rows == ROWS
    stamps = TIMES.as_unit("ms").asi8
    assert (reference.start, reference.end) == (stamps[0], stamps[-1])
    assert reference.pace is not None
    assert sum(reference.pace.hours) == ROWS - 2
    (note,) = [note for note in built.notes if "far from those of all others" in note]
    assert f"2 of {ROWS:,} rows" in note
    assert odd[:10] in note


@pytest.mark.parametrize(
    "days",
    [
        pytest.param(np.arange(3_000), id="eight years"),
        pytest.param(np.repeat([20_000, 20_001], 500), id="two days"),
        pytest.param(np.append(np.repeat(20_000, 500), np.repeat(1_000, 20)), id="more than a few"),
        pytest.param(np.append(np.repeat(20_000, 500), 20_200), id="half a year later"),
        pytest.param(np.array([0, 20_000]), id="two rows"),
        pytest.param(np.zeros(0, dtype=np.int64), id="none"),
    ],
)
def test_times_of_any_span_are_usual(days: IntArray) -> None:
    """Only a few far from all others are not."""
    found = DayVolumes()
    found.add(days * 86_400_000)
    assert found.usual() is None


def test_tables_whose_log_says_what_counts_are_refused(tmp_path: Path) -> None:
    """Their folders hold files with rows that are gone."""
    table = pd.DataFrame({"x": range(9)})
    for inside in ("_delta_log", ".hoodie"):
        folder = tmp_path / inside.strip("._")
        (folder / inside).mkdir(parents=True)
        table.to_parquet(folder / "part-0.parquet")
        with pytest.raises(UsageError, match="whose log says which of its files count"):
            open_rows(folder, Wishes())
