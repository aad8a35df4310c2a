"""Tables whose rows are in no order of time."""

from __future__ import annotations

import contextlib
import io
import json
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from stream.cli.app import app
from stream.replay.time_order import order_of
from stream.rows.columns import Wishes
from stream.rows.open import open_rows

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 600
RANDOM = np.random.default_rng(5)
TIMES = pd.date_range("2026-06-04", periods=ROWS, freq="10s")
BASE = pd.DataFrame({"x": RANDOM.normal(size=ROWS), "c": RANDOM.choice(["a", "b"], ROWS)})


def run(*arguments: object) -> str:
    """What a command that must end well says."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        assert not app([str(argument) for argument in arguments], standalone_mode=False)
    return said.getvalue()


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_table_in_any_order_is_replayed_in_the_order_of_time(tmp_path: Path, form: str) -> None:
    """Newest first, and shuffled: no record is late, and the evaluations are those of the sorted table."""
    BASE.assign(timestamp=TIMES - pd.Timedelta("30D")).to_csv(tmp_path / "t.csv", index=False)
    run("init", "--from", tmp_path / "t.csv", "--model", "m", "-o", tmp_path)
    table = BASE.assign(timestamp=TIMES)
    found = {}
    for name, rows in {"sorted": table, "newest": table[::-1], "mixed": table.sample(frac=1, random_state=1)}.items():
        path, out = tmp_path / f"{name}.{form}", tmp_path / name
        rows.to_csv(path, index=False) if form == "csv" else rows.to_parquet(path, index=False)
        said = run("replay", "-c", tmp_path / "driftgauge.yaml", "--predictions", path, "-o", out)
        assert f"{ROWS} records read = {ROWS} folded + 0 late + 0 dead letters" in said
        assert (f"{path.name}: its rows are not in the order of time" in said) == (name != "sorted")
        found[name] = [json.loads(line) for line in (out / "evaluations.jsonl").read_text().splitlines()]
    assert found["sorted"]
    assert found["newest"] == found["mixed"] == found["sorted"]


def test_the_order_of_rows(tmp_path: Path) -> None:
    """Pandas' own; rows without a time stay where they were, and what is a little late is none of it."""
    path = tmp_path / "r.csv"
    path.write_text("x,timestamp\n1,2026-01-01T00:00:30Z\n2,\n3,2026-01-01T00:00:10Z\n4,2026-01-01T00:00:20Z\n")
    order = order_of(open_rows(path, Wishes()), "timestamp", 5_000)
    assert order is not None
    assert order.tolist() == [2, 3, 0, 1]
    assert order_of(open_rows(path, Wishes()), "timestamp", 20_000) is None
    path.write_text("x,timestamp\n1,yesterday\n2,today\n")
    assert order_of(open_rows(path, Wishes()), "timestamp", 0) is None
