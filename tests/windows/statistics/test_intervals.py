"""Coverage, exact values and limits of the confidence intervals."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import deep_levels
import interval_coverage
import numpy as np
import populations
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta, binom, binomtest, chi2, ks_2samp, ncx2, norm, t

from windows.statistics import intervals, noncentral
from windows.statistics.catalog import DISTANCES, JUDGED
from windows.statistics.distances.ks import ks_band, ks_interval
from windows.statistics.distances.psi import psi_interval

if TYPE_CHECKING:
    from windows.arrays import FloatArray, IntArray
    from windows.statistics.intervals import Interval

METRICS = tuple(DISTANCES)
"""Every test over these takes a new distance by itself; THRESHOLDS is to be told of it."""

THRESHOLDS = (
    ("psi", 0.0),
    ("psi", 0.1),
    ("psi", 0.25),
    ("ks", 0.1),
    ("js", 0.1),
    ("hellinger", 0.1),
    ("tvd", 0.1),
    ("wasserstein", 0.25),
)
"""Where the lower bound has to keep its level."""

LEVELS = (0.05, 1e-2, 1e-3, 1e-6, 1e-9, 1e-15)


def sizes(counts: IntArray) -> FloatArray:
    """Rows of each feature."""
    return np.asarray(counts.sum(axis=1), dtype=np.float64)


def places(slots: int) -> tuple[FloatArray, float]:
    """Slots one standard deviation apart."""
    return np.arange(slots, dtype=np.float64), 1.0


def interval(metric: str, cur: IntArray, ref: IntArray, alpha: float, factor: float = 1.0) -> Interval:
    """The interval of one metric, sizes divided by the factor."""
    return populations.measured(metric, cur, ref, places(cur.shape[1]), alpha, factor)[1]


def value_of(metric: str, cur: IntArray, ref: IntArray) -> FloatArray:
    """The distance that the interval belongs to."""
    return populations.measured(metric, cur, ref, places(cur.shape[1]), 0.01)[0]


def sampled(
    seed: int, features: int = 30, slots: int = 12, n: int = 2_000, m: int = 50_000
) -> tuple[IntArray, IntArray]:
    """Counts of drifted features."""
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.full(slots, 3), size=features)
    q = 0.7 * p + 0.3 * rng.dirichlet(np.full(slots, 3), size=features)
    return rng.multinomial(n, q), rng.multinomial(m, p)


def test_every_distance_that_is_judged_has_a_level_to_keep() -> None:
    """A new one is told to THRESHOLDS, and to PLANS of the load test that measures the whole table."""
    for name, told in (
        ("THRESHOLDS of this file", THRESHOLDS),
        ("PLANS of load_tests/interval_coverage.py", interval_coverage.PLANS),
    ):
        lacking = set(JUDGED) - {metric for metric, *_ in told}
        assert not lacking, f"{name}: a threshold at which its interval is tested is missing"


@pytest.mark.parametrize("m", [100, 1_000, 100_000])
@pytest.mark.parametrize("n", [100, 1_000, 100_000])
@pytest.mark.parametrize(("metric", "threshold"), THRESHOLDS)
def test_lower_bound_keeps_its_level_at_the_threshold(metric: str, threshold: float, n: int, m: int) -> None:
    """Of 4,000 windows exactly at the threshold no more than 1.2 alpha, and chance, have their lower bound above it."""
    reference = populations.Reference(np.full(10, 0.1), np.arange(10, dtype=np.float64), 1.0)
    pair = populations.pair_at(reference, populations.shift, partial(populations.distance_of, metric), threshold)
    rng = np.random.default_rng(n + m)
    cur, ref = (rng.multinomial(size, p, size=4_000) for size, p in ((n, pair.current), (m, reference.shares)))
    for alpha in (1e-2, 1e-3):
        lower, _ = interval(metric, cur, ref, alpha)
        assert (lower > threshold + 1e-12).sum() <= binom.isf(1e-3, 4_000, 1.2 * alpha)


@pytest.mark.parametrize("alpha", [1e-6, 1e-9])
@pytest.mark.parametrize(("n", "m"), [(1_000, 100_000), (100_000, 100_000)])
@pytest.mark.parametrize("threshold", [0.0, 0.25])
def test_psi_keeps_the_levels_that_are_really_used(threshold: float, n: int, m: int, alpha: float) -> None:
    """By importance sampling the chance of a wrong lower bound is at most 1.2 alpha at 1e-6 and 1e-9 too."""
    pair = populations.pair_at(
        populations.normal(10), populations.shift, partial(populations.distance_of, "psi"), threshold
    )
    simulate = deep_levels.at_threshold if threshold > 0 else deep_levels.without_drift
    found = simulate(pair, n, m, alpha, 5_000)
    assert found.ratio > 0.01, "the proposal reaches the failures"
    assert found.kept


def test_psi_lower_bound_stays_useful_at_volume() -> None:
    """100,000 rows a side, PSI 0.3: at 1e-8 the lower bound is above 0.25 in (nearly) every window."""
    pair = populations.pair_at(populations.normal(10), populations.shift, partial(populations.distance_of, "psi"), 0.3)
    rng = np.random.default_rng(1)
    cur, ref = (rng.multinomial(100_000, p, size=1_000) for p in (pair.current, pair.reference.shares))
    assert (interval("psi", cur, ref, 1e-8)[0] > 0.25).mean() > 0.99


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("m", [400, 100_000])
def test_intervals_without_drift_do_not_excuse_the_truth(metric: str, m: int) -> None:
    """Without drift, with rare slots and few rows, the lower bound is 0 but for the level, the upper never below 0."""
    rng = np.random.default_rng(m)
    shares = populations.zipf(60).shares
    cur, ref = rng.multinomial(300, shares, size=3_000), rng.multinomial(m, shares, size=3_000)
    lower, upper = interval(metric, cur, ref, 1e-2)
    assert (lower > 1e-12).sum() <= binom.isf(1e-3, 3_000, 1.2e-2)
    assert (upper >= 0).all()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("alpha", LEVELS)
@pytest.mark.parametrize("metric", METRICS)
def test_interval_encloses_the_value_at_every_level(metric: str, alpha: float) -> None:
    """From 5 % to 1e-15: finite, no warning, lower <= value <= upper, lower >= 0."""
    for seed, (n, m) in enumerate(((30, 200), (2_000, 50_000), (10**8, 10**8))):
        cur, ref = sampled(seed, n=n, m=m)
        value = value_of(metric, cur, ref)
        lower, upper = interval(metric, cur, ref, alpha)
        assert np.isfinite(lower).all()
        assert np.isfinite(upper).all()
        assert (lower >= 0).all()
        assert (lower <= value).all()
        if metric != "chi2":
            assert (upper >= value).all()


@pytest.mark.parametrize("metric", METRICS)
def test_a_deeper_level_and_fewer_effective_rows_widen_the_interval(metric: str) -> None:
    """Both bounds move outwards as alpha falls and as the overdispersion grows."""
    cur, ref = sampled(3)
    found = [interval(metric, cur, ref, alpha) for alpha in LEVELS]
    found += [interval(metric, cur, ref, LEVELS[-1], factor) for factor in (2.0, 5.0)]
    for (lower, upper), (wider_lower, wider_upper) in pairwise(found):
        assert (wider_lower <= lower).all()
        assert (wider_upper >= upper).all()


@pytest.mark.parametrize("metric", [name for name in METRICS if name != "chi2"])
def test_interval_closes_on_the_truth_as_volume_grows(metric: str) -> None:
    """With 10^9 rows a side at 1e-9 both bounds are within 2 % of the value."""
    cur, ref = sampled(4, n=10**9, m=10**9)
    lower, upper = interval(metric, cur, ref, 1e-9)
    value = value_of(metric, cur, ref)
    np.testing.assert_allclose(lower, value, rtol=0.02)
    np.testing.assert_allclose(upper, value, rtol=0.02)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("metric", METRICS)
def test_an_empty_side_has_no_interval(metric: str) -> None:
    """NaN bounds for a feature without rows on a side, without a warning; the others are as alone."""
    cur = np.array([[0, 0, 0], [50, 50, 0], [0, 0, 0], [50, 0, 50]])
    ref = np.array([[50, 50, 0], [0, 0, 0], [0, 0, 0], [0, 900, 100]])
    bounds = interval(metric, cur, ref, 1e-3)
    alone = interval(metric, cur[3:], ref[3:], 1e-3)
    for all_rows, one in zip(bounds, alone, strict=True):
        assert np.isnan(all_rows[:3]).all()
        assert all_rows[3] == pytest.approx(one[0])


@pytest.mark.parametrize("metric", METRICS)
def test_padding_changes_no_interval(metric: str) -> None:
    """Zeros appended on the right, with mids of any value, leave both bounds as they were."""
    cur, ref = sampled(5)
    wide, wide_ref = (np.pad(side, ((0, 0), (0, 4))) for side in (cur, ref))
    padding = np.concatenate((np.arange(12.0), np.full(4, np.nan))), 1.0
    padded = populations.measured(metric, wide, wide_ref, padding, 1e-3)[1]
    for plain, other in zip(interval(metric, cur, ref, 1e-3), padded, strict=True):
        np.testing.assert_allclose(other, plain, rtol=1e-9, atol=1e-12)


def test_psi_interval_ignores_slots_outside_the_mask() -> None:
    """Counts in a slot that the mask excludes change neither bound."""
    cur, ref = sampled(6)
    mask = np.ones(cur.shape, dtype=bool)
    mask[:, 2] = False
    inside, inside_ref = (np.where(mask, side, 0) for side in (cur, ref))
    n, m = sizes(inside), sizes(inside_ref)
    for one, other in zip(
        psi_interval(cur, ref, mask, n, m, 1e-3),
        psi_interval(inside, inside_ref, None, n, m, 1e-3),
        strict=True,
    ):
        np.testing.assert_allclose(one, other)


def test_ks_interval_is_one_band_for_both_sides() -> None:
    """Half-width sqrt(ln(e / alpha) / 2 (1/n + 1/m)), within [0, 1]; `high` moves the upper bound."""
    n, m, alpha = np.array([100.0, 10_000.0]), np.array([400.0, 40_000.0]), 1e-4
    band = np.array([np.sqrt((1 + np.log(1e4)) / 2 * (1 / 100 + 1 / 400))])
    lower, upper = ks_interval(np.array([0.5, 0.001]), n, m, alpha)
    assert lower == pytest.approx([0.5 - band[0], 0])
    assert upper == pytest.approx([0.5 + band[0], 0.001 + band[0] / 10])
    _, raised = ks_interval(np.array([0.5, 0.001]), n, m, alpha, np.array([0.9, 0.02]))
    assert raised == pytest.approx([1, 0.02 + band[0] / 10])


def strays(n: int, m: int, band: float) -> float:
    """Probability that two samples of one population are further apart than `band`: of all orders, those that leave it.

    An order of n and m values is a path of steps right and up; weights are shares of paths, so that nothing overflows.
    """
    weight = np.zeros(m + 1)
    for i in range(n + 1):
        for j in range(m + 1):
            came = (weight[j] * i / (i + j) if i else 0.0) + (weight[j - 1] * j / (i + j) if j else 0.0)
            weight[j] = (1.0 if i == j == 0 else came) if abs(i / n - j / m) <= band else 0.0
    return 1.0 - float(weight[m])


@pytest.mark.parametrize("alpha", [0.05, 1e-2, 1e-3, 1e-6])
@pytest.mark.parametrize(("n", "m"), [(7, 7), (40, 40), (25, 50), (30, 400), (150, 40)])
def test_the_band_of_ks_is_left_with_the_level_at_most(n: int, m: int, alpha: float) -> None:
    """The exact law of the two-sample statistic, counted path by path, at equal and unequal sizes."""
    band = ks_band(np.array(float(n)), np.array(float(m)), alpha)
    assert strays(n, m, float(band)) <= alpha


def test_paths_are_counted_as_scipy_counts_them() -> None:
    """The exact p-value of scipy's two-sample test for a statistic between two possible ones."""
    first, second = np.arange(12) + 0.5, np.concatenate((np.arange(8), np.arange(20, 30)))
    found = ks_2samp(first, second, method="exact")
    assert strays(12, 18, found.statistic - 1e-9) == pytest.approx(found.pvalue)


