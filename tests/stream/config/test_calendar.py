"""Days that are not like others of their weekday, and zones of segments: from the config into windows."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from seasonal import BEGIN, local_hours, measured, planted, seasonal_rows, times_of, vectors_of
from typer.testing import CliRunner

from operators.settings.model import ModelSettings
from stream.cli.app import app
from stream.config.load import ConfigError, load, load_references
from stream.config.summary import model_lines
from windows.predictions.layout import layout_of
from windows.segments import WHOLE

if TYPE_CHECKING:
    from pathlib import Path

    from windows.references.reference import Reference

CONFIG = """\
models:
  - name: m
    task: regression
    reference: m.json
    segments: [site]
    features: {{x: numeric, steady: numeric, kind: categorical}}
    {keys}
time: {{pane: 15m}}
"""
BERLIN = "seasonal: {timezone: Europe/Berlin}"
DAY = 86_400_000


def days(*entries: str, zone: str = BERLIN) -> str:
    """The keys of a model with these days."""
    return f"{zone}\n    calendar: [{', '.join(f'{{{entry}}}' for entry in entries)}]"


def written(directory: Path, keys: str, reference: str = "m.json") -> Path:
    """A config with these keys of its model."""
    file = directory / "driftgauge.yaml"
    windows = "{windows: [15m, 1h]}"
    text = CONFIG.format(keys=keys).replace("m.json", reference)
    text = text.replace(
        "    segments", f"    drift: {windows}\n    prediction: {windows}\n    quality: {windows}\n    segments"
    )
    file.write_text(text)
    return file


def build(directory: Path, rows: dict[str, Any], keys: str, *more: str, out: str = "m.json") -> str:
    """What `reference build` says of these rows."""
    config = written(directory, keys)
    pq.write_table(pa.table(rows), directory / "rows.parquet")
    asked = ["reference", "build", "--config", str(config), "--model", "m", "--from", str(directory / "rows.parquet")]
    done = CliRunner().invoke(app, [*asked, "-o", str(directory / out), *more])
    assert done.exit_code == 0, done.output
    return done.output


def reference_of(directory: Path, keys: str) -> Reference:
    """The reference as the monitor has it."""
    return load_references(load(written(directory, keys), {}))["m"]


@pytest.fixture(scope="module")
def berlin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A reference of four classes of hours, and one of rows that are like nothing in it."""
    made = tmp_path_factory.mktemp("berlin")
    build(made, seasonal_rows(60_000, days=21), BERLIN)
    odd = seasonal_rows(20_000, days=5, shifts=(3.0, 3.0, 3.0, 3.0), seed=5)
    build(made, odd, BERLIN, "--like", str(made / "m.json"), out="newyear.json")
    return made


def hour(moment: str, zone: str = "Europe/Berlin") -> int:
    """A local moment, ms."""
    return int(pd.Timestamp(moment, tz=zone).timestamp() * 1e3)


def test_a_holiday_has_the_classes_of_the_day_that_it_is_like(berlin: Path) -> None:
    """By local midnight, hour by hour; the days around it are their own."""
    keys = days("date: 2026-12-25, like: sunday", "from: 2027-05-03, to: 2027-05-04, like: saturday")
    plain, found = reference_of(berlin, BERLIN).seasons, reference_of(berlin, keys).seasons
    assert plain is not None
    assert found is not None
    for day, like in (("2026-12-25", "2026-12-20"), ("2027-05-03", "2027-05-01"), ("2027-05-04", "2027-05-08")):
        of_day = np.array([hour(f"{day} {at:02}:30") for at in range(24)])
        of_like = np.array([hour(f"{like} {at:02}:30") for at in range(24)])
        assert found.clock.classes_of(of_day).tolist() == plain.clock.classes_of(of_like).tolist()
        assert found.clock.classes_of(of_day).tolist() != plain.clock.classes_of(of_day).tolist()
    for outside in (
        hour("2026-12-24 23:59"),
        hour("2026-12-26 00:00"),
        hour("2027-05-02 23:59"),
        hour("2027-05-05 00:00"),
    ):
        assert found.clock.classes_of(np.array([outside])) == plain.clock.classes_of(np.array([outside]))


def day_rows(moment: str, hours: int, **change: Any) -> dict[str, Any]:
    """Rows of some hours from a local moment on."""
    begin = pd.Timestamp(moment, tz="Europe/Berlin").tz_convert("UTC")
    rows = seasonal_rows(40_000, days=1, begin=begin, seed=3, **change)
    kept = times_of(rows) < hour(moment) + hours * 3_600_000
    return {name: values[kept] for name, values in rows.items()}


