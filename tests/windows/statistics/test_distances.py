"""Distances against scipy and brute force on the same bins."""

from __future__ import annotations

from math import log
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from populations import measured
from scipy.spatial.distance import euclidean, jensenshannon
from scipy.stats import chi2_contingency, wasserstein_distance

from windows.statistics.catalog import DISTANCES
from windows.statistics.distances.chi2 import chi2 as pearson
from windows.statistics.distances.hellinger import hellinger
from windows.statistics.distances.js import js
from windows.statistics.distances.ks import ks, ks_bracket
from windows.statistics.distances.psi import psi, psi_bias, psi_raw
from windows.statistics.distances.tvd import tvd as total_variation
from windows.statistics.distances.wasserstein import wasserstein

if TYPE_CHECKING:
    from windows.arrays import BoolArray, FloatArray, IntArray

TOLERANCE = 1e-9
FEATURES, SLOTS, PADDED = 40, 24, 30


def random_pair(seed: int) -> tuple[IntArray, IntArray, BoolArray]:
    """Counts of features with different numbers of slots, sizes from 3 to 10^7 and many empty slots, padded."""
    rng = np.random.default_rng(seed)
    cur, ref = np.zeros((2, FEATURES, PADDED), dtype=np.int64)
    mask = np.zeros((FEATURES, PADDED), dtype=bool)
    for f in range(FEATURES):
        slots = int(rng.integers(2, SLOTS + 1))
        mask[f, :slots] = True
        sizes = 10 ** rng.uniform(0.5, 7, size=2)
        shares = rng.dirichlet(np.full(slots, 0.3), size=2)
        cur[f, :slots], ref[f, :slots] = (rng.multinomial(int(n), p) for n, p in zip(sizes, shares, strict=True))
    return cur, ref, mask


def brute_psi(cur: IntArray, ref: IntArray, mask: BoolArray, *, corrected: bool) -> float:
    """PSI of one feature, slot by slot, as the formula is written."""
    pairs = [(int(c), int(r)) for c, r, there in zip(cur, ref, mask, strict=True) if there and c + r > 0]
    n, m, slots = sum(c for c, _ in pairs), sum(r for _, r in pairs), len(pairs)
    total = 0.0
    for c, r in pairs:
        q, p = (c + 0.5) / (n + slots / 2), (r + 0.5) / (m + slots / 2)
        total += (q - p) * log(q / p)
    return max(total - (slots - 1) * (1 / n + 1 / m), 0.0) if corrected else total


@pytest.mark.parametrize("seed", range(5))
def test_psi_equals_the_formula_slot_by_slot(seed: int) -> None:
    """PSI, raw and corrected, is the written formula over the slots that exist and hold a row."""
    cur, ref, mask = random_pair(seed)
    for corrected, values in ((False, psi_raw(cur, ref, mask)), (True, psi(cur, ref, mask))):
        expected = [brute_psi(c, r, u, corrected=corrected) for c, r, u in zip(cur, ref, mask, strict=True)]
        np.testing.assert_allclose(values, expected, rtol=TOLERANCE, atol=TOLERANCE)


@pytest.mark.parametrize("seed", range(5))
def test_hellinger_is_the_euclidean_distance_of_the_roots(seed: int) -> None:
    """As scipy has it, over the square root of two."""
    cur, ref, _ = random_pair(seed)
    expected = [
        euclidean(np.sqrt(c / c.sum()), np.sqrt(r / r.sum())) / np.sqrt(2) for c, r in zip(cur, ref, strict=True)
    ]
    np.testing.assert_allclose(hellinger(cur, ref), expected, rtol=TOLERANCE, atol=TOLERANCE)


def test_psi_ignores_counts_outside_the_mask() -> None:
    """A slot that the mask excludes changes nothing, whatever stands in it."""
    cur, ref, mask = random_pair(9)
    mask[:, 1] = False
    inside = psi_raw(np.where(mask, cur, 0), np.where(mask, ref, 0), mask)
    np.testing.assert_allclose(psi_raw(cur, ref, mask), inside, atol=TOLERANCE, equal_nan=True)


def test_psi_without_drift_is_about_zero() -> None:
    """Over many windows without drift the raw index averages its stated bias, at 100 rows and at 100,000."""
    rng = np.random.default_rng(4)
    for n in (100, 100_000):
        cur, ref = rng.multinomial(n, np.full(10, 0.1), size=(2, 4000))
        bias = psi_bias(cur, ref)
        assert psi_raw(cur, ref).mean() == pytest.approx(bias.mean(), rel=0.08)
        assert bias[0] == pytest.approx(9 * 2 / n)


def test_psi_sees_a_mean_shift_that_own_ranges_hide() -> None:
    """N(0, 1) against N(5, 3) in the reference's bins scores far above 0.25."""
    rng = np.random.default_rng(1)
    edges = np.quantile(rng.normal(size=10_000), np.linspace(0, 1, 11)[1:-1])
    counts = [
        np.bincount(np.searchsorted(edges, rng.normal(*law, size=10_000)), minlength=10) for law in ((0, 1), (5, 3))
    ]
    assert psi(counts[1][None], counts[0][None])[0] > 2


@pytest.mark.parametrize("seed", range(5))
def test_js_equals_scipy(seed: int) -> None:
    """The Jensen-Shannon distance is scipy's with base 2."""
    cur, ref, _ = random_pair(seed)
    expected = [jensenshannon(c, r, base=2) for c, r in zip(cur, ref, strict=True)]
    np.testing.assert_allclose(js(cur, ref), expected, atol=TOLERANCE)


