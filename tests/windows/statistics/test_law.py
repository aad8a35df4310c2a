"""Bounds by laws: exactly how often they are wrong, by counting every sample there can be, down to levels of 1e-9."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.stats import beta, binom, gamma, multinomial, norm, t

from windows.outcomes.auc import area
from windows.outcomes.class_scores import balanced_accuracy, f1, macro_f1, macro_precision, macro_recall
from windows.outcomes.difference import join
from windows.statistics.law import Law, share_laws
from windows.statistics.measured import share
from windows.statistics.skewed_mean import Moments, mean_laws

if TYPE_CHECKING:
    from collections.abc import Callable

LEVELS = (1e-2, 1e-4, 1e-7, 1e-9)


def assert_kept(
    chance: np.ndarray, bounds: Callable[[float], tuple[np.ndarray, np.ndarray]], truth: float | np.ndarray
) -> None:
    """The samples whose lower (upper) bound is above (below) the truth have no more than alpha between them."""
    for alpha in LEVELS:
        lower, upper = bounds(alpha)
        assert chance[lower > truth + 1e-12].sum() <= alpha * (1 + 1e-6)
        assert chance[upper < truth - 1e-12].sum() <= alpha * (1 + 1e-6)


def counts_of(n: int, cells: int) -> np.ndarray:
    """Every way to put n rows into some cells."""
    grid = np.array(np.meshgrid(*[np.arange(n + 1)] * (cells - 1), indexing="ij")).reshape(cells - 1, -1).T
    grid = grid[grid.sum(axis=1) <= n]
    return np.column_stack((grid, n - grid.sum(axis=1)))


def moments_of(counts: np.ndarray, values: tuple[float, ...]) -> Moments:
    """Moments of samples given as counts of a few values."""
    first, second, third = (counts @ np.array(values) ** power for power in (1, 2, 3))
    return Moments.of_sums(counts.sum(axis=1), first, second, third)


@pytest.mark.parametrize(
    ("values", "chances"),
    [
        ((0.0, 0.5, 1.0), (0.8, 0.15, 0.05)),
        ((0.0, 0.1, 1.0), (0.5, 0.49, 0.01)),
        ((0.0, 0.01, 1.0), (0.1, 0.88, 0.02)),
        ((0.0, 0.9, 1.0), (0.02, 0.3, 0.68)),
        ((0.2, 0.3, 0.4), (0.3, 0.4, 0.3)),
    ],
)
def test_means_of_bounded_values(values: tuple[float, ...], chances: tuple[float, ...]) -> None:
    """Of 100 rows with three possible values, common and rare, whatever the skew."""
    counts = counts_of(100, 3)
    moments = moments_of(counts, values)
    chance = multinomial.pmf(counts, 100, chances)
    assert_kept(chance, lambda alpha: mean_laws(moments, 0.0, 1.0, alpha).bounds(alpha), float(np.dot(values, chances)))


@pytest.mark.parametrize("rates", [(0.9, 0.8, 0.7), (0.5, 0.5, 0.5), (0.98, 0.95, 0.9)])
def test_means_over_classes(rates: tuple[float, ...]) -> None:
    """Macro recall and balanced accuracy of three classes of 20 rows each, and macro precision of the matrix turned."""
    grid = np.array(np.meshgrid(*[np.arange(21)] * 3, indexing="ij")).reshape(3, -1)
    chance = np.prod([binom.pmf(grid[number], 20, rate) for number, rate in enumerate(rates)], axis=0)
    matrix = np.zeros((grid.shape[1], 3, 3), dtype=np.int64)
    for number in range(3):
        matrix[:, number, number] = grid[number]
        matrix[:, number, (number + 1) % 3] = 20 - grid[number]
    truth = float(np.mean(rates))
    turned_round = matrix.transpose(0, 2, 1)
    for metric, turned in ((macro_recall, matrix), (balanced_accuracy, matrix), (macro_precision, turned_round)):
        found = {alpha: metric(turned, alpha) for alpha in LEVELS}
        assert_kept(chance, lambda alpha, found=found: (found[alpha].lower, found[alpha].upper), truth)  # type: ignore[misc]


@pytest.mark.parametrize(
    "chances", [(0.5, 0.1, 0.1, 0.3), (0.9, 0.03, 0.03, 0.04), (0.45, 0.05, 0.02, 0.48), (0.7, 0.0, 0.25, 0.05)]
)
def test_f1_and_its_mean_over_both_classes(chances: tuple[float, ...]) -> None:
    """Of every confusion matrix of 40 rows; the mean is over the classes that occur."""
    counts = counts_of(40, 4)
    chance = multinomial.pmf(counts, 40, chances)
    matrix, truth = counts.reshape(-1, 2, 2), np.array(chances).reshape(2, 2)
    scores = np.array([2 * truth[at, at] / (truth[at].sum() + truth[:, at].sum()) for at in (0, 1)])
    present = matrix.sum(axis=1) + matrix.sum(axis=2) > 0
    mean = (present * scores).sum(axis=1) / present.sum(axis=1)

    def macro(alpha: float) -> tuple[np.ndarray, np.ndarray]:
        found = macro_f1(matrix, alpha)
        return found.lower, found.upper

    def single(alpha: float) -> tuple[np.ndarray, np.ndarray]:
        found = f1(matrix[:, 1, 1], matrix[:, 0, 1] + matrix[:, 1, 0], alpha)
        return np.nan_to_num(found.lower, nan=0.0), np.nan_to_num(found.upper, nan=1.0)

    assert_kept(chance, macro, mean)
    assert_kept(chance, single, float(scores[1]))


@pytest.mark.parametrize(
    ("positives", "negatives", "hit", "alarm"),
    [(50, 50, 0.9, 0.1), (50, 200, 0.99, 0.05), (30, 30, 0.6, 0.4), (100, 100, 0.999, 0.001), (10, 500, 0.8, 0.02)],
)
def test_areas(positives: int, negatives: int, hit: float, alarm: float) -> None:
    """Of two possible scores: few rows, unequal classes, nearly perfect separation."""
    i, j = (part.ravel() for part in np.meshgrid(np.arange(positives + 1), np.arange(negatives + 1), indexing="ij"))
    chance = binom.pmf(i, positives, hit) * binom.pmf(j, negatives, alarm)
    found = area(np.stack((positives - i, i), axis=1), np.stack((negatives - j, j), axis=1), np.ones(2))
    assert not found.error.any()
    assert_kept(chance, found.laws.bounds, hit * (1 - alarm) + 0.5 * (hit * alarm + (1 - hit) * (1 - alarm)))


@pytest.mark.parametrize(
    ("n", "m", "p", "q"),
    [
        (50, 50, 0.5, 0.5),
        (60, 120, 0.3, 0.25),
        (40, 400, 0.3, 0.3),
        (100, 1_000, 0.8, 0.8),
        (50, 200, 0.99, 0.05),
        (100, 100, 0.999, 0.001),
        (200, 200, 0.01, 0.02),
        (10, 500, 0.8, 0.02),
    ],
)
def test_differences_of_shares(n: int, m: int, p: float, q: float) -> None:
    """Equal and unequal sizes, near the middle and near the ends."""
    i, j = (part.ravel() for part in np.meshgrid(np.arange(n + 1), np.arange(m + 1), indexing="ij"))
    chance = binom.pmf(i, n, p) * binom.pmf(j, m, q)

    def bounds(alpha: float) -> tuple[np.ndarray, np.ndarray]:
        found = join(share(i, np.full_like(i, n), alpha), share(j, np.full_like(j, m), alpha), alpha)
        return found.lower, found.upper

    assert_kept(chance, bounds, p - q)


def test_a_law_of_normal_or_gamma_moments_has_their_quantiles() -> None:
    """Against scipy: no skew is normal, skew to the right gamma; skew to the left is not believed."""
    one = np.ones(1)
    for alpha in LEVELS:
        assert Law(3 * one, 4 * one, 0 * one).above(alpha)[0] == pytest.approx(norm.isf(alpha, 3, 2))
        assert Law(5 * one, 5 * one, 10 * one).above(alpha)[0] == pytest.approx(gamma.isf(alpha, 5))
        assert Law(0 * one, 4 * one, -9 * one).above(alpha)[0] == pytest.approx(norm.isf(alpha, 0, 2))
    assert np.isinf(Law(0 * one, np.inf * one, 0 * one).above(0.01)[0])


def test_the_law_of_a_share_is_beta() -> None:
    """Mean, variance and skew of scipy's beta law; a point at the ends."""
    laws = share_laws(np.array([3.0, 0.0, 7.0]), np.array([10.0, 5.0, 7.0]))
    mean, variance, skew = (float(part) for part in beta.stats(3, 8, moments="mvs"))
    assert laws.lower.mean[0] == pytest.approx(mean)
    assert laws.lower.variance[0] == pytest.approx(variance)
    assert laws.lower.third[0] == pytest.approx(skew * variance**1.5)
    assert laws.lower.mean[1] == 0.0
    assert laws.upper.mean[2] == 1.0
    assert laws.upper.variance[2] == 0.0