@pytest.mark.parametrize("season", [True, False], ids=["season", "no season"])
def test_dated_days_are_compared_with_their_own_reference(berlin: Path, season: bool, tmp_path: Path) -> None:
    """Days that are as in it are far from all other hours; a window that straddles them holds a mixture."""
    directory = berlin
    zone = BERLIN
    if not season:
        directory, zone = tmp_path, "seasonal: null"
        build(directory, seasonal_rows(60_000, days=21), zone)
        odd = seasonal_rows(20_000, days=5, shifts=(3.0, 3.0, 3.0, 3.0), seed=5)
        build(directory, odd, zone, "--like", str(directory / "m.json"), out="newyear.json")
    keys = days("from: 2026-12-28, to: 2027-01-03, reference: newyear.json", zone=zone)
    plain, found = reference_of(directory, zone), reference_of(directory, keys)
    rows = day_rows("2026-12-28 10:00", 4, shifts=(3.0,) * 4)
    dated, flat = measured(found, rows, 4 * 3_600_000), measured(plain, rows, 4 * 3_600_000)
    at = dated["feature/ks"].groups.index(("1", WHOLE)), dated["feature/ks"].columns.index("x")
    assert dated["feature/ks"].value[at] < 0.03
    assert flat["feature/ks"].value[at] > 0.5
    assert dated["feature/ks"].against[at[0]] == "newyear"

    usual = day_rows("2026-12-22 10:00", 4)
    assert measured(found, usual, 4 * 3_600_000)["feature/ks"].against[at[0]] == ("seasonal" if season else "fixed")
    begin = hour("2026-12-27 22:00")
    of_both = day_rows("2026-12-27 22:00", 4, shifts=(3.0,) * 4)
    before = times_of(of_both) < begin + 2 * 3_600_000
    usual = day_rows("2026-12-27 22:00", 4)
    both = {
        name: np.concatenate([usual[name][times_of(usual) < begin + 2 * 3_600_000], of_both[name][~before]])
        for name in usual
    }
    mixed = measured(found, both, 4 * 3_600_000)["feature/ks"]
    assert not season or mixed.value[at] < 0.03
    assert mixed.against[at[0]] == ("seasonal" if season else "fixed")


ZONES = 'seasonal: {timezone: UTC, zones: {"site=side": America/New_York}}'


