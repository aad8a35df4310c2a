"""Rows of a day that are alike, as those that share a day's weather: their days count, and not their rows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy.stats import multivariate_normal

from operators.plans.measures import Plan
from operators.predictions.measure import Measure, MeasureConfig
from operators.predictions.ring import WindowTotals
from stream.references.build import BuildOptions, build
from stream.references.plan import SeasonOptions
from stream.rows.open import open_rows
from windows.panes import Window
from windows.predictions.layout import layout_of, reference_vector
from windows.references.merge import merge
from windows.references.reference import from_json, to_json

if TYPE_CHECKING:
    from pathlib import Path

    from operators.tables import Table
    from windows.references.reference import Reference

BEGIN = np.datetime64("2026-01-05", "ms").astype(np.int64)
DAY = 86_400_000
A_DAY = 4_000
SHARE = 0.5
"""Of the variance of `weather` that lies between days."""


def rows_of(days: int, seed: int, begin: int = 0) -> dict[str, Any]:
    """Days of 4,000 rows: `weather` and `sky` have a part that a day shares, `steady` and `kind` have none."""
    rng = np.random.default_rng(seed)
    times = np.sort(rng.integers(0, days * DAY, days * A_DAY))
    of_day = rng.standard_normal(days)[times // DAY]
    weather = np.sqrt(SHARE) * of_day + np.sqrt(1 - SHARE) * rng.standard_normal(len(times))
    return {
        "timestamp": (BEGIN + begin * DAY + times).astype("datetime64[ms]"),
        "weather": weather,
        "sky": np.where(of_day + rng.standard_normal(len(times)) > 0, "clear", "cloudy"),
        "steady": rng.standard_normal(len(times)),
        "kind": np.where(rng.random(len(times)) < 0.3, "a", "b"),
    }


def built(directory: Path, columns: dict[str, Any], **options: Any) -> Reference:
    """The reference of these columns."""
    pq.write_table(pa.table(columns), directory / "rows.parquet")
    rows = open_rows(directory / "rows.parquet", {})
    return build(rows, BuildOptions("m", seasonal=SeasonOptions("UTC"), pane=10_000, **options)).reference


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    """Of sixty days."""
    return built(tmp_path_factory.mktemp("days"), rows_of(60, 1))


def expected(share: float) -> float:
    """Variance of the distribution function between days over its whole variance, by the bivariate normal of SciPy.

    Two rows of a day have the copula of a normal correlation; over the edges of equal shares the covariance of their
    indicators is C(u, u) - u^2, and the variance u (1 - u).
    """
    at = np.linspace(0.005, 0.995, 199)
    points = np.quantile(np.random.default_rng(0).standard_normal(1_000_000), at)
    both = multivariate_normal(mean=[0, 0], cov=[[1, share], [share, 1]]).cdf(np.stack([points, points], axis=1))
    return float((both - at**2).sum() / (at * (1 - at)).sum())


def test_the_correlation_is_that_of_a_normal_with_as_much_between_days(reference: Reference) -> None:
    """Within what sixty days tell: four standard deviations of a variance of some fifty degrees of freedom."""
    found = {name: profile.day_correlation for name, profile in reference.features.items()}
    assert found["weather"] == pytest.approx(expected(SHARE), rel=4 * np.sqrt(2 / 53))
    assert found["sky"] > 0.1
    assert found["steady"] == found["kind"] == 0.0


def test_it_is_kept_and_merged(reference: Reference) -> None:
    """In the file, and of two references the larger one."""
    again = from_json(to_json(reference))
    assert again.features["weather"].day_correlation == reference.features["weather"].day_correlation
    less = replace(reference.features["weather"], day_correlation=0.01)
    other = replace(reference, features={**reference.features, "weather": less})
    both = merge(other, reference).reference
    assert both.features["weather"].day_correlation == reference.features["weather"].day_correlation


def test_fewer_days_than_two_weeks_say_nothing(tmp_path: Path) -> None:
    """As before: rows vary from pane to pane, and that is all that is known."""
    short = built(tmp_path, rows_of(10, 2))
    assert {profile.day_correlation for profile in short.features.values()} == {0.0}


def measured(directory: Path, reference: Reference, columns: dict[str, Any], size: int) -> Table:
    """KS of a window with these rows."""
    layout = layout_of(reference, ())
    window = built(directory, columns, like=reference)
    vectors = {("1", ""): reference_vector(layout, replace(window, versions={}))}
    totals = WindowTotals("m", Window(size, size), 0, vectors, None)
    logic = Measure(
        MeasureConfig(layout, reference, 1e-5, {size: Plan(features=("ks",), prediction=(), quality=False)})
    )
    (table,) = logic(totals).tables
    return table


def test_days_as_usual_are_no_drift_however_many_rows_they_have(reference: Reference, tmp_path: Path) -> None:
    """Of forty single days none is told from the sixty before; by rows alone nearly half would be."""
    alone = {name: replace(one, day_correlation=0.0) for name, one in reference.features.items()}
    by_rows = replace(reference, features=alone)
    lower = {"days": [], "rows": []}  # type: dict[str, list[float]]
    for seed in range(40):
        day = rows_of(1, 100 + seed)
        for name, against in (("days", reference), ("rows", by_rows)):
            table = measured(tmp_path, against, day, DAY)
            lower[name].append(float(table.lower[0, table.columns.index("weather")]))
    assert max(lower["days"]) < 0.1
    assert sum(bound > 0.1 for bound in lower["rows"]) > 10


@pytest.mark.parametrize("size", [DAY, 4 * DAY, 28 * DAY])
def test_a_window_that_has_only_begun_is_worth_the_days_it_holds(
    reference: Reference, tmp_path: Path, size: int
) -> None:
    """One day's rows say as little in a window of four weeks as in one of a day."""
    table = measured(tmp_path, reference, rows_of(1, 7), size)
    at = table.columns.index("weather")
    assert table.upper[0, at] - table.lower[0, at] > 0.5


def test_a_month_that_moved_is_seen(reference: Reference, tmp_path: Path) -> None:
    """Twenty-eight days, warmer by two standard deviations; and a column without days as before within one."""
    month, day = rows_of(28, 3, 60), rows_of(1, 4, 60)
    month["weather"] = month["weather"] + 2.0
    day["steady"] = day["steady"] + 1.0
    of_month = measured(tmp_path, reference, month, 28 * DAY)
    of_day = measured(tmp_path, reference, day, DAY)
    assert of_month.lower[0, of_month.columns.index("weather")] > 0.2
    assert of_day.lower[0, of_day.columns.index("steady")] > 0.2
