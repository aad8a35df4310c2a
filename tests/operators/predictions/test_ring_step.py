import numpy as np
from factories import click_layout

from operators.predictions.ring import Rings, RingState
from operators.predictions.slices import Slice
from windows.panes import plan

LAYOUT = click_layout()
WINDOW = plan(3_600_000, 10_000)


def entering(index: int, rows: int) -> Slice:
    """A slice with this many rows."""
    vector = LAYOUT.empty()
    vector[LAYOUT.rows] = rows
    vector[LAYOUT.moments] = -rows
    return Slice(WINDOW, index, {("1", ""): vector} if rows else {}, None)


def test_totals_are_of_the_last_hour() -> None:
    """Sixty slices of a minute: the sixty-first pushes the first out, moments below zero too."""
    rings = Rings(LAYOUT, RingState())
    got = [
        rings(entering(index, index)).groups["1", ""][[LAYOUT.rows, LAYOUT.moments]].copy() for index in range(1, 71)
    ]
    assert [total.tolist() for total in (got[0], got[59], got[69])] == [
        [1, -1],
        [sum(range(1, 61)), -sum(range(1, 61))],
        [sum(range(11, 71)), -sum(range(11, 71))],
    ]


def test_a_window_knows_its_time() -> None:
    """Start and end follow from the slice that entered last."""
    totals = Rings(LAYOUT, RingState())(entering(99, 1))
    assert (totals.start, totals.end) == (100 * 60_000 - 3_600_000, 100 * 60_000)
    assert (totals.model, totals.index) == ("click", 99)


def test_a_gap_longer_than_the_window_empties_it() -> None:
    """Nothing of before the gap is left."""
    rings = Rings(LAYOUT, RingState())
    rings(entering(1, 5))
    assert rings(entering(61, 0)).groups == {}
    assert rings(entering(500, 7)).groups["1", ""][LAYOUT.rows] == 7


def test_factors_travel_with_the_slice() -> None:
    """What was found live goes on to where it is used."""
    factors = np.array([2.0])
    assert Rings(LAYOUT, RingState())(Slice(WINDOW, 1, {}, factors)).factors is factors


def test_a_window_into_which_nothing_came_or_left_is_not_changed() -> None:
    """It changes when a slice enters, when one leaves, when factors do, and for one who has just started."""
    state = RingState()
    rings = Rings(LAYOUT, state)
    found = [rings(entering(index, 5 if index == 3 else 0)).changed for index in range(1, 66)]
    assert [index for index, changed in enumerate(found, 1) if changed] == [1, 3, 63]
    factors = [np.array([2.0]), np.array([2.0]), np.array([3.0])]
    assert [rings(Slice(WINDOW, 70 + at, {}, one)).changed for at, one in enumerate(factors)] == [True, False, True]
    assert Rings(LAYOUT, state)(entering(80, 0)).changed
