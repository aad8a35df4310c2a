"""Overdispersion of panes against independent and autocorrelated traffic."""

from __future__ import annotations

from functools import reduce
from operator import add
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import lfilter
from scipy.special import kolmogorov, ndtri
from scipy.stats import chi2_contingency

from windows.statistics.overdispersion import PaneVariance, accumulate, cumulative_factor, empty, factor, slot_factor

if TYPE_CHECKING:
    from windows.arrays import FloatArray, IntArray

SLOTS = 20
EDGES = ndtri(np.arange(1, SLOTS) / SLOTS)


def autocorrelated(rng: np.random.Generator, series: int, rows: int, phi: float = 0.7) -> FloatArray:
    """Stationary standard normal AR(1) series, one a row."""
    noise = rng.normal(size=(series, rows)) * np.sqrt(1 - phi**2)
    noise[:, 0] = rng.normal(size=series)
    return np.asarray(lfilter([1], [1, -phi], noise, axis=1))


def binned(values: FloatArray) -> IntArray:
    """Counts per slot of each row of values."""
    slots = np.searchsorted(EDGES, values) + np.arange(len(values))[:, None] * SLOTS
    return np.bincount(slots.ravel(), minlength=len(values) * SLOTS).reshape(len(values), SLOTS)


def state_of(panes: IntArray) -> PaneVariance:
    """The evidence of panes ``[T, F, B]``."""
    return reduce(add, map(accumulate, panes), empty(*panes.shape[1:]))


def false_alarms(windows: IntArray, size: float) -> float:
    """Share of the windows that the Kolmogorov-Smirnov test at 5 % calls drifted from the true distribution."""
    gaps = np.abs(np.cumsum(windows, axis=1) / windows.sum(axis=1, keepdims=True) - np.arange(1, SLOTS + 1) / SLOTS)
    return float((kolmogorov(np.sqrt(size) * gaps.max(axis=1)) < 0.05).mean())


def test_autocorrelated_traffic_gets_back_its_nominal_false_alarm_rate() -> None:
    """AR(1) 0.7 lifts the false alarms of the KS test far above 5 %; with n / factor they are at most nominal."""
    rng = np.random.default_rng(7)
    panes = binned(autocorrelated(rng, 1, 400 * 200).reshape(400, 200))
    divisor = factor(state_of(panes[:, None, :]))[0]
    windows = binned(autocorrelated(rng, 3000, 1000))
    assert false_alarms(windows, 1000) > 0.25
    assert false_alarms(windows, 1000 / divisor) <= 0.05
    assert divisor < 6, "no more than the variance ratio of the mean, (1 + 0.7) / (1 - 0.7)"


def test_independent_traffic_has_no_overdispersion() -> None:
    """Independent rows in panes of very different sizes give a factor of about 1, and never below."""
    rng = np.random.default_rng(3)
    shares = rng.dirichlet(np.ones(30), size=50)
    panes = np.stack([rng.multinomial(size, shares) for size in rng.integers(5, 5000, size=300)])
    values = factor(state_of(panes))
    assert (values >= 1).all()
    assert values.mean() == pytest.approx(1, abs=0.1)


def test_slot_factor_is_the_homogeneity_statistic_over_its_freedom() -> None:
    """For one feature the slot factor is scipy's chi-square of panes x slots over its degrees of freedom."""
    panes = np.random.default_rng(5).multinomial(70, np.full(6, 1 / 6), size=25)
    result = chi2_contingency(panes, correction=False)
    assert slot_factor(state_of(panes[:, None, :]))[0] == pytest.approx(result.statistic / result.dof, rel=1e-9)


def test_cumulative_factor_is_the_variance_ratio_of_the_distribution_function() -> None:
    """It is the sum over edges of the observed variance of F over the binomial one, computed pane by pane."""
    panes = np.random.default_rng(6).multinomial(90, np.full(5, 0.2), size=40)
    pooled = np.cumsum(panes.sum(axis=0)) / panes.sum()
    observed = sum(((np.cumsum(pane) - 90 * pooled) ** 2 / 90).sum() for pane in panes)
    expected = observed / (39 * (pooled * (1 - pooled)).sum())
    assert cumulative_factor(state_of(panes[:, None, :]))[0] == pytest.approx(expected, rel=1e-9)


def test_repeated_rows_are_counted_once() -> None:
    """When every row comes k times over, the factor is k."""
    panes = np.random.default_rng(8).multinomial(100, np.full(10, 0.1), size=500) * 7
    assert factor(state_of(panes[:, None, :]))[0] == pytest.approx(7, rel=0.15)


@pytest.mark.parametrize("panes", [0, 1])
def test_too_few_panes_give_one(panes: int) -> None:
    """Without two panes nothing is known about their variation: 1."""
    assert factor(state_of(np.full((panes, 3, 4), 5, dtype=np.int64))).tolist() == [1, 1, 1]


def test_panes_without_rows_and_padding_do_not_count() -> None:
    """Panes in which a feature had no rows, and slots that are never used, change nothing."""
    panes = np.random.default_rng(9).multinomial(50, np.full(4, 0.25), size=(30, 1))
    wider = np.concatenate((np.pad(panes, ((0, 0), (0, 0), (0, 3))), np.zeros((5, 1, 7), dtype=np.int64)))
    assert factor(state_of(wider))[0] == pytest.approx(factor(state_of(panes))[0], rel=1e-12)


@given(st.integers(0, 10**6), st.permutations(range(6)), st.integers(0, 6))
@settings(max_examples=40, deadline=None)
def test_merging_is_a_law(seed: int, order: list[int], cut: int) -> None:
    """Merging is commutative and associative with `empty` as identity, and equals one fold over all panes."""
    panes = np.random.default_rng(seed).integers(0, 40, size=(6, 2, 5))
    whole, parts = state_of(panes), [panes[i][None] for i in order]
    left = reduce(add, map(state_of, parts[:cut]), empty(2, 5))
    right = reduce(add, map(state_of, parts[cut:]), empty(2, 5))
    for field in ("panes", "counts", "squares", "cumulative_squares"):
        np.testing.assert_allclose(getattr(left + right, field), getattr(whole, field), rtol=1e-12)
