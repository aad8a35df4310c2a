import pickle
from dataclasses import replace
from typing import Any

import numpy as np
from factories import click_layout
from hypothesis import given
from hypothesis import strategies as st

from operators.predictions.close import MAX_EMPTY_PANES, Close, CloseConfig, CloseState, Tick
from operators.predictions.fold import Partial
from operators.progress import Progress
from windows.segments import OTHER

LAYOUT = click_layout()
PANE = 10_000


def closing(max_versions: int = 16, remember: int = 1_000, state: CloseState | None = None) -> Close:
    """A fresh step."""
    return Close(CloseConfig(LAYOUT, PANE, max_versions, remember), CloseState() if state is None else state)


def sketch(rows: int, errors: int = 0) -> np.ndarray:
    """A vector of which only the numbers of rows and errors matter."""
    vector = LAYOUT.empty()
    vector[LAYOUT.rows], vector[LAYOUT.errors] = rows, errors
    return vector


def partial(
    panes: dict[int, int] | None = None,
    *,
    floor: int | None = None,
    partition: int = 0,
    partitions: int = 1,
    version: str = "1",
    **more: Any,
) -> Partial:
    """A partial with this many rows in each pane; its floor is its newest pane unless told otherwise."""
    panes = panes or {}
    fields = {"silent_until": None, "ended": False, **more}
    late = fields.pop("late", 0)
    at = max(panes, default=None) if floor is None else floor
    progress = Progress(partition, partitions, floor=at, **fields)
    return Partial(progress, {(pane, version, ""): sketch(rows) for pane, rows in panes.items()}, late)


def rows(ticks: list[Tick]) -> dict[int, int]:
    """Rows of each pane, all versions together."""
    return {tick.pane: sum(int(v[LAYOUT.rows]) for (_, s), v in tick.groups.items() if s == "") for tick in ticks}


def test_panes_close_in_order_once_the_watermark_has_passed_them() -> None:
    """The newest pane stays open; those before it come out one by one, empty ones too."""
    close = closing()
    assert rows(close([partial({5: 10, 8: 3})])) == {5: 10, 6: 0, 7: 0}
    assert rows(close([partial({8: 1, 9: 1})])) == {8: 4}


def test_parts_of_a_pane_are_merged_whatever_partition_they_come_from() -> None:
    """A pane closes when every partition is past it."""
    close = closing()
    assert close([partial({5: 1, 6: 1}, partitions=2)]) == []
    assert rows(close([partial({5: 10, 7: 1}, partition=1, partitions=2)])) == {5: 11}
    assert rows(close([partial({7: 1}, partitions=2)])) == {6: 1}


def test_the_first_of_two_topics_may_grow() -> None:
    """The second one's partitions stand where they stood: nothing closes sooner or later, and no record is late."""

    def told(feed: str, partition: int, panes: dict[int, int], first: int) -> Partial:
        made = partial(panes, partition=partition, partitions=first if feed == "a" else 2)
        return replace(made, progress=replace(made.progress, feed=feed, census=(("a", first), ("b", 2))))

    close = closing()
    begin = [told("a", 0, {60: 1}, 1), told("b", 0, {5: 1, 50: 1}, 1), told("b", 1, {5: 1, 9: 1}, 1)]
    assert rows(close(begin))[5] == 2
    grown = [told("a", 1, {70: 1}, 3), told("a", 2, {70: 1}, 3), told("a", 0, {71: 1}, 3)]
    assert rows(close(grown)) == {}
    found = rows(close([told("b", 1, {9: 2, 10: 4, 55: 1}, 3)]))
    assert (found[9], found[10], max(found)) == (3, 4, 49)
    assert close.state.totals.late == 0
    assert rows(close([told("b", 0, {50: 2, 58: 1}, 3)]))[50] == 3
    assert close.state.totals.late == 0


def test_the_watermark_is_the_end_of_the_closed_pane() -> None:
    """In milliseconds."""
    ticks = closing()([partial({5: 1, 7: 1})])
    assert [tick.watermark for tick in ticks] == [60_000, 70_000]


