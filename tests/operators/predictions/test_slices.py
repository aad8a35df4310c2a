import random
from typing import TYPE_CHECKING

import numpy as np
import pytest
from factories import categorical, click_layout, numeric, reference_of

from operators.predictions.close import NEVER, Tick, Totals
from operators.predictions.slices import Header, Slice, Slices, SlicesConfig, SlicesState
from windows.panes import plan
from windows.predictions.layout import Layout, layout_of
from windows.ring import Groups
from windows.statistics.dispersion import PRIOR

if TYPE_CHECKING:
    from windows.sketches.profiles import Profile

LAYOUT = click_layout()
PANE = 10_000
HOUR = 3_600_000


def slicing(*sizes: int, layout: Layout = LAYOUT, remember: int = HOUR) -> Slices:
    """A fresh step with windows of these sizes."""
    windows = tuple(plan(size, PANE) for size in sizes)
    return Slices(SlicesConfig(layout, windows, PANE, remember), SlicesState())


def groups(rows: int, version: str = "1", errors: int = 0, missing: tuple[str, ...] = ()) -> Groups:
    """A pane with this many rows, none of which has a value in the features named."""
    vector = LAYOUT.empty()
    vector[LAYOUT.rows], vector[LAYOUT.errors] = rows, errors
    for field in LAYOUT.features:
        vector[field.missing if field.name in missing else field.start + 1] = rows
    return {(version, ""): vector}


def tick(pane: int, held: Groups | None = None) -> Tick:
    """A closed pane."""
    return Tick(pane, held or {}, Totals(), (pane + 1) * PANE)


def run(step: Slices, ticks: list[Tick]) -> tuple[list[Header], list[Slice]]:
    """All headers and slices of these ticks."""
    headers, slices = [], []
    for one in ticks:
        header, done = step(one)
        headers.append(header)
        slices += done
    return headers, slices


def rows_of(done: Slice) -> int:
    """Rows of the whole of version 1."""
    return int(done.groups["1", ""][LAYOUT.rows]) if done.groups else 0


def test_a_window_that_slides_by_panes_gets_every_pane() -> None:
    """Each tick is a slice, an empty one too."""
    headers, slices = run(slicing(60_000), [tick(7, groups(3)), tick(8)])
    assert [(done.index, rows_of(done)) for done in slices] == [(7, 3), (8, 0)]
    assert [header.due for header in headers] == [((60_000, 7),), ((60_000, 8),)]


def test_slices_of_several_panes_come_out_at_their_end() -> None:
    """An hour slides by minutes: six panes make a slice, at the tick of the last."""
    headers, slices = run(slicing(HOUR), [tick(pane, groups(pane)) for pane in range(6, 18)])
    assert [(done.index, rows_of(done)) for done in slices] == [(1, sum(range(6, 12))), (2, sum(range(12, 18)))]
    assert [len(header.due) for header in headers] == [0, 0, 0, 0, 0, 1] * 2


def test_windows_of_several_sizes_are_cut_side_by_side() -> None:
    """The header names what belongs to its tick, in the order of the windows."""
    headers, slices = run(slicing(10_000, 60_000, HOUR), [tick(pane, groups(1)) for pane in range(4, 7)])
    assert [header.due for header in headers] == [
        ((10_000, 4), (60_000, 4)),
        ((10_000, 5), (60_000, 5), (HOUR, 0)),
        ((10_000, 6), (60_000, 6)),
    ]
    assert rows_of(next(done for done in slices if done.window.size == HOUR)) == 2


def test_an_unfinished_slice_comes_out_after_a_gap() -> None:
    """The first tick beyond finishes the slice that was begun, under its own index, and begins another."""
    headers, slices = run(slicing(HOUR), [tick(1, groups(5)), tick(100, groups(7)), tick(101, groups(1))])
    assert headers[1].due == ((HOUR, 0),)
    assert [(done.index, rows_of(done)) for done in slices] == [(0, 5), (16, 8)]


def test_a_tick_may_finish_two_slices() -> None:
    """The one begun before a gap and the one whose last pane it is."""
    headers, slices = run(slicing(HOUR), [tick(1, groups(5)), tick(101, groups(7))])
    assert headers[1].due == ((HOUR, 0), (HOUR, 16))
    assert [(done.index, rows_of(done)) for done in slices] == [(0, 5), (16, 7)]


