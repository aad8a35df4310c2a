"""`seasonal:` in a config: what is refused, what is said, and what `init` finds."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from seasonal import local_hours, planted, seasonal_rows, times_of
from typer.testing import CliRunner

from stream.cli.app import app
from stream.config.load import ConfigError, load, load_references
from stream.config.pace import fits, pace_of
from stream.config.seasonal_checks import seasonal_notes
from stream.config.summary import model_lines
from stream.config.zones import zone_of
from windows.references.reference import seal, to_json
from windows.references.seasons import SeasonClock, Zone

if TYPE_CHECKING:
    from pathlib import Path

    from operators.settings.calendar import SeasonalSettings

HOUR, DAY = 3_600_000, 86_400_000
START = 1_767_225_600_000
"""The first moment of 2026, ms."""
ROWS = seasonal_rows(30_000, days=21)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `init` writes for rows with a season in Berlin."""
    made = tmp_path_factory.mktemp("seasonal")
    pq.write_table(pa.table(ROWS), made / "rows.parquet")
    asked = ["init", "--from", str(made / "rows.parquet"), "--model", "m", "--timezone", "Europe/Berlin"]
    found = CliRunner().invoke(app, [*asked, "--output", str(made), "--segment", "site", "--ignore", "site"])
    assert found.exit_code == 0, found.output
    assert "a season: 4 classes of hours of the week (Europe/Berlin)" in found.output
    return made


def changed(directory: Path, **keys: Any) -> Any:
    """The references of the config with other keys of its model, or of its time."""
    text = (directory / "driftgauge.yaml").read_text()
    for name, value in keys.items():
        (line,) = [line for line in text.splitlines() if line.strip().startswith(f"{name}:")]
        text = text.replace(line, f"{line[: line.index(name)]}{name}: {value}")
    file = directory / "changed.yaml"
    file.write_text(text)
    return load_references(load(file, {}))


def test_init_writes_the_season_that_it_found(directory: Path) -> None:
    """With its zone; `check` and the features of the config go with it."""
    config = load(directory / "driftgauge.yaml", {})
    seasonal = config.models[0].seasonal
    assert seasonal is not None
    assert (seasonal.timezone, seasonal.max_classes) == ("Europe/Berlin", 24)
    reference = load_references(config)["m"]
    assert reference.seasons is not None
    assert "  season: 4 classes of hours of the week (Europe/Berlin)" in model_lines(
        config, config.models[0], reference
    )
    assert list(seasonal_notes(reference)) == []


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"seasonal": "null"}, "models.0.seasonal: given null; `seasonal: {timezone: Europe/Berlin}` is needed"),
        ({"seasonal": "{timezone: UTC}"}, "models.0.seasonal.timezone: given UTC; the reference was built with Europe"),
        (
            {"seasonal": "{timezone: Mars/Olympus}"},
            "models.0.seasonal.timezone: given Mars/Olympus; a name of",
        ),
        ({"seasonal": "{timezone: Europe/Berlin, max_classes: 25}"}, "max_classes"),
        ({"seasonal": "{timezone: Europe/Berlin, tolerance: 2h}"}, "models.0.seasonal.tolerance: given 2h; 0s or 1h"),
        (
            {"seasonal": "{timezone: Europe/Berlin, tolerance: 1h}", "multivariate": "conditional"},
            "models.0.seasonal.tolerance: given beside multivariate; features are told from each other by the hour",
        ),
    ],
)
def test_what_does_not_go_together_is_refused(directory: Path, keys: dict[str, str], said: str) -> None:
    """With the path of the key, what was given and what is needed."""
    with pytest.raises(ConfigError) as refused:
        changed(directory, **keys)
    assert said in str(refused.value).replace('"', "")


