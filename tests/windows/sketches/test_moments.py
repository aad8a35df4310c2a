"""Moments are those of the values, wherever these lie, and merge exactly."""

import math
import statistics
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from windows.sketches.moments import FARTHEST, Moments, moment_sums, moments_of, units_of

VALUES = st.lists(st.floats(-1_000, 1_000), min_size=2, max_size=200)
ANY = st.lists(st.floats(-1e15, 1e15), min_size=1, max_size=60)


def sums_of(values: list[float], center: float, unit: float) -> np.ndarray:
    """The sums of one column in one group."""
    sums: np.ndarray = moment_sums(np.array([values]), np.array([center]), np.array([unit]), None)[0]
    return sums


def moments(values: list[float], center: float, unit: float) -> Moments:
    """The moments of one column."""
    count = np.array([sum(map(math.isfinite, values))])
    return moments_of(sums_of(values, center, unit), count, np.array([center]), np.array([unit]))


@settings(max_examples=100, deadline=None)
@given(VALUES, st.floats(-100, 100), st.floats(5, 500))
def test_mean_and_variance_are_those_of_the_values(values: list[float], center: float, unit: float) -> None:
    """Within the stated rounding error: 2^-24 units for the mean, 2^-16 squared units for the variance."""
    found = moments(values, center, unit)
    exact = [Fraction(value) for value in values]
    assert abs(found.mean[0] - float(statistics.fmean(exact))) <= unit * 2**-24 + 1e-9
    slack = 2**-16 + 2**-24 * 2 * max(abs(value - center) / unit for value in values)
    bessel = len(values) / (len(values) - 1)
    assert abs(found.variance[0] - float(statistics.variance(exact))) <= unit**2 * slack * bessel + 1e-9


FAR = {
    "kilograms as grams": (np.random.default_rng(1).normal(500, 1, 5_000), 0.5, 0.001),
    "lognormal x 30": (np.random.default_rng(2).lognormal(3, 2, 5_000) * 30, 33.0, 20.0),
    "one outlier": (np.append(np.random.default_rng(3).normal(5, 2, 999), 1e9), 5.0, 2.0),
    "both sides": (np.random.default_rng(4).standard_cauchy(5_000) * 1e4, 0.0, 1.0),
    "a constant that changed": (np.full(50, 12.5), 0.1, 0.1),
}


@pytest.mark.parametrize("name", FAR)
def test_far_values_count_as_what_they_are(name: str) -> None:
    """However many deviations of the reference they lie away: mean and deviation are pandas'."""
    values, center, unit = FAR[name]
    found, column = moments(values.tolist(), center, unit), pd.Series(values)
    assert found.mean[0] == pytest.approx(column.mean(), rel=1e-9)
    assert math.sqrt(found.variance[0]) == pytest.approx(column.std(), rel=1e-3, abs=1e-9)
    assert found.highest[0] >= column.var() * (1 - 1e-9)


def test_a_deviation_that_is_lost_in_rounding_is_none() -> None:
    """Values of 1e12 that differ by 5: the mean is right, the deviation is not known, and is at most `highest`."""
    values = np.random.default_rng(5).normal(1e12, 5, 1_000)
    found = moments(values.tolist(), 0.0, 1.0)
    assert found.mean[0] == pytest.approx(values.mean(), rel=1e-12)
    assert math.isnan(found.variance[0])
    assert found.highest[0] >= values.var()


@pytest.mark.parametrize("absurd", [1e300, -1e300, 1.5 * FARTHEST])
def test_a_value_too_far_to_be_summed_leaves_no_mean(absurd: float) -> None:
    """It is counted; no mean is better than one without it."""
    found = moments([1.0, 2.0, absurd], 0.0, 1.0)
    assert found.far[0] == 1
    assert math.isnan(found.mean[0])
    assert math.isnan(found.variance[0])


def test_the_unit_of_a_constant_is_its_size() -> None:
    """A column of 1e-9 that becomes 3e-9 has the mean 3e-9, and no unit is finer than what floats tell apart."""
    centers, scales = np.array([1e-9, 0.0, 0.1, 5.0]), np.array([1.0, 1.0, 1e-18, 2.0])
    units = units_of(centers, scales, np.array([True, True, False, False]))
    assert units.tolist() == [1e-9, 1.0, 0.1 * 2.0**-29, 2.0]
    assert moments([3e-9] * 4, 1e-9, float(units[0])).mean[0] == pytest.approx(3e-9, rel=1e-6)


@settings(max_examples=60, deadline=None)
@given(ANY, ANY)
def test_merging_is_exact(one: list[float], two: list[float]) -> None:
    """Sums of parts add up to the sums of the whole, to the last bit, in any order."""
    whole = sums_of(one + two, 3.0, 7.0)
    assert np.array_equal(sums_of(one, 3.0, 7.0) + sums_of(two, 3.0, 7.0), whole)
    assert np.array_equal(sums_of((one + two)[::-1], 3.0, 7.0), whole)


def test_values_that_are_not_numbers_add_nothing() -> None:
    """NaN stands for missing; infinities are counted elsewhere."""
    assert np.array_equal(sums_of([1.0, math.nan, math.inf, -math.inf, 2.0], 0.0, 1.0), sums_of([1.0, 2.0], 0.0, 1.0))


def test_groups_partition_the_sums() -> None:
    """Each group has the sums of its own records, equal to summing them alone."""
    rng = np.random.default_rng(1)
    values = rng.normal(5, 2, size=(3, 400))
    values[1, ::7] *= 1e6
    of = rng.integers(0, 4, 400)
    centers, units = np.array([5.0, 0.0, 4.0]), np.array([2.0, 1.0, 9.0])
    grouped = moment_sums(values, centers, units, of == np.arange(4)[:, None])
    for group in range(4):
        assert np.array_equal(grouped[group], moment_sums(values[:, of == group], centers, units, None)[0])


def test_too_few_values_have_no_mean_and_no_variance() -> None:
    """Nothing has no mean; one value has no variance."""
    nothing = moments([], 1.0, 1.0)
    assert math.isnan(nothing.mean[0])
    assert math.isnan(nothing.variance[0])
    one = moments([3.0], 1.0, 1.0)
    assert one.mean[0] == 3.0
    assert math.isnan(one.variance[0])


def test_a_large_batch_is_still_exact() -> None:
    """A hundred thousand of the farthest values stay below the integers that floats hold exactly."""
    sums = sums_of([FARTHEST] * 100_000, 0.0, 1.0)
    assert sums.tolist() == [0, 0, 100_000 * 2**32, 0, 100_000 * 2**32, 0]
    assert moments([FARTHEST] * 100_000, 0.0, 1.0).mean[0] == FARTHEST
