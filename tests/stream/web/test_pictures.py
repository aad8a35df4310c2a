"""Pictures: what is drawn of a column is what its rows are, by other means."""

from __future__ import annotations

import numpy as np
import pytest
from factories import categorical, numeric
from hypothesis import given
from hypothesis import strategies as st

from stream.web.pictures import NAMED, QUANTILES, picture_of
from windows.predictions.layout import Field
from windows.sketches.profiles import slots

RNG = np.random.default_rng(11)
THEN, NOW = RNG.normal(0, 1, 40_000), RNG.normal(0.8, 1.2, 20_000)
EDGES = np.quantile(THEN, np.linspace(0, 1, 129))
EDGES[-1] = np.nextafter(EDGES[-1], np.inf)


def counted(values: np.ndarray, missing: int = 0) -> np.ndarray:
    """Slots of a numeric column, by numpy."""
    inner = np.histogram(values, EDGES)[0]
    return np.array([(values < EDGES[0]).sum(), *inner, (values >= EDGES[-1]).sum(), missing, 0])


def normal() -> Field:
    """A column of THEN."""
    profile = numeric(EDGES, counted(THEN)[1:-3], missing=100, center=0.0, scale=1.0)
    return Field("x", profile, 5, 5 + len(EDGES) + 3)


def test_bars_are_a_histogram_of_both_sides() -> None:
    """Where the sketch has bins, each bar is numpy's histogram of the rows themselves on the same ends."""
    counts = np.concatenate((np.zeros(5, dtype=np.int64), counted(NOW)))
    picture = picture_of(normal(), counts)
    assert picture.edges is not None
    assert picture.current is not None
    for drawn, values in ((picture.reference, THEN), (picture.current, NOW)):
        inside = np.clip(values, picture.edges[0], picture.edges[-1])
        exact = np.histogram(inside, picture.edges)[0] / len(values)
        assert drawn.sum() == pytest.approx(1)
        # Beyond the outermost bins of the reference all is one bin.
        fine = (picture.edges[:-1] > EDGES[1]) & (picture.edges[1:] < EDGES[-2])
        assert fine.sum() > 20
        np.testing.assert_allclose(drawn[fine], exact[fine], atol=0.008)


def test_quantiles_are_those_of_the_rows() -> None:
    """Within a bin of the reference's quantiles of numpy's own, as far as the reference reaches."""
    counts = np.concatenate((np.zeros(5, dtype=np.int64), counted(NOW)))
    for share, then, now in picture_of(normal(), counts).quantiles:
        assert then == pytest.approx(np.quantile(THEN, share), abs=0.05)
        if np.quantile(NOW, share) < EDGES[-2]:
            assert now == pytest.approx(np.quantile(NOW, share), abs=0.06)
    assert tuple(row[0] for row in picture_of(normal(), counts).quantiles) == QUANTILES


def test_rows_without_a_place_are_shares_of_all_rows() -> None:
    """A hundred missing of 40,100, and 500 of 20,500; nothing of now where there are no rows."""
    counts = np.concatenate((np.zeros(5, dtype=np.int64), counted(NOW, missing=500)))
    picture = picture_of(normal(), counts)
    assert picture.before.missing == pytest.approx(100 / 40_100)
    assert picture.now is not None
    assert picture.now.missing == pytest.approx(500 / 20_500)
    assert picture_of(normal(), np.zeros(200, dtype=np.int64)).now is None


@given(st.lists(st.integers(0, 1_000), min_size=1, max_size=40), st.integers(0, 50), st.randoms(use_true_random=False))
def test_categories_keep_every_share(before: list[int], other: int, random: object) -> None:
    """However many there are, the shares of either side sum to one, and the common ones have their names."""
    shuffle = getattr(random, "sample")  # noqa: B009 - hypothesis gives a Random
    names = tuple(f"c{at}" for at in range(len(before)))
    profile = categorical(names, before, other=other)
    now = np.array([*shuffle(before, len(before)), other, 3, 0])
    picture = picture_of(Field("c", profile, 0, len(now)), now)
    for side, counts in ((picture.reference, slots(profile)), (picture.current, now)):
        assert side is not None
        total = counts[:-2].sum()
        assert side.sum() == pytest.approx(1 if total else 0)
    assert len(picture.names) <= NAMED + 2
    if sum(before):
        assert picture.names[int(np.argmax(picture.reference[:-1]))] in {*names, f"{len(before) - NAMED} more"}


def test_whole_numbers_have_bars_of_their_own() -> None:
    """A column of the numbers 1 to 5 has five bars, each with its own share."""
    values = np.array([1, 1, 2, 3, 3, 3, 4, 5, 5, 5] * 100, dtype=np.float64)
    edges = np.array([edge for value in range(1, 6) for edge in (float(value), float(np.nextafter(value, 9)))])
    counts = [np.histogram(values, np.append(edges, 9.0))[0][at] for at in range(len(edges) - 1)]
    picture = picture_of(Field("n", numeric(edges, counts), 0, len(edges) + 3), None)
    assert [then for _, then, _ in picture.quantiles] == pytest.approx(np.quantile(values, QUANTILES), abs=1e-6)
    np.testing.assert_allclose(picture.reference, [0.2, 0.1, 0.3, 0.1, 0.3])
