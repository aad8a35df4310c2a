"""What moved is measured together, wherever it is: to the last bit what each window alone would be."""

from __future__ import annotations

import numpy as np
from estimated import binary_rows, built
from test_measure_estimates import columns_of
from test_stack import same

from operators.plans.measures import Plan
from operators.predictions.measure import Measure, MeasureConfig
from operators.predictions.ring import Rings, RingState, WindowTotals
from operators.predictions.sketch import Sketch
from operators.predictions.slices import Slice
from operators.predictions.slide import MeasureMoved, Slide
from operators.tables import Measures
from windows.panes import plan
from windows.predictions.fold import binning_of, fold
from windows.predictions.layout import layout_of

REFERENCE = built(binary_rows(6_000), "binary").reference
LAYOUT = layout_of(REFERENCE, ())
WINDOWS = (plan(10_000, 10_000), plan(60_000, 10_000), plan(300_000, 10_000))
PLAN = Plan(features=("psi", "ks"), prediction=("ks",), quality=True, service=True)
MEASURE = Measure(MeasureConfig(LAYOUT, REFERENCE, 1e-4, {window.size: PLAN for window in WINDOWS}))
PANES = 12
SKETCHES = {
    pane: vector
    for (pane, _, _), vector in fold(
        binning_of(LAYOUT), columns_of(LAYOUT, binary_rows(3_000, seed=4), panes=PANES)
    ).items()
}


def pane(index: int) -> list[Slice]:
    """The slices that a pane ends, of each window; every fourth is empty."""
    groups = {("1", ""): SKETCHES[index]} if index % 4 else {}
    return [Slice(window, index, groups, None) for window in WINDOWS]


def slides(*, sketches: bool = False) -> dict[int, Slide]:
    """A slide of each window."""
    return {window.size: Slide(Rings(LAYOUT, RingState()), MEASURE, sketches=sketches) for window in WINDOWS}


def alone() -> dict[tuple[int, int], Measures]:
    """What each window is after each pane, measured by itself where it is kept."""
    found = {}
    for window in WINDOWS:
        rings = Rings(LAYOUT, RingState())
        for index in range(PANES):
            (entering,) = (one for one in pane(index) if one.window is window)
            found[window.size, index] = MEASURE(rings(entering))
    return found


def as_alone(found: list[Measures]) -> bool:
    """Whether all of it is what each window alone is, and nothing is missing."""
    known = alone()
    assert sorted((one.window.size, one.index) for one in found) == sorted(known)
    return all(
        len(one.tables) == len(known[one.window.size, one.index].tables)
        and all(map(same, one.tables, known[one.window.size, one.index].tables))
        for one in found
    )


def test_windows_that_move_with_the_same_pane_are_measured_together() -> None:
    """One slice of each at a time: their totals go on, and all of them are measured in one call."""
    mine, together, found = slides(), MeasureMoved({LAYOUT.model: MEASURE}), []
    for index in range(PANES):
        moved = [one for entering in pane(index) for one in mine[entering.window.size]([entering])]
        assert all(isinstance(one, WindowTotals) for one in moved)
        found += [one for one in together(moved) if isinstance(one, Measures)]
    assert as_alone(found)


def test_totals_are_measured_as_they_were_when_their_slice_had_entered() -> None:
    """However far the window has moved on by then."""
    mine, moved = slides(), []
    for index in range(PANES):
        moved += [one for entering in pane(index) for one in mine[entering.window.size]([entering])]
    together = MeasureMoved({LAYOUT.model: MEASURE})
    assert as_alone([one for one in together(moved) if isinstance(one, Measures)])


def test_slices_that_come_together_are_measured_where_they_are_kept() -> None:
    """There may be many: what is kept of each is given back before the next window's turn."""
    mine, together, found = slides(), MeasureMoved({LAYOUT.model: MEASURE}), []
    for window in WINDOWS:
        entering = [one for index in range(PANES) for one in pane(index) if one.window is window]
        moved = list(mine[window.size](entering))
        assert all(isinstance(one, Measures) or (isinstance(one, WindowTotals) and not one.changed) for one in moved)
        found += list(together(moved))
    assert as_alone([one for one in found if isinstance(one, Measures)])


def test_a_window_at_rest_keeps_the_tables_of_its_last_change() -> None:
    """The same objects, so that what follows from them need not be worked out again."""
    slide, together = slides()[WINDOWS[2].size], MeasureMoved({LAYOUT.model: MEASURE})
    (changed,) = together(slide([Slice(WINDOWS[2], 1, {("1", ""): SKETCHES[1]}, None)]))
    for index in (2, 3):
        (rests,) = together(slide([Slice(WINDOWS[2], index, {}, None)]))
        assert isinstance(rests, Measures)
        assert isinstance(changed, Measures)
        assert (rests.changed, rests.index) == (False, index)
        assert rests.tables is changed.tables


def test_sketches_go_by_in_their_place() -> None:
    """Each behind the window that it is of."""
    mine, together = slides(sketches=True), MeasureMoved({LAYOUT.model: MEASURE})
    moved = [one for entering in pane(1) for one in mine[entering.window.size]([entering])]
    found = list(together(moved))
    assert [isinstance(one, Sketch) for one in found] == [False, True] * len(WINDOWS)
    assert [one.window for one in found] == [window for window in WINDOWS for _ in range(2)]
    counts = [one.counts["1"] for one in found if isinstance(one, Sketch)]
    assert all(int(np.asarray(one)[LAYOUT.rows]) == int(SKETCHES[1][LAYOUT.rows]) for one in counts)
