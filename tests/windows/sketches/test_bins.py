"""Bins give numpy's own answer for every value, whatever the shape of the column."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from windows.sketches.bins import bins_of

FLOATS = st.floats(allow_nan=False, allow_infinity=False, width=64)
EDGES = st.lists(FLOATS, min_size=2, max_size=40, unique=True).map(lambda given: np.array(sorted(given)))


@given(st.lists(EDGES, min_size=1, max_size=4), st.data())
@settings(max_examples=300, deadline=None)
def test_equals_searchsorted(edges: list[np.ndarray], data: st.DataObject) -> None:
    """Any finite values among any edges, the edges themselves and their neighbours included, find numpy's bin."""
    count = data.draw(st.integers(1, 30))
    rows = []
    for column in edges:
        near = st.sampled_from(
            [*column.tolist(), *np.nextafter(column, -np.inf).tolist(), *np.nextafter(column, np.inf).tolist()]
        ).filter(np.isfinite)
        rows.append(data.draw(st.lists(FLOATS | near, min_size=count, max_size=count)))
    values = np.array(rows, dtype=np.float64)
    expected = np.stack([np.searchsorted(e, v, side="right") for e, v in zip(edges, values, strict=True)])
    assert np.array_equal(bins_of(edges).find(values), expected)


@pytest.mark.parametrize("shape", ["normal", "lognormal", "cauchy", "zeros", "integers", "constant", "tiny", "huge"])
def test_shapes_of_real_columns(shape: str) -> None:
    """Bell, long tails, heavy zeros, few values, constants and extreme ranges find numpy's bin for 20,000 values."""
    rng = np.random.default_rng(7)
    drawn = {
        "normal": rng.normal(size=20_000),
        "lognormal": rng.lognormal(0, 3, 20_000),
        "cauchy": rng.standard_cauchy(20_000),
        "zeros": np.where(rng.random(20_000) < 0.7, 0.0, rng.exponential(1.0, 20_000)),
        "integers": rng.integers(0, 20, 20_000).astype(np.float64),
        "constant": np.full(20_000, 3.5),
        "tiny": rng.random(20_000) * 1e-310,
        "huge": rng.normal(size=20_000) * 1e307,
    }[shape]
    edges = np.unique(np.quantile(drawn, np.linspace(0, 1, 129)))
    edges = np.append(edges, np.nextafter(edges[-1], np.inf))
    values = np.concatenate((drawn, edges, [-1e308, 1e308, 0.0, -0.0]))[None, :]
    found = bins_of([edges]).find(values)
    assert np.array_equal(found[0], np.searchsorted(edges, values[0], side="right"))


def test_no_columns() -> None:
    """A model without numeric columns has nothing to find."""
    assert bins_of([]).find(np.empty((0, 5))).shape == (0, 5)
