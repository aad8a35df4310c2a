"""What is shown behind the figures: reliability, precision and recall, confusion, coverage by score."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from outcome_rows import Row, groups_of, layouts, outcomes_of
from sklearn import metrics as sk
from sklearn.calibration import calibration_curve

from windows.outcomes.curves import confusion, coverage_by_score, pr_curve, reliability
from windows.outcomes.fold import fold_outcomes, fold_predictions

LAYOUTS = layouts()


def scored(seed: int, n: int = 3_000) -> tuple[np.ndarray, np.ndarray, list[Row]]:
    """Scores, labels and rows of a model that is too sure of itself."""
    rng = np.random.default_rng(seed)
    scores = rng.beta(1, 3, n)
    labels = (rng.random(n) < 0.1 + 0.6 * scores).astype(float)
    return scores, labels, [Row(score=float(s), label=float(y)) for s, y in zip(scores, labels, strict=True)]


def test_reliability_is_scikit_learns_calibration_curve() -> None:
    """Without a reference there are the ten equal bins of calibration_curve; with one the bins are finer."""
    scores, labels, rows = scored(1)
    layout = LAYOUTS["binary without reference"]
    found = reliability(layout, fold_outcomes(layout, outcomes_of(rows), groups_of(rows), 1)[0])
    ratio, mean = calibration_curve(labels, scores, n_bins=10)
    filled = found.count > 0
    assert found.positive_ratio[filled] == pytest.approx(ratio)
    assert found.mean_score[filled] == pytest.approx(mean, abs=1e-9)
    assert ((found.lower <= found.positive_ratio) & (found.positive_ratio <= found.upper))[filled].all()
    fine = LAYOUTS["binary"]
    finer = reliability(fine, fold_outcomes(fine, outcomes_of(rows), groups_of(rows), 1)[0])
    assert finer.count.sum() == found.count.sum() == len(rows)
    assert len(finer.count) > 15


def test_reliability_of_classes_is_that_of_the_predicted_class() -> None:
    """Mean score of the predicted class against the share of right ones."""
    rng = np.random.default_rng(2)
    scores = rng.dirichlet((1, 1, 1), 800)
    labels = np.array([rng.choice(3, p=row) for row in scores])
    called = scores.argmax(axis=1)
    rows = [
        Row(score=float(p), label=float(y), probabilities=tuple(row))
        for p, y, row in zip(called, labels, scores, strict=True)
    ]
    layout = LAYOUTS["multiclass"]
    found = reliability(layout, fold_outcomes(layout, outcomes_of(rows, 3), groups_of(rows), 1)[0])
    frame = pd.DataFrame({"bin": (scores.max(axis=1) * 10).astype(int).clip(max=9), "right": called == labels})
    expected = frame.groupby("bin")["right"].mean()
    assert found.positive_ratio[expected.index] == pytest.approx(expected.to_numpy())


def test_precision_and_recall_are_those_of_the_rows() -> None:
    """At every edge, against scikit-learn; past the highest score precision is undefined."""
    scores, labels, rows = scored(3, 800)
    layout = LAYOUTS["binary"]
    curve = pr_curve(layout, fold_outcomes(layout, outcomes_of(rows), groups_of(rows), 1)[0])
    for edge, precision, recall, fpr in zip(curve.threshold, curve.precision, curve.recall, curve.fpr, strict=True):
        called = scores >= edge
        assert recall == pytest.approx(sk.recall_score(labels, called))
        assert fpr == pytest.approx((called & (labels == 0)).sum() / (labels == 0).sum())
        if called.any():
            assert precision == pytest.approx(sk.precision_score(labels, called))
        else:
            assert math.isnan(precision)


def test_confusion_is_scikit_learns() -> None:
    """Binary at the threshold, several classes with other last."""
    scores, labels, rows = scored(4)
    layout = LAYOUTS["binary"]
    found = confusion(layout, fold_outcomes(layout, outcomes_of(rows), groups_of(rows), 1)[0])
    assert np.array_equal(found.counts, sk.confusion_matrix(labels, scores >= layout.options.threshold))
    assert found.classes == ("0", "1")
    rng = np.random.default_rng(5)
    truth, called = rng.integers(0, 4, 200), rng.integers(0, 4, 200)
    several = LAYOUTS["multiclass"]
    rows = [Row(score=float(p), label=float(y)) for p, y in zip(called, truth, strict=True)]
    matrix = confusion(several, fold_outcomes(several, outcomes_of(rows), groups_of(rows), 1)[0])
    assert matrix.classes == ("a", "b", "c", "other")
    assert np.array_equal(matrix.counts, sk.confusion_matrix(truth, called, labels=range(4)))


@pytest.mark.parametrize("name", LAYOUTS)
def test_labels_that_come_for_high_scores_only_are_seen(name: str) -> None:
    """Coverage by score shows a selective label; the bins add up to all predictions."""
    layout = LAYOUTS[name]
    rng = np.random.default_rng(6)
    task = layout.options.task
    scores = rng.integers(0, 4, 2_000).astype(float) if task == "multiclass" else rng.random(2_000)
    if task == "regression":
        scores = 50 + 14 * (scores - 0.5)
    high = scores > np.median(scores)
    zeros = np.zeros(2_000, dtype=np.int64)
    lists = {"ranked": ["a"], "clicked": ["a"]} if task == "ranking" else {}
    rows = [Row(score=float(score), label=1.0, **lists) for score in scores[high]]
    vector = fold_predictions(layout, scores, zeros, 1) + fold_outcomes(layout, outcomes_of(rows), groups_of(rows), 1)
    found = coverage_by_score(layout, vector[0])
    assert found.predictions.sum() == 2_000
    assert found.labelled.sum() == high.sum()
    assert len(found.names) == len(found.ratio)
    if task in ("binary", "multiclass") or name == "regression":
        filled = found.predictions > 0
        assert found.ratio[filled][0] == 0.0
        assert found.ratio[filled][-1] == 1.0
        assert found.upper[filled][0] < found.lower[filled][-1]


def test_other_tasks_have_no_such_curve() -> None:
    """Refused with the name of the task."""
    layout = LAYOUTS["ranking"]
    for function in (reliability, pr_curve, confusion):
        with pytest.raises(TypeError, match="ranking"):
            function(layout, layout.empty())
