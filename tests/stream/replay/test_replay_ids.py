"""Labels of a table find the predictions of another whatever kind of column their ids are in."""

from __future__ import annotations

import contextlib
import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from stream.cli.app import app

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 240
MAP = """
sources:
  - {topic: p, map: {prediction_id: order, timestamp: when, prediction: score}}
  - {topic: f, holds: feedback, map: {prediction_id: order, timestamp: when, label: y}}
"""


def run(*arguments: object) -> str:
    """What a command that must end well says."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        assert not app([str(argument) for argument in arguments], standalone_mode=False)
    return said.getvalue()


def table() -> pd.DataFrame:
    """Orders with numbers that are in no order, so that nothing but the map says that they are ids."""
    random = np.random.default_rng(5)
    score = random.random(ROWS)
    return pd.DataFrame(
        {
            "order": random.permutation(np.arange(1_014_000, 1_014_000 + ROWS)),
            "when": pd.date_range("2026-05-04", periods=ROWS, freq="10min"),
            "x": random.normal(size=ROWS),
            "score": score,
            "y": (random.random(ROWS) < score).astype(int),
        }
    )


def replayed(directory: Path, labels: pd.DataFrame, *, parquet: bool = False) -> str:
    """What a replay with these labels says; the orders are a feature of the reference, too."""
    rows = table()
    rows.to_csv(directory / "t.csv", index=False)
    names = ("--label", "y", "--prediction", "score", "--timestamp", "when")
    run("init", "--from", directory / "t.csv", "--model", "m", "-o", directory, *names)
    config = directory / "driftgauge.yaml"
    config.write_text(config.read_text() + MAP)
    rows.drop(columns="y").to_csv(directory / "p.csv", index=False)
    if parquet:
        labels.to_parquet(directory / "f.parquet", index=False)
    else:
        labels.to_csv(directory / "f.csv", index=False)
    paths = ("--predictions", directory / "p.csv", "--feedback", directory / ("f.parquet" if parquet else "f.csv"))
    return run("replay", "-c", config, *paths, "-o", directory / "out", "--evaluations", "none")


SPELLINGS: dict[str, Any] = {
    "a column with a gap": lambda ids: ids.astype(float),
    "blanks": lambda ids: ids.astype(str) + "  ",
}


@pytest.mark.parametrize("parquet", [False, True], ids=["csv", "parquet"])
@pytest.mark.parametrize("spelled", SPELLINGS)
def test_ids_in_another_kind_of_column_are_found(tmp_path: Path, spelled: str, *, parquet: bool) -> None:
    """Pandas makes 1014000.0 of them where one label has none, and a database fills them up."""
    rows = table()
    labels = rows[["order", "y", "when"]].assign(
        order=SPELLINGS[spelled](rows["order"]), when=rows["when"] + pd.Timedelta("2h")
    )
    said = replayed(tmp_path, labels, parquet=parquet)
    assert f"of the feedback, {ROWS} gave a prediction its first label\n" in said


def test_local_times_of_labels_are_told_as_such(tmp_path: Path) -> None:
    """Five hours west of Greenwich each label is from before its prediction: the ids are not to blame."""
    rows = table()
    local = rows["when"] - pd.Timedelta("5h")
    said = replayed(tmp_path, rows[["order", "y"]].assign(when=local))
    assert "from about 5 h before the predictions that they are about, which looks like a time zone" in said
    assert "are they the same" not in said
    assert "`time.timezone`" in said


def test_other_ids_are_shown(tmp_path: Path) -> None:
    """One of each side."""
    rows = table()
    labels = rows[["order", "y", "when"]].assign(order="W" + rows["order"].astype(str))
    said = replayed(tmp_path, labels)
    newest = rows["order"].iloc[-1]
    assert f"of the newest prediction is '{newest}', that of the newest feedback 'W{newest}': are they the same" in said
