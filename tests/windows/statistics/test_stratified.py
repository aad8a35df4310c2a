"""The difference over strata and slices: equal to sums written out, and its interval to those of others."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from windows.statistics.stratified import Stratified, weights


def taken(weight: np.ndarray, difference: np.ndarray) -> Stratified:
    """Slices of strata, one after the other."""
    found = Stratified()
    for w, d in zip(weight, difference, strict=True):
        found.add(w, d)
    return found


@pytest.mark.parametrize("seed", range(5))
def test_value_and_interval_are_those_of_a_ratio_of_sums(seed: int) -> None:
    """Mantel and Haenszel's weights, and the residuals of a ratio estimator written out slice by slice."""
    rng = np.random.default_rng(seed)
    rows, others = rng.integers(0, 40, (2, 60, 3)).astype(float)
    difference = rng.normal(0.1, 1, (60, 3))
    found = taken(np.stack([weights(*both) for both in zip(rows, others, strict=True)]), difference)
    w = np.zeros((60, 3))
    for place, n in np.ndenumerate(rows):
        m = others[place]
        w[place] = n * m / (n + m) if n and m else 0.0
    expected = (w * difference).sum() / w.sum()
    residuals = [(w[s] * (difference[s] - expected)).sum() for s in range(60)]
    spread = math.sqrt(60 / 59 * sum(one**2 for one in residuals)) / w.sum()
    assert found.value == pytest.approx(expected, rel=1e-12)
    assert found.half(0.01) == pytest.approx(stats.t.isf(0.01, 59) * spread, rel=1e-9)


def test_of_equal_weights_it_is_student_s_interval_of_pairs() -> None:
    """As scipy has it for one sample of differences."""
    difference = np.random.default_rng(3).normal(0.2, 2, 80)
    found = taken(np.full((80, 1), 7.0), difference[:, None])
    low, high = stats.ttest_1samp(difference, 0).confidence_interval(0.98)
    assert (found.value - found.half(0.01), found.value + found.half(0.01)) == pytest.approx((low, high), rel=1e-9)


def test_a_stratum_that_one_arm_alone_served_weighs_nothing() -> None:
    """Whatever its difference is said to be."""
    found = Stratified()
    assert found.add(np.array([2.0, 0.0]), np.array([1.0, math.nan]))
    assert not found.add(np.zeros(2), np.full(2, math.nan))
    assert (found.slices, found.value, found.half(0.01)) == (1, 1.0, math.inf)
    assert math.isnan(Stratified().value)


def test_it_takes_away_what_traffic_does() -> None:
    """Simpson's: the new arm serves the hard segment and the hard hours more often, and is better in each."""
    rng = np.random.default_rng(5)
    found, sums = Stratified(), np.zeros((2, 2))
    for slice_ in range(300):
        hard = np.array([0.0, 0.2]) + 0.1 * (slice_ % 24 > 12)
        rows = np.array([[20, 60], [200, 60]]) * np.array([[1 + (slice_ % 24 > 12)], [1]])
        right = rng.binomial(rows, np.array([[0.93], [0.90]]) - hard)
        sums += np.stack([right.sum(axis=1), rows.sum(axis=1)])
        share = right / rows
        found.add(weights(*rows.astype(float)), share[0] - share[1])
    assert sums[0, 0] / sums[1, 0] < sums[0, 1] / sums[1, 1]
    assert found.value - found.half(1e-3) < 0.03 < found.value + found.half(1e-3)
    assert found.value - found.half(1e-3) > 0


def test_a_noise_that_rows_of_a_slice_share_widens_the_interval() -> None:
    """Users who come back: in 2,000 pairs of equal arms, the bounds at 1 % miss as often as they say."""
    rng = np.random.default_rng(7)
    missed = 0
    for _ in range(2_000):
        shared = rng.normal(0, 0.05, (60, 2))
        share = rng.binomial(200, np.clip(0.9 + shared, 0, 1)) / 200
        found = taken(np.full((60, 1), 100.0), share[:, :1] - share[:, 1:])
        missed += abs(found.value) > found.half(0.01)
    assert stats.binomtest(missed, 2_000, 0.02).pvalue > 1e-3
