"""`driftgauge model`: one more, one out of the way and back, in a config of files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from stream.cli.app import app
from stream.cli.app import main as program
from stream.config.load import load, load_references

if TYPE_CHECKING:
    from pathlib import Path

HOUR = 3_600_000


def run(*arguments: object) -> str:
    """What the program says; it must succeed."""
    done = CliRunner().invoke(app, [str(one) for one in arguments])
    assert done.exit_code == 0, f"{done.output}{done.exception!r}"
    return done.output


def refused(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: object) -> str:
    """What the program says to a mistake."""
    monkeypatch.setattr("sys.argv", ["driftgauge", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        program()
    assert ended.value.code == 2
    return capsys.readouterr().err


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """60 days of 200 scored rows."""
    draw = np.random.default_rng(7)
    count = 12_000
    times = 1_750_000_000_000 + np.sort(draw.integers(0, 60 * 24 * HOUR, count))
    table = pd.DataFrame(
        {"timestamp": times, "prediction": draw.random(count), "age": draw.normal(40, 9, count), "kind": "a"}
    )
    table.to_csv(tmp_path / "rows.csv", index=False)
    return tmp_path / "rows.csv"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A config without any model yet."""
    path = tmp_path / "driftgauge.yaml"
    path.write_text('time: {pane: 1h}\nmodels: {include: "models.d/*.yaml"}\n')
    return path


def test_a_model_is_added_beside_the_others(config: Path, rows: Path) -> None:
    """Its windows go with the pane that is there; the first has no file before it, and each its own reference."""
    said = run("model", "add", "-c", config, "--from", rows, "--model", "churn", "--owner", "growth-eu")
    assert "driftgauge reload" in said
    run("model", "add", "-c", config, "--from", rows, "--model", "a/b", "--task", "binary")
    loaded = load(config, {})
    assert [(model.name, model.owner) for model in loaded.models] == [("a/b", None), ("churn", "growth-eu")]
    references = load_references(loaded)
    assert {name: reference.rows for name, reference in references.items()} == {"churn": 12_000, "a/b": 12_000}
    assert all(size % HOUR == 0 for model in loaded.models for size in model.drift.windows)
    assert max(loaded.models[0].drift.windows) >= 24 * HOUR
    listed = run("model", "list", "-c", config)
    assert "churn" in listed
    assert str(config.parent / "models.d" / "a-b.yaml") in listed


def test_a_model_that_is_there_is_not_written_over(
    config: Path, rows: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither its file nor a second of its name under another."""
    run("model", "add", "-c", config, "--from", rows, "--model", "churn")
    before = {path: path.read_bytes() for path in sorted((config.parent / "models.d").iterdir())}
    add = ("model", "add", "-c", config, "--from", rows, "--model")
    assert "exists already" in refused(capsys, monkeypatch, *add, "churn")
    moved = config.parent / "models.d" / "churn.yaml"
    moved.rename(moved.with_name("other.yaml"))
    moved.with_name("churn.reference.json").rename(moved.with_name("kept.json"))
    other = moved.with_name("other.yaml")
    other.write_text(other.read_text().replace("churn.reference.json", "kept.json"))
    assert "churn" in refused(capsys, monkeypatch, *add, "churn")
    assert sorted(path.name for path in moved.parent.iterdir()) == ["kept.json", "other.yaml"]
    assert len(before) == 2


def test_a_model_is_disabled_and_enabled(
    config: Path, rows: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is listed all the while; the last one cannot be left out, for a config needs one."""
    for name in ("churn", "fraud"):
        run("model", "add", "-c", config, "--from", rows, "--model", name)
    run("model", "disable", "-c", config, "churn")
    assert [model.name for model in load(config, {}).models] == ["fraud"]
    (line,) = (line for line in run("model", "list", "-c", config).splitlines() if line.startswith("churn"))
    assert "disabled" in line
    assert "no file matches" in refused(capsys, monkeypatch, "model", "disable", "-c", config, "fraud")
    assert [model.name for model in load(config, {}).models] == ["fraud"]
    run("model", "enable", "-c", config, "churn")
    assert [model.name for model in load(config, {}).models] == ["churn", "fraud"]
    assert "no model 'churn' is disabled" in refused(capsys, monkeypatch, "model", "enable", "-c", config, "churn")


def test_no_file_is_written_over_by_a_rename(
    config: Path, rows: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody put a file where the other name would be: it is told, and both stay."""
    for name in ("churn", "fraud"):
        run("model", "add", "-c", config, "--from", rows, "--model", name)
    kept = config.parent / "models.d" / "churn.yaml.off"
    kept.write_text("name: former\ntask: binary\n")
    assert "exists already" in refused(capsys, monkeypatch, "model", "disable", "-c", config, "churn")
    assert "exists already" in refused(capsys, monkeypatch, "model", "enable", "-c", config, "former")
    assert kept.read_text() == "name: former\ntask: binary\n"
    assert [model.name for model in load(config, {}).models] == ["churn", "fraud"]


def test_a_file_of_several_models_is_not_moved_for_one(
    config: Path, rows: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And a config that lists its models is told how they get files of their own."""
    run("model", "add", "-c", config, "--from", rows, "--model", "churn")
    two = "models:\n  - {name: x, task: binary}\n  - {name: y, task: binary}\n"
    (config.parent / "models.d" / "two.yaml").write_text(two)
    assert "holds more than this model" in refused(capsys, monkeypatch, "model", "disable", "-c", config, "x")
    listed = config.with_name("listed.yaml")
    listed.write_text(two)
    assert "x" in run("model", "list", "-c", listed)
    add = ("model", "add", "-c", listed, "--from", rows, "--model", "churn")
    assert "models: {include:" in refused(capsys, monkeypatch, *add)
    assert "holds more" in refused(capsys, monkeypatch, "model", "disable", "-c", listed, "x")


def test_rows_without_times_need_a_pace_at_another_pane(
    config: Path, rows: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows for any pace are multiples of ten seconds, not of an hour; nothing is left behind."""
    untimed = rows.with_name("untimed.csv")
    pd.read_csv(rows).drop(columns="timestamp").to_csv(untimed, index=False)
    add = ("model", "add", "-c", config, "--from", untimed, "--model", "churn")
    assert "--per-day: is needed" in refused(capsys, monkeypatch, *add)
    assert not (config.parent / "models.d").exists()
    run(*add, "--per-day", 200)
    assert [model.name for model in load(config, {}).models] == ["churn"]