def test_late_records_are_counted_exactly_and_change_nothing() -> None:
    """Rows and errors of a closed pane, late ones of the batch itself, once each; segments are not counted twice."""
    close = closing()
    close([partial({5: 1, 9: 1})])
    late = {(6, "1", ""): sketch(4, 2), (6, "1", "country=de"): sketch(4), (9, "1", ""): sketch(1)}
    close([Partial(Progress(0, 1, 9, None, ended=False), late, 3)])
    (tick,) = close([partial({10: 1})])
    assert rows([tick]) == {9: 2}
    assert tick.totals.late == 4 + 2 + 3


def test_totals_count_each_version_by_outcome() -> None:
    """What was served and what failed, up to and including the pane; told totals do not change afterwards."""
    close = closing()
    mixed = {(5, "1", ""): sketch(7, 2), (5, "2", ""): sketch(1), (6, "1", ""): sketch(1)}
    (first,) = close([Partial(Progress(0, 1, 6, None, ended=False), mixed, 0)])
    (second,) = close([partial({7: 1})])
    assert (first.totals.served, first.totals.failed) == ({"1": 7, "2": 1}, {"1": 2, "2": 0})
    assert (second.totals.served, second.totals.failed) == ({"1": 8, "2": 1}, {"1": 2, "2": 0})


def test_a_gap_of_thousands_of_panes_is_bounded() -> None:
    """After a gap the first empty panes are ticked through, the rest is one step; the pane after the gap is exact."""
    close = closing()
    close([partial({0: 1, 10: 1})])
    ticks = close([partial({1_000_000: 5})])
    panes = [tick.pane for tick in ticks]
    assert panes == [10, *range(11, 11 + MAX_EMPTY_PANES), 999_999]
    assert rows(ticks)[10] == 1
    assert rows(close([partial({1_000_001: 1})])) == {1_000_000: 5}


def test_data_inside_a_long_gap_is_ticked() -> None:
    """Panes with data always come out, in order, however far apart they are."""
    close = closing()
    ticks = close([partial({0: 1, 5_000: 2, 5_001: 3, 20_000: 4, 90_000: 5})])
    panes = [tick.pane for tick in ticks]
    assert panes == sorted(set(panes))
    assert {pane: count for pane, count in rows(ticks).items() if count} == {0: 1, 5_000: 2, 5_001: 3, 20_000: 4}
    assert len(panes) <= 4 + 4 * (MAX_EMPTY_PANES + 1)
    assert panes[-1] == 89_999


def test_versions_beyond_the_cap_are_one() -> None:
    """The first ones are told apart, later ones share a group, and their rows are counted as overflow."""
    close = closing(max_versions=2)
    for version, count in (("a", 1), ("b", 2), ("c", 4), ("d", 8), ("a", 16)):
        close([partial({5: count}, version=version)])
    (tick,) = close([partial({6: 1}, version="a")])
    assert {version: int(v[LAYOUT.rows]) for (version, _), v in tick.groups.items()} == {"a": 17, "b": 2, OTHER: 12}
    assert tick.totals.overflow == 12


def test_a_segment_of_an_overflowing_version_is_merged_too() -> None:
    """And does not count as overflow a second time."""
    close = closing(max_versions=1)
    for version in "abc":
        groups = {(5, version, ""): sketch(2), (5, version, "country=de"): sketch(2)}
        close([Partial(Progress(0, 1, 5, None, ended=False), groups, 0)])
    (tick,) = close([partial({6: 1}, version="a")])
    assert sorted(tick.groups) == [("a", ""), ("a", "country=de"), (OTHER, ""), (OTHER, "country=de")]
    assert tick.totals.overflow == 4


def test_values_that_the_reference_does_not_tell_apart_are_counted() -> None:
    """However many there are, they share a segment, and their rows are counted."""
    close = closing()
    groups = {(5, "1", ""): sketch(9), (5, "1", "country=de"): sketch(2), (5, "1", "country=other"): sketch(7)}
    close([Partial(Progress(0, 1, 5, None, ended=False), groups, 0)])
    (tick,) = close([partial({6: 1})])
    assert tick.totals.unnamed == 7


