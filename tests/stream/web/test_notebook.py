"""Two data frames: distances are those of other libraries, and what did not move is not said to."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy import stats
from sklearn.datasets import load_diabetes, load_wine

from stream.errors import UsageError
from stream.web.notebook import report


def frames(rows: int = 6_000) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Wine, drawn with replacement; of the second alcohol is up by a deviation and a new origin appears."""
    wine = load_wine(as_frame=True).frame
    wine["origin"] = wine.pop("target").map({0: "hill", 1: "plain", 2: "coast"})
    before, now = wine.sample(rows, replace=True, random_state=1), wine.sample(rows, replace=True, random_state=2)
    now = now.assign(alcohol=now["alcohol"] + wine["alcohol"].std())
    now.loc[now.sample(frac=0.3, random_state=3).index, "origin"] = "elsewhere"
    return before, now


def test_what_moved_is_found_and_nothing_else() -> None:
    """Of 14 columns the two that were changed, however the frames are given; every other one is within its interval."""
    before, now = frames()
    found = report(before, now)
    assert set(found.drifted) == {"alcohol", "origin"}
    for given in ((pl.from_pandas(before), pl.from_pandas(now)), (pa.table(before), dict(now))):
        assert report(*given).distances == found.distances


def test_distances_are_those_of_scipy() -> None:
    """The Kolmogorov-Smirnov distance is scipy's within a bin; the interval holds it."""
    before, now = frames()
    for name in ("alcohol", "ash", "proline"):
        value, lower, upper = report(before, now, columns=[name]).distances[name]["ks"]
        exact = stats.ks_2samp(before[name], now[name]).statistic
        assert lower <= exact + 0.02
        assert upper >= exact - 0.02
        assert value == pytest.approx(exact, abs=0.02)


def test_missing_values_are_seen() -> None:
    """A fifth of a column that had none: that is what is said of it."""
    rows = load_diabetes(as_frame=True).frame
    before = pd.concat([rows] * 10)
    now = before.copy()
    now.iloc[: len(now) // 5, now.columns.get_loc("bmi")] = np.nan
    found = report(before, now)
    assert found.drifted == ("bmi",)
    assert "Missing" in found.html


def test_it_shows_itself_and_can_be_saved(tmp_path: object) -> None:
    """In a notebook as a frame with the whole page inside; on disk as the page."""
    before, now = frames(500)
    found = report(before, now)
    assert found._repr_html_().startswith("<iframe srcdoc=")
    path = f"{tmp_path}/drift.html"
    found.save(path)
    with open(path) as file:  # noqa: PTH123 - a path as text, as users give it
        assert file.read() == found.html
    assert "http://" not in found.html.replace("http://www.w3.org", "")


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [
        ({"a": [1.0]}, {"b": [1.0]}, "no column"),
        (5, 6, "a DataFrame, a pyarrow Table or a mapping"),
        ({"t": pd.to_datetime(["2024-01-01"])}, {"t": pd.to_datetime(["2024-01-01"])}, "no column"),
    ],
)
def test_what_cannot_be_compared_is_said(before: object, now: object, said: str) -> None:
    """In a sentence."""
    with pytest.raises(UsageError, match=said):
        report(before, now)
