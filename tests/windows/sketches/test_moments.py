import math
import statistics
from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from windows.sketches.moments import mean_and_variance, moment_sums

VALUES = st.lists(st.floats(-1_000, 1_000), min_size=2, max_size=200)


def sums_of(values: list[float], center: float, scale: float) -> np.ndarray:
    """The sums of one column in one group."""
    sums: np.ndarray = moment_sums(np.array([values]), np.array([center]), np.array([scale]), None)[0]
    return sums


@settings(max_examples=100, deadline=None)
@given(VALUES, st.floats(-100, 100), st.floats(5, 500))
def test_mean_and_variance_are_those_of_the_values(values: list[float], center: float, scale: float) -> None:
    """Within the stated rounding error: 2^-24 deviations for the mean, 2^-16 squared deviations for the variance."""
    counts, centers, scales = np.array([len(values)]), np.array([center]), np.array([scale])
    mean, variance = mean_and_variance(sums_of(values, center, scale), counts, centers, scales)
    exact = [Fraction(value) for value in values]
    assert abs(mean[0] - float(statistics.fmean(exact))) <= scale * 2**-24 + 1e-9
    slack = 2**-16 + 2**-24 * 2 * max(abs(value - center) / scale for value in values)
    bessel = len(values) / (len(values) - 1)
    assert abs(variance[0] - float(statistics.variance(exact))) <= scale**2 * slack * bessel + 1e-9


@settings(max_examples=60, deadline=None)
@given(VALUES, VALUES)
def test_merging_is_exact(one: list[float], two: list[float]) -> None:
    """Sums of parts add up to the sums of the whole, to the last bit, in any order."""
    whole = sums_of(one + two, 3.0, 7.0)
    assert np.array_equal(sums_of(one, 3.0, 7.0) + sums_of(two, 3.0, 7.0), whole)
    assert np.array_equal(sums_of((one + two)[::-1], 3.0, 7.0), whole)


def test_values_that_are_not_numbers_add_nothing() -> None:
    """NaN stands for missing; infinities are counted elsewhere."""
    assert np.array_equal(sums_of([1.0, math.nan, math.inf, -math.inf, 2.0], 0.0, 1.0), sums_of([1.0, 2.0], 0.0, 1.0))


def test_far_values_are_held_at_256_deviations() -> None:
    """One absurd value cannot overflow the sums of a window."""
    assert np.array_equal(sums_of([1e300], 0.0, 1.0), sums_of([256.0], 0.0, 1.0))
    assert np.array_equal(sums_of([-1e300], 0.0, 1.0), sums_of([-256.0], 0.0, 1.0))
    assert sums_of([-1e300], 0.0, 1.0).tolist() == [-(2**32), 2**32]


def test_groups_partition_the_sums() -> None:
    """Each group has the sums of its own records, equal to summing them alone."""
    rng = np.random.default_rng(1)
    values = rng.normal(5, 2, size=(3, 400))
    of = rng.integers(0, 4, 400)
    centers, scales = np.array([5.0, 0.0, 4.0]), np.array([2.0, 1.0, 9.0])
    grouped = moment_sums(values, centers, scales, of == np.arange(4)[:, None])
    for group in range(4):
        assert np.array_equal(grouped[group], moment_sums(values[:, of == group], centers, scales, None)[0])


def test_too_few_values_have_no_mean_and_no_variance() -> None:
    """Nothing has no mean; one value has no variance."""
    center, scale = np.array([1.0]), np.array([1.0])
    mean, variance = mean_and_variance(np.zeros(2, dtype=np.int64), np.array([0]), center, scale)
    assert math.isnan(mean[0])
    assert math.isnan(variance[0])
    mean, variance = mean_and_variance(sums_of([3.0], 1.0, 1.0), np.array([1]), center, scale)
    assert mean[0] == 3.0
    assert math.isnan(variance[0])


def test_a_large_batch_is_still_exact() -> None:
    """A hundred thousand values at the limit stay below the integers that floats hold exactly."""
    sums = sums_of([256.0] * 100_000, 0.0, 1.0)
    assert sums.tolist() == [100_000 * 2**32, 100_000 * 2**32]
