"""`init` from a file of messages: nested JSON lines are read as a topic of them is, and the map is in the config."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import yaml

from stream.cli.app import app
from stream.errors import UsageError
from windows.references.reference import from_json

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 400
HOUR = 3_600_000


def run(*arguments: object) -> str:
    """What a command that must end well says."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        assert not app([str(argument) for argument in arguments], standalone_mode=False)
    return said.getvalue()


def messages(start: int, *, timed: bool = True) -> list[dict[str, Any]]:
    """As a service logs them: who, when, what went in and what came out, each in an object."""
    random = np.random.default_rng(start % 97)
    score = random.random(ROWS)
    return [
        {
            "meta": {"requestId": f"r{start}-{at}", **({"event_time": start + at * 60_000} if timed else {})},
            "model": {"name": "loans", "version": "v12"},
            "inputs": {"amount": float(random.lognormal(5)), "who": {"job": ["a", "b"][at % 2], "age": 20 + at % 40}},
            "outputs": {"score": float(score[at])},
            "truth": int(random.random() < score[at]),
        }
        for at in range(ROWS)
    ]


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    """One a line, packed if the name says so."""
    data = "".join(json.dumps(row) + "\n" for row in rows).encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def without(rows: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    """The rows without a field."""
    return [{key: value for key, value in row.items() if key != name} for row in rows]


@pytest.mark.parametrize("name", ["history.jsonl", "history.jsonl.gz"])
def test_the_map_is_proposed_and_reads_later_messages(tmp_path: Path, name: str) -> None:
    """Features of every depth, and a replay of later messages by that very config has no dead letter and no alert."""
    rows = without(messages(1_780_000_000_000), "truth")
    said = run("init", "--from", write(tmp_path / name, rows), "--model", "loans", "-o", tmp_path)
    assert f"{tmp_path / name}: read by usual names; correct `sources` in the config where it is wrong" in said
    written = yaml.safe_load((tmp_path / "driftgauge.yaml").read_text())
    (source,) = written["sources"]
    assert source["topic"] == "predictions"
    assert source["map"]["features"] == {"path": "inputs", "flatten": True}
    assert source["map"]["prediction_id"] == "meta.requestId"
    assert source["map"]["prediction"] == "outputs.score"
    found = from_json((tmp_path / "loans.reference.json").read_bytes())
    assert set(found.features) == {"amount", "who.job", "who.age"}
    assert found.rows == ROWS
    assert (found.start, found.end) == (1_780_000_000_000, 1_780_000_000_000 + (ROWS - 1) * 60_000)
    later = write(tmp_path / "later.jsonl", without(messages(1_780_000_000_000 + 24 * HOUR), "truth"))
    out = run("replay", "-c", tmp_path / "driftgauge.yaml", "--predictions", later, "-o", tmp_path / "out")
    assert f"{ROWS} records read = {ROWS} folded + 0 late + 0 dead letters" in out
    run("check", tmp_path / "driftgauge.yaml")


def test_what_the_user_says_of_columns_are_paths(tmp_path: Path) -> None:
    """--label names a field of the message: the reference has a baseline, and the map of predictions none of it."""
    path = write(tmp_path / "history.jsonl", messages(1_780_000_000_000))
    run("init", "--from", path, "--model", "loans", "-o", tmp_path, "--label", "truth", "--map", _map(tmp_path))
    (source,) = yaml.safe_load((tmp_path / "driftgauge.yaml").read_text())["sources"]
    assert "label" not in source["map"]
    assert from_json((tmp_path / "loans.reference.json").read_bytes()).outcomes is not None


def _map(directory: Path) -> Path:
    fields = {
        "prediction_id": "meta.requestId",
        "timestamp": "meta.event_time",
        "model": "model.name",
        "version": "model.version",
        "prediction": "outputs.score",
        "features": {"path": "inputs", "flatten": True},
    }
    file = directory / "map.yaml"
    file.write_text(yaml.safe_dump(fields))
    return file


def test_messages_without_times_make_a_reference_too(tmp_path: Path) -> None:
    """As rows without a timestamp do."""
    rows = without(messages(1, timed=False), "truth")
    said = run("init", "--from", write(tmp_path / "h.jsonl", rows), "--model", "loans", "-o", tmp_path)
    assert f"{ROWS} rows without times" in said
    assert from_json((tmp_path / "loans.reference.json").read_bytes()).rows == ROWS


def test_messages_of_another_model_are_refused(tmp_path: Path) -> None:
    """With whose they are."""
    path = write(tmp_path / "h.jsonl", without(messages(1_780_000_000_000), "truth"))
    with pytest.raises(UsageError, match=r"no predictions of model 'other'; it has those of loans \(400\)"):
        app(["init", "--from", str(path), "--model", "other", "-o", str(tmp_path)], standalone_mode=False)
    assert not (tmp_path / "driftgauge.yaml").exists()


def test_a_map_is_of_no_use_for_tables(tmp_path: Path) -> None:
    """It says where fields of messages are."""
    (tmp_path / "t.csv").write_text("a,b\n1.5,x\n")
    arguments = ["init", "--from", tmp_path / "t.csv", "--model", "m", "-o", tmp_path, "--map", _map(tmp_path)]
    with pytest.raises(UsageError, match="--map and --preset are of no use for others"):
        app(list(map(str, arguments)), standalone_mode=False)


def test_flat_rows_with_an_object_beside_them_are_a_table_still(tmp_path: Path) -> None:
    """Features stand on top, and the object is left out with a note."""
    rows = [{"x": at / 7, "c": "ab"[at % 2], "extra": {"y": at}} for at in range(ROWS)]
    said = run("init", "--from", write(tmp_path / "h.jsonl", rows), "--model", "m", "-o", tmp_path)
    assert "extra" in said
    assert "sources" not in yaml.safe_load((tmp_path / "driftgauge.yaml").read_text())
    assert set(from_json((tmp_path / "m.reference.json").read_bytes()).features) == {"x", "c"}