def test_open_means_are_students_where_there_is_no_skew() -> None:
    """A symmetric sample: scipy's t interval to all digits; a skewed one is wider on the side of its tail only."""
    values = np.array([-3.0, -1.0, -1.0, 0.0, 0.0, 1.0, 1.0, 3.0])
    moments = Moments.of_sums(np.array([8.0]), *(np.array([(values**power).sum()]) for power in (1, 2, 3)))
    low, high = t.interval(1 - 2e-5, 7, 0.0, values.std(ddof=1) / np.sqrt(8))
    lower, upper = mean_laws(moments, -np.inf, np.inf, 1e-5).bounds(1e-5)
    assert lower[0] == pytest.approx(low)
    assert upper[0] == pytest.approx(high)
    skewed = Moments(moments.n, moments.mean, moments.variance, np.array([10.0]))
    wider = mean_laws(skewed, -np.inf, np.inf, 1e-5).bounds(1e-5)
    assert wider[0][0] == pytest.approx(lower[0])
    assert wider[1][0] > upper[0]


def test_the_side_that_saw_the_tail_speaks_for_both() -> None:
    """A sample without its rare large values is as wide as the one it is compared with."""
    rows = np.array([100.0])
    blind = Moments(rows, np.array([1.0]), np.array([0.01]), np.array([0.0]))
    seen = Moments(rows, np.array([1.5]), np.array([9.0]), np.array([200.0]))
    alone = mean_laws(blind, -np.inf, np.inf, 1e-3).bounds(1e-3)[1][0]
    beside = mean_laws(blind, -np.inf, np.inf, 1e-3, seen).bounds(1e-3)[1][0]
    assert beside - 1.0 > 20 * (alone - 1.0)


