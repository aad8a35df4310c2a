"""How much days differ: against the analysis of variance, the covariance matrix of an AR(1), and simulated days."""

from __future__ import annotations

import numpy as np
import pytest
from outcome_rows import Row, outcomes_of
from scipy import stats
from scipy.linalg import toeplitz

from windows.outcomes.days import DayVariation, variation_of, widened
from windows.outcomes.fold import fold_outcomes, fold_predictions
from windows.outcomes.layout import TaskOptions, task_layout
from windows.outcomes.metrics import task_metrics
from windows.statistics.measured import Measured

BINARY = task_layout(TaskOptions("binary"), None)
REGRESSION = task_layout(TaskOptions("regression"), None)
A_DAY = 400


def of_days(rights: np.ndarray) -> np.ndarray:
    """Outcomes of days: so many of A_DAY predictions of each were right. int64[D, size]."""
    known = [Row(score=0.9, label=1.0), Row(score=0.9, label=0.0)]
    one = fold_outcomes(BINARY, outcomes_of(known), np.arange(2), 2)
    one += fold_predictions(BINARY, np.array([0.9, 0.9]), np.arange(2), 2)
    return rights[:, None] * one[0] + (A_DAY - rights)[:, None] * one[1]


def drawn(rng: np.random.Generator, days: int, deviation: float, correlation: float = 0.0) -> np.ndarray:
    """Shares of days about 0.8: a normal AR(1)."""
    noise = rng.standard_normal(days)
    for day in range(1, days):
        noise[day] = correlation * noise[day - 1] + np.sqrt(1 - correlation**2) * noise[day]
    return np.clip(0.8 + deviation * noise, 0.0, 1.0)


@pytest.mark.parametrize("correlation", [0.0, 0.3, 0.9])
@pytest.mark.parametrize("days", [1, 2, 7, 30])
def test_means_of_days_vary_as_the_covariance_matrix_says(days: int, correlation: float) -> None:
    """The variance of a mean is the mean of the matrix of an AR(1)."""
    expected = np.sqrt(toeplitz(correlation ** np.arange(days)).mean())
    found = DayVariation(0.1, correlation, 90).of_mean(np.array([days, days / 2 + 0.5]))
    assert found[0] == pytest.approx(0.1 * expected)
    assert found[1] >= found[0]


def test_less_than_a_day_is_one() -> None:
    """An hour tells no more of other days than the whole day does."""
    assert DayVariation(0.1, 0.5, 90).of_mean(np.array([0.04, 0.0])).tolist() == [0.1, 0.1]


def test_the_deviation_is_that_of_the_analysis_of_variance() -> None:
    """One-way, balanced: (mean square between - mean square within) / rows (Searle, Variance Components, 1992, 3.5)."""
    rng = np.random.default_rng(1)
    rights = rng.binomial(A_DAY, drawn(rng, 120, 0.05))
    (found,) = (variation_of(BINARY, of_days(rights), np.arange(120))[name] for name in ("accuracy",))
    rows = np.arange(A_DAY) < rights[:, None]
    between = A_DAY * rows.mean(axis=1).var(ddof=1)
    within = rows.var(axis=1, ddof=1).mean()
    # Clopper and Pearson give days of 400 rows a little more noise.
    assert found.deviation == pytest.approx(np.sqrt((between - within) / A_DAY), rel=0.03)
    assert found.days == 120


def test_neighbours_that_are_alike_are_told() -> None:
    """Within four standard errors of an autocorrelation; days with a gap between them are no neighbours."""
    rng = np.random.default_rng(2)
    rights = rng.binomial(A_DAY, drawn(rng, 365, 0.05, 0.6))
    found = variation_of(BINARY, of_days(rights), np.arange(365))["accuracy"]
    assert found.correlation == pytest.approx(0.6, abs=4 * np.sqrt((1 - 0.6**2) / 365))
    apart = variation_of(BINARY, of_days(rights), 2 * np.arange(365))["accuracy"]
    assert (apart.correlation, apart.deviation) == (0.0, found.deviation)


def test_days_that_differ_by_chance_do_not_differ() -> None:
    """Of a hundred references without a difference between days, none or one has any."""
    rng = np.random.default_rng(3)
    found = [variation_of(BINARY, of_days(rng.binomial(A_DAY, 0.8, 60)), np.arange(60)) for _ in range(100)]
    assert sum(bool(one) for one in found) <= 1


def test_fewer_days_than_two_weeks_tell_nothing() -> None:
    """However much they differ."""
    rights = np.where(np.arange(13) % 2, 100, 390)
    assert variation_of(BINARY, of_days(rights), np.arange(13)) == {}
    more = np.where(np.arange(14) % 2, 100, 390)
    assert "accuracy" in variation_of(BINARY, of_days(more), np.arange(14))


def test_errors_of_a_regression_have_days_too() -> None:
    """The mean absolute error of days whose scale is drawn, against the deviation of what they were drawn with."""
    rng = np.random.default_rng(4)
    scale = np.clip(rng.normal(2.0, 0.3, 90), 0.5, None)
    error = rng.normal(0.0, 1.0, (90, A_DAY)) * scale[:, None]
    known = outcomes_of([Row(score=0.0, label=float(one)) for one in error.ravel()])
    vectors = fold_outcomes(REGRESSION, known, np.repeat(np.arange(90), A_DAY), 90)
    found = variation_of(REGRESSION, vectors, np.arange(90))
    assert found["mae"].deviation == pytest.approx(scale.std(ddof=1) * np.sqrt(2 / np.pi), rel=0.1)
    assert "bias" not in found


@pytest.mark.parametrize("days", [1, 3, 7])
def test_bounds_of_windows_hold_what_their_days_are_drawn_about(days: int) -> None:
    """600 windows and references of 60 days: the bounds miss in 1.2 times alpha; without days in a tenth and more."""
    rng, alpha, windows = np.random.default_rng(5 + days), 0.01, 600
    missed = {"with": 0, "without": 0}
    for _ in range(windows):
        known = variation_of(BINARY, of_days(rng.binomial(A_DAY, drawn(rng, 60, 0.05))), np.arange(60))["accuracy"]
        window = of_days(rng.binomial(A_DAY, drawn(rng, days, 0.05))).sum(axis=0)[None]
        found = task_metrics(BINARY, window, alpha, ("accuracy",))["accuracy"]
        wide = widened(found, known.of_mean(np.array([float(days)])), known.days, alpha, (0.0, 1.0))
        missed["with"] += int(wide.lower[0] > 0.8)
        missed["without"] += int(found.lower[0] > 0.8)
    assert missed["with"] <= stats.binom.ppf(0.999, windows, 1.2 * alpha)
    assert missed["without"] > 0.1 * windows


def test_bounds_do_not_leave_what_a_metric_can_be() -> None:
    """Nor do they come nearer than they were."""
    one = Measured(np.array([0.9, 0.9]), np.array([0.8, -0.1]), np.array([0.95, 1.1]), np.array([100, 100]))
    found = widened(one, np.array([5.0, 5.0]), 30, 1e-3, (0.0, 1.0))
    assert found.lower.tolist() == [0.0, -0.1]
    assert found.upper.tolist() == [1.0, 1.1]
    same = widened(one, np.zeros(2), 30, 1e-3, (0.0, 1.0))
    assert (same.lower.tolist(), same.upper.tolist()) == (pytest.approx([0.8, -0.1]), pytest.approx([0.95, 1.1]))