def test_a_version_that_is_long_silent_makes_room() -> None:
    """Old names are forgotten when the table is full, not before."""
    close = closing(max_versions=2, remember=100)
    close([partial({5: 1}, version="a"), partial({6: 1}, version="b")])
    close([partial({90: 1}, version="b"), partial({120: 1}, version="c")])
    assert sorted(close.state.versions) == ["b", "c"]
    (tick,) = [tick for tick in close([partial({121: 1}, version="c")]) if tick.pane == 120]
    assert tick.totals.overflow == 0
    assert ("c", "") in tick.groups


def test_a_silent_partition_does_not_hold_panes_open() -> None:
    """Confirmed silence closes panes, and a record that comes nevertheless is late."""
    close = closing()
    close([partial({5: 1}, partitions=2)])
    assert rows(close([partial(partition=1, partitions=2, silent_until=50), partial({7: 1}, partitions=2)])) == {
        5: 1,
        6: 0,
    }
    close([partial({6: 9}, partition=1, partitions=2, floor=7)])
    assert close.state.totals.late == 9


def test_everything_closes_when_everything_has_ended() -> None:
    """After the last partition's end the open panes come out, and not before."""
    close = closing()
    assert close([partial({5: 1}, partitions=2, ended=True)]) == []
    ticks = close([partial({5: 2, 7: 1}, partition=1, partitions=2, ended=True)])
    assert rows(ticks) == {5: 3, 6: 0, 7: 1}


def test_late_records_of_a_model_without_data_are_told_at_the_end() -> None:
    """A model all of whose records were late still gets a tick that says so."""
    ticks = closing()([partial(floor=9, late=4), partial(floor=9, ended=True)])
    assert ticks[-1].totals.late == 4


def test_a_model_that_never_had_a_record_is_ticked_too() -> None:
    """The time of a model passes with its topic: its silence can be noticed."""
    close = closing()
    assert rows(close([partial(floor=100), partial(floor=103)])) == {100: 0, 101: 0, 102: 0}
    other = closing()
    assert other([partial(silent_until=100)]) == []
    assert rows(other([partial(silent_until=102)])) == {100: 0, 101: 0}


def test_time_does_not_pass_while_a_partition_is_unknown() -> None:
    """Nothing closes before every partition has been heard of."""
    assert closing()([partial({5: 1, 90: 1}, partitions=3), partial({6: 1}, partition=1, partitions=3)]) == []


def test_the_state_is_all_there_is() -> None:
    """A step that continues from the state of another goes on as the other would have."""
    one = closing()
    one([partial({5: 1, 7: 2})])
    assert rows(closing(state=one.state)([partial({7: 1, 8: 1})])) == {7: 3}


STEP = st.tuples(
    st.integers(0, 1),  # partition
    st.dictionaries(st.integers(0, 6), st.integers(1, 3), max_size=2),
    st.sampled_from([None, 0, 2, 4, 6]),  # floor
    st.sampled_from([None, 3, 5]),  # silent until
    st.booleans(),  # told three times
    st.integers(0, 9).map(lambda drawn: drawn == 0),  # ended
)


@given(st.lists(STEP, max_size=12))
def test_what_was_told_before_is_remembered_without_a_trace(steps: list[Any]) -> None:
    """One that is made anew before each partial, and so has been told nothing yet, ticks the same."""
    close, state = closing(), CloseState()
    for partition, panes, floor, silent, again, ended in steps:
        for _ in range(3 if again else 1):
            one = partial(panes, floor=floor, partition=partition, partitions=2, silent_until=silent, ended=ended)
            anew = closing(state=pickle.loads(pickle.dumps(state)))
            expected, found = anew([one]), close([one])
            state = anew.state
            assert [tick.pane for tick in found] == [tick.pane for tick in expected]
            assert rows(found) == rows(expected)
            assert close.state.totals == state.totals
            assert close.state.clocks == state.clocks
