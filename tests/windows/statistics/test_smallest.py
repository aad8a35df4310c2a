import numpy as np
import pytest

from windows.statistics.distances.ks import ks_interval
from windows.statistics.distances.psi import psi_interval
from windows.statistics.intervals import proportion_increase_interval
from windows.statistics.smallest import smallest_increase, smallest_ks, smallest_psi

ALPHA, REFERENCE = 1e-6, 50_000


def found_in_half(lower: np.ndarray, threshold: float) -> None:
    """Between a quarter and four fifths of the windows find it."""
    share = float((lower > threshold).mean())
    assert 0.25 < share < 0.8


@pytest.mark.parametrize("rows", [400, 1_120, 20_000])
def test_a_shift_of_that_size_is_found_about_every_second_time(rows: int) -> None:
    """KS: a plateau of the distance told, drawn 400 times, passes the threshold in about a half."""
    distance = smallest_ks(0.1, rows, REFERENCE, ALPHA)
    assert distance is not None
    low = np.random.default_rng(rows).binomial(rows, 0.5 - distance, size=400) / rows
    sizes = np.full(400, float(rows)), np.full(400, float(REFERENCE))
    found_in_half(ks_interval(np.abs(low - 0.5), *sizes, ALPHA)[0], 0.1)


@pytest.mark.parametrize("rows", [400, 1_120, 20_000])
def test_a_psi_of_that_size_is_found_about_every_second_time(rows: int) -> None:
    """PSI: ten slots tilted to the index told, drawn 400 times."""
    told = smallest_psi(0.25, rows, REFERENCE, ALPHA)
    assert told is not None
    rng, even = np.random.default_rng(rows), np.full(10, 0.1)
    low, high = 0.0, 5.0
    for _ in range(50):
        middle = (low + high) / 2
        tilted = np.exp(middle * np.linspace(-1, 1, 10))
        shares = tilted / tilted.sum()
        low, high = (low, middle) if ((shares - even) * np.log(shares / even)).sum() > told else (middle, high)
    cur, ref = rng.multinomial(rows, shares, size=400), rng.multinomial(REFERENCE, even, size=400)
    sizes = np.full(400, float(rows)), np.full(400, float(REFERENCE))
    found_in_half(psi_interval(cur, ref, None, *sizes, ALPHA)[0], 0.25)


@pytest.mark.parametrize("rows", [400, 1_120, 20_000])
def test_a_rise_of_that_size_is_found_about_every_second_time(rows: int) -> None:
    """A share of missing values that rises from 0.2 % by as much as told."""
    rise = smallest_increase(0.01, 0.002, rows, REFERENCE, ALPHA)
    assert rise is not None
    hits = np.random.default_rng(rows).binomial(rows, 0.002 + rise, size=400)
    ref = np.full(400, 0.002 * REFERENCE), np.full(400, float(REFERENCE))
    found_in_half(proportion_increase_interval(hits, np.full(400, float(rows)), *ref, ALPHA)[0], 0.01)


def test_too_few_rows_find_nothing() -> None:
    """Five rows at a level of one in a million: no shift at all would be seen."""
    assert smallest_ks(0.1, 5, REFERENCE, ALPHA) is None
    assert smallest_psi(0.25, 1, REFERENCE, ALPHA) is None
    assert smallest_increase(0.01, 0.0, 2, REFERENCE, ALPHA) is None