@pytest.mark.parametrize("alpha", [1e-2, 1e-3, 1e-6, 1e-9])
@pytest.mark.parametrize("degrees", [1, 2, 9, 40, 102])
def test_noncentral_quantiles_err_to_the_safe_side(degrees: int, alpha: float) -> None:
    """Beyond the approximate quantile lies at most 1.03 alpha of scipy's noncentral chi-square, in either tail."""
    z = float(norm.isf(alpha))
    for truth in (0.0, 0.5, 2.0, 10.0, 50.0, 200.0, 1e3, 1e5):
        law = ncx2(degrees, truth) if truth > 0 else chi2(degrees)
        high, low = (float(noncentral.quantile(np.array(truth), np.array(float(degrees)), side)) for side in (z, -z))
        assert law.sf(high) <= 1.03 * alpha
        assert law.cdf(low) <= 1.03 * alpha


def test_noncentral_bounds_invert_the_quantile() -> None:
    """At the lower bound the statistic is the upper quantile, at the upper bound the lower one."""
    statistic, degrees = np.array([30.0, 100.0, 4e4]), np.full(3, 9.0)
    low, high = noncentral.bounds(statistic, statistic, degrees, 1e-6)
    z = float(norm.isf(1e-6))
    np.testing.assert_allclose(noncentral.quantile(low, degrees, z)[1:], statistic[1:], rtol=1e-3)
    np.testing.assert_allclose(noncentral.quantile(high, degrees, -z), statistic, rtol=1e-3)
    assert low[0] == 0, "30 is within the noise of nine degrees of freedom at 1e-6"


