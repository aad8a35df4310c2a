"""Rings of cohorts against sums over a plain list of everything that was added."""

from __future__ import annotations

import pickle
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from windows.cohort_ring import CohortRing, pack_signed

SIZE = 5
KEYS = (("1", ""), ("1", "country=de"), ("2", ""))

values = st.lists(
    st.sampled_from([0, 0, 0, 1, -1, 40_000, -40_000, 2**62, -(2**62), 32_767, -32_768, 32_768]),
    min_size=SIZE,
    max_size=SIZE,
)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(0, 40), st.sampled_from(KEYS), values),
        st.tuples(st.just("advance"), st.integers(0, 6)),
        st.tuples(st.just("move"), st.sampled_from("ab"), st.integers(0, 40), st.integers(0, 12)),
        st.just(("restart",)),
    ),
    max_size=60,
)


@settings(max_examples=300, deadline=None)
@given(st.integers(1, 12), steps)
def test_spans_are_the_sum_of_what_was_added_to_their_slices(length: int, plan: list[tuple]) -> None:
    """Whatever the order of changes, moves, restarts and time: exactly the brute-force sum over the slices kept."""
    ring = CohortRing(length)
    ring.advance(10)
    newest = 10
    added: dict[tuple, list] = defaultdict(list)
    too_old = 0
    spans: dict[str, tuple[int, int]] = {}
    for kind, *rest in plan:
        if kind == "add":
            index, key, vector = rest
            taken = ring.add(index, key, np.array(vector, dtype=np.int64))
            assert taken == (index > newest - length)
            too_old += not taken
            if taken:
                added[index, key].append(vector)
        elif kind == "advance":
            newest += rest[0]
            ring.advance(newest)
        elif kind == "move":
            name, start, size = rest
            spans[name] = (start, start + size)
            ring.move(name, start, start + size)
        else:
            ring = pickle.loads(pickle.dumps(ring))
    assert ring.too_old == too_old
    kept = {at: vectors for at, vectors in added.items() if at[0] > newest - length}
    for start, stop, totals in [(*at, ring.move(name, *at)) for name, at in spans.items()] + [
        (0, 60, ring.sum_of(0, 60))
    ]:
        expected: dict = {}
        for (index, key), vectors in kept.items():
            if start <= index < stop:
                expected[key] = [
                    wrap(a + b) for a, b in zip(expected.get(key, [0] * SIZE), columns(vectors), strict=True)
                ]
        assert {key: vector.tolist() for key, vector in totals.items()} == expected
    assert ring.groups() == {key for _, key in kept}


def columns(vectors: list[list[int]]) -> list[int]:
    """The sum of each column, in Python's own integers."""
    return [sum(column) for column in zip(*vectors, strict=True)]


def wrap(value: int) -> int:
    """As 64 bits hold it: sums past the end come back when what was added is taken away."""
    return (value + 2**63) % 2**64 - 2**63


@settings(deadline=None)
@given(st.lists(st.integers(-(2**63), 2**63 - 1) | st.integers(-40_000, 40_000), max_size=80), st.integers(0, 70_000))
def test_packing_loses_nothing(values: list[int], zeros: int) -> None:
    """Every integer of 64 bits comes back, also in vectors whose places need more than 16 bits."""
    vector = np.concatenate((np.zeros(zeros, dtype=np.int64), np.array(values, dtype=np.int64)))
    assert np.array_equal(pack_signed(vector).unpack(), vector)


def test_a_sparse_vector_is_small() -> None:
    """A slice with a hundred labels in a layout of a thousand slots takes a tenth of it."""
    vector = np.zeros(1_000, dtype=np.int64)
    vector[::10] = 3
    assert len(pack_signed(vector).data) == 400


def test_time_does_not_go_back() -> None:
    """A ring that was told a later time refuses an earlier one."""
    ring = CohortRing(3)
    ring.advance(7)
    with pytest.raises(ValueError, match="only moves forward"):
        ring.advance(6)


def test_a_revision_leaves_no_trace() -> None:
    """A pair that is taken back and given anew changes the sum by the difference, in every span."""
    ring = CohortRing(10)
    ring.advance(9)
    ring.move("mature", 0, 5)
    ring.move("newest", 3, 9)
    first, second = np.array([1, 0, 5]), np.array([1, 1, 2])
    ring.add(4, KEYS[0], first)
    ring.add(4, KEYS[0], -first)
    ring.add(4, KEYS[0], second)
    assert ring.move("mature", 0, 5)[KEYS[0]].tolist() == [1, 1, 2]
    assert ring.move("newest", 3, 9)[KEYS[0]].tolist() == [1, 1, 2]
