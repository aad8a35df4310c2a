"""Times without an offset in files: of the zone that the config names, from `init` to a replay."""

from __future__ import annotations

import contextlib
import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
import yaml

from stream.cli.app import app
from stream.config.problems import ConfigError
from stream.errors import UsageError
from stream.rows.columns import Wishes
from stream.rows.open import open_rows
from stream.rows.times import milliseconds
from windows.references.reference import from_json

if TYPE_CHECKING:
    from pathlib import Path

ZONE = "Europe/Berlin"
RANDOM = np.random.default_rng(11)


def run(*arguments: object) -> str:
    """What a command that must end well says."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        assert not app([str(argument) for argument in arguments], standalone_mode=False)
    return said.getvalue()


def rows(start: str, hours: int) -> pd.DataFrame:
    """Rows of every 30 s as clocks on a wall in Berlin show them."""
    moments = pd.date_range(start, periods=hours * 120, freq="30s", tz="UTC")
    count = len(moments)
    wall = moments.tz_convert(ZONE).tz_localize(None)
    return pd.DataFrame({"x": RANDOM.normal(size=count), "c": RANDOM.choice(["a", "b"], count), "timestamp": wall})


def written(table: pd.DataFrame, path: Path) -> Path:
    """The file of a table, by its name."""
    if path.suffix == ".parquet":
        table.to_parquet(path, index=False)
    elif path.suffix == ".csv":
        table.to_csv(path, index=False)
    else:
        lines = (
            {"model": "m", "timestamp": str(row["timestamp"]), "features": {"x": row["x"], "c": row["c"]}}
            for row in table.to_dict("records")
        )
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def alerts(out: Path) -> list[str]:
    """Kinds of what fired."""
    found = [json.loads(line) for line in (out / "alerts.jsonl").read_text().splitlines()]
    return sorted({one["alert"] for one in found if one["state"] == "firing"})


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A config and a reference of two ordinary days."""
    directory = tmp_path_factory.mktemp("local")
    train = written(rows("2026-02-10", 48), directory / "train.csv")
    run("init", "--from", train, "--model", "m", "--local-times", ZONE, "-o", directory)
    return directory


@pytest.mark.parametrize("form", ["csv", "parquet", "jsonl"])
def test_no_data_is_missed_in_the_hour_that_clocks_skip(started: Path, tmp_path: Path, form: str) -> None:
    """A night in March: silence where local times are taken for UTC, nothing where their zone is known."""
    night = written(rows("2026-03-28T20:00", 12), tmp_path / f"night.{form}")
    config = started / "driftgauge.yaml"
    quiet = ("--set", "models.0.quality.no_data_after=10m")
    said = run("replay", "-c", config, "--predictions", night, "-o", tmp_path / "local", *quiet)
    assert "1440 records read = 1440 folded + 0 late + 0 dead letters" in said.replace(",", "")
    assert alerts(tmp_path / "local") == []
    assert "the times seem to be local" not in said
    wrong = run(
        "replay", "-c", config, "--predictions", night, "-o", tmp_path / "utc", *quiet, "--set", "time.timezone=UTC"
    )
    assert alerts(tmp_path / "utc") == ["NoData"]
    assert (f"`time: {{timezone: {ZONE}}}` in the config" in wrong) == (form != "jsonl")


def test_init_writes_the_zone_and_the_moments_of_the_rows(started: Path, tmp_path: Path) -> None:
    """Those that pandas has; a table whose times have an offset gives the same reference."""
    config = yaml.safe_load((started / "driftgauge.yaml").read_text())
    assert config["time"]["timezone"] == ZONE
    found = from_json((started / "m.reference.json").read_bytes())
    assert found.start == pd.Timestamp("2026-02-10", tz="UTC").value // 10**6
    table = pd.read_csv(started / "train.csv")
    table["timestamp"] = pd.to_datetime(table["timestamp"]).dt.tz_localize(ZONE)
    aware = written(table, tmp_path / "aware.parquet")
    run("reference", "build", "-c", started / "driftgauge.yaml", "-m", "m", "--from", aware, "-o", tmp_path / "a.json")
    naive = started / "train.csv"
    run("reference", "build", "-c", started / "driftgauge.yaml", "-m", "m", "--from", naive, "-o", tmp_path / "b.json")
    run(
        "reference",
        "build",
        "-c",
        started / "driftgauge.yaml",
        "-m",
        "m",
        "--from",
        naive,
        "-o",
        tmp_path / "c.json",
        "--local-times",
        "UTC",
    )
    first, second, other = (from_json((tmp_path / f"{name}.json").read_bytes()) for name in "abc")
    assert (first.start, first.end) == (second.start, second.end)
    assert other.start - first.start == 3_600_000


