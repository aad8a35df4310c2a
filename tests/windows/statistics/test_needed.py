import numpy as np
import pytest

from windows.statistics.distances.ks import ks_band
from windows.statistics.distances.psi import psi_interval
from windows.statistics.needed import rows_needed

ALPHA = 1e-8
NO_REFERENCE = np.zeros(1, dtype=np.int64)


def at(rows: float) -> np.ndarray:
    """One feature."""
    return np.array([rows])


@pytest.mark.parametrize("reference", [20_000, 1_000_000])
@pytest.mark.parametrize("rows", [150, 1_000, 9_000])
def test_so_many_rows_make_the_band_of_ks_as_narrow_as_asked(rows: int, reference: int) -> None:
    """The number told is the one at which the band is the threshold, whatever the window at hand has."""
    width = ks_band(at(rows), at(reference), ALPHA)
    needed = rows_needed("ks", width, at(0.1), at(rows).astype(int), at(reference).astype(int))
    assert ks_band(needed, at(reference), ALPHA)[0] == pytest.approx(0.1)


def test_so_many_rows_make_the_bound_of_psi_about_as_close_as_asked() -> None:
    """Ten even slots without drift: with the rows told, the upper bound is within a third of the threshold."""
    shares = np.full((1, 10), 0.1)
    reference = shares * 100_000
    _, upper = psi_interval(shares * 100, reference, None, at(100.0), at(100_000.0), ALPHA)
    needed = rows_needed("psi", upper, at(0.25), at(100).astype(int), at(100_000).astype(int))
    _, upper = psi_interval(shares * needed[0], reference, None, needed, at(100_000.0), ALPHA)
    assert upper[0] == pytest.approx(0.25, rel=0.34)


def test_a_reference_that_is_too_small_is_told_apart() -> None:
    """Where the reference alone leaves the band too wide, no number of predictions helps."""
    width = ks_band(at(1e9), at(500.0), ALPHA)
    assert rows_needed("ks", width, at(0.1), at(10**9).astype(int), at(500).astype(int))[0] == np.inf


def test_without_rows_or_a_bound_nothing_is_known() -> None:
    """NaN for an empty window and for a bound that is infinite."""
    none = rows_needed("ks", at(0.5), at(0.1), NO_REFERENCE, NO_REFERENCE)
    infinite = rows_needed("psi", at(np.inf), at(0.1), at(5).astype(int), NO_REFERENCE)
    assert np.isnan(none[0])
    assert np.isnan(infinite[0])
