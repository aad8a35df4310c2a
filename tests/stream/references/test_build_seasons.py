"""Seasons from rows to a reference, and from there into windows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy.stats import ks_2samp
from seasonal import BEGIN, local_hours, measured, planted, seasonal_rows, times_of
from sklearn.metrics import adjusted_rand_score
from vega_datasets import data

from stream.references.build import Built, build
from stream.references.plan import BuildOptions, SeasonOptions
from stream.rows.open import open_rows
from windows.references.edges import edges_id
from windows.references.reference import from_json, slots, to_json
from windows.segments import WHOLE

if TYPE_CHECKING:
    from pathlib import Path

    from windows.references.reference import Reference

ZONE = "Europe/Berlin"


def built(directory: Path, columns: dict[str, Any], zone: str | None = ZONE, **options: Any) -> Built:
    """The reference of these columns."""
    pq.write_table(pa.table(columns), directory / "rows.parquet")
    seasonal = None if zone is None else SeasonOptions(zone)
    return build(
        open_rows(directory / "rows.parquet", {}),
        BuildOptions("m", seasonal=seasonal, segments=("site",), pane=10_000, ignored=("site",), **options),
    )


@pytest.fixture(scope="module")
def seasonal(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Reference, Built]:
    """Four planted classes over a change of the clocks, and the reference that goes without them."""
    columns = seasonal_rows(120_000)
    directory = tmp_path_factory.mktemp("seasons")
    return columns, built(directory, columns, None).reference, built(directory, columns)


Case = tuple[dict[str, Any], "Reference", Built]


def test_planted_classes_are_found_with_their_rows(seasonal: Case) -> None:
    """The counts of each class are those of pandas by local hour; together they are the whole."""
    columns, fixed, found = seasonal
    seasons = found.reference.seasons
    assert seasons is not None
    hours = local_hours(times_of(columns), ZONE)
    assert adjusted_rand_score(planted(np.arange(168)), seasons.clock.hours) == 1.0
    mine = np.array(seasons.clock.hours)[hours]
    profile = fixed.features["x"]
    edges = profile.edges  # type: ignore[union-attr]
    for number, counts in enumerate(seasons.classes):
        assert counts.rows == int((mine == number).sum())
        expected = np.histogram(columns["x"][mine == number], edges)[0]
        np.testing.assert_array_equal(counts.features["x"][1:-3], expected)
    together = sum(counts.features["kind"] for counts in seasons.classes)
    np.testing.assert_array_equal(together, slots(fixed.features["kind"]))
    assert seasons.names == ("Mon-Fri 00-08+20-24", "Mon-Fri 08-20", "Sat-Sun 00-08+20-24", "Sat-Sun 08-20")
    assert any("a season: 4 classes" in note for note in found.notes)
    assert from_json(to_json(found.reference)).id == found.reference.id


def test_rows_vary_within_a_class_and_not_with_the_hour(seasonal: Case) -> None:
    """The season is in the classes, so it is not once more in the overdispersion."""
    _, fixed, found = seasonal
    before, within = (part.features["x"].overdispersion for part in (fixed, found.reference))
    assert before is not None
    assert within is not None
    assert before > 1.5
    assert 1.0 <= within < 1.2


def test_segments_have_classes(seasonal: Case) -> None:
    """Nine tenths of the rows, and a tenth: each with the rows of its own in each class, however few."""
    columns, _, found = seasonal
    seasons = found.reference.seasons
    assert seasons is not None
    mine = np.array(seasons.clock.hours)[local_hours(times_of(columns), ZONE)]
    for value in ("main", "side"):
        rows = np.bincount(mine[columns["site"] == value], minlength=4)
        assert [counts.rows for counts in seasons.segments["site"][value]] == rows.tolist()
    assert set(seasons.segments["site"]) == {"main", "side"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"shifts": (0.0, 0.0, 0.0, 0.0)}, "no season"),
        ({"days": 13}, "every hour of the week is needed twice"),
    ],
)
def test_without_a_season_the_reference_is_what_it_was(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    """The same id, and the build says what it found."""
    columns = seasonal_rows(40_000, **change)
    one, other = built(tmp_path, columns), built(tmp_path, columns, None)
    assert one.reference.seasons is None
    assert one.reference.id == other.reference.id
    assert sum(said in note for note in one.notes) == 1
    assert set(other.notes) < set(one.notes)


def test_without_times_nothing_is_looked_for(tmp_path: Path) -> None:
    """And that is said."""
    columns = seasonal_rows(5_000)
    del columns["timestamp"]
    found = built(tmp_path, columns)
    assert found.reference.seasons is None
    assert any("no timestamps" in note for note in found.notes)


def day(hours: int, start: str, rows: int = 4_000, **change: Any) -> dict[str, Any]:
    """Rows of some hours from a local moment on."""
    begin = pd.Timestamp(start, tz=ZONE).tz_convert("UTC")
    days = -(-hours // 24)
    found = seasonal_rows(rows * 24 * days // hours, days=days, begin=begin, seed=9, **change)
    keep = times_of(found) < int(begin.timestamp() * 1e3) + hours * 3_600_000
    return {name: values[keep] for name, values in found.items()}


@pytest.mark.parametrize("start", ["2026-05-04 10:00", "2026-05-04 02:00", "2026-05-04 18:00", "2026-05-03 22:00"])
def test_windows_are_compared_with_what_they_hold(seasonal: Case, start: str) -> None:
    """Within a class and across the borders of two or three: near the mixture, and far from the whole."""
    _, fixed, found = seasonal
    rows = day(4, start)
    mine, flat = measured(found.reference, rows, 14_400_000), measured(fixed, rows, 14_400_000)
    at = mine["feature/ks"].groups.index(("1", WHOLE)), mine["feature/ks"].columns.index("x")
    assert mine["feature/ks"].value[at] < 0.03
    assert mine["feature/ks"].lower[at] == 0.0
    assert mine["feature/ks"].against[at[0]] == "seasonal"
    assert mine["feature/ks"].phase[at[0]]
    assert flat["feature/ks"].value[at] > 0.05
    assert flat["feature/ks"].against == ()


def test_a_shift_within_a_class_is_seen(seasonal: Case) -> None:
    """What is usual on a Sunday is none on a Monday."""
    rows = day(4, "2026-05-04 10:00", shifts=(0.0, -1.0, 0.5, -1.0))
    table = measured(seasonal[2].reference, rows, 14_400_000)["feature/ks"]
    at = table.groups.index(("1", WHOLE))
    assert table.lower[at, table.columns.index("x")] > 0.3
    assert table.lower[at, table.columns.index("steady")] == 0.0


def unsure(reference: Reference) -> Reference:
    """The same, where nobody knows whose clocks may have changed."""
    seasons = reference.seasons
    assert seasons is not None
    return replace(reference, seasons=replace(seasons, clock=replace(seasons.clock, tolerance=1)))


@pytest.mark.parametrize("ahead", [-1, 1])
def test_clocks_that_moved_are_no_drift_where_nobody_named_them(seasonal: Case, ahead: int) -> None:
    """Rows of a morning that come an hour early or late: KS is that to the mixture of the hours they were lived in."""
    columns, _, found = seasonal
    seasons = found.reference.seasons
    assert seasons is not None
    lived = day(1, "2026-05-04 08:00" if ahead > 0 else "2026-05-04 07:00")
    moved = lived | {"timestamp": (times_of(lived) - ahead * 3_600_000).astype("datetime64[ms]")}
    mine, strict = (measured(one, moved, 3_600_000)["feature/ks"] for one in (unsure(found.reference), found.reference))
    at = mine.groups.index(("1", WHOLE)), mine.columns.index("x")
    number = seasons.clock.hours[int(local_hours(times_of(lived), ZONE)[0])]
    usual = columns["x"][np.array(seasons.clock.hours)[local_hours(times_of(columns), ZONE)] == number]
    assert mine.value[at] == pytest.approx(ks_2samp(lived["x"], usual).statistic, abs=0.01)
    assert mine.lower[at] == 0.0
    assert strict.lower[at] > 0.2


def test_a_clock_that_did_not_move_costs_no_sight(seasonal: Case) -> None:
    """Values and bounds are those of a clock that cannot, to the last bit; a shift is seen as before."""
    reference = seasonal[2].reference
    rows = day(4, "2026-05-04 10:00", shifts=(0.0, -1.0, 0.5, -1.0))
    one, other = measured(unsure(reference), rows, 14_400_000), measured(reference, rows, 14_400_000)
    for name, table in one.items():
        for part in ("value", "lower", "upper", "samples", "reference_samples"):
            assert getattr(table, part).tobytes() == getattr(other[name], part).tobytes(), name
    assert one["feature/ks"].lower[one["feature/ks"].groups.index(("1", WHOLE)), 0] > 0.3


def test_windows_of_a_clock_that_may_move_live_apart_from_others(seasonal: Case) -> None:
    """They count more, so that the ones cannot stand in for the others."""
    assert edges_id(unsure(seasonal[2].reference)) != edges_id(seasonal[2].reference)


@pytest.mark.parametrize(
    ("hours", "size", "decided"), [(4, 4, False), (24, 24, False), (4, 168, False), (168, 168, True)]
)
def test_a_segment_without_classes_is_judged_over_the_usual_hours_only(
    seasonal: Case, hours: int, size: int, decided: bool
) -> None:
    """Over a week; not over a Monday, whose hours are not the usual ones, nor over a week that has only begun."""
    found = seasonal[2].reference
    assert found.seasons is not None
    bare = replace(found, seasons=replace(found.seasons, segments={}))
    table = measured(bare, day(hours, "2026-05-04 00:00"), size * 3_600_000)["feature/ks"]
    at = table.groups.index(("1", "site=main"))
    assert table.against[at] == "fixed"
    assert bool((table.lower[at, 0], table.upper[at, 0]) == (0.0, 1.0)) is not decided
    assert bool(table.upper[at, 0] < 0.5) is decided


def test_a_window_of_a_segment_is_compared_with_the_hours_it_holds(seasonal: Case) -> None:
    """A week that has only begun, of a tenth of the rows: far from its reference of all hours, and no drift."""
    table = measured(seasonal[2].reference, day(4, "2026-05-04 00:00"), 604_800_000)["feature/ks"]
    at = table.groups.index(("1", "site=side"))
    assert table.against[at] == "seasonal"
    assert table.lower[at, 0] == 0.0


def test_hours_in_which_a_segment_never_was_decide_nothing(tmp_path: Path) -> None:
    """A site that is closed at night has no reference for a window of the night, and one for that of a day."""
    columns = seasonal_rows(40_000)
    night = planted(local_hours(times_of(columns), ZONE)) % 2 == 0
    columns["site"] = np.where(night, "main", columns["site"])
    found = built(tmp_path, columns).reference
    assert found.seasons is not None
    assert min(counts.rows for counts in found.seasons.segments["site"]["side"]) == 0
    for start, decided in (("2026-05-04 01:00", False), ("2026-05-04 10:00", True)):
        table = measured(found, day(4, start), 14_400_000)["feature/ks"]
        at = table.groups.index(("1", "site=side"))
        assert bool(table.upper[at, 0] < 0.5) is decided, start


def test_segments_beyond_what_may_be_kept_go_by_all_hours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The largest keeps its classes."""
    monkeypatch.setattr("stream.references.seasons.CELLS", 2_000)
    found = built(tmp_path, seasonal_rows(40_000)).reference
    assert found.seasons is not None
    assert list(found.seasons.segments["site"]) == ["main"]