def test_the_map_of_a_source_says_it_for_itself(started: Path, tmp_path: Path) -> None:
    """In place of what is said for all."""
    config: dict[str, Any] = yaml.safe_load((started / "driftgauge.yaml").read_text())
    config["time"]["timezone"] = "Asia/Kolkata"
    config["sources"] = [{"topic": "p", "map": {"timestamp": {"path": "at", "timezone": ZONE}}}]
    config["models"][0]["reference"] = str(started / "m.reference.json")
    path = tmp_path / "c.yaml"
    path.write_text(yaml.safe_dump(config))
    table = rows("2026-03-28T20:00", 12).rename(columns={"timestamp": "at"})
    night = written(table, tmp_path / "night.csv")
    quiet = ("--set", "models.0.quality.no_data_after=10m")
    run("replay", "-c", path, "--predictions", night, "-o", tmp_path / "out", *quiet, "--evaluations", "all")
    assert alerts(tmp_path / "out") == []
    ends = [
        json.loads(line)["window"]["end"] for line in (tmp_path / "out" / "evaluations.jsonl").read_text().splitlines()
    ]
    assert max(ends).startswith("2026-03-29T08:00")


def source(**place: str) -> dict[str, Any]:
    """A source with such a place of its time."""
    return {"sources": [{"topic": "p", "map": {"timestamp": {"path": "at", **place}}}]}


OF_SOURCE = "sources.0.map.timestamp.timezone"


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"time": {"timezone": "Mars/Base"}}, "time.timezone"),
        (source(timezone="CEST+2"), OF_SOURCE),
        (source(unit="ms", timezone=ZONE), OF_SOURCE),
    ],
    ids=["all", "source", "number"],
)
def test_what_is_no_zone_is_refused(started: Path, tmp_path: Path, changes: dict[str, Any], key: str) -> None:
    """With the key's path."""
    config = {**yaml.safe_load((started / "driftgauge.yaml").read_text()), **changes}
    config["models"][0]["reference"] = str(started / "m.reference.json")
    path = tmp_path / "c.yaml"
    path.write_text(yaml.safe_dump(config))
    with pytest.raises(ConfigError) as found:
        run("check", path)
    assert key in str(found.value)
    with pytest.raises(UsageError, match="--local-times: no time zone 'Mars/Base'"):
        run("init", "--from", started / "train.csv", "--model", "m", "--local-times", "Mars/Base", "-o", tmp_path)


TEXTS = ("2026-03-29 02:30:00", "2026-03-29", "2026-10-25T02:30:00.25", "2026-03-29 02:30", "2026-07-14T12:00:00Z")


def test_columns_of_times(tmp_path: Path) -> None:
    """Text, dates and timestamps, as pandas places them; what has an offset, and numbers, are what they are."""
    path = tmp_path / "t.csv"
    path.write_text("t\n" + "".join(f'"{text}"\n' for text in TEXTS))
    batch, _ = next(iter(open_rows(path, Wishes()).batches(["t"])))
    found, known = milliseconds(batch.column(0), "t", ZONE)
    naive = [pd.Timestamp(text) for text in TEXTS[:4]]
    expected = [one.tz_localize(ZONE, ambiguous=True, nonexistent=pd.Timedelta("1h")).value // 10**6 for one in naive]
    assert found[known].tolist() == [*expected, pd.Timestamp(TEXTS[4]).value // 10**6]
    assert known.all()


def test_a_file_of_messages_is_looked_at_by_the_clock_of_its_writer(tmp_path: Path) -> None:
    """`peek` shows moments, and prints the key."""
    path = tmp_path / "m.jsonl"
    one = {"txn_id": "a", "event_time": "2026-07-14T12:00:00", "inputs": {"x": 1.0}, "outputs": {"score": 0.5}}
    path.write_text("".join(json.dumps({**one, "txn_id": str(number)}) + "\n" for number in range(3)))
    said = run("peek", path, "--local-times", ZONE)
    assert "timestamp: 2026-07-14T10:00:00" in said
    assert f"time: {{timezone: {ZONE}}}" in said
    assert "timestamp: 2026-07-14T12:00:00" in run("peek", path)


@pytest.mark.parametrize(
    "text",
    ["2026-07-14 12:00", "2026-07-14 12:00:00,000", "2026-07-14T12:00+02:00[Europe/Berlin]", "2026-07-14 10:00:00 UTC"],
)
def test_times_that_the_monitor_reads_are_seen_before_it_runs(tmp_path: Path, text: str) -> None:
    """However loosely they are spelled."""
    path = tmp_path / "m.jsonl"
    one = {"model": "m", "timestamp": text, "features": {"x": 1.0}, "prediction": 0.5}
    path.write_text("".join(json.dumps(one) + "\n" for _ in range(3)))
    said = run("peek", path, "--local-times", ZONE)
    assert "3 of 3 messages are read" in said
    assert "timestamp: 2026-07-14T10:00:00" in said
