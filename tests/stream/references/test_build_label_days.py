"""What a build says of how much days of labels differ: against pandas, over files in any order."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from operators.plans.labels import plan_labels
from operators.settings.model import ModelSettings
from stream.config.pace import plan_pace
from stream.references.build import BuildOptions, Built, build
from stream.rows.open import open_rows
from windows.outcomes.days import DayVariation, worth
from windows.outcomes.layout import task_layout
from windows.predictions.layout import layout_of
from windows.references.merge import merge
from windows.references.reference import from_json, to_json

if TYPE_CHECKING:
    from pathlib import Path

DAYS, A_DAY = 60, 300


def table(seed: int = 1, days: int = DAYS) -> pd.DataFrame:
    """Some 300 predictions a day, right in a share of them that is drawn for each day."""
    rng = np.random.default_rng(seed)
    day = np.sort(rng.integers(0, days, days * A_DAY))
    right = rng.random(len(day)) < np.clip(rng.normal(0.8, 0.08, days), 0, 1)[day]
    score = np.where(rng.random(len(day)) < 0.5, rng.uniform(0.6, 0.99, len(day)), rng.uniform(0.01, 0.4, len(day)))
    times = pd.Timestamp("2026-03-02", tz="UTC") + pd.to_timedelta(day + rng.random(len(day)), "D")
    label = np.where(right, score >= 0.5, score < 0.5).astype(int)
    return pd.DataFrame({"timestamp": times, "x": rng.normal(size=len(day)), "prediction": score, "label": label})


def built(directory: Path, rows: pd.DataFrame, **options: Any) -> Built:
    """The reference of these rows."""
    rows.to_parquet(directory / "rows.parquet")
    return build(open_rows(directory / "rows.parquet", {}), BuildOptions("m", task="binary", **options))


def deviation(rows: pd.DataFrame) -> float:
    """Between whole days, by the unbalanced analysis of variance (Searle, Variance Components, 1992, 3.6)."""
    right = (rows.prediction >= 0.5) == (rows.label == 1)
    day = rows.timestamp.dt.floor("D")
    whole = ~day.isin([day.min(), day.max()])
    groups = right[whole].astype(float).groupby(day[whole])
    size, mean = groups.size(), groups.mean()
    total = size.sum()
    within = (groups.var() * (size - 1)).sum() / (total - len(size))
    between = (size * (mean - right[whole].mean()) ** 2).sum() / (len(size) - 1)
    each = (total - (size**2).sum() / total) / (len(size) - 1)
    return float(np.sqrt((between - within) / each))


def test_the_deviation_of_days_is_pandas(tmp_path: Path) -> None:
    """Whole days alone; shuffled rows are of the same days, and it is said how much they differ."""
    rows = table()
    one = built(tmp_path, rows)
    found = one.reference.label_days["accuracy"]
    assert found.deviation == pytest.approx(deviation(rows), rel=0.05)
    assert found.days == DAYS - 2
    assert any(f"accuracy by {found.deviation:.2g}" in note for note in one.notes)
    mixed = built(tmp_path, rows.sample(frac=1, random_state=0)).reference
    assert mixed.label_days == one.reference.label_days
    assert mixed.outcomes is not None
    assert np.array_equal(mixed.outcomes, one.reference.outcomes)


def test_days_that_are_alike_are_not_told(tmp_path: Path) -> None:
    """The same rows with their labels dealt out over all days anew; nor are rows without times."""
    rows = table()
    dealt = rows.assign(timestamp=rows.timestamp.sample(frac=1, random_state=3).to_numpy())
    assert "accuracy" not in built(tmp_path, dealt).reference.label_days
    assert built(tmp_path, rows.drop(columns="timestamp")).reference.label_days == {}


def test_it_is_kept_and_merged(tmp_path: Path) -> None:
    """In the file, and of two references the larger one."""
    reference = built(tmp_path, table()).reference
    assert from_json(to_json(reference)).label_days == reference.label_days
    less = {name: replace(one, deviation=one.deviation / 2) for name, one in reference.label_days.items()}
    assert merge(replace(reference, label_days=less), reference).reference.label_days == reference.label_days


def test_comparisons_are_told_of_days(tmp_path: Path) -> None:
    """What the model's reference and that of a version say; not where labels were counted by another threshold."""
    reference = built(tmp_path, table()).reference
    own = built(tmp_path, table(2), like=reference).reference
    model = {"name": "m", "task": "binary", "performance": {"windows": ["1d"], "label_delay": "1h"}}
    known = replace(reference, versions={"2": own})
    plan = plan_labels(ModelSettings.model_validate(model), layout_of(known, ()), known, 10_000)
    assert plan is not None
    assert plan.varied == {"": reference.label_days, "2": own.label_days}
    assert plan.reference_days == {"": pytest.approx(60, abs=0.1), "2": pytest.approx(60, abs=0.1)}
    other = ModelSettings.model_validate({**model, "performance": {"threshold": 0.7, "label_delay": "1h"}})
    elsewhere = plan_labels(other, layout_of(known, ()), known, 10_000)
    assert elsewhere is not None
    assert elsewhere.varied == {}
    assert isinstance(reference.label_days["accuracy"], DayVariation)


