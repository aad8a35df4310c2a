"""Histories of thin traffic: months of a few predictions an hour, with labels, and a step in one feature.

The shape of public tabular data that people first try a monitor on: 160 rows a day over ten months, four numeric and
three categorical features, a binary label, hours of the day that are busier than others. All of it is drawn here.
"""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from windows.arrays import FloatArray, IntArray

DAY = 86_400_000
MIDNIGHT = 1_743_465_600_000
"""2025-04-01T00:00:00Z."""

STEPPED = "amount"
"""The numeric feature that takes a step."""


@dataclass(frozen=True)
class History:
    """What is drawn.

    Attributes:
        per_day: predictions a day.
        days: of predictions; as many days of training rows as `training` come before.
        numeric: features with numbers, STEPPED among them.
        categorical: features with categories.
        training: days of training rows.
        step: of STEPPED, in its deviations; 0 for none.
        step_day: the day of the predictions that it comes with.
        label_days: how late a label is at most, days; at least a twentieth of that.
        begin: of the predictions, ms. All of it must have been: what lies ahead of the clock is a dead letter.
        seed: of everything.
    """

    per_day: int = 160
    days: int = 305
    numeric: int = 4
    categorical: int = 3
    training: int = 120
    step: float = 0.6
    step_day: int = 200
    label_days: float = 0.5
    begin: int = MIDNIGHT
    seed: int = 11

    @property
    def names(self) -> tuple[str, ...]:
        """Numeric features, then categorical ones."""
        numeric = (STEPPED, *(f"number_{at}" for at in range(1, self.numeric)))
        return (*numeric, *(f"category_{at}" for at in range(self.categorical)))

    @property
    def stepped_at(self) -> int:
        """When the step comes, ms."""
        return self.begin + self.step_day * DAY


@dataclass(frozen=True, eq=False)
class Drawn:
    """n rows in the order of their times: features by name, scores, labels, and when each label came (ms)."""

    times: IntArray
    features: dict[str, Any]
    score: FloatArray
    label: IntArray
    labelled: IntArray


def draw(history: History, days: range, *, seed: int) -> Drawn:
    """The rows of these days, counted from `begin`."""
    rng = np.random.default_rng((history.seed, seed))
    count = history.per_day * len(days)
    hours = 1.0 + 0.8 * np.sin(np.arange(24) / 24 * 2 * np.pi)
    hour = rng.choice(24, count, p=hours / hours.sum())
    day = np.repeat(np.asarray(days), history.per_day)
    times = np.sort(history.begin + day * DAY + hour * 3_600_000 + rng.integers(0, 3_600_000, count))
    features: dict[str, Any] = {}
    weights = 0.0
    for at, name in enumerate(history.names[: history.numeric]):
        values = rng.normal(size=count) if at % 2 else rng.gamma(2.0, size=count)
        if name == STEPPED and history.step:
            values = values + history.step * np.sqrt(2.0) * (times >= history.stepped_at)
        weights = weights + values * 0.5**at
        features[name] = np.round(values, 4)
    for at, name in enumerate(history.names[history.numeric :]):
        shares = 1.0 / np.arange(1, 4 + 3 * at)
        chosen = rng.choice(len(shares), count, p=shares / shares.sum())
        features[name] = np.array([f"c{code}" for code in range(len(shares))])[chosen]
    score = 1.0 / (1.0 + np.exp(-(weights - 1.5)))
    label = (rng.random(count) < score).astype(np.int64)
    delay = (0.05 + 0.95 * rng.random(count)) * history.label_days * DAY
    return Drawn(times, features, np.round(score, 4), label, times + delay.astype(np.int64))


def write_training(history: History, path: Path, *, timestamps: bool) -> Path:
    """Training rows as CSV: the days before the first prediction, without the step."""
    drawn = draw(history, range(-history.training, 0), seed=0)
    columns = {**drawn.features, "prediction": drawn.score, "label": drawn.label}
    if timestamps:
        columns["timestamp"] = drawn.times
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*(values.tolist() for values in columns.values()), strict=True))
    return path


def prediction_lines(history: History, model: str, drawn: Drawn) -> Iterator[bytes]:
    """Predictions in the order of their times, one a line."""
    columns = [values.tolist() for values in drawn.features.values()]
    names = tuple(drawn.features)
    rows = zip(drawn.times.tolist(), drawn.score.tolist(), *columns, strict=True)
    for at, (when, score, *values) in enumerate(rows):
        record = {
            "prediction_id": f"{history.seed}-{at}",
            "timestamp": when,
            "model": model,
            "prediction": score,
            "features": dict(zip(names, values, strict=True)),
        }
        yield json.dumps(record).encode() + b"\n"


def feedback_lines(history: History, model: str, drawn: Drawn) -> Iterator[bytes]:
    """Labels in the order in which they came, one a line."""
    order = np.argsort(drawn.labelled, kind="stable").tolist()
    when, labels = drawn.labelled.tolist(), drawn.label.tolist()
    for at in order:
        record = {"prediction_id": f"{history.seed}-{at}", "timestamp": when[at], "model": model, "label": labels[at]}
        yield json.dumps(record).encode() + b"\n"


def write_history(history: History, directory: Path, model: str) -> tuple[Path, Path]:
    """Files of predictions and of feedback."""
    drawn = draw(history, range(history.days), seed=1)
    files = directory / "predictions.jsonl", directory / "feedback.jsonl"
    for path, lines in zip(files, (prediction_lines, feedback_lines), strict=True):
        with path.open("wb") as file:
            file.writelines(lines(history, model, drawn))
    return files
