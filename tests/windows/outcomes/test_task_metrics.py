"""Metrics against scikit-learn and pandas on the rows themselves: exact for counts, 1e-9 for means."""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from outcome_rows import ITEMS, Row, groups_of, layouts, outcomes_of, profile_of
from sklearn import metrics as sk

from windows.outcomes.binary import areas
from windows.outcomes.fold import fold_outcomes, fold_predictions
from windows.outcomes.layout import TaskOptions, task_layout
from windows.outcomes.metrics import metric_names, task_metrics

if TYPE_CHECKING:
    from windows.outcomes.layout import TaskLayout

LAYOUTS = layouts()
ALPHA = 1e-3
SEEDS = range(5)


def measured(layout: TaskLayout, rows: list[Row]) -> dict[str, float]:
    """The value of every metric over all rows, every row taken as a prediction too."""
    classes = layout.classes - 1 if layout.options.task == "multiclass" else 0
    vectors = fold_outcomes(layout, outcomes_of(rows, classes), groups_of(rows), 1)
    vectors += fold_predictions(layout, np.array([row.score for row in rows]), groups_of(rows), 1)
    found = task_metrics(layout, vectors, ALPHA)
    assert tuple(found) == metric_names(layout)
    for metric in found.values():
        assert np.isnan(metric.value[0]) or metric.lower[0] <= metric.value[0] <= metric.upper[0]
    return {name: float(metric.value[0]) for name, metric in found.items()}


def binary_rows(seed: int, n: int = 700) -> tuple[np.ndarray, np.ndarray, list[Row]]:
    """Scores with ties, at 0, at 1 and at the threshold, and labels of a model that is not calibrated."""
    rng = np.random.default_rng(seed)
    scores = np.where(rng.random(n) < 0.2, rng.choice([0.0, 0.25, 0.37, 0.5, 1.0], n), rng.beta(1, 3, n))
    labels = (rng.random(n) < 0.1 + 0.7 * scores**2).astype(float)
    return scores, labels, [Row(score=float(s), label=float(y)) for s, y in zip(scores, labels, strict=True)]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", ["binary", "binary without reference"])
def test_binary_metrics_are_those_of_scikit_learn(name: str, seed: int) -> None:
    """Shares are equal, losses within 1e-9, whatever ties there are."""
    layout = LAYOUTS[name]
    scores, labels, rows = binary_rows(seed)
    called = scores >= layout.options.threshold
    found = measured(layout, rows)
    assert found["accuracy"] == sk.accuracy_score(labels, called)
    assert found["precision"] == sk.precision_score(labels, called)
    assert found["recall"] == sk.recall_score(labels, called)
    assert found["f1"] == pytest.approx(sk.f1_score(labels, called), rel=1e-14)
    assert found["macro_f1"] == pytest.approx(sk.f1_score(labels, called, average="macro"), rel=1e-14)
    assert found["mcc"] == pytest.approx(sk.matthews_corrcoef(labels, called), rel=1e-12)
    assert found["balanced_accuracy"] == pytest.approx(sk.balanced_accuracy_score(labels, called), rel=1e-14)
    negatives, alarms = (labels == 0).sum(), (called & (labels == 0)).sum()
    assert found["fpr"] == alarms / negatives
    assert found["log_loss"] == pytest.approx(sk.log_loss(labels, scores), abs=1e-9)
    assert found["brier"] == pytest.approx(sk.brier_score_loss(labels, scores), abs=1e-9)
    assert found["calibration_gap"] == pytest.approx(sk.mean_absolute_error(labels, scores), abs=1e-9)
    assert found["positive_ratio"] == labels.mean()
    assert found["predicted_positive_ratio"] == called.mean()
    assert found["labelled"] == found["predictions"] == len(rows)
    assert found["label_coverage"] == 1.0


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", ["binary", "binary without reference"])
def test_auc_is_within_its_stated_bound(name: str, seed: int) -> None:
    """Of scikit-learn's on the raw scores; the bound is small where bins are many."""
    layout = LAYOUTS[name]
    scores, labels, rows = binary_rows(seed)
    found = areas(layout, fold_outcomes(layout, outcomes_of(rows), groups_of(rows), 1))
    assert abs(found.value[0] - sk.roc_auc_score(labels, scores)) <= found.error[0] + 1e-12
    assert found.error[0] < 0.01


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=2, max_size=40))
def test_auc_keeps_its_bound_for_any_scores(pairs: list[tuple[float, bool]]) -> None:
    """Any scores and labels; undefined without both classes."""
    layout = LAYOUTS["binary without reference"]
    rows = [Row(score=score, label=float(label)) for score, label in pairs]
    found = areas(layout, fold_outcomes(layout, outcomes_of(rows), groups_of(rows), 1))
    labels = [label for _, label in pairs]
    if len(set(labels)) < 2:
        assert math.isnan(found.value[0])
    else:
        assert abs(found.value[0] - sk.roc_auc_score(labels, [score for score, _ in pairs])) <= found.error[0] + 1e-12


