import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import late_by_hand

from windows.panes import MAX_SLICES, duration_text, floor_of, gone_through, late_in_order, plan

SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
STAMPS = st.lists(st.integers(-100, 400) | st.integers(-(10**13), 10**13), min_size=1, max_size=60)


@settings(max_examples=150, deadline=None)
@given(STAMPS, st.integers(0, 120), st.integers(1, 50))
def test_late_records_are_those_that_come_after_their_pane_was_closed(
    stamps: list[int], lateness: int, pane: int
) -> None:
    """A record is late exactly when a record before it had moved the floor past its pane."""
    panes, late, floor = late_in_order(np.array(stamps, dtype=np.int64), lateness, pane)
    expected = late_by_hand(stamps, lateness, pane)
    assert panes.tolist() == [stamp // pane for stamp in stamps]
    assert ([False] * len(stamps) if late is None else late.tolist()) == expected
    assert (late is None) == (not any(expected))
    assert floor == (max(stamps) - lateness) // pane


@settings(max_examples=100, deadline=None)
@given(STAMPS, st.integers(0, 120), st.integers(1, 50), st.integers(0, 60))
def test_lateness_does_not_depend_on_where_batches_are_cut(
    stamps: list[int], lateness: int, pane: int, cut: int
) -> None:
    """Two batches, the second checked against the floor of the first, say the same as one."""
    late: list[bool] = []
    floor = None
    for part in (stamps[:cut], stamps[cut:]):
        if not part:
            continue
        panes, mask, after = late_in_order(np.array(part, dtype=np.int64), lateness, pane)
        inside = [False] * len(part) if mask is None else mask.tolist()
        late += [flag or (floor is not None and at < floor) for flag, at in zip(inside, panes.tolist(), strict=True)]
        floor = after if floor is None else max(floor, after)
    assert late == late_by_hand(stamps, lateness, pane)


def test_a_pane_stays_open_until_lateness_after_its_end() -> None:
    """With a lateness of 5 s the pane [10 s, 20 s) is still open at 24.999 s and closed at 25 s."""
    assert floor_of(24_999, 5_000, 10_000) == 1
    assert floor_of(25_000, 5_000, 10_000) == 2


@pytest.mark.parametrize(
    ("size", "slide", "slices"),
    [
        (10 * SECOND, 10 * SECOND, 1),
        (MINUTE, 10 * SECOND, 6),
        (10 * MINUTE, 10 * SECOND, 60),
        (HOUR, MINUTE, 60),
        (7 * DAY, 7 * DAY // 60, 60),
        (610 * SECOND, 610 * SECOND, 1),  # 61 panes: a prime number has no finer equal parts
    ],
)
def test_a_window_slides_as_finely_as_sixty_slices_allow(size: int, slide: int, slices: int) -> None:
    """The slide is the finest whole number of panes that divides the window into at most 60 slices."""
    window = plan(size, 10 * SECOND)
    assert (window.slide, window.slices) == (slide, slices)


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 5_000), st.integers(1, 60_000))
def test_every_window_is_whole_slices_of_whole_panes(panes: int, pane: int) -> None:
    """Slices divide the window, panes divide the slice, and no finer slide would do."""
    window = plan(panes * pane, pane)
    assert window.size == panes * pane
    assert window.size % window.slide == 0
    assert window.slide % pane == 0
    finer = [k for k in range(1, window.slide // pane) if panes % k == 0]
    assert all(panes // k > MAX_SLICES for k in finer)


@pytest.mark.parametrize("size", [0, 5_000, 15_000, -10_000])
def test_a_window_that_is_no_multiple_of_the_pane_is_refused(size: int) -> None:
    """The message names both lengths."""
    with pytest.raises(ValueError, match=f"window of {size} ms is no multiple of the pane of 10000 ms"):
        plan(size, 10_000)


@pytest.mark.parametrize(
    ("ms", "text"),
    [(250, "250ms"), (10_000, "10s"), (90_000, "90s"), (60_000, "1m"), (3_600_000, "1h"), (7 * DAY, "7d"), (0, "0ms")],
)
def test_durations_read_in_the_largest_unit_that_divides_them(ms: int, text: str) -> None:
    """A duration never loses precision in its text."""
    assert duration_text(ms) == text


@given(st.integers(0, 50), st.integers(0, 120), st.sets(st.integers(-20, 200)), st.integers(1, 10))
def test_a_gap_is_gone_through_as_far_as_it_matters(begin: int, length: int, held: set[int], most: int) -> None:
    """Every held pane, the last, and of each run of empty ones before them the first few; short spans whole."""
    mark = begin + length
    due = gone_through(begin, mark, held, most)
    ends = {pane for pane in held if begin <= pane < mark} | ({mark - 1} if length else set())
    starts = [begin, *(end + 1 for end in sorted(ends))]
    near = {pane for pane in range(begin, mark) if any(start <= pane < start + most for start in starts)}
    assert due == (list(range(begin, mark)) if length <= most else sorted(ends | near))
