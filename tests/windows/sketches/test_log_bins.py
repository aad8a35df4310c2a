"""Logarithmic bins: quantiles within the stated error, and bounds that hold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from windows.outcomes.layout import DELAYS
from windows.sketches.log_bins import LogBins, lower_rank

BINS = [LogBins(1e-4, 1e4, 0.025), LogBins(1e-6, 1e9, 0.05), DELAYS]


def histogram(bins: LogBins, values: np.ndarray) -> np.ndarray:
    """Counts of each slot, one group."""
    return np.bincount(bins.slots(values), minlength=bins.count)[None, :]


@pytest.mark.parametrize("bins", BINS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_quantiles_are_within_the_stated_error(bins: LogBins, data: st.DataObject) -> None:
    """Of the order statistic of the raw values, anywhere in the range."""
    logs = data.draw(st.lists(st.floats(np.log(bins.low), np.log(bins.high)), min_size=1, max_size=60))
    values = np.clip(np.exp(np.array(logs)), bins.low, bins.high)
    counts = histogram(bins, values)
    for q in (0.0, 0.5, 0.9, 1.0):
        truth = np.sort(values)[int(np.floor(q * (len(values) - 1)))]
        assert bins.quantile(counts, q)[0] == pytest.approx(truth, rel=bins.accuracy * (1 + 1e-9))


@pytest.mark.parametrize("bins", BINS)
def test_what_is_out_of_range_shares_the_end_slots(bins: LogBins) -> None:
    """Nothing is lost: zero and the tiny go below, the huge and the infinite above."""
    low = bins.slots(np.array([0.0, bins.low / 2, bins.low]))
    high = bins.slots(np.array([bins.high * 1.01, 1e300, np.inf]))
    assert low.tolist() == [0, 0, 0]
    assert high.tolist() == [bins.count - 1] * 3
    assert np.all(np.diff(bins.upper) > 0)


def test_no_rows_have_no_quantile_and_no_bounds() -> None:
    """NaN, and bounds that exclude nothing."""
    none = np.zeros((2, DELAYS.count), dtype=np.int64)
    assert np.isnan(DELAYS.quantile(none, 0.5)).all()
    low, high = DELAYS.quantile_bounds(none, 0.5, 0.01)
    assert low.tolist() == [0.0, 0.0]
    assert np.isinf(high).all()


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 3_000), st.floats(0.001, 0.999), st.sampled_from([0.2, 1e-2, 1e-5, 1e-9]))
def test_the_rank_is_the_largest_rare_enough(n: int, q: float, alpha: float) -> None:
    """Against scipy's binomial distribution."""
    rank = int(lower_rank(np.array([float(n)]), q, alpha)[0])
    if rank > 0:
        assert binom.cdf(rank - 1, n, q) <= alpha * (1 + 1e-9)
    if rank < n:
        assert binom.cdf(rank, n, q) > alpha * (1 - 1e-9)


def test_bounds_of_quantiles_hold_as_often_as_they_say() -> None:
    """2,000 windows of 300 exponential values: neither bound of the median or the 95 % point fails too often."""
    rng = np.random.default_rng(3)
    bins = BINS[0]
    slots = bins.slots(rng.exponential(1.0, size=(2_000, 300)))
    counts = np.zeros((2_000, bins.count), dtype=np.int64)
    np.add.at(counts, (np.arange(2_000)[:, None], slots), 1)
    for q in (0.5, 0.95):
        low, high = bins.quantile_bounds(counts, q, 0.05)
        truth = -np.log(1 - q)
        limit = binom.isf(1e-4, 2_000, 0.05)
        assert (low > truth).sum() <= limit
        assert (high < truth).sum() <= limit
        assert ((low < truth) & (truth < high)).mean() < 0.999, "not merely infinite"