def test_auc_of_tied_scores_is_exact() -> None:
    """Scores that the reference holds as ties, such as hard 0 and 1, have no error of binning at all."""
    rng = np.random.default_rng(2)
    scores = rng.choice([0.0, 0.25, 1.0], 500)
    labels = rng.random(500) < 0.2 + 0.5 * scores
    layout = task_layout(TaskOptions("binary"), profile_of(rng.choice([0.0, 0.25, 1.0], 5_000)))
    rows = [Row(score=float(score), label=float(label)) for score, label in zip(scores, labels, strict=True)]
    found = areas(layout, fold_outcomes(layout, outcomes_of(rows), groups_of(rows), 1))
    assert found.error[0] == 0.0
    assert found.value[0] == pytest.approx(sk.roc_auc_score(labels, scores), rel=1e-14)


@pytest.mark.parametrize("seed", SEEDS)
def test_ece_is_that_of_ten_equal_bins(seed: int) -> None:
    """Recomputed with pandas from the rows, although the calibration bins are finer."""
    scores, labels, rows = binary_rows(seed)
    frame = pd.DataFrame({"bin": np.minimum((scores * 10 + 1e-12).astype(int), 9), "score": scores, "label": labels})
    gaps = frame.groupby("bin").agg(score=("score", "sum"), label=("label", "sum"))
    expected = (gaps["score"] - gaps["label"]).abs().sum() / len(frame)
    for name in ("binary", "binary without reference"):
        assert measured(LAYOUTS[name], rows)["ece"] == pytest.approx(expected, abs=1e-9)


def test_one_class_alone() -> None:
    """Without positives AUC and recall are undefined, the false positive rate is not; precision is 0 at most."""
    found = measured(LAYOUTS["binary without reference"], [Row(score=0.9, label=0.0), Row(score=0.1, label=0.0)])
    assert math.isnan(found["auc"])
    assert math.isnan(found["recall"])
    assert math.isnan(found["balanced_accuracy"])
    assert found["fpr"] == 0.5
    assert found["precision"] == 0.0
    assert found["f1"] == 0.0


def test_scores_that_are_no_probabilities() -> None:
    """Outside 0 and 1 the threshold counts; losses have no value, but leave out a few such; NaN is left out of all."""
    rows = [Row(score=score, label=1.0) for score in (-3.0, 7.0, math.inf)] + [Row(score=math.nan, label=1.0)]
    found = measured(LAYOUTS["binary"], rows)
    assert found["recall"] == 2 / 3
    assert all(math.isnan(found[name]) for name in ("brier", "log_loss", "calibration_gap", "ece"))
    assert found["labelled"] == 4
    scores = np.random.default_rng(1).random(400)
    few = measured(LAYOUTS["binary"], [*rows, *(Row(score=float(one), label=1.0) for one in scores)])
    ones = np.ones(400)
    assert few["brier"] == pytest.approx(np.square(1 - scores).mean(), abs=1e-9)
    assert few["log_loss"] == pytest.approx(sk.log_loss(ones, scores, labels=[0, 1]), abs=1e-8)
    assert few["calibration_gap"] == pytest.approx((1 - scores).mean(), abs=1e-9)
    tenth = pd.DataFrame({"bin": (scores * 10).astype(int), "score": scores}).groupby("bin")["score"]
    assert few["ece"] == pytest.approx(((1 - tenth.mean()) * tenth.count()).sum() / 400, abs=1e-9)