@pytest.mark.parametrize("seed", range(5))
def test_wasserstein_equals_scipy_on_the_mids(seed: int) -> None:
    """The Wasserstein distance is scipy's on the mids in units of the scale, whatever the mids of the padding are."""
    cur, ref, mask = random_pair(seed)
    rng = np.random.default_rng(seed)
    mids = np.cumsum(rng.exponential(size=mask.shape), axis=1) - 5
    scale = rng.uniform(0.1, 10, size=FEATURES)
    expected = [
        wasserstein_distance(x[u], x[u], c[u], r[u]) / s
        for x, u, c, r, s in zip(mids, mask, cur, ref, scale, strict=True)
    ]
    for padding in (0.0, np.nan, np.inf):
        padded = np.where(mask, mids, padding)
        np.testing.assert_allclose(wasserstein(cur, ref, padded, scale), expected, rtol=TOLERANCE)


@pytest.mark.parametrize("seed", range(5))
def test_chi2_equals_scipy(seed: int) -> None:
    """The homogeneity statistic is scipy's without correction on the slots with any count."""
    cur, ref, _ = random_pair(seed)
    expected = [
        chi2_contingency(np.stack((c, r))[:, (c + r) > 0], correction=False).statistic
        for c, r in zip(cur, ref, strict=True)
    ]
    np.testing.assert_allclose(pearson(cur, ref), expected, rtol=TOLERANCE, atol=TOLERANCE)


@pytest.mark.parametrize("seed", range(5))
def test_ks_and_tvd_equal_brute_force(seed: int) -> None:
    """KS is the largest gap of the running shares, TVD half the sum of the gaps of the shares."""
    cur, ref, _ = random_pair(seed)
    for value, tvd, c, r in zip(ks(cur, ref), total_variation(cur, ref), cur, ref, strict=True):
        n, m = int(c.sum()), int(r.sum())
        gaps = [abs(int(c[: i + 1].sum()) / n - int(r[: i + 1].sum()) / m) for i in range(PADDED)]
        assert value == pytest.approx(max(gaps), abs=TOLERANCE)
        total = sum(abs(int(a) / n - int(b) / m) for a, b in zip(c, r, strict=True))
        assert tvd == pytest.approx(total / 2, abs=TOLERANCE)


@given(st.integers(0, 10**6), st.integers(1, 12), st.integers(2, 60), st.integers(2, 60))
@settings(max_examples=60, deadline=None)
def test_ks_of_raw_values_lies_in_the_bracket(seed: int, slots: int, n: int, m: int) -> None:
    """However the values lie inside their slots, their own KS distance is within the bracket."""
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=n), rng.normal(0.3, 1.5, size=m)
    edges = np.sort(rng.normal(size=slots))
    cur, ref = (np.bincount(np.searchsorted(edges, v), minlength=slots + 1)[None] for v in (x, y))
    points = np.concatenate((x, y))
    gaps = [abs((x <= t).mean() - (y <= t).mean()) for t in points]
    low, high = ks_bracket(cur, ref)
    assert low[0] - TOLERANCE <= max(gaps) <= high[0] + TOLERANCE
    assert low[0] == ks(cur, ref)[0]


def test_ks_bracket_of_single_values_is_a_point() -> None:
    """A slot that holds one single value leaves nothing unknown: a constant feature has KS 0, not up to 1."""
    cur, ref = np.array([[0, 100, 0]]), np.array([[0, 900, 0]])
    assert ks_bracket(cur, ref)[1][0] == 1
    low, high = ks_bracket(cur, ref, np.array([[False, True, False]]))
    assert (low[0], high[0]) == (0, 0)


def all_distances(cur: IntArray, ref: IntArray) -> dict[str, FloatArray]:
    """Every distance of the catalog, and what else two histograms are told apart by."""
    at = np.arange(cur.shape[1], dtype=np.float64), 1.0
    return {
        **{name: measured(name, cur, ref, at, 0.01)[0] for name in DISTANCES},
        "psi_raw": psi_raw(cur, ref),
        "high": ks_bracket(cur, ref)[1],
    }


@pytest.mark.filterwarnings("error")
def test_an_empty_side_has_no_distance() -> None:
    """Features with no counts on one side, or on both, are NaN, without a warning and without touching the others."""
    cur = np.array([[0, 0, 0], [5, 5, 0], [0, 0, 0], [5, 0, 5]])
    ref = np.array([[5, 5, 0], [0, 0, 0], [0, 0, 0], [0, 9, 1]])
    for name, value in all_distances(cur, ref).items():
        assert np.isnan(value[:3]).all(), name
        assert value[3] > 0, name


def test_padding_changes_nothing() -> None:
    """Zeros appended on the right leave every distance as it was."""
    cur, ref, _ = random_pair(3)
    wider = [np.pad(side, ((0, 0), (0, 7))) for side in (cur, ref)]
    plain, padded = all_distances(cur, ref), all_distances(*wider)
    for name, value in plain.items():
        np.testing.assert_allclose(padded[name], value, rtol=TOLERANCE, atol=TOLERANCE, err_msg=name)


def test_equal_shares_have_no_distance() -> None:
    """The same shares at another volume: every distance is 0."""
    cur, ref = np.array([[3, 5, 2]]), np.array([[300, 500, 200]])
    for name, value in all_distances(cur, ref).items():
        if name not in {"high", "psi_raw"}:
            assert value[0] == pytest.approx(0, abs=1e-7), name


def test_disjoint_shares_are_as_far_as_can_be() -> None:
    """With no slot in common JS and TVD are 1, and so is KS when one side lies before the other."""
    cur, ref = np.array([[7, 3, 0, 0]]), np.array([[0, 0, 4, 6]])
    values = all_distances(cur, ref)
    assert [values[name][0] for name in ("js", "tvd", "ks")] == pytest.approx([1, 1, 1])
