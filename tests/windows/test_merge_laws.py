"""One suite of laws for every sketch: what is merged is what would have been counted together."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from factories import COUNTRIES, DEVICES, click_layout
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import Row, columns_of

from windows.predictions.fold import binning_of, fold
from windows.ring import Ring
from windows.sketches.moments import moment_sums
from windows.sketches.quantiles import LATENCY_BINS, latency_slots
from windows.statistics.overdispersion import PaneVariance, accumulate, empty

if TYPE_CHECKING:
    from collections.abc import Callable

LAYOUT = click_layout()
BINNING = binning_of(LAYOUT)
MOMENTS = slice(LAYOUT.moments, LAYOUT.far)
ANY_FLOAT = st.floats(allow_nan=True, allow_infinity=True) | st.integers(0, 99).map(float)
LATENCY = st.floats(-1, 1e7, allow_nan=False)


@dataclass(frozen=True)
class Sketch:
    """A sketch as its laws see it: how records are folded, what an empty one is, and how exact a merge is."""

    record: st.SearchStrategy[Any]
    fold: Callable[[list[Any]], np.ndarray]
    exact: bool = True


def row(values: dict[str, Any]) -> Row:
    """A record of the model `click`."""
    return Row(0, "1", values, (values["country"] or "es", values["device"]), values["latency"], values["failed"])


ROWS = st.fixed_dictionaries(
    {
        "age": st.none() | ANY_FLOAT,
        "clicks": st.sampled_from([0.0, 5e-324, 1.0, 3.0, None]),
        "fixed": st.sampled_from([7.0, 8.0, None]),
        "country": st.sampled_from([*COUNTRIES, "es", None]),
        "member": st.sampled_from(["true", "false", None]),
        "prediction": st.none() | ANY_FLOAT,
        "device": st.sampled_from([*DEVICES, "tv"]),
        "latency": st.none() | LATENCY,
        "failed": st.booleans(),
    }
).map(row)


def whole(rows: list[Row]) -> np.ndarray:
    """The sketch of a version: histograms, categories, moments, latencies, failures."""
    if not rows:
        return LAYOUT.empty()
    return fold(BINNING, columns_of(LAYOUT, rows))[0, "1", ""]


def segment(rows: list[Row]) -> np.ndarray:
    """The sketch of one segment of it."""
    name = "device=web"
    return (
        fold(BINNING, columns_of(LAYOUT, rows)).get((0, "1", name), LAYOUT.empty(name)) if rows else LAYOUT.empty(name)
    )


def latencies(values: list[float]) -> np.ndarray:
    """Latencies in logarithmic slots."""
    return np.bincount(latency_slots(np.array(values, dtype=np.float64)), minlength=LATENCY_BINS)


def moments(values: list[float]) -> np.ndarray:
    """The two sums of a numeric column."""
    given = np.array(values, dtype=np.float64)[None, :]
    sums: np.ndarray = moment_sums(given, np.array([math.pi]), np.array([math.e]), None)[0]
    return sums


def variance(panes: list[list[int]]) -> np.ndarray:
    """The evidence on overdispersion, flattened."""
    state: PaneVariance = empty(1, 4)
    for pane in panes:
        state = state + accumulate(np.array([pane]))
    return np.concatenate(
        [part.ravel() for part in (state.panes, state.counts, state.squares, state.cumulative_squares)]
    )


def window(slices: list[list[int]]) -> np.ndarray:
    """The totals of a window into which each record enters as a slice of its own."""
    ring = Ring(1_000)
    for index, counts in enumerate(slices):
        ring.push(index, {("1", ""): np.array(counts, dtype=np.int64)}, slice(2, 3))
    return ring.totals.get(("1", ""), np.zeros(4, dtype=np.int64))


SLICE = st.tuples(*[st.integers(0, 70_000)] * 2, st.integers(-(2**50), 2**50), st.integers(0, 300)).map(list)

SKETCHES = {
    "whole": Sketch(ROWS, whole),
    "segment": Sketch(ROWS, segment),
    "latencies": Sketch(LATENCY, latencies),
    "moments": Sketch(ANY_FLOAT, moments),
    "overdispersion": Sketch(st.lists(st.integers(0, 1_000), min_size=4, max_size=4), variance, exact=False),
    "window": Sketch(SLICE, window),
}


@pytest.mark.parametrize("name", SKETCHES)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_merge_laws(name: str, data: st.DataObject) -> None:
    """Merging is associative and commutative, has an identity, equals one big fold, and subtraction undoes it."""
    sketch = SKETCHES[name]
    parts = [data.draw(st.lists(sketch.record, max_size=12)) for _ in range(3)]
    a, b, c = (sketch.fold(part) for part in parts)
    nothing = sketch.fold([])

    def same(left: np.ndarray, right: np.ndarray) -> bool:
        return np.array_equal(left, right) if sketch.exact else np.allclose(left, right, rtol=1e-12, atol=1e-9)

    assert not nothing.any(), "identity is all zeros"
    assert same((a + b) + c, a + (b + c)), "associative"
    assert same(a + b, b + a), "commutative"
    assert same(a + nothing, a), "identity"
    assert same(a + b + c, sketch.fold(parts[0] + parts[1] + parts[2])), "equal to one big fold"
    assert same(sketch.fold(parts[2] + parts[0] + parts[1]), a + b + c), "in any order"
    assert same((a + b) - b, a), "subtraction undoes addition"
    if sketch.exact:
        assert all(vector.dtype == np.int64 for vector in (a, b, c)), "exact because it is whole numbers"


@settings(max_examples=40, deadline=None)
@given(st.lists(ROWS, max_size=20), st.lists(ROWS, max_size=20))
def test_a_ring_gives_back_what_was_there_before(first: list[Row], second: list[Row]) -> None:
    """When the older slice leaves, the totals are those of the newer one alone: nothing of the older stays behind."""
    key = ("1", "")
    ring = Ring(2)
    ring.push(0, {key: whole(first)}, MOMENTS)
    ring.push(1, {key: whole(second)}, MOMENTS)
    assert np.array_equal(ring.totals[key], whole(first + second))
    ring.push(2, {}, MOMENTS)
    assert np.array_equal(ring.totals[key], whole(second))
