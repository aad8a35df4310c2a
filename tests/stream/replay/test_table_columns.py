"""Tables whose special columns have names of their own: those that `init` was told, and those of the config's map."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from monitored import reference

from operators.records import Topic
from operators.settings.source import SourceSettings
from stream.config.load import Config, load
from stream.errors import UsageError
from stream.references.build import BuildOptions
from stream.references.build import build as build_reference
from stream.replay.tables import TableLane, is_flat
from stream.rows.columns import Wishes
from stream.rows.open import open_rows
from windows.references.reference import from_json, to_json

if TYPE_CHECKING:
    from pathlib import Path


def config_at(directory: Path) -> Config:
    """A config of one model."""
    (directory / "reference.json").write_bytes(to_json(reference()))
    (directory / "c.yaml").write_text("models:\n  - {name: click, task: binary, reference: reference.json}\n")
    return load(directory / "c.yaml", {})


OWN = "scored at,result,pid,age\n1780000000000,0.25,007,41.5\n"
USUAL = {"timestamp": 1780000000000, "prediction": 0.25, "model": "click", "features": {"age": "41.5"}, "context": {}}


def test_columns_go_by_the_names_that_the_reference_was_built_with(tmp_path: Path) -> None:
    """The reference remembers what `--timestamp` and `--prediction` named; the config's map names the rest."""
    rows = tmp_path / "rows.csv"
    rows.write_text("scored at,result,age\n" + "".join(f"{1780000000000 + at},0.{at},{at}\n" for at in range(1, 90)))
    roles = {"timestamp": "scored at", "prediction": "result"}
    built = build_reference(open_rows(rows, Wishes()), BuildOptions("click", roles=roles)).reference
    known = {"click": from_json(to_json(built))}
    assert known["click"].columns == roles
    path = tmp_path / "p.csv"
    path.write_text(OWN)
    config = config_at(tmp_path)
    ids = SourceSettings.model_validate({"topic": "p", "map": {"prediction_id": "pid"}})
    mapped = config.model_copy(update={"sources": (ids,)})
    (value,) = TableLane(path, Topic.PREDICTIONS, mapped, known).read(10).values
    assert json.loads(value or b"") == {**USUAL, "prediction_id": "007"}
    (value,) = TableLane(path, Topic.PREDICTIONS, config, known).read(10).values
    assert json.loads(value or b"") == {**USUAL, "features": {"age": "41.5", "pid": "007"}}


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("--predictions", "no column 'timestamp'; it has moment, result, pid, age. Say which it is with sources: "),
        (
            "--feedback",
            "no column 'prediction_id'; it has moment, result, pid, age. Say which it is with sources: ",
        ),
    ],
)
def test_a_table_without_the_column_that_every_row_needs_is_refused(tmp_path: Path, option: str, said: str) -> None:
    """With the columns that it has and what to do, instead of nothing but dead letters."""
    path = tmp_path / "p.csv"
    path.write_text(OWN.replace("scored at", "moment"))
    holds = Topic(option.removeprefix("--"))
    with pytest.raises(UsageError, match=re.escape(said)):
        TableLane(path, holds, config_at(tmp_path), {"click": reference()})


def test_labels_without_a_time_are_refused_with_what_it_is_for(tmp_path: Path) -> None:
    """A file of ids and labels was nothing but dead letters, and the replay went on without a word of it."""
    path = tmp_path / "l.csv"
    path.write_text("prediction_id,label\n7,1\n")
    said = "no column 'timestamp'; it has prediction_id, label. A label counts from when it became known"
    with pytest.raises(UsageError, match=re.escape(said)):
        TableLane(path, Topic.FEEDBACK, config_at(tmp_path), {"click": reference()})


def test_a_map_of_labels_holds_for_a_column_that_is_called_like_a_feature(tmp_path: Path) -> None:
    """Of labels no feature is read, so that nothing else can be meant."""
    path = tmp_path / "l.csv"
    path.write_text("age,y,when\n007,1,1780000000000\n")
    places = {"prediction_id": "age", "label": "y", "timestamp": "when"}
    source = SourceSettings.model_validate({"topic": "l", "holds": "feedback", "map": places})
    config = config_at(tmp_path).model_copy(update={"sources": (source,)})
    (value,) = TableLane(path, Topic.FEEDBACK, config, {"click": reference()}).read(10).values
    found = json.loads(value or b"")
    assert {name: found[name] for name in ("prediction_id", "label", "timestamp")} == {
        "prediction_id": "007",
        "label": 1,
        "timestamp": 1780000000000,
    }


FLAT = {"timestamp": 1780000000000, "prediction": 0.25, "prediction_id": "7", "age": 41.5}


@pytest.mark.parametrize(
    ("record", "holds", "flat"),
    [
        (FLAT, Topic.PREDICTIONS, True),
        ({**FLAT, "model": "click"}, Topic.PREDICTIONS, False),
        ({**USUAL, "age": 3}, Topic.PREDICTIONS, False),
        ({"timestamp": 1780000000000, "prediction": 0.25}, Topic.PREDICTIONS, False),
        ({"prediction_id": "7", "label": 1}, Topic.FEEDBACK, True),
        ({"prediction_id": "7", "label": 1, "model": "click"}, Topic.FEEDBACK, False),
        ({"prediction_id": "7"}, Topic.FEEDBACK, False),
        ([FLAT], Topic.PREDICTIONS, False),
        ("", Topic.PREDICTIONS, False),
    ],
)
def test_lines_are_the_rows_of_a_table_where_they_name_no_model(
    tmp_path: Path, record: object, holds: Topic, flat: bool
) -> None:
    """Records in the shape of the topic go on as they did, dead letters included."""
    path = tmp_path / "p.jsonl"
    path.write_text("\ufeff" + json.dumps(record) + "\n" if record else "")
    assert is_flat(path, holds, config_at(tmp_path), {"click": reference()}) is flat
    assert not is_flat(tmp_path / "away.jsonl", holds, config_at(tmp_path), {"click": reference()})


def test_flat_lines_are_read_as_the_same_rows_of_a_csv_file(tmp_path: Path) -> None:
    """One record each, value by value; a null and an empty cell are both none."""
    (tmp_path / "p.csv").write_text(
        "timestamp,prediction,prediction_id,age\n1780000000000,0.25,7,41.5\n1780000000000,0.25,8,\n"
    )
    lines = "".join(json.dumps(one) + "\n" for one in (FLAT, {**FLAT, "prediction_id": "8", "age": None}))
    (tmp_path / "p.jsonl").write_text(lines)
    config, known = config_at(tmp_path), {"click": reference()}
    read = [
        TableLane(tmp_path / name, Topic.PREDICTIONS, config, known).read(10).values for name in ("p.csv", "p.jsonl")
    ]
    csv, flat = ([json.loads(value or b"") for value in values] for values in read)
    assert [one["features"].pop("age") for one in csv] == ["41.5", None]
    assert [one["features"].pop("age") for one in flat] == [41.5, None]
    assert flat == csv
    assert [one["prediction_id"] for one in flat] == ["7", "8"]
