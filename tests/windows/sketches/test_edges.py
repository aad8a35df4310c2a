import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ks_2samp

from windows.arrays import FloatArray
from windows.sketches.edges import TOLERANCE, coarse_bins, fine_edges, single_valued
from windows.sketches.profiles import COARSE_BINS, MAX_BINS

FINITE = st.floats(allow_nan=False, allow_infinity=False)
RANDOM = np.random.default_rng(5)
N = 20_000
ZOO: dict[str, FloatArray] = {
    "normal": RANDOM.normal(size=N),
    "log-normal": RANDOM.lognormal(3, 2, N),
    "zero-inflated": np.where(RANDOM.random(N) < 0.95, 0.0, RANDOM.lognormal(size=N)),
    "poisson": RANDOM.poisson(0.3, N).astype(float),
    "integers": RANDOM.integers(0, 1_000, N).astype(float),
    "constant": np.full(N, 3.25),
    "near constant": 1.0 + RANDOM.integers(0, 3, N) * np.finfo(float).eps,
    "huge": RANDOM.normal(size=N) * 1e307,
    "tiny": RANDOM.normal(size=N) * 1e-310,
    "largest": np.full(N, np.finfo(float).max),
    "both ends": RANDOM.choice([-np.finfo(float).max, np.finfo(float).max], N),
    "heavy tail": RANDOM.standard_cauchy(N) ** 3,
    "many ties": np.concatenate([np.repeat(np.arange(125.0), 150), RANDOM.random(N - 125 * 150) * 125]),
    "just below a tie": np.repeat(np.arange(140.0), N // 140),
    "one outlier": np.concatenate([np.zeros(N - 1), [1e9]]),
}


def _counts(values: FloatArray, edges: FloatArray) -> np.ndarray:
    return np.bincount(np.searchsorted(edges, values, side="right"), minlength=len(edges) + 1)


@pytest.mark.parametrize("name", ZOO)
def test_edges_hold_every_value(name: str) -> None:
    """Whatever the distribution, edges rise strictly, are finite, few enough, and enclose every value."""
    values = ZOO[name]
    edges = fine_edges(values, values.min(), values.max())
    assert np.isfinite(edges).all()
    assert (edges[1:] > edges[:-1]).all()
    assert 2 <= len(edges) <= MAX_BINS + 1
    inside = values[values < np.finfo(float).max]
    counts = _counts(inside, edges)
    assert counts[0] == counts[-1] == 0


@pytest.mark.parametrize("name", [name for name in ZOO if name not in {"largest", "both ends"}])
def test_ties_have_their_own_bin(name: str) -> None:
    """A value with 1/128 of the rows shares its bin with no other value that is further off than the tolerance."""
    values = ZOO[name]
    edges = fine_edges(values, values.min(), values.max())
    found, repeats = np.unique(values, return_counts=True)
    tied = found[repeats >= N / 128][:110]
    at = np.searchsorted(edges, found, side="right")
    for value in tied.tolist():
        alike = found[at == np.searchsorted(edges, value, side="right")]
        assert (np.abs(alike - value) <= TOLERANCE * np.abs(value)).all()


@pytest.mark.parametrize(
    "name", ["normal", "log-normal", "integers", "heavy tail", "zero-inflated", "just below a tie"]
)
def test_fine_enough(name: str) -> None:
    """Where the data has 128 distinct values there are 128 bins, and only a tie's holds more than 2 %."""
    values = ZOO[name]
    edges = fine_edges(values, values.min(), values.max())
    assert len(edges) - 1 >= 128
    counts = _counts(values, edges)[1:-1]
    held, repeats = np.unique(values, return_counts=True)
    most = np.zeros(len(counts), dtype=np.int64)
    np.maximum.at(most, np.searchsorted(edges, held, side="right") - 1, repeats)
    assert (counts - most).max() <= 0.02 * N


@settings(max_examples=300, deadline=None)
@given(st.lists(FINITE, min_size=1, max_size=400))
def test_edges_of_anything(sample: list[float]) -> None:
    """The laws hold for any finite values."""
    values = np.array(sample)
    edges = fine_edges(values, values.min(), values.max())
    assert (edges[1:] > edges[:-1]).all()
    assert len(edges) <= MAX_BINS + 1
    assert edges[0] <= values.min()
    assert edges[-1] > values.max() or values.max() == np.finfo(float).max


def test_edges_reach_beyond_the_sample() -> None:
    """The first and last edge come from the extremes of all rows, which the sample may have missed."""
    edges = fine_edges(np.array([1.0, 2.0, 3.0]), -5.0, 9.0)
    assert edges[0] == pytest.approx(-5.0 - 5e-6, abs=1e-12)
    assert edges[-1] == pytest.approx(9.0 + 9e-6, abs=1e-12)


SPELLINGS = {
    "float32": lambda values: values.astype(np.float32).astype(np.float64),
    "a sum": lambda values: values * (1 + 1e-12),
    "seven digits": lambda values: np.array([float(f"{value:.6e}") for value in values]),
}
COLUMNS = {
    "rates": np.array([0.1, 0.2, 0.3, 0.7]),
    "prices": np.round(RANDOM.lognormal(3, 1, 300), 2),
    "percent": np.arange(0, 100) / 100,
    "constant": np.array([0.1]),
    "signed": np.array([-0.1, 0.0, 0.1]),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("name", COLUMNS)
def test_one_value_has_one_bin_in_every_spelling(name: str, spelling: str) -> None:
    """Counts are the same whichever of two spellings the reference had, and whichever comes live."""
    values = RANDOM.choice(COLUMNS[name], 5_000)
    other = SPELLINGS[spelling](values)
    for reference in (values, other, np.where(RANDOM.random(5_000) < 0.5, values, other)):
        edges = fine_edges(reference, reference.min(), reference.max())
        expected = _counts(values, edges)
        assert np.array_equal(_counts(other, edges), expected)
        assert expected[0] == expected[-1] == 0


def test_what_sums_leave_of_zero_is_zero() -> None:
    """0.1 + 0.2 - 0.3 is 5.6e-17, and as good as nothing beside values of a tenth."""
    values = np.concatenate((np.zeros(500), RANDOM.choice([0.1, 0.2], 500)))
    edges = fine_edges(values, 0.0, 0.2)
    (zero,) = np.unique(np.searchsorted(edges, [0.0, 0.1 + 0.2 - 0.3, 0.3 - 0.2 - 0.1], side="right"))
    assert zero == 1


@pytest.mark.parametrize(
    "values",
    [
        1.7e9 + RANDOM.uniform(0, 86_400, N),
        101_325 + RANDOM.normal(0, 0.05, N),
        RANDOM.choice([1_000_000.0, 1_000_001.0], N),
        RANDOM.normal(1_000, 1e-3, N),
    ],
    ids=["epoch seconds", "pressure", "codes", "narrow"],
)
def test_values_denser_than_the_tolerance_are_told_apart(values: FloatArray) -> None:
    """What lies within a millionth of its neighbours keeps its bins: a shift of a tenth of the spread is seen."""
    edges = fine_edges(values, values.min(), values.max())
    moved = np.where(RANDOM.random(N) < 0.2, values.max(), values)
    truth = ks_2samp(values, moved).statistic
    one, other = (np.cumsum(_counts(side, edges)) / N for side in (values, moved))
    assert np.abs(one - other).max() >= truth - 0.01
    assert not single_valued(edges)[_counts(values, edges)[1:-1] > 0].any()


@settings(max_examples=300, deadline=None)
@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=MAX_BINS))
def test_coarse_bins_of_anything(given_counts: list[int]) -> None:
    """Coarse bins rise by steps of 0 or 1 from 0, are at most ten, and none is empty when there are rows."""
    counts = np.array(given_counts, dtype=np.int64)
    coarse = coarse_bins(counts)
    assert coarse[0] == 0
    assert set(np.diff(coarse).tolist()) <= {0, 1}
    assert coarse[-1] < COARSE_BINS
    if counts.sum():
        assert (np.bincount(coarse, weights=counts) > 0).all()


def test_coarse_bins_are_about_equal() -> None:
    """Even fine bins give ten coarse bins of a tenth each, give or take one fine bin."""
    coarse = coarse_bins(np.full(144, 100, dtype=np.int64))
    mass = np.bincount(coarse) / 144
    assert len(mass) == COARSE_BINS
    assert np.abs(mass - 0.1).max() <= 1 / 144