def test_features_together_are_learnt_within_classes_of_hours(directory: Path) -> None:
    """`reference build` after `multivariate:` is written; what was learnt over all hours is refused by its key."""
    text = (directory / "driftgauge.yaml").read_text()
    config = directory / "together.yaml"
    config.write_text(text.replace("multivariate: null", "multivariate: conditional").replace("m.reference", "joint"))
    build = ["reference", "build", "--config", str(config), "--model", "m", "--from", str(directory / "rows.parquet")]
    (directory / "joint.json").write_bytes((directory / "m.reference.json").read_bytes())
    done = CliRunner().invoke(app, [*build, "--output", str(directory / "joint.json")])
    assert done.exit_code == 0, done.output
    assert "told from each other (conditional) within classes of hours" in " ".join(done.output.split())
    reference = load_references(load(config, {}))["m"]
    assert reference.joint is not None
    assert reference.seasons is not None
    assert len(reference.joint.classes) == len(reference.seasons.classes) == 4
    assert sum(int(one.held[-1]) for one in reference.joint.classes) == reference.joint.held[-1]
    flat = seal(replace(reference, joint=replace(reference.joint, classes=())))
    (directory / "joint.json").write_bytes(to_json(flat))
    with pytest.raises(ConfigError, match=r"models\.0\.multivariate: .*a reference that is built again is needed"):
        load_references(load(config, {}))


def test_panes_longer_than_an_hour_are_refused(directory: Path) -> None:
    """A pane must lie in one class."""
    config = load(directory / "driftgauge.yaml", {})
    reference = load_references(config)["m"]
    assert reference.seasons is not None
    clock = reference.seasons.clock
    assert [clock.suits(pane) for pane in (10_000, 900_000, 3_600_000, 7_200_000)] == [True, True, True, False]


def test_features_that_are_not_listed_leave_the_classes_too(directory: Path) -> None:
    """A config of fewer features than the reference has."""
    text = (directory / "driftgauge.yaml").read_text()
    (line,) = [line for line in text.splitlines() if line.strip().startswith('"steady":')]
    file = directory / "fewer.yaml"
    file.write_text(text.replace(f"{line}\n", ""))
    reference = load_references(load(file, {}))["m"]
    assert reference.seasons is not None
    assert "steady" not in reference.features
    assert all(counts.features.keys() == reference.features.keys() for counts in reference.seasons.classes)


def test_other_clock_changes_are_said(directory: Path) -> None:
    """A table of time zones that moved on since the build."""
    reference = load_references(load(directory / "driftgauge.yaml", {}))["m"]
    seasons = reference.seasons
    assert seasons is not None
    zone = seasons.clock.zone
    moved = Zone(zone.name, zone.instants[:-1], zone.offsets[:-1])
    (note,) = seasonal_notes(replace(reference, seasons=replace(seasons, clock=replace(seasons.clock, zone=moved))))
    assert "other clock changes for Europe/Berlin" in note


def test_references_of_parts_lose_their_season_with_a_word(directory: Path) -> None:
    """Classes of two builds are not the same hours."""
    (file,) = directory.glob("*.reference.json")
    merged = ["reference", "merge", str(file), str(file), "-o", str(directory / "merged.json")]
    found = CliRunner().invoke(app, merged)
    assert found.exit_code == 0, found.output
    assert "classes of hours are not merged" in found.output


def started(directory: Path, rows: dict[str, Any], *zone: str) -> tuple[SeasonalSettings, str]:
    """What `init` writes of the season of these rows, and what it says."""
    pq.write_table(pa.table(rows), directory / "rows.parquet")
    asked = ["init", "--from", str(directory / "rows.parquet"), "--model", "m", *zone, "--ignore", "site"]
    found = CliRunner().invoke(app, [*asked, "--output", str(directory)])
    assert found.exit_code == 0, found.output
    config = load(directory / "driftgauge.yaml", {})
    (seasonal,) = [model.seasonal for model in config.models]
    assert seasonal is not None
    reference = load_references(config)["m"]
    assert reference.seasons is not None
    assert reference.seasons.clock.tolerance * HOUR == seasonal.tolerance
    return seasonal, " ".join(found.output.split())


