import pickle
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from windows.ring import Groups, Packed, Ring, pack

MOMENTS = slice(3, 5)
KEYS = (("1", ""), ("1", "country=de"), ("2", ""))


def vector(rng: random.Random) -> np.ndarray:
    """Counts of any width around signed moment sums."""
    largest = rng.choice([1, 255, 256, 65_535, 65_536, 2**40])
    counts = [rng.randrange(largest + 1) for _ in range(7)]
    counts[3:5] = [rng.randrange(-(2**50), 2**50) for _ in range(2)]
    return np.array(counts, dtype=np.int64)


def groups(rng: random.Random) -> Groups:
    """Some groups, possibly none."""
    return {key: vector(rng) for key in KEYS if rng.random() < 0.6}


@pytest.mark.parametrize("seed", range(30))
def test_a_sliding_window_equals_its_slices_added_up(seed: int) -> None:
    """After every slice, also after gaps of any length, the totals are the sum of the slices within reach."""
    rng = random.Random(seed)
    length = rng.choice([1, 2, 6, 60])
    ring, pushed, index = Ring(length), {}, 1_000
    for _ in range(150):
        index += rng.choice([1, 1, 1, 1, 2, length, 5 * length])
        pushed[index] = groups(rng)
        ring.push(index, {key: value.copy() for key, value in pushed[index].items()}, MOMENTS)
        inside = [held for at, held in pushed.items() if index - length < at <= index]
        expected = {key: sum(held[key] for held in inside if key in held) for key in KEYS}
        expected = {key: total for key, total in expected.items() if any(key in held for held in inside)}
        assert ring.totals.keys() == expected.keys()
        for key, total in ring.totals.items():
            assert np.array_equal(total, expected[key])


def test_an_empty_slice_moves_the_window() -> None:
    """Time passes without data too: what is old leaves, and an empty window holds no group."""
    ring = Ring(2)
    ring.push(1, {KEYS[0]: np.arange(7)}, MOMENTS)
    ring.push(2, {}, MOMENTS)
    assert list(ring.totals) == [KEYS[0]]
    ring.push(3, {}, MOMENTS)
    assert ring.totals == {}
    assert ring.slices == {}
    assert ring.holders == {}


def test_a_window_only_moves_forward() -> None:
    """A slice that is not newer would be counted twice: refused, with both indices."""
    ring = Ring(3)
    ring.push(5, {KEYS[0]: np.arange(7)}, MOMENTS)
    with pytest.raises(ValueError, match="slice 5 enters after slice 5"):
        ring.push(5, {}, MOMENTS)


def test_the_ring_keeps_nothing_of_the_arrays_it_is_given() -> None:
    """Totals are its own: adding to them changes no slice that came in."""
    ring, first = Ring(3), np.arange(7)
    ring.push(1, {KEYS[0]: first}, MOMENTS)
    ring.push(2, {KEYS[0]: np.arange(7)}, MOMENTS)
    assert first.tolist() == list(range(7))
    assert ring.totals[KEYS[0]].tolist() == [2 * i for i in range(7)]


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.integers(0, 2**62), max_size=9),
    st.lists(st.integers(-(2**62), 2**62), max_size=4),
    st.lists(st.integers(0, 2**62), max_size=9),
)
def test_packing_loses_nothing(counts: list[int], moments: list[int], rest: list[int]) -> None:
    """Unpacking gives the vector back, whatever the widths, also with empty parts."""
    whole = np.array([*counts, *moments, *rest], dtype=np.int64)
    span = slice(len(counts), len(counts) + len(moments))
    packed = pack(whole, span)
    assert np.array_equal(packed.unpack(), whole)
    assert packed.unpack().dtype == np.int64
    again = pickle.loads(pickle.dumps(packed))
    for one in (packed, again, pickle.loads(pickle.dumps(again))):
        assert np.array_equal(one.unpack(), whole)
        assert one.unpack().flags.writeable
        assert [part.dtype for part in one.parts] == [part.dtype for part in pack(whole, span).parts]


def test_small_counts_are_kept_small() -> None:
    """A slice of counts below 256 takes one byte a count, below 65,536 two."""
    assert pack(np.full(7, 255), MOMENTS).parts[0].dtype == np.uint8
    assert pack(np.full(7, 65_535), MOMENTS).parts[0].dtype == np.uint16
    assert pack(np.full(7, 65_536), MOMENTS).parts[2].dtype == np.uint32


def test_a_slice_that_a_former_release_saved_is_read() -> None:
    """It saved the three arrays of a slice as they were, in a class that was made of them."""
    whole = np.array([3, 0, 250, 1 << 40, -5, 7, 0], dtype=np.int64)
    counts, moments, rest = pack(whole, MOMENTS).parts
    former = Packed.__new__(Packed)
    former.__setstate__([counts, moments, rest])
    assert np.array_equal(former.unpack(), whole)
    assert np.array_equal(pickle.loads(pickle.dumps(former)).unpack(), whole)


def test_a_window_goes_on_as_if_it_had_not_been_saved() -> None:
    """Slices that were saved leave the sum like others, in the process that saved them and in the next one."""
    draw = np.random.default_rng(4)
    slices = [{KEYS[0]: draw.integers(0, 300, 7)} for _ in range(9)]
    rings = Ring(3), Ring(3)
    for index, groups in enumerate(slices):
        for ring in rings:
            ring.push(index, groups, MOMENTS)
        saved = pickle.dumps(rings[1])
        if index == 4:
            rings = rings[0], pickle.loads(saved)
        assert rings[0].totals[KEYS[0]].tolist() == rings[1].totals[KEYS[0]].tolist()
        assert rings[0].slices == rings[1].slices
