"""A replay of tables says how late their labels come, where the config does not wait for them."""

from __future__ import annotations

import contextlib
import io
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from operators.settings.durations import show_duration
from stream.cli.app import app

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 400
RANDOM = np.random.default_rng(6)
SCORE = RANDOM.random(ROWS)
TIMES = pd.date_range("2026-05-04", periods=ROWS, freq="15min")
TABLE = pd.DataFrame(
    {
        "prediction_id": np.arange(ROWS),
        "timestamp": TIMES.astype(str),
        "x": RANDOM.normal(size=ROWS),
        "prediction": SCORE,
        "label": (RANDOM.random(ROWS) < SCORE).astype(int),
    }
)
LATE = pd.to_timedelta(RANDOM.uniform(20, 26, ROWS), unit="h")


def run(*arguments: object) -> str:
    """What a command that must end well says."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        assert not app([str(argument) for argument in arguments], standalone_mode=False)
    return said.getvalue()


def replayed(directory: Path, labels: pd.DataFrame, *options: str) -> str:
    """What a replay with these labels says."""
    TABLE.to_csv(directory / "t.csv", index=False)
    run("init", "--from", directory / "t.csv", "--model", "m", "-o", directory, "--force")
    TABLE.drop(columns="label").to_parquet(directory / "p.parquet", index=False)
    labels.to_csv(directory / "f.csv", index=False)
    paths = ("--predictions", directory / "p.parquet", "--feedback", directory / "f.csv")
    config = directory / "driftgauge.yaml"
    return run("replay", "-c", config, *paths, "-o", directory / "out", "--evaluations", "none", *options)


def test_labels_that_come_a_day_late_are_told(tmp_path: Path) -> None:
    """Median and 95th percentile are numpy's, rounded up to hours; with what is advised every label is counted.

    A prediction is kept for four delays, a day at least: that is when labels are lost, which is told, too.
    """
    labels = TABLE[["prediction_id", "label"]].assign(timestamp=TIMES + LATE).sample(frac=1, random_state=1)
    delay = ("--set", "models.0.performance.label_delay=1h")
    said = replayed(tmp_path, labels, *delay)
    usual, slow = (int(-(-np.quantile(LATE.total_seconds(), part) // 3600)) for part in (0.5, 0.95))
    median = show_duration(usual * 3_600_000)
    assert f"labels come {median} after their predictions (95% of them within {slow}h)" in said
    advice = f"models.0.performance.label_delay={slow}h"
    assert f"--set {advice} waits for them" in said
    assert "what is judged by then lacks them, and those later than 1d find no prediction any more;" in said
    assert f"{ROWS:,} gave a prediction its first label" not in said
    better = replayed(tmp_path, labels, "--set", advice)
    assert "after their predictions (" not in better
    assert f"{ROWS:,} gave a prediction its first label" in better


@pytest.mark.parametrize("other", ["in time", "strangers"])
def test_nothing_is_said_where_labels_are_in_time_or_unknown(tmp_path: Path, other: str) -> None:
    """Of predictions that are not there no delay is known."""
    labels = TABLE[["prediction_id", "label"]].assign(timestamp=TIMES + pd.Timedelta("20min"))
    if other == "strangers":
        labels = labels.assign(prediction_id=labels["prediction_id"] + ROWS, timestamp=TIMES + LATE)
    said = replayed(tmp_path, labels, "--set", "models.0.performance.label_delay=1h")
    assert "after their predictions (" not in said