def test_a_stream_equals_a_batch(seasonal: Case) -> None:
    """However rows are cut and ordered: the same vectors and the same bits of every value and bound."""
    rows = day(24, "2026-05-04 00:00")
    one, other = (measured(seasonal[2].reference, rows, 86_400_000, batches) for batches in (1, 97))
    assert one.keys() == other.keys()
    for name, table in one.items():
        for part in ("value", "lower", "upper", "samples", "reference_samples"):
            assert getattr(table, part).tobytes() == getattr(other[name], part).tobytes(), name


def test_the_hours_of_san_francisco(tmp_path: Path) -> None:
    """Hourly temperatures of a year (vega_datasets): the classes are times of the day, warm and cold ones apart."""
    table = data.sf_temps()
    times = pd.to_datetime(table["date"]).dt
    columns = {
        "timestamp": table["date"].to_numpy().astype("datetime64[ms]"),
        "temp": table["temp"].to_numpy(np.float64),
    }
    columns["site"] = np.full(len(table), "sf")
    found = built(tmp_path, columns, "UTC").reference
    seasons = found.seasons
    assert seasons is not None
    assert 2 <= len(seasons.classes) <= 8
    means = table["temp"].groupby([np.array(seasons.clock.hours)[times.day_of_week * 24 + times.hour]]).mean()
    assert means.max() - means.min() > 5
    early, late = seasons.clock.hours[5], seasons.clock.hours[14]
    assert means[late] - means[early] > 5


def test_begin_is_a_monday() -> None:
    """The planted weeks begin where weeks do."""
    assert BEGIN.day_of_week == 0
