"""The 1 % guarantee of the latency quantiles, and the coverage of their bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from windows.sketches.quantiles import (
    _UPPER,
    ACCURACY,
    LATENCY_BINS,
    MAX_TRACKABLE,
    MIN_TRACKABLE,
    latency_slots,
    quantile,
    quantile_bounds,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from windows.arrays import FloatArray, IntArray

LEVELS = np.array([0.0, 0.001, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999, 1.0])
ZOO: dict[str, Callable[[np.random.Generator, int], FloatArray]] = {
    "constant": lambda _, n: np.full(n, 42.0),
    "two values": lambda rng, n: rng.choice([0.02, 500_000.0], size=n),
    "uniform": lambda rng, n: rng.uniform(1, 100, size=n),
    "integers": lambda rng, n: rng.integers(1, 20, size=n).astype(np.float64),
    "normal": lambda rng, n: np.abs(rng.normal(50, 10, size=n)) + 0.1,
    "exponential": lambda rng, n: rng.exponential(30, size=n) + 0.011,
    "lognormal": lambda rng, n: np.clip(np.exp(rng.normal(3, 2, size=n)), 0.011, 600_000),
    "pareto": lambda rng, n: np.clip(5 * (1 + rng.pareto(0.8, size=n)), 0.011, 600_000),
    "bimodal": lambda rng, n: np.where(rng.random(n) < 0.97, rng.normal(8, 1, n), rng.normal(900, 30, n)).clip(0.011),
    "sorted": lambda _, n: np.linspace(0.011, 600_000, n),
    "decreasing": lambda _, n: np.asarray(np.geomspace(600_000, 0.011, n), dtype=np.float64),
    "slot ends": lambda _, n: np.asarray(0.01 * (1.01 / 0.99) ** (1 + np.arange(n) % 890), dtype=np.float64),
}


def counted(values: FloatArray) -> IntArray:
    """Counts per slot."""
    return np.bincount(latency_slots(values), minlength=LATENCY_BINS)


@pytest.mark.parametrize("size", [1, 2, 3, 10, 101, 1_000, 30_000])
@pytest.mark.parametrize("name", ZOO)
def test_quantile_is_within_one_percent_of_an_order_statistic(name: str, size: int) -> None:
    """For every dataset, size and probability the answer is within 1 % of the exact lower order statistic."""
    values = ZOO[name](np.random.default_rng(size), size)
    exact = np.quantile(values, LEVELS, method="lower")
    np.testing.assert_allclose(quantile(counted(values), LEVELS), exact, rtol=ACCURACY * (1 + 1e-9))


def test_every_slot_is_within_one_percent_of_its_ends() -> None:
    """A dense sweep over the whole range: no value is further than 1 % from its slot's answer."""
    values = np.geomspace(MIN_TRACKABLE, MAX_TRACKABLE, 400_000)
    slots = latency_slots(values)
    answers = np.array([quantile(np.eye(LATENCY_BINS, dtype=np.int64)[i], 0.5) for i in range(LATENCY_BINS)])
    assert (np.diff(slots) >= 0).all()
    np.testing.assert_allclose(answers[slots], values, rtol=ACCURACY * (1 + 1e-9))


def test_values_beyond_the_range_are_kept_at_its_ends() -> None:
    """Zero, negatives and tiny values take the first slot, more than ten minutes and infinity the last."""
    values = np.array([-np.inf, -5, 0, 1e-9, MIN_TRACKABLE, 0.0101, MAX_TRACKABLE, 600_000.1, 1e30, np.inf])
    slots = latency_slots(values)
    assert slots.tolist() == [0, 0, 0, 0, 0, 1, LATENCY_BINS - 2, *[LATENCY_BINS - 1] * 3]
    assert slots.dtype == np.int64
    assert quantile(counted(values), 0.0) == MIN_TRACKABLE
    assert quantile(counted(values), 1.0) == MAX_TRACKABLE


def test_a_slot_ends_at_its_edge_and_nowhere_else() -> None:
    """Each upper edge is in its slot, and the next float in the next one, as a search among the edges says."""
    edges = _UPPER[:-1]
    around = np.concatenate([edges, np.nextafter(edges, 0.0), np.nextafter(edges, np.inf)])
    expected = np.searchsorted(edges, around, side="left")
    assert latency_slots(around).tolist() == expected.tolist()
    assert latency_slots(edges).tolist() == list(range(LATENCY_BINS - 1))


def test_slots_keep_the_shape_of_the_values() -> None:
    """Any shape of values, also none at all, is answered in that shape."""
    for shape in ((), (0,), (3, 4)):
        assert latency_slots(np.full(shape, 7.0)).shape == shape


