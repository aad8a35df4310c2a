"""The pace of what is replayed, where the config was written without knowing any."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

import pytest
from thin_history import STEPPED, History, write_history, write_training
from typer.testing import CliRunner

from operators.records import Topic
from stream.cli.app import app
from stream.cli.replay import overrides
from stream.config.environment import SETTING
from stream.config.load import load, load_references
from stream.config.open_pace import left_open, settings_of_pace
from stream.config.pace import ANY_PACE
from stream.replay.files import FileLane
from stream.replay.pace import FEW, paces_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

HISTORY = History(days=90, training=60, step_day=50, step=1.2)
DAY = 86_400_000
START = 1_760_000_000_000


def run(*arguments: object) -> str:
    """What the program says; it must succeed."""
    done = CliRunner().invoke(app, [str(one) for one in arguments])
    assert done.exit_code == 0, done.output
    return done.output


def lane(path: Path, times: Sequence[Any], model: str | None = "thin") -> FileLane:
    """A file of records with these times."""
    about = {} if model is None else {"model": model}
    path.write_text("".join(json.dumps({**about, "timestamp": time, "prediction": 0.5}) + "\n" for time in times))
    return FileLane(path, Topic.PREDICTIONS)


def spread(per_day: int, days: float, start: int = START) -> list[int]:
    """Times of so many records a day."""
    return [start + int(at * DAY / per_day) for at in range(int(per_day * days))]


@pytest.fixture(scope="module")
def untimed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A history with labels, and what `init` writes from training rows that have no timestamps."""
    directory = tmp_path_factory.mktemp("untimed")
    write_history(HISTORY, directory, "thin")
    training = write_training(HISTORY, directory / "train.csv", timestamps=False)
    said = run("init", "--from", training, "--model", "thin", "-o", directory)
    assert "--per-day N" in said
    return directory


def test_a_thin_history_is_judged_at_its_own_pace(untimed: Path) -> None:
    """The settings are told, can be given by hand, and then give the same bytes; what stepped is found first."""
    files = ("--predictions", untimed / "predictions.jsonl", "--feedback", untimed / "feedback.jsonl")
    said = run("replay", "-c", untimed / "driftgauge.yaml", *files, "-o", untimed / "out")
    assert "about 160 of thin a day" in said
    settings = [line.strip().removeprefix("--set ").strip("'") for line in said.splitlines() if "  --set " in line]
    assert "time.pane=4h" in settings
    by_hand = [part for setting in settings for part in ("--set", setting)]
    again = run("replay", "-c", untimed / "driftgauge.yaml", *files, "-o", untimed / "again", *by_hand)
    assert "pace:" not in again
    for name in ("alerts.jsonl", "evaluations.jsonl"):
        assert (untimed / "out" / name).read_bytes() == (untimed / "again" / name).read_bytes()
    alerts = [json.loads(line) for line in (untimed / "out" / "alerts.jsonl").read_text().splitlines()]
    first = next(alert for alert in alerts if alert["alert"] == "DataDrift")
    assert first["causes"][0]["feature"] == STEPPED
    step = dt.datetime(2025, 4, 1, tzinfo=dt.UTC) + dt.timedelta(days=HISTORY.step_day)
    found = dt.datetime.fromisoformat(first["window"]["end"])
    assert step < found <= step + dt.timedelta(days=2)


def test_what_somebody_chose_is_kept(untimed: Path) -> None:
    """A pane or windows of one's own, or a reference that tells its pace: nothing is left open."""
    config = load(untimed / "driftgauge.yaml", {})
    references = load_references(config)
    assert left_open(config, references)
    assert config.models[0].drift.windows == ANY_PACE
    for chosen in ("time.pane=5s", "models.0.drift.windows=[1d]", "models.0.quality.windows=[1d]"):
        assert not left_open(load(untimed / "driftgauge.yaml", overrides([chosen])), references)


def test_settings_of_a_pace_are_those_of_init(untimed: Path, tmp_path: Path) -> None:
    """`init --per-day` writes what a replay takes."""
    run("init", "--from", untimed / "train.csv", "--model", "thin", "-o", tmp_path, "--per-day", 160)
    written = load(tmp_path / "driftgauge.yaml", {})
    config = load(untimed / "driftgauge.yaml", {})
    found = settings_of_pace(config, load_references(config), {"thin": 160.0})
    taken = load(untimed / "driftgauge.yaml", {SETTING + key: value for key, value in found.items()})
    assert (taken.time, taken.models[0].drift.windows) == (written.time, written.models[0].drift.windows)
    assert taken.models[0].quality == written.models[0].quality
    assert taken.models[0].performance == written.models[0].performance


def test_the_pace_is_that_of_all_parts_of_a_stream(tmp_path: Path) -> None:
    """Files of the same days add up, files of days that follow do not."""
    assert paces_of([lane(tmp_path / "one", spread(480, 3))], None)["thin"] == pytest.approx(480, rel=0.01)
    parts = [lane(tmp_path / f"part{at}", spread(240, 3, START + at)) for at in range(3)]
    assert paces_of(parts, None)["thin"] == pytest.approx(720, rel=0.01)
    months = [lane(tmp_path / f"month{at}", spread(240, 3, START + at * 3 * DAY)) for at in range(3)]
    assert paces_of(months, None)["thin"] == pytest.approx(240, rel=0.01)


def test_times_in_every_spelling_and_none_that_cannot_be_read(tmp_path: Path) -> None:
    """Seconds, text, and what is no time or no JSON is left to the replay, which has dead letters for it."""
    times: list[Any] = [time / 1e3 for time in spread(240, 1)]
    times += [dt.datetime.fromtimestamp(time / 1e3, dt.UTC).isoformat() for time in spread(240, 1, START + 1)]
    times += ["soon", True, [1], None, -5]
    path = tmp_path / "odd"
    lane(path, times, None)
    path.write_text(path.read_text() + "no json\n")
    found = paces_of([FileLane(path, Topic.PREDICTIONS)], "thin")
    assert found["thin"] == pytest.approx(480, rel=0.01)
    assert paces_of([FileLane(path, Topic.PREDICTIONS)], None) == {}
    assert paces_of([lane(tmp_path / "few", spread(240, 1)[: FEW - 1])], None) == {}
