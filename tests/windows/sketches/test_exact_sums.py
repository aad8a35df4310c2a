"""Sums of floats that are exact in any order."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from windows.sketches.exact_sums import Members, SumBlock

BLOCK = SumBlock(("a", "b"), start=3, top=38, limbs=5)
TERMS = st.lists(
    st.tuples(st.floats(-(2.0**59), 2.0**59), st.floats(-1, 1), st.integers(0, 2), st.sampled_from([1, -1])),
    max_size=40,
)


def folded(rows: list[tuple[float, float, int, int]], groups: int = 3) -> np.ndarray:
    """The slots of some rows of two terms, a group and a sign."""
    out = np.zeros((groups, BLOCK.stop), dtype=np.int64)
    if rows:
        terms = np.array([[row[0] for row in rows], [row[1] for row in rows]])
        sign = np.array([float(row[3]) for row in rows])
        BLOCK.add(terms, Members(np.array([row[2] for row in rows]), groups, sign), out)
    return out


@settings(max_examples=200, deadline=None)
@given(TERMS, TERMS, st.randoms())
def test_any_order_and_any_split_give_the_same_bits(one: list, two: list, random: object) -> None:
    """Parts add up to the whole, shuffling changes nothing, the negative of every row cancels every slot."""
    whole = folded(one + two)
    assert np.array_equal(folded(one) + folded(two), whole)
    shuffled = one + two
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert np.array_equal(folded(shuffled), whole)
    back = [(first, second, group, -sign) for first, second, group, sign in one + two]
    assert np.array_equal(folded(back), -whole)


@settings(max_examples=200, deadline=None)
@given(TERMS)
def test_the_error_is_half_the_last_unit_a_term(rows: list) -> None:
    """Against exact fractions: what is lost is no more than stated, and reading adds only a float's rounding."""
    for name, column in (("a", 0), ("b", 1)):
        read = BLOCK.read(folded(rows), name)
        for group in range(3):
            exact = sum((Fraction(row[column]) * row[3] for row in rows if row[2] == group), Fraction(0))
            slack = len(rows) * BLOCK.error + 2**-50 * sum(abs(row[column]) for row in rows if row[2] == group)
            assert abs(Fraction(float(read[group])) - exact) <= slack


def test_a_million_million_of_the_largest_terms_fit() -> None:
    """2^40 rows of the largest term stay below 2^63 in every slot."""
    block = SumBlock(("a",), start=0, top=-12, limbs=2)
    out = np.zeros((1, 2), dtype=np.int64)
    block.add(np.array([[np.nextafter(2.0**10, 0)]]), Members(np.zeros(1, dtype=np.int64), 1, None), out)
    assert np.abs(out).max() * 2**40 < 2**63


def test_one_group_and_many_groups_agree() -> None:
    """A fold without groups is the same sum as counting by groups gives."""
    rng = np.random.default_rng(1)
    rows = [(float(value), 0.5, 0, 1) for value in rng.normal(0, 1e6, 1_000)]
    assert np.array_equal(folded(rows, 1)[0], folded(rows, 3)[0])