@pytest.mark.parametrize("seed", SEEDS)
def test_multiclass_metrics_are_those_of_scikit_learn(seed: int) -> None:
    """Confusion, accuracy, macro means, log loss, Brier score; "other" is a class like any."""
    rng = np.random.default_rng(seed)
    layout = LAYOUTS["multiclass"]
    scores = rng.dirichlet((1, 1, 1, 0.3), 400)
    labels = np.array([rng.choice(4, p=0.3 / 4 + 0.7 * row) for row in scores])
    called = scores.argmax(axis=1)
    rows = [
        Row(score=float(p), label=float(y), probabilities=tuple(row[:3]))
        for p, y, row in zip(called, labels, scores, strict=True)
    ]
    found = measured(layout, rows)
    assert found["accuracy"] == sk.accuracy_score(labels, called)
    for name, function in (("precision", sk.precision_score), ("recall", sk.recall_score), ("macro_f1", sk.f1_score)):
        assert found[name] == pytest.approx(function(labels, called, average="macro", zero_division=0), rel=1e-13)
    assert found["f1"] == found["macro_f1"]
    assert found["balanced_accuracy"] == pytest.approx(sk.balanced_accuracy_score(labels, called), rel=1e-13)
    assert found["log_loss"] == pytest.approx(sk.log_loss(labels, scores, labels=range(4)), abs=1e-9)
    one_hot = np.eye(4)[labels]
    assert found["brier"] == pytest.approx(np.square(scores - one_hot).sum(axis=1).mean(), abs=1e-9)
    assert found["calibration_gap"] == pytest.approx((1 - scores[np.arange(400), labels]).mean(), abs=1e-9)
    top = scores.max(axis=1)
    frame = pd.DataFrame({"bin": (top * 10).astype(int).clip(max=9), "top": top, "right": called == labels})
    gaps = frame.groupby("bin").sum()
    assert found["ece"] == pytest.approx((gaps["top"] - gaps["right"]).abs().sum() / 400, abs=1e-9)


def test_macro_means_are_over_the_classes_that_occur() -> None:
    """As in scikit-learn: a class that neither labels nor predictions know is not counted as 0."""
    rows = [Row(score=0.0, label=0.0), Row(score=1.0, label=0.0)]
    expected = sk.f1_score([0, 0], [0, 1], average="macro", zero_division=0)
    assert measured(LAYOUTS["multiclass"], rows)["macro_f1"] == pytest.approx(expected, rel=1e-14)