def two_zones(rows: int = 80_000) -> dict[str, Any]:
    """One site lives by UTC, the other by New York, over the change of its clocks."""
    main, side = (
        seasonal_rows(rows // 2, zone, days=28, seed=seed) for seed, zone in enumerate(("UTC", "America/New_York"))
    )
    main["site"], side["site"] = np.full(rows // 2, "main"), np.full(rows // 2, "side")
    both = {name: np.concatenate([main[name], side[name]]) for name in main}
    order = np.argsort(both["timestamp"], kind="stable")
    return {name: values[order] for name, values in both.items()}


def own_hours(rows: dict[str, Any]) -> Any:
    """The local hour of the week of each row, by pandas."""
    times = times_of(rows)
    return np.where(rows["site"] == "side", local_hours(times, "America/New_York"), local_hours(times, "UTC"))


@pytest.fixture(scope="module")
def zones(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A reference with a zone of its own for a site."""
    made = tmp_path_factory.mktemp("zones")
    said = build(made, two_zones(), ZONES)
    assert "(UTC, site=side: America/New_York)" in said
    return made


def test_rows_of_a_segment_count_by_their_own_hours(zones: Path) -> None:
    """Exactly the planted classes, with the rows of both sites at their own local hours."""
    rows = two_zones()
    seasons = reference_of(zones, ZONES).seasons
    assert seasons is not None
    assert len(seasons.classes) == 4
    truth = planted(own_hours(rows))
    mine = dict(enumerate(seasons.clock.hours))
    for number, counts in enumerate(seasons.classes):
        (planted_class,) = {int(planted(np.array([hour]))[0]) for hour, one in mine.items() if one == number}
        assert counts.rows == int((truth == planted_class).sum())
        of_side = seasons.segments["site"]["side"][number]
        assert of_side.rows == int(((truth == planted_class) & (rows["site"] == "side")).sum())


def test_windows_hold_each_row_at_its_own_hour(zones: Path) -> None:
    """In the whole as in each segment, however the rows are batched; so a window of both sites is near its mixture."""
    reference = reference_of(zones, ZONES)
    layout = layout_of(reference, ("site",))
    assert layout.phases is not None
    rows = {name: values[:9_000] for name, values in two_zones().items()}
    seasons = reference.seasons
    assert seasons is not None
    truth = np.array(seasons.clock.hours)[own_hours(rows)]
    for batches in (1, 7):
        vectors = vectors_of(layout, rows, batches)
        for segment, inside in (("", np.ones(9_000, bool)), ("site=side", rows["site"] == "side")):
            counted = vectors["1", segment][layout.phases.start : layout.phases.stop]
            assert counted.tolist() == np.bincount(truth[inside], minlength=4).tolist()
    begin = pd.Timestamp("2026-05-05 12:00", tz="UTC")
    start = int(begin.timestamp() * 1e3)
    parts = [seasonal_rows(60_000, zone, days=1, begin=begin, seed=9) for zone in ("UTC", "America/New_York")]
    parts[0]["site"], parts[1]["site"] = np.full(60_000, "main"), np.full(60_000, "side")
    hours = [times_of(part) < start + 3 * 3_600_000 for part in parts]
    both = {
        name: np.concatenate([part[name][kept] for part, kept in zip(parts, hours, strict=True)]) for name in parts[0]
    }
    ks = measured(reference, both, 3 * 3_600_000)["feature/ks"]
    for row in range(len(ks.groups)):
        assert ks.value[row, ks.columns.index("x")] < 0.04


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("calendar: [{date: 2026-12-25, like: sunday}]", "models.0.calendar: "),
        (days("date: 2026-12-25"), "either like (a day of the week) or reference"),
        (days("like: sunday"), "either date, or from and to, is needed"),
        (days("from: 2026-12-25, like: sunday"), "either date, or from and to, is needed"),
        (days("from: 2026-12-25, to: 2026-12-24, like: sunday"), "no day before from (2026-12-25)"),
        (days("date: 25.12.2026, like: sunday"), "a date such as 2026-12-25 is needed"),
        (days("date: 2026-12-25, like: holiday"), "allowed are"),
        (
            days("date: 2026-12-25, like: sunday", "from: 2026-12-20, to: 2026-12-30, like: monday"),
            "2026-12-25 is in two entries",
        ),
        (days("date: 2026-12-25, reference: none.json"), "models.0.calendar.0.reference: "),
        (
            days("date: 2026-12-25, reference: newyear.json", zone=f"{BERLIN}\n    multivariate: conditional"),
            "given beside multivariate",
        ),
        ('seasonal: {timezone: Europe/Berlin, zones: {"site=side": Berlin}}', "models.0.seasonal.zones.site=side: "),
        ('seasonal: {timezone: Europe/Berlin, zones: {"land=US": UTC}}', "`segments: [land]` is needed beside it"),
        ('seasonal: {timezone: Europe/Berlin, zones: {"site=side": UTC}}', "models.0.seasonal.zones: "),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_by_its_key(berlin: Path, keys: str, said: str) -> None:
    """With what is needed instead."""
    with pytest.raises(ConfigError) as refused:
        reference_of(berlin, keys)
    assert said in str(refused.value)


def test_other_edges_and_seasons_are_no_reference_of_days(berlin: Path, tmp_path: Path) -> None:
    """Counts on other edges cannot be held against windows; classes of hours within dated days are not told apart."""
    build(tmp_path, seasonal_rows(20_000, days=21, seed=8), BERLIN, out="other.json")
    (berlin / "other.json").write_bytes((tmp_path / "other.json").read_bytes())
    with pytest.raises(ConfigError) as refused:
        reference_of(berlin, days("date: 2026-12-25, reference: other.json"))
    assert "reference build --like" in str(refused.value)


def test_a_segment_that_is_not_told_apart_has_no_zone(tmp_path: Path) -> None:
    """A reference cannot say whose hours rows of a value follow that it does not know."""
    config = written(tmp_path, 'seasonal: {zones: {"site=elsewhere": UTC}}')
    pq.write_table(pa.table(seasonal_rows(20_000)), tmp_path / "rows.parquet")
    asked = ["reference", "build", "--config", str(config), "--model", "m", "--from", str(tmp_path / "rows.parquet")]
    done = CliRunner().invoke(app, [*asked, "-o", str(tmp_path / "m.json")])
    assert done.exit_code != 0
    assert "seasonal.zones: site=elsewhere: a value with 1,000 rows or more is needed; site has main, side" in (
        f"{' '.join(done.output.split())}{done.exception}"
    )


def test_check_says_the_days(berlin: Path) -> None:
    """A line for each entry."""
    keys = days("date: 2026-12-25, like: sunday", "from: 2026-12-28, to: 2027-01-03, reference: newyear.json")
    config = load(written(berlin, keys), {})
    lines = list(model_lines(config, config.models[0], load_references(config)["m"]))
    assert "  season: 4 classes of hours of the week (Europe/Berlin)" in lines
    assert "  calendar: 2026-12-25 like a sunday" in lines
    assert "  calendar: 2026-12-28 to 2027-01-03 beside newyear" in lines


def test_dates_are_local_days() -> None:
    """Python's own calendar says which."""
    entry = ModelSettings.model_validate(
        {"name": "m", "task": "binary", "calendar": [{"date": "2026-12-25", "like": "sunday"}]}
    ).calendar[0]
    first, last = entry.span
    assert first == last == (dt.datetime(2026, 12, 25, tzinfo=ZoneInfo("UTC")).timestamp() * 1e3) // DAY
    assert BEGIN.weekday() == 0
