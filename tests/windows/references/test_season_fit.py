"""Seasons are found where they are, and only there."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtr
from seasonal import planted
from sklearn.metrics import adjusted_rand_score

from windows.references.season_fit import Fitted, Variation, fit_classes

HOURS = np.arange(168)
EDGES = np.linspace(-3, 3, 31)


def histograms(rows: int, shifts: np.ndarray, seed: int, columns: int = 4) -> list[np.ndarray]:
    """Rows per hour and slot; half of the columns move with the hour."""
    rng = np.random.default_rng(seed)
    volume = rows * (2 - np.cos((HOURS % 24 - 4) / 12 * np.pi)) / 2
    found = []
    for column in range(columns):
        moved = shifts * (column % 2)
        shares = np.diff(ndtr(np.concatenate(([-np.inf], EDGES, [np.inf]))[None, :] - moved[:, None]), axis=1)
        found.append(np.stack([rng.multinomial(int(n), p) for n, p in zip(volume, shares, strict=True)]))
    return found


def fit(columns: list[np.ndarray], most: int = 24, factor: float = 1.0) -> Fitted:
    """With the same variation of days in every column."""
    return fit_classes(columns, Variation(np.full(len(columns), factor), np.ones(len(columns))), most)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("rows", "size"), [(60, 1.0), (2_000, 0.3)])
def test_planted_classes_are_found(rows: int, size: float, seed: int) -> None:
    """Four classes, from thin hours that differ much and from full ones that differ little: exactly those."""
    truth = planted(HOURS)
    found = fit(histograms(rows, size * np.array([0.0, 1.0, 2.0, -1.0])[truth], seed))
    assert found.classes == 4
    assert adjusted_rand_score(truth, found.hours) == 1.0
    assert found.forced == 0.0


@pytest.mark.parametrize("rows", [20, 500, 50_000])
def test_without_a_season_there_is_one_class(rows: int) -> None:
    """However many rows there are, and though volume follows the hour."""
    assert [fit(histograms(rows, np.zeros(168), seed)).classes for seed in range(3)] == [1, 1, 1]


def test_a_difference_below_the_least_that_counts_is_none() -> None:
    """Ten million rows an hour prove a KS of 0.012, which is still one class; 0.04 are two."""
    shifts = planted(HOURS) % 2
    assert fit(histograms(10_000_000, 0.03 * shifts, 1)).classes == 1
    assert fit(histograms(10_000_000, 0.1 * shifts, 1)).classes == 2


def test_variation_between_days_is_no_season() -> None:
    """Hours that differ only by what rows of one day have in common stay together once that is known."""
    rng = np.random.default_rng(5)
    shifts = np.repeat(rng.normal(0, 0.15, 7), 24)
    columns = histograms(3_000, shifts, 5)
    assert fit(columns).classes > 1
    assert fit(columns, factor=400.0).classes == 1


def test_the_cap_joins_the_nearest_and_says_so() -> None:
    """Forty-two levels of six classes at most: neighbours are together, and the largest distance within is told."""
    found = fit(histograms(20_000, HOURS // 4 * 0.2, 2), most=6)
    assert found.classes == 6
    assert found.forced > 0.02
    assert (np.diff(found.hours) >= 0).all()


def test_hours_without_rows_take_the_nearest_class() -> None:
    """Around the week, too: the last hour of a Sunday is next to a Monday; of two as near it is the earlier."""
    columns = histograms(3_000, 1.0 * (HOURS >= 84), 3)
    for column in columns:
        column[10:14] = 0
        column[165:] = 0
    found = fit(columns)
    assert found.unseen == 7
    assert found.hours[:84] == (0,) * 84
    assert found.hours[84:] == (*(1,) * 83, 0)


def test_a_week_of_one_hour_is_one_class() -> None:
    """Nothing to compare."""
    column = np.zeros((168, 5), dtype=np.int64)
    column[3] = 10
    assert fit([column]).classes == 1
    assert fit([np.zeros((168, 5), dtype=np.int64)]).hours == (0,) * 168
