"""`peek` of a table: its rows as the messages that they would be, a map for those, and how `init` is told of it."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
import yaml
from typer.testing import CliRunner

from stream.cli.app import app
from stream.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 300
RANDOM = np.random.default_rng(3)
TABLE = pd.DataFrame(
    {
        "transaction_id": [f"t{number}" for number in range(ROWS)],
        "event_time": pd.date_range("2026-05-04", periods=ROWS, freq="1h").strftime("%Y-%m-%dT%H:%M:%SZ"),
        "amount": RANDOM.gamma(2, 10, ROWS).round(2),
        "items": RANDOM.integers(1, 9, ROWS),
        "country": RANDOM.choice(["DE", "FR", None], ROWS),
        "score": RANDOM.random(ROWS).round(4),
        "is_fraud": RANDOM.integers(0, 2, ROWS),
    }
)


def peek(path: Path, *options: str) -> str:
    """What `peek` says of a file."""
    result = CliRunner().invoke(app, ["peek", str(path), *options])
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize("form", ["csv", "csv.gz", "tsv", "parquet"])
def test_rows_are_shown_and_a_map_is_proposed(tmp_path: Path, form: str) -> None:
    """As of a topic with such messages; what `init` is told makes a config that `check` takes."""
    path = tmp_path / f"scored.{form}"
    if form == "parquet":
        TABLE.to_parquet(path, index=False)
    else:
        TABLE.to_csv(path, index=False, sep="\t" if form == "tsv" else ",")
    said = peek(path, "-n", "5")
    first = TABLE.iloc[0]
    assert "row 5: " in said
    assert "row 6" not in said
    assert f"amount: {first['amount']}" in said
    assert f"items: {first['items']} " in said
    assert "prediction_id: " in said
    assert "5 of 5 messages are read as predictions" in said
    proposal = said[said.index("sources:") : said.index("a reference and a config")]
    (source,) = yaml.safe_load(proposal)["sources"]
    assert source["map"]["prediction_id"] == "transaction_id"
    assert source["map"]["prediction"] == "score"
    command = shlex.split(said.splitlines()[-1].partition("driftgauge ")[2])
    assert command[-4:] == ["--prediction", "score", "--label", "is_fraud"]
    made = CliRunner().invoke(app, [*command[:4], "shop", *command[5:], "-o", str(tmp_path)])
    assert made.exit_code == 0, made.output
    checked = CliRunner().invoke(app, ["check", str(tmp_path / "driftgauge.yaml")])
    assert checked.exit_code == 0, checked.output


def test_a_table_of_labels_is_recognised(tmp_path: Path) -> None:
    """It has no features that a reference could be built of."""
    TABLE[["transaction_id", "event_time", "is_fraud"]].to_csv(tmp_path / "labels.csv", index=False)
    said = peek(tmp_path / "labels.csv")
    assert "are read as feedback" in said
    assert "label: is_fraud" in said
    assert "driftgauge init" not in said


def test_a_table_that_cannot_be_read_is_refused_as_by_init(tmp_path: Path) -> None:
    """And one without rows."""
    (tmp_path / "odd.parquet").write_bytes(b"nonsense")
    result = CliRunner().invoke(app, ["peek", str(tmp_path / "odd.parquet")])
    assert isinstance(result.exception, UsageError)
    assert "odd.parquet" in str(result.exception)
    (tmp_path / "none.csv").write_text("a,b\n")
    result = CliRunner().invoke(app, ["peek", str(tmp_path / "none.csv")])
    assert isinstance(result.exception, UsageError)
    assert "holds no row" in str(result.exception)