@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true")
def test_balanced_accuracy_is_over_the_classes_that_labels_are_of() -> None:
    """As in scikit-learn: a class that is only predicted is none to find. Of one class alone nothing is balanced."""
    labels, called = [0, 0, 1], [0, 2, 1]
    rows = [Row(score=float(p), label=float(y)) for y, p in zip(labels, called, strict=True)]
    expected = sk.balanced_accuracy_score(labels, called)
    assert measured(LAYOUTS["multiclass"], rows)["balanced_accuracy"] == pytest.approx(expected, rel=1e-14)
    assert math.isnan(measured(LAYOUTS["multiclass"], rows[:2])["balanced_accuracy"])


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", ["regression", "regression without reference"])
def test_regression_metrics_are_those_of_scikit_learn(name: str, seed: int) -> None:
    """Within 1e-9 of the scale; quantiles of the error within the stated share."""
    rng = np.random.default_rng(seed)
    layout = LAYOUTS[name]
    labels = rng.normal(50, 7, 900)
    predictions = labels + rng.standard_t(4, 900) + 0.3
    found = measured(layout, [Row(score=float(p), label=float(y)) for p, y in zip(predictions, labels, strict=True)])
    unit = layout.scale * 1e-9
    assert found["mae"] == pytest.approx(sk.mean_absolute_error(labels, predictions), abs=unit)
    assert found["rmse"] == pytest.approx(sk.root_mean_squared_error(labels, predictions), abs=unit)
    assert found["bias"] == pytest.approx((predictions - labels).mean(), abs=unit)
    assert found["r2"] == pytest.approx(sk.r2_score(labels, predictions), abs=1e-9)
    errors = np.sort(np.abs(predictions - labels))
    assert found["within_tolerance"] == (errors <= layout.options.tolerance).mean()
    assert layout.errors is not None
    for metric, q in (("abs_error_p50", 0.5), ("abs_error_p90", 0.9), ("abs_error_p99", 0.99)):
        truth = errors[int(np.floor(q * 899))]
        assert found[metric] == pytest.approx(truth, rel=layout.errors.accuracy * (1 + 1e-9))


def test_errors_that_are_not_finite_are_left_out() -> None:
    """An infinite prediction or label is labelled and unusable; the rest is judged without it."""
    rows = [Row(score=1.0, label=0.0), Row(score=math.inf, label=0.0), Row(score=1e300, label=-1e300)]
    rows += [Row(score=0.0, label=-math.inf), Row(score=math.nan, label=3.0)]
    found = measured(LAYOUTS["regression without reference"], rows)
    assert found["mae"] == 1.0
    assert found["labelled"] == 5


def test_small_and_large_units_are_equally_exact() -> None:
    """Errors of a millionth and of a million: the relative error of the means is the same."""
    rng = np.random.default_rng(8)
    for unit in (1e-6, 1e6):
        labels = rng.normal(5, 1, 500) * unit
        predictions = labels + rng.normal(0, 0.1, 500) * unit
        layout = task_layout(TaskOptions("regression"), profile_of(labels))
        rows = [Row(score=float(p), label=float(y)) for p, y in zip(predictions, labels, strict=True)]
        found = measured(layout, rows)
        assert found["mae"] == pytest.approx(sk.mean_absolute_error(labels, predictions), rel=1e-8)
        assert found["r2"] == pytest.approx(sk.r2_score(labels, predictions), abs=1e-9)
        assert "within_tolerance" not in found, "no tolerance was asked for"


def ranking_rows(seed: int) -> tuple[list[list[str]], list[list[str]], list[Row]]:
    """Lists of ten items with none, one or several clicks, some on items that were not shown."""
    rng = np.random.default_rng(seed)
    shown = [[ITEMS[item] for item in rng.permutation(20)[:10]] for _ in range(300)]
    clicks = [[ITEMS[item] for item in rng.permutation(30)[: rng.integers(0, 5)]] for _ in range(300)]
    return shown, clicks, [Row(ranked=items, clicked=hits) for items, hits in zip(shown, clicks, strict=True)]


@pytest.mark.parametrize("seed", SEEDS)
def test_ranking_metrics_are_those_of_scikit_learn(seed: int) -> None:
    """NDCG from scikit-learn, reciprocal rank and click rate from the definition."""
    shown, clicks, rows = ranking_rows(seed)
    relevance = np.array([[item in hits for item in items] for items, hits in zip(shown, clicks, strict=True)])
    order = np.tile(-np.arange(10), (300, 1))
    found = measured(LAYOUTS["ranking"], rows)
    assert found["ndcg"] == pytest.approx(sk.ndcg_score(relevance, order, k=3), abs=1e-9)
    first = [1 / (np.flatnonzero(row)[0] + 1) if row.any() else 0.0 for row in relevance]
    assert found["mrr"] == pytest.approx(np.mean(first), abs=1e-9)
    assert found["ctr"] == relevance[:, :3].sum() / 900
    assert found["clicked_ratio"] == relevance.any(axis=1).mean()