@pytest.mark.parametrize("seed", range(5))
def test_no_row_is_lost_or_doubled_in_any_window(seed: int) -> None:
    """Whatever the gaps, every slice holds exactly the rows of its panes, and indices only rise."""
    rng, panes, at = random.Random(seed), {}, 1_000
    for _ in range(300):
        at += rng.choice([1, 1, 1, 1, 2, 5, 40, 1_000])
        panes[at] = rng.randrange(1, 50)
    closing_pane = at + 100_000
    sizes = (10_000, 600_000, HOUR, 24 * HOUR)
    step = slicing(*sizes)
    _, slices = run(step, [*(tick(pane, groups(rows)) for pane, rows in panes.items()), tick(closing_pane)])
    for size in sizes:
        mine = [done for done in slices if done.window.size == size]
        assert [done.index for done in mine] == sorted({done.index for done in mine})
        for done in mine:
            per_slice = done.window.slide // PANE
            assert rows_of(done) == sum(rows for pane, rows in panes.items() if pane // per_slice == done.index)
        assert sum(rows_of(done) for done in mine) == sum(panes.values())


def test_the_panes_that_came_in_are_not_changed() -> None:
    """Slices add up without touching the arrays of the ticks."""
    first, second = groups(3), groups(4)
    run(slicing(HOUR), [tick(0, first), tick(1, second), tick(5, groups(1))])
    assert first["1", ""][LAYOUT.rows] == 3
    assert second["1", ""][LAYOUT.rows] == 4


def test_the_header_says_when_data_was_last_seen() -> None:
    """The end of the last pane with data; NEVER before any; the start of the first tick ever."""
    headers, _ = run(slicing(10_000), [tick(5), tick(6, groups(1)), tick(7), tick(8)])
    assert [header.last_data for header in headers] == [NEVER, 70_000, 70_000, 70_000]
    assert {header.started for header in headers} == {50_000}
    assert [header.end for header in headers] == [60_000, 70_000, 80_000, 90_000]


def test_features_are_seen_when_any_row_has_a_value() -> None:
    """A feature that is missing in every row keeps its last time; told headers do not change afterwards."""
    headers, _ = run(slicing(10_000), [tick(5, groups(9)), tick(6, groups(9, missing=("age",))), tick(7)])
    names = [field.name for field in LAYOUT.features]
    seen = [dict(zip(names, header.seen["1"].values.tolist(), strict=True)) for header in headers]
    assert [one["age"] for one in seen] == [60_000, 60_000, 60_000]
    assert [one["country"] for one in seen] == [60_000, 70_000, 70_000]


def test_a_feature_never_seen_ages_from_when_its_version_began_to_serve() -> None:
    """Not from the beginning of time, and not from predictions that failed: those have no features."""
    ticks = [tick(5, groups(0, errors=3)), tick(6, groups(0, errors=3)), tick(90, groups(2, missing=("age",)))]
    headers, _ = run(slicing(10_000), ticks)
    assert [header.seen["1"].served for header in headers] == [NEVER, NEVER, 910_000]
    assert headers[-1].seen["1"].values[0] == 900_000
    assert (headers[-1].seen["1"].first, headers[-1].seen["1"].last) == (60_000, 910_000)


def test_a_version_is_forgotten_after_its_time() -> None:
    """A version that has been silent for longer than it is remembered is no longer in the header."""
    ticks = [tick(0, groups(1, "old")), *(tick(pane, groups(1, "new")) for pane in (100, 361, 362))]
    headers, _ = run(slicing(10_000), ticks)
    assert [sorted(header.seen) for header in headers] == [["old"], ["new", "old"], ["new"], ["new"]]


def test_overdispersion_is_learned_only_where_the_reference_does_not_say_it() -> None:
    """With a factor in every profile, slices carry none."""
    _, slices = run(slicing(10_000), [tick(pane, groups(50)) for pane in range(20)])
    assert all(done.factors is None for done in slices)


def test_overdispersion_is_learned_in_the_first_hour_and_then_stands() -> None:
    """Rows that come in lumps raise the factor; after an hour of panes with data it does not move any more."""
    features: dict[str, Profile] = {
        "x": numeric([0, 1, 2, 3], [1, 1, 1], overdispersion=None),
        "c": categorical(("a", "b"), [1, 1], overdispersion=None),
    }
    layout = layout_of(reference_of(features, rows=3))
    rng, step, found = np.random.default_rng(1), slicing(10_000, layout=layout), []
    for pane in range(500):
        vector = layout.empty()
        vector[layout.rows] = 900
        vector[1:4] = rng.multinomial(30, [1 / 3] * 3) * 30
        vector[layout.features[1].start : layout.features[1].start + 2] = rng.multinomial(900, [0.5, 0.5])
        _, (done,) = step(tick(pane, {("1", ""): vector} if pane % 2 == 0 or pane > 200 else {}))
        assert done.factors is not None
        found.append(done.factors.tolist())
    assert found[0] == [PRIOR, PRIOR]
    lumpy, steady = found[-1]
    assert 20 < lumpy < 60
    assert steady < 2
    last_change = max(at for at in range(1, 500) if found[at] != found[at - 1])
    assert 440 < last_change < 480, "360 pairs of panes with data, of which every second was empty at first"
