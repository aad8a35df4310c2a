"""Compare: paired differences against scipy, and verdicts that a pipeline can act on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn import metrics
from typer.testing import CliRunner

from stream.cli.app import app
from stream.cli.compare import EXIT
from stream.compare.rows import Side
from stream.compare.run import compare
from stream.compare.verdict import LEVEL
from stream.errors import UsageError
from stream.rows.open import open_rows

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from stream.compare.verdict import Comparison

N = 4_000


def world(better: float, rows: int = N, seed: int = 1) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Scores of two models of one truth; the candidate sees `better` more of it. Countries are thirds."""
    rng = np.random.default_rng(seed)
    truth, noise = rng.normal(size=rows), rng.normal(size=(2, rows))
    label = (rng.random(rows) < stats.logistic.cdf(2 * truth)).astype(int)
    scores = [
        stats.logistic.cdf(2 * (weight * truth + 0.6 * noise[at])) for at, weight in enumerate((0.6, 0.6 + better))
    ]
    common = {"prediction_id": [f"p{at}" for at in range(rows)], "label": label}
    country = rng.choice(["de", "fr", "us"], rows)
    champion = pd.DataFrame({**common, "prediction": scores[0], "country": country})
    return champion, pd.DataFrame({**common, "prediction": scores[1]})


def files(directory: Path, frames: tuple[pd.DataFrame, pd.DataFrame]) -> list[Path]:
    """Both as files: one Parquet, one CSV."""
    paths = [directory / "champion.parquet", directory / "candidate.csv"]
    frames[0].to_parquet(paths[0], row_group_size=700)
    frames[1].to_csv(paths[1], index=False)
    return paths


def compared(directory: Path, frames: tuple[pd.DataFrame, pd.DataFrame], **options: Any) -> Comparison:
    """A comparison of two frames."""
    champion, candidate = files(directory, frames)
    sides = Side("champion", open_rows(champion, {})), Side("candidate", open_rows(candidate, {}))
    return compare(*sides, options.pop("task", "binary"), **options)


def _loss(metric: str, frame: pd.DataFrame) -> npt.NDArray[np.float64]:
    label, score = frame["label"].to_numpy(), frame["prediction"].to_numpy()
    if metric == "accuracy":
        return ((score >= 0.5) != label).astype(float)
    return (score - label) ** 2 if metric == "brier" else -np.where(label, np.log(score), np.log1p(-score))


@pytest.mark.parametrize("metric", ["accuracy", "brier", "log_loss"])
def test_differences_and_intervals_are_those_of_scipy(tmp_path: Path, metric: str) -> None:
    """Of a paired t-test; and the means are the differences of scikit-learn's metrics."""
    frames = world(0.2)
    found = compared(tmp_path, frames, metric=metric)
    test = stats.ttest_rel(_loss(metric, frames[0]), _loss(metric, frames[1]))
    expected = test.confidence_interval(1 - LEVEL)
    mean, lower, upper = found.interval("", metric)
    assert (lower, upper) == pytest.approx((expected.low, expected.high), rel=1e-9)
    of = {"accuracy": lambda y, p: -metrics.accuracy_score(y, p >= 0.5)}
    of |= {"brier": metrics.brier_score_loss, "log_loss": metrics.log_loss}
    old, new = (of[metric](frame["label"], frame["prediction"].to_numpy()) for frame in frames)
    assert mean == pytest.approx(old - new, rel=1e-9)


def test_a_better_model_is_promoted_and_a_worse_one_is_not(tmp_path: Path) -> None:
    """And one that is neither, for sure, asks for more rows; the exit code says which."""
    codes = {}
    for name, better in (("promote", 0.6), ("keep", -0.4), ("inconclusive", 0.02)):
        champion, candidate = files(tmp_path, world(better))
        done = CliRunner().invoke(
            app, ["compare", "--champion", str(champion), "--candidate", str(candidate), "--segment", "country"]
        )
        codes[name] = done.exit_code
        assert f"{name}: accuracy is better by" in done.output
        assert "country=de  brier" in done.output
    assert codes == EXIT


def test_a_segment_that_is_worse_keeps_the_champion(tmp_path: Path) -> None:
    """Better on the whole, worse in one country."""
    champion, candidate = world(0.6)
    there = champion["country"] == "fr"
    candidate.loc[there, "prediction"] = 1 - candidate.loc[there, "prediction"]
    champion.loc[~there, "prediction"] = 0.5 - (champion.loc[~there, "prediction"] - 0.5) / 5
    outcome, why = compared(tmp_path, (champion, candidate), segments=["country"]).outcome()
    assert outcome == "keep"
    assert "country=fr" in why


def test_equal_models_are_seldom_told_apart(tmp_path: Path) -> None:
    """Two hundred pairs without a difference: no more verdicts of one than the level allows, and some slack."""
    outcomes = [compared(tmp_path, world(0.0, 300, seed)).outcome()[0] for seed in range(200)]
    assert outcomes.count("promote") <= stats.binom.ppf(0.999, 200, LEVEL / 2)
    assert outcomes.count("keep") <= stats.binom.ppf(0.999, 200, 3 * LEVEL)


@pytest.mark.parametrize("task", ["regression", "multiclass"])
def test_other_tasks(tmp_path: Path, task: str) -> None:
    """Errors of numbers, and names of classes."""
    rng = np.random.default_rng(3)
    if task == "regression":
        label = rng.normal(100, 10, N)
        given: list[Any] = [label + rng.normal(0, scale, N) for scale in (5, 4)]
    else:
        label = rng.choice(["bird", "cat", "dog"], N)
        given = [np.where(rng.random(N) < share, label, "bird") for share in (0.6, 0.8)]
    frames = [pd.DataFrame({"label": label, "prediction": one}) for one in given]
    found = compared(tmp_path, (frames[0], frames[1]), task=task)
    assert found.outcome()[0] == "promote"
    metric = "mae" if task == "regression" else "accuracy"
    wrong = [np.abs(one - label) if task == "regression" else (one != label) for one in given]
    assert found.interval("", metric)[0] == pytest.approx(np.mean(wrong[0]) - np.mean(wrong[1]), rel=1e-6)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda frame: frame.iloc[::-1], "row 1: prediction_id is"),
        (lambda frame: frame.iloc[:-1], "has 3,999 rows"),
        (lambda frame: pd.concat([frame, frame.iloc[:1]]), "more rows than the 4,000"),
        (lambda frame: frame.drop(columns="prediction"), "no column 'prediction'"),
        (lambda frame: frame[["prediction"]], "nothing says that the files hold the same rows"),
    ],
)
def test_files_of_other_rows_are_refused(tmp_path: Path, change: Any, said: str) -> None:
    """Where, and what to do."""
    champion, candidate = world(0.1)
    with pytest.raises(UsageError, match=said):
        compared(tmp_path, (champion, change(candidate)))