def test_too_few_rows() -> None:
    """One row of an open range has no bounds, of a closed one it has; no rows have neither."""
    moments = Moments.of_sums(np.array([1.0, 0.0]), *(np.array([0.3**power, 0.0]) for power in (1, 2, 3)))
    lower, upper = mean_laws(moments, -np.inf, np.inf, 0.01).bounds(0.01)
    assert (lower[0], upper[0]) == (-np.inf, np.inf)
    lower, upper = mean_laws(moments, 0.0, 1.0, 0.01).bounds(0.01)
    assert lower[0] < 0.3 < upper[0]
    assert np.isnan(lower[1])


def test_at_a_level_of_one_half_the_bounds_are_the_mean() -> None:
    """A value that is shown without bounds has a mean of an open range and no warning: 0 / 0 was one."""
    values = np.array([1.0, 2.0, 3.0])
    moments = Moments.of_sums(
        *(np.array([found]) for found in (3.0, *(float((values**power).sum()) for power in (1, 2, 3))))
    )
    with np.errstate(all="raise"):
        laws = mean_laws(moments, -np.inf, np.inf, 0.5)
    for law in (laws.lower, laws.upper):
        assert (float(law.mean[0]), bool(np.isfinite(law.variance[0]))) == (pytest.approx(2.0), True)
