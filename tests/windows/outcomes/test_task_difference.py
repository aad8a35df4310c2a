"""Differences between groups, and the shift of the precision-recall curve."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from outcome_rows import Row, groups_of, layouts, outcomes_of
from scipy.stats import binom, norm, ttest_ind
from sklearn.metrics import roc_auc_score

from windows.outcomes.binary import areas
from windows.outcomes.difference import COUNTS, FEWEST_POSITIVES, curve_shift, difference, metrics_beside
from windows.outcomes.fold import fold_outcomes
from windows.outcomes.metrics import metric_names, task_metrics

if TYPE_CHECKING:
    from windows.outcomes.layout import TaskLayout

LAYOUTS = layouts()
ALPHA = 1e-3


def vector(layout: TaskLayout, scores: np.ndarray, labels: np.ndarray, values: np.ndarray | None = None) -> np.ndarray:
    """One group of rows with a score and a label."""
    given = np.full(len(scores), math.nan) if values is None else values
    rows = [Row(score=float(s), label=float(y), value=float(v)) for s, y, v in zip(scores, labels, given, strict=True)]
    return fold_outcomes(layout, outcomes_of(rows), groups_of(rows), 1)


def model(rng: np.random.Generator, n: int, rate: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Scores and labels that follow them."""
    scores = rng.beta(1, 3, n)
    return scores, (rng.random(n) < rate * scores).astype(float)


def test_the_difference_is_that_of_the_metrics() -> None:
    """For every metric of every task; undefined where one side is."""
    rng = np.random.default_rng(1)
    for name in ("binary", "regression"):
        layout = LAYOUTS[name]
        a, b = (vector(layout, *model(rng, 500, rate), rng.random(500)) for rate in (1.0, 0.6))
        found = difference(layout, a, b, ALPHA)
        assert set(found) == set(metric_names(layout)) - set(COUNTS)
        one, other = task_metrics(layout, a, ALPHA), task_metrics(layout, b, ALPHA)
        for metric, gap in found.items():
            if metric == "label_coverage":  # no predictions were folded
                assert math.isnan(gap.value[0])
                continue
            assert gap.value[0] == pytest.approx(one[metric].value[0] - other[metric].value[0])
            assert gap.lower[0] <= gap.value[0] <= gap.upper[0]
            assert gap.samples[0] == min(one[metric].samples[0], other[metric].samples[0])
        assert math.isnan(difference(layout, a, 0 * b, ALPHA, {"accuracy", "mae"}).popitem()[1].value[0])


def test_a_difference_turned_round_is_its_negative() -> None:
    """lower(a - b) = -upper(b - a)."""
    rng = np.random.default_rng(2)
    for name in ("binary", "regression"):
        layout = LAYOUTS[name]
        a, b = vector(layout, *model(rng, 300)), vector(layout, *model(rng, 900, 0.5))
        there, back = difference(layout, a, b, ALPHA), difference(layout, b, a, ALPHA)
        for metric in there:
            assert there[metric].lower[0] == pytest.approx(-back[metric].upper[0], nan_ok=True)


def test_all_groups_can_be_compared_with_one() -> None:
    """A baseline of one vector serves every group."""
    rng = np.random.default_rng(3)
    layout = LAYOUTS["binary"]
    groups = np.concatenate([vector(layout, *model(rng, 200)) for _ in range(3)])
    baseline = vector(layout, *model(rng, 2_000))
    together = difference(layout, groups, baseline, ALPHA)
    for at in range(3):
        alone = difference(layout, groups[at : at + 1], baseline, ALPHA)
        for metric, gap in alone.items():
            assert together[metric].lower[at] == pytest.approx(gap.lower[0], nan_ok=True), metric


def test_shares_of_many_rows_have_the_classical_interval() -> None:
    """At a million rows a side the bounds are those of the normal approximation."""
    layout = LAYOUTS["binary"]
    right, wrong = vector(layout, np.array([0.9]), np.array([1.0])), vector(layout, np.array([0.9]), np.array([0.0]))
    gap = difference(layout, 900_000 * right + 100_000 * wrong, 890_000 * right + 110_000 * wrong, ALPHA, {"accuracy"})
    half = norm.isf(ALPHA) * math.sqrt(0.9 * 0.1 / 1e6 + 0.89 * 0.11 / 1e6)
    assert gap["accuracy"].lower[0] == pytest.approx(0.01 - half, abs=half * 0.02)
    assert gap["accuracy"].upper[0] == pytest.approx(0.01 + half, abs=half * 0.02)


def test_means_of_many_rows_have_welchs_interval() -> None:
    """Against scipy, for a symmetric value of equal spread on both sides."""
    rng = np.random.default_rng(4)
    layout = LAYOUTS["regression without reference"]
    nothing = np.zeros(4_000)
    x, y = rng.normal(5, 2, 4_000), rng.normal(5.1, 2, 4_000)
    gap = difference(layout, vector(layout, nothing, nothing, x), vector(layout, nothing, nothing, y), ALPHA)[
        "value_mean"
    ]
    interval = ttest_ind(x, y, equal_var=False).confidence_interval(1 - 2 * ALPHA)
    half = interval.high - gap.value[0]
    assert gap.lower[0] == pytest.approx(interval.low, abs=half * 0.06)
    assert gap.upper[0] == pytest.approx(interval.high, abs=half * 0.06)