def test_odd_lists() -> None:
    """Items listed twice count at their first place; double clicks count once; an empty list cannot be judged."""
    rows = [
        Row(ranked=["a", "b", "a"], clicked=["a", "a"]),
        Row(ranked=["b"], clicked=[]),
        Row(ranked=[], clicked=["a"]),
        Row(ranked=None, clicked=["a"]),
        Row(ranked=["a"], clicked=None),
        Row(ranked=[1, 2], clicked=[2]),
    ]
    found = measured(LAYOUTS["ranking"], rows)
    assert found["labelled"] == 5
    assert found["clicked_ratio"] == 2 / 3
    assert found["ndcg"] == pytest.approx((1 + 0 + 1 / math.log2(3)) / 3, abs=1e-9)
    assert found["mrr"] == pytest.approx((1 + 0 + 0.5) / 3, abs=1e-9)
    assert found["ctr"] == 2 / 6


@pytest.mark.parametrize("name", LAYOUTS)
def test_values_and_delays_are_those_of_pandas(name: str) -> None:
    """The mean of the business value, with negatives and large ones; delay quantiles within 5 %."""
    rng = np.random.default_rng(9)
    values = np.concatenate((rng.lognormal(3, 2, 200), -rng.lognormal(3, 2, 50), np.full(50, np.nan)))
    delays = np.sort(rng.lognormal(8, 2, 300) * 1_000 + 1_000).astype(np.int64)
    layout = LAYOUTS[name]
    lists = {"ranked": ["a"], "clicked": ["a"]} if layout.options.task == "ranking" else {"score": 0.0, "label": 1.0}
    rows = [Row(value=float(v), delay=int(d), **lists) for v, d in zip(values, delays, strict=True)]
    found = measured(layout, rows)
    assert found["value_mean"] == pytest.approx(pd.Series(values).mean(), abs=1e-8)
    for metric, q in (("label_delay_p50_s", 0.5), ("label_delay_p95_s", 0.95)):
        assert found[metric] == pytest.approx(delays[int(np.floor(q * 299))] / 1_000, rel=0.0501)


def test_coverage_is_labels_over_predictions() -> None:
    """A hundred predictions with twenty labels; more labels than predictions count as all."""
    layout = LAYOUTS["binary"]
    some = fold_outcomes(layout, outcomes_of([Row(score=0.5, label=1.0)] * 20), np.zeros(20, dtype=np.int64), 1)
    made = fold_predictions(layout, np.full(100, 0.5), np.zeros(100, dtype=np.int64), 1)
    found = task_metrics(layout, some + made, ALPHA)["label_coverage"]
    assert found.value[0] == 0.2
    assert found.samples[0] == 100
    assert task_metrics(layout, some * 10 + made, ALPHA)["label_coverage"].value[0] == 1.0


def test_only_the_metrics_asked_for() -> None:
    """Names of other tasks are left out."""
    layout = LAYOUTS["binary"]
    found = task_metrics(layout, layout.empty()[None, :], ALPHA, {"accuracy", "mae"})
    assert list(found) == ["accuracy"]


def test_metrics_warn_of_nothing() -> None:
    """No numeric warning for any task, however few rows there are, at the deepest level."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for layout in LAYOUTS.values():
            task = layout.options.task
            lists = {"ranked": ["a"], "clicked": []} if task == "ranking" else {"score": 1.0, "label": 1.0}
            for n in (1, 2, 50):
                rows = [Row(value=1.0, **lists)] * n
                vectors = fold_outcomes(layout, outcomes_of(rows), groups_of(rows), 2)
                task_metrics(layout, vectors, 1e-9)
