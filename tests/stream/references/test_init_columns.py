"""`init` with what a user says of columns, and what it leaves behind when it fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stream.cli.columns import said
from stream.config.load import load
from stream.errors import UsageError
from stream.references.init import InitOptions, initialise
from stream.references.wishes import ColumnOptions

if TYPE_CHECKING:
    from pathlib import Path

ROLES = ("label", "prediction", "timestamp", "latency", "version")
NOTHING = dict.fromkeys((*ROLES, "categorical", "numeric", "ignore", "missing", "threshold", "positive", "classes"))
RANDOM = np.random.default_rng(2)


def _init(directory: Path, table: pd.DataFrame, **given: object) -> tuple[Path, tuple[str, ...]]:
    table.to_csv(directory / "r.csv", index=False)
    options = InitOptions(directory / "r.csv", "m", directory / "out", said=said({**NOTHING, **given}))
    started = initialise(options, lambda _name, _share: None)
    return started.config, started.notes


def test_what_is_said_is_in_the_config(tmp_path: Path) -> None:
    """Kinds, texts for no value and the threshold; what `check` asks is fulfilled."""
    score = RANDOM.random(600)
    table = pd.DataFrame(
        {
            "store": RANDOM.choice([102, 205, 310], 600),
            "speed": RANDOM.normal(50, 5, 600).round(2).astype(object),
            "junk": "x",
            "proba": score,
            "truth": (RANDOM.random(600) < score).astype(int),
        }
    )
    table.loc[:3, "speed"] = "?"
    config, _ = _init(
        tmp_path,
        table,
        categorical=["store"],
        missing=["?"],
        ignore=["junk"],
        prediction="proba",
        label="truth",
        threshold=0.3,
    )
    (model,) = load(config, {}).models
    assert model.features is not None
    assert {name: feature.kind for name, feature in model.features.items()} == {
        "store": "categorical",
        "speed": "numeric",
    }
    assert model.features["speed"].missing == ("?",)
    assert model.performance is not None
    assert model.performance.threshold == 0.3


def test_options_that_contradict_each_other_are_refused() -> None:
    """Each by name; lists may be given at once or one by one."""
    assert said({**NOTHING, "categorical": ["a,b", "c"]}) == ColumnOptions({}, dict.fromkeys("abc", "categorical"))
    for given in (
        {"categorical": ["a"], "numeric": ["a"]},
        {"ignore": ["a"], "label": "a"},
        {"threshold": 1.5},
    ):
        with pytest.raises(UsageError, match=r"--"):
            said({**NOTHING, **given})


@pytest.mark.parametrize("name", ["tab\there", "x" * 201, 'quo"te', "back\\slash", "new\nline"])
def test_names_that_no_config_can_hold_are_refused_and_nothing_is_left(tmp_path: Path, name: str) -> None:
    """The column, what is allowed, and what to do; neither config nor reference is written."""
    pq.write_table(pa.table({"fine": [1.0, 2.0], name: [1.0, 2.0]}), tmp_path / "r.parquet")
    options = InitOptions(tmp_path / "r.parquet", "m", tmp_path / "out")
    with pytest.raises(UsageError, match=r"names are 1 to 200 printable characters.*--ignore"):
        initialise(options, lambda _name, _share: None)
    assert not (tmp_path / "out").exists()
    kept = InitOptions(tmp_path / "r.parquet", "m", tmp_path / "out", said=ColumnOptions({}, {}, ignored=(name,)))
    assert initialise(kept, lambda _name, _share: None).reference.features.keys() == {"fine"}


@pytest.mark.parametrize(
    ("labels", "task"),
    [
        ([0, 1], "binary"),
        (["no", "yes"], "binary"),
        ([3, 4, 5, 6], "multiclass"),
        (["a", "b", "c"], "multiclass"),
        ([0.5, 1.25, 2.0], "regression"),
        (list(range(300)), "regression"),
    ],
    ids=["0 and 1", "names", "grades", "three names", "fractions", "many numbers"],
)
def test_without_predictions_the_labels_tell_the_task(tmp_path: Path, labels: list[object], task: str) -> None:
    """Of six grades no model is binary; the config's task is that of the labels."""
    table = pd.DataFrame({"x": RANDOM.normal(size=300), "label": [labels[at % len(labels)] for at in range(300)]})
    config, _ = _init(tmp_path, table)
    (model,) = load(config, {}).models
    assert model.task == task


@pytest.mark.parametrize(
    ("right", "values", "task"),
    [(0.9, 10, "multiclass"), (0.3, 10, "regression"), (0.9, 400, "regression"), (0.9, 2, "binary")],
    ids=["digits", "stars that are guessed", "quantities", "two"],
)
def test_whole_numbers_on_both_sides_are_classes_where_they_are_mostly_the_same(
    tmp_path: Path, right: float, values: int, task: str
) -> None:
    """Of digits nobody asks how far off they are; the note says what they were taken for."""
    truth = RANDOM.integers(0, values, 3_000)
    guessed = np.where(RANDOM.random(3_000) < right, truth, RANDOM.integers(0, values, 3_000))
    table = pd.DataFrame({"x": RANDOM.normal(size=3_000), "label": truth, "prediction": guessed})
    config, notes = _init(tmp_path, table)
    (model,) = load(config, {}).models
    assert model.task == task
    said = [note for note in notes if "are taken for classes" in " ".join(note.split())]
    assert len(said) == (task == "multiclass")
    assert all("the same 10 whole numbers (0, 1, 2" in note and "--task regression" in note for note in said)