def delong(scores: np.ndarray, labels: np.ndarray) -> float:
    """DeLong's variance of the area, from all pairs."""
    wins = (np.sign(scores[labels == 1][:, None] - scores[labels == 0][None, :]) + 1) / 2
    positives, negatives = wins.mean(axis=1), wins.mean(axis=0)
    return float(positives.var(ddof=1) / len(positives) + negatives.var(ddof=1) / len(negatives))


def test_areas_of_many_rows_have_delongs_interval() -> None:
    """Value and width against all pairs of the raw scores; the error of the bins of both sides is added."""
    rng = np.random.default_rng(5)
    layout = LAYOUTS["binary"]
    (s, y), (t, z) = model(rng, 4_000), model(rng, 4_000, 0.7)
    a, b = vector(layout, s, y), vector(layout, t, z)
    gap = difference(layout, a, b, ALPHA, {"auc"})["auc"]
    error = float(areas(layout, a).error[0] + areas(layout, b).error[0])
    assert abs(gap.value[0] - (roc_auc_score(y, s) - roc_auc_score(z, t))) <= error
    half = norm.isf(ALPHA) * math.sqrt(delong(s, y) + delong(t, z))
    assert gap.upper[0] - gap.value[0] == pytest.approx(half + error, rel=0.07)
    assert gap.value[0] - gap.lower[0] == pytest.approx(half + error, rel=0.07)


def test_few_rows_do_not_claim_that_a_rare_large_value_is_gone() -> None:
    """One purchase in a hundred visits: thirty visits without one are no proof of a fall, though they are all alike."""
    layout = LAYOUTS["binary"]
    usual = np.tile(np.concatenate((np.zeros(99), [500.0])), 100)
    few = np.zeros(30)
    baseline = vector(layout, np.zeros(len(usual)), np.zeros(len(usual)), usual)
    window = vector(layout, few, few, few)
    assert difference(layout, window, baseline, 1e-3, {"value_mean"})["value_mean"].upper[0] > 0
    alone = task_metrics(layout, window, 1e-3, {"value_mean"})["value_mean"]
    beside = metrics_beside(layout, window, baseline, 1e-3, {"value_mean"})["value_mean"]
    assert alone.upper[0] < 5.0 < beside.upper[0]


def test_the_shift_of_equal_curves_is_nothing() -> None:
    """The same rows twice: 0, with bounds from 0 to what the rows could not see."""
    layout = LAYOUTS["binary"]
    a = vector(layout, *model(np.random.default_rng(6), 3_000))
    shift = curve_shift(layout, a, a, ALPHA)
    assert shift.value[0] == 0.0
    assert shift.lower[0] == 0.0
    assert 0.0 < shift.upper[0] < 1.0


def test_the_shift_is_the_largest_gap_at_any_threshold() -> None:
    """Recomputed from the rows at every edge of the layout."""
    rng = np.random.default_rng(7)
    layout = LAYOUTS["binary"]
    sides = [model(rng, 2_000), model(rng, 2_500, 0.5)]
    shift = curve_shift(layout, *(vector(layout, *side) for side in sides), ALPHA)
    largest = 0.0
    assert layout.score_edges is not None
    for edge in layout.score_edges:
        called = [(scores >= edge, labels == 1) for scores, labels in sides]
        recall = [(c & y).sum() / y.sum() for c, y in called]
        largest = max(largest, abs(recall[0] - recall[1]))
        if all(c.sum() >= FEWEST_POSITIVES for c, _ in called):
            precision = [(c & y).sum() / c.sum() for c, y in called]
            largest = max(largest, abs(precision[0] - precision[1]))
    assert shift.value[0] == pytest.approx(largest)
    assert shift.samples[0] == min(int(labels.sum()) for _, labels in sides)


def test_a_few_more_false_alarms_at_the_top_are_seen() -> None:
    """Fraud: false positives go from 0.1 % to 0.4 % of the negatives, precision from a half to a fifth."""
    layout = LAYOUTS["binary"]

    def week(alarms: int) -> np.ndarray:
        scores = np.concatenate((np.full(500, 0.95), np.full(alarms, 0.95), np.full(500_000, 0.01)))
        return vector(layout, scores, np.concatenate((np.ones(500), np.zeros(alarms + 500_000))))

    shift = curve_shift(layout, week(500), week(2_000), 1e-7)
    assert shift.value[0] == pytest.approx(0.5 - 0.2, abs=0.01)
    assert shift.lower[0] > 0.15


def test_no_shift_is_claimed_too_often() -> None:
    """1,000 pairs of periods of one model: the lower bound is above 0 in no more than chance at the level explains."""
    rng = np.random.default_rng(8)
    layout = LAYOUTS["binary"]
    scores, labels = model(rng, 400_000)
    vectors = np.concatenate([vector(layout, scores[at::1_000], labels[at::1_000]) for at in range(1_000)])
    shift = curve_shift(layout, vectors[:500], vectors[500:], 0.05)
    assert (shift.lower > 0).sum() <= binom.isf(1e-4, 500, 0.05)
    assert (shift.upper >= 0).all()


def test_curves_need_a_binary_model_and_positives() -> None:
    """Another task is refused; a side without positives has no curve."""
    layout = LAYOUTS["binary"]
    a, b = vector(layout, np.array([0.2]), np.array([0.0])), vector(layout, np.array([0.2]), np.array([1.0]))
    assert math.isnan(curve_shift(layout, a, b, ALPHA).value[0])
    other = LAYOUTS["regression"]
    with pytest.raises(TypeError, match="regression"):
        curve_shift(other, other.empty()[None, :], other.empty()[None, :], ALPHA)