def test_windows_are_long_where_days_differ(tmp_path: Path) -> None:
    """A day is worth p(1 - p) over the variance of its share, which pandas tells; the plan has such windows."""
    rows = table()
    reference = built(tmp_path, rows).reference
    right = float(((rows.prediction >= 0.5) == (rows.label == 1)).mean())
    known, noise = reference.label_days["accuracy"], right * (1 - right)
    alike = (1 + known.correlation) / (1 - known.correlation)
    expected = noise / (noise / A_DAY + alike * deviation(rows) ** 2)
    assert reference.task is not None
    assert reference.outcomes is not None
    layout = task_layout(reference.task, reference.prediction)
    found = worth(layout, reference.outcomes, {"accuracy": known}, A_DAY)
    assert found == pytest.approx(expected, rel=0.12)
    plan, plain = plan_pace(reference), plan_pace(replace(reference, label_days={}))
    assert plan is not None
    assert plain is not None
    assert plan.cohorts is not None
    assert plain.cohorts is not None
    assert set(plan.cohorts) > set(plain.cohorts)
    assert max(plan.cohorts) == 84 * 86_400_000


@pytest.mark.parametrize("scale", [1e-4, 1e6])
def test_errors_of_any_size_are_told_of_as_shares_of_themselves(tmp_path: Path, scale: float) -> None:
    """Days of a regression whose errors differ by a quarter are told; the same rows dealt out over all days are not."""
    rng = np.random.default_rng(5)
    day = np.sort(rng.integers(0, DAYS, DAYS * A_DAY))
    error = rng.normal(0.0, 1.0, len(day)) * np.clip(rng.normal(1.0, 0.25, DAYS), 0.2, None)[day]
    x = rng.normal(10.0, 2.0, len(day))
    times = pd.Timestamp("2026-03-02", tz="UTC") + pd.to_timedelta(day + rng.random(len(day)), "D")
    rows = pd.DataFrame({"timestamp": times, "x": x, "prediction": scale * x, "label": scale * (x + error)})
    rows.to_parquet(tmp_path / "rows.parquet")
    told = build(open_rows(tmp_path / "rows.parquet", {}), BuildOptions("m", task="regression"))
    found = told.reference.label_days["mae"].deviation
    daily = (rows.label - rows.prediction).abs().groupby(rows.timestamp.dt.floor("D")).mean()
    assert found == pytest.approx(daily.iloc[1:-1].std(), rel=0.1)
    assert any(f"mae by {found:.2g}" in note for note in told.notes)
    dealt = rows.assign(timestamp=rows.timestamp.sample(frac=1, random_state=3).to_numpy())
    dealt.to_parquet(tmp_path / "rows.parquet")
    quiet = build(open_rows(tmp_path / "rows.parquet", {}), BuildOptions("m", task="regression"))
    assert not any("days differ" in note for note in quiet.notes)