def test_without_a_zone_an_hour_more_or_less_is_normal(tmp_path: Path) -> None:
    """Three weeks tell nothing of whose clocks will change; that is said, and written where it can be changed."""
    seasonal, said = started(tmp_path, ROWS)
    assert (seasonal.timezone, seasonal.tolerance) == ("UTC", HOUR)
    assert "the rows do not tell whose clocks they follow" in said
    assert "--timezone" in said


def test_utc_that_was_asked_for_is_utc(tmp_path: Path) -> None:
    """There no clock changes."""
    seasonal, said = started(tmp_path, ROWS, "--timezone", "UTC")
    assert (seasonal.timezone, seasonal.tolerance) == ("UTC", 0)
    assert "its hours are those of UTC: where the clocks of the users change, name their time zone" in said


def test_rows_of_half_a_year_tell_their_zone(tmp_path: Path) -> None:
    """Most come by day, an hour earlier (UTC) in summer: the classes are those of the hours in New York."""
    zone = "America/New_York"
    rows = seasonal_rows(120_000, zone, days=180, begin=pd.Timestamp("2025-12-01", tz="UTC"))
    awake = planted(local_hours(times_of(rows), zone)) % 2 == 1
    kept = awake | (np.random.default_rng(1).random(len(awake)) < 0.3)
    seasonal, said = started(tmp_path, {name: values[kept] for name, values in rows.items()})
    assert (seasonal.timezone, seasonal.tolerance) == (zone, 0)
    assert f"the rows change their hours with the clocks of {zone}" in said
    assert f"a season: 4 classes of hours of the week ({zone})" in said


def test_unknown_zones_of_init_are_refused(directory: Path) -> None:
    """Before anything is read."""
    asked = ["init", "--from", str(directory / "rows.parquet"), "--model", "m", "--timezone", "Berlin"]
    found = CliRunner().invoke(app, [*asked, "--output", str(directory / "none")])
    assert found.exit_code != 0
    assert "no time zone 'Berlin'" in f"{found.output}{found.exception}"


@pytest.mark.parametrize(
    ("zone", "days", "pane"),
    [
        ("America/Los_Angeles", 42, HOUR),
        ("Asia/Kolkata", 42, HOUR // 2),
        ("Asia/Kathmandu", 42, HOUR // 4),
        ("Australia/Lord_Howe", 28, HOUR // 2),
    ],
)
def test_init_of_thin_traffic_with_a_season_is_accepted_by_check(
    tmp_path: Path, zone: str, days: int, pane: int
) -> None:
    """190 to 290 a day, for which two hours would be the pane: it lies within an hour of the zone, and no warning."""
    pq.write_table(
        pa.table(seasonal_rows(8_000, zone, days=days, shifts=(0.0, 3.0, 1.5, -3.0))), tmp_path / "r.parquet"
    )
    asked = ["init", "--from", str(tmp_path / "r.parquet"), "--model", "m", "--timezone", zone]
    found = CliRunner().invoke(app, [*asked, "--output", str(tmp_path)])
    assert found.exit_code == 0, found.output
    assert f"classes of hours of the week ({zone})" in found.output
    checked = CliRunner().invoke(app, ["check", str(tmp_path / "driftgauge.yaml")])
    assert checked.exit_code == 0, checked.output
    assert load(tmp_path / "driftgauge.yaml", {}).time.pane == pane


@pytest.mark.parametrize("per_day", [5, 37, 190, 290, 1_500, 20_000, 1e6, 1e9])
@pytest.mark.parametrize(
    "name", ["UTC", "America/St_Johns", "Asia/Kathmandu", "Australia/Lord_Howe", "Africa/Monrovia"]
)
def test_panes_suit_the_pace_and_the_zone(per_day: float, name: str) -> None:
    """Any pace in any zone, quarters of an hour among them: whole panes in one local hour, whole windows."""
    clock = SeasonClock(zone_of(name, START, START + DAY), (0, 1) * 84)
    found = pace_of(per_day, clock=clock)
    assert clock.suits(found.pane)
    assert all(fits(size, found.pane) for size in (*found.windows, *found.quality))
    assert found.pane <= pace_of(per_day).pane