@pytest.mark.parametrize("alpha", [0.025, 1e-3])
@pytest.mark.parametrize("trials", [1, 7, 100, 5_000])
def test_proportion_interval_is_clopper_pearson(trials: int, alpha: float) -> None:
    """Both bounds are scipy's exact ones, with no success and with no failure too."""
    for successes in {0, 1, trials // 3, trials - 1, trials}:
        expected = binomtest(successes, trials).proportion_ci(1 - 2 * alpha, method="exact")
        lower, upper = intervals.proportion_interval(np.array([successes]), np.array([trials]), alpha)
        assert (lower[0], upper[0]) == pytest.approx((expected.low, expected.high), rel=1e-9)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("alpha", LEVELS)
def test_proportion_interval_holds_at_its_limits(alpha: float) -> None:
    """No trials: (0, 1). No success of n: the upper bound is 1 - alpha^(1/n). A billion trials: close to the share."""
    successes, trials = np.array([0, 0, 1000, 10**6]), np.array([0, 1000, 1000, 10**9])
    lower, upper = intervals.proportion_interval(successes, trials, alpha)
    assert (lower[0], upper[0]) == (0, 1)
    assert (lower[1], upper[1]) == pytest.approx((0, -np.expm1(np.log(alpha) / 1000)))
    assert (lower[2], upper[2]) == pytest.approx((alpha ** (1 / 1000), 1))
    assert lower[3] < 1e-3 < upper[3]
    assert upper[3] - lower[3] < 2e-5


def test_proportion_interval_takes_effective_counts() -> None:
    """Fractional counts lie between their neighbours: the bounds are the beta quantiles."""
    lower, upper = intervals.proportion_interval(np.array([2.5]), np.array([40.25]), 1e-3)
    assert lower[0] == pytest.approx(beta.ppf(1e-3, 2.5, 38.75), rel=1e-9)
    assert upper[0] == pytest.approx(beta.isf(1e-3, 3.5, 37.75), rel=1e-9)


def test_increase_of_a_proportion_counts_the_noise_of_the_reference() -> None:
    """Against a huge reference it is the proportion's own interval less the share; a small reference widens it."""
    k, n = np.array([30]), np.array([1_000])
    own = intervals.proportion_interval(k, n, 1e-3)
    huge = intervals.proportion_increase_interval(k, n, np.array([10**9]), np.array([10**11]), 1e-3)
    small = intervals.proportion_increase_interval(k, n, np.array([5]), np.array([500]), 1e-3)
    np.testing.assert_allclose(huge, np.array(own) - 0.01, atol=1e-4)
    assert small[0] < huge[0]
    assert small[1] > huge[1]


@given(st.floats(-100, 100), st.floats(0.01, 100), st.integers(2, 10**6))
@settings(max_examples=60, deadline=None)
def test_mean_interval_is_students(mean: float, variance: float, n: int) -> None:
    """The bounds are scipy's Student interval."""
    low, high = intervals.mean_interval(np.array([mean]), np.array([variance]), np.array([float(n)]), 0.005)
    expected = t.interval(0.99, n - 1, loc=mean, scale=np.sqrt(variance / n))
    assert (low[0], high[0]) == pytest.approx(expected, rel=1e-7, abs=1e-7)


def test_mean_of_less_than_two_rows_is_unknown() -> None:
    """With one row, or none, the interval is the whole line."""
    low, high = intervals.mean_interval(np.full(2, 5.0), np.zeros(2), np.array([0.0, 1.0]), 1e-3)
    assert low.tolist() == [-np.inf, -np.inf]
    assert high.tolist() == [np.inf, np.inf]


def test_coverage_table_keeps_every_level() -> None:
    """The load test's quick table ends with exit code 0."""
    script = Path(__file__).parents[3] / "load_tests" / "interval_coverage.py"
    done = subprocess.run([sys.executable, str(script), "--quick"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    assert "0 not kept" in done.stdout