def test_no_counts_have_no_quantile() -> None:
    """Empty counts: the quantile is NaN, and the bounds exclude nothing."""
    empty = np.zeros(LATENCY_BINS, dtype=np.int64)
    assert np.isnan(quantile(empty, 0.99))
    assert np.isnan(quantile(empty, np.array([0.5, 0.9]))).all()
    assert quantile_bounds(empty, 0.99, 1e-3) == (0, np.inf)


@given(st.lists(st.floats(0.02, 5e5), max_size=50), st.lists(st.floats(0.02, 5e5), max_size=50))
@settings(max_examples=60, deadline=None)
def test_merging_is_adding_and_leaving_is_subtracting(left: list[float], right: list[float]) -> None:
    """Counts of two parts add up to the counts of the whole, and the part that leaves restores the rest exactly."""
    a, b = (counted(np.array(part, dtype=np.float64)) for part in (left, right))
    whole = counted(np.array(left + right, dtype=np.float64))
    assert (a + b == whole).all()
    assert (whole - b == a).all()


@pytest.mark.parametrize(("n", "q"), [(30, 0.5), (400, 0.95), (2_000, 0.99), (2_000, 0.01)])
def test_bounds_cover_the_true_quantile(n: int, q: float) -> None:
    """In 4,000 samples each bound is wrong no more often than the level and chance (99.9 %) allow."""
    rng = np.random.default_rng(11)
    truth = -30 * np.log1p(-q)
    alpha, samples = 1e-2, 4_000
    bounds = np.array([quantile_bounds(counted(rng.exponential(30, size=n)), q, alpha) for _ in range(samples)])
    limit = binom.isf(1e-3, samples, alpha)
    assert (bounds[:, 0] > truth).sum() <= limit
    assert (bounds[:, 1] < truth).sum() <= limit


@pytest.mark.parametrize("alpha", [0.05, 1e-3, 1e-9])
@pytest.mark.parametrize("n", [1, 5, 59, 1_000, 123_457])
def test_bounds_are_the_tightest_order_statistics(n: int, alpha: float) -> None:
    """The ranks are those of the binomial distribution: one step tighter would break the level."""
    for q in (0.06, 0.4, 0.99):
        ranks = np.arange(1, n + 1)
        lower_ranks = ranks[binom.cdf(ranks - 1, n, q) <= alpha]
        upper_ranks = ranks[binom.sf(ranks - 1, n, q) <= alpha]
        slots = 10 + (ranks * 800) // (n + 1)
        counts = np.bincount(slots, minlength=LATENCY_BINS)
        ends = 0.01 * (1.01 / 0.99) ** np.arange(LATENCY_BINS)
        expected = (
            ends[slots[lower_ranks[-1] - 1] - 1] if len(lower_ranks) else 0.0,
            ends[slots[upper_ranks[0] - 1]] if len(upper_ranks) else np.inf,
        )
        assert quantile_bounds(counts, q, alpha) == pytest.approx(expected, rel=1e-9)


def test_fewer_effective_rows_widen_the_bounds() -> None:
    """Rows worth a quarter of their number give about the bounds of a quarter of the rows."""
    values = np.random.default_rng(2).exponential(30, size=40_000)
    counts, part = counted(values), counted(values[:10_000])
    level = np.array([0.5, 0.99])
    full, quarter = quantile_bounds(counts, level, 1e-3), quantile_bounds(counts, level, 1e-3, effective=10_000.7)
    assert (quarter[0] < full[0]).all()
    assert (quarter[1] > full[1]).all()
    np.testing.assert_allclose(quarter, quantile_bounds(part, level, 1e-3), rtol=0.1)
    assert quantile_bounds(counts, 0.99, 1e-3, effective=0.4) == (0, np.inf)


def test_extreme_probabilities_have_open_bounds() -> None:
    """The minimum is bounded above only, the maximum below only."""
    counts = counted(np.random.default_rng(3).exponential(30, size=1_000))
    low, high = quantile_bounds(counts, np.array([0.0, 1.0]), 1e-3)
    assert low[0] == 0
    assert np.isfinite(high[0])
    assert low[1] > 0
    assert high[1] == np.inf


def test_wrong_arguments_are_refused() -> None:
    """A probability outside [0, 1], a level outside (0, 0.5] and counts of another length are named."""
    counts = np.ones(LATENCY_BINS, dtype=np.int64)
    with pytest.raises(ValueError, match="q must"):
        quantile(counts, 1.5)
    with pytest.raises(ValueError, match="q must"):
        quantile(counts, float("nan"))
    with pytest.raises(ValueError, match="alpha must"):
        quantile_bounds(counts, 0.5, 0.0)
    with pytest.raises(ValueError, match="shape"):
        quantile(counts[1:], 0.5)
