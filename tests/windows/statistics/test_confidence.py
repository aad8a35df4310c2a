"""The level that keeps the promise of false pages."""

from __future__ import annotations

import pytest

from windows.statistics.confidence import MAX_LEVEL, MIN_LEVEL, level, looks_per_month


def test_a_pane_of_ten_seconds_looks_259200_times_a_month() -> None:
    """30 days hold 259,200 panes of 10 s."""
    assert looks_per_month(10_000) == 259_200


def test_level_is_the_budget_over_all_looks() -> None:
    """One page a month over 100 features and 10 s panes leaves each look 1 in 25,920,000."""
    assert level(1, 100, looks_per_month(10_000)) == pytest.approx(1 / 25_920_000)


def test_union_bound_spends_exactly_the_budget() -> None:
    """Level times looks is the budget, however many streams there are."""
    for streams in (1, 7, 100_000):
        assert level(2.5, streams, 259_200) * streams * 259_200 == pytest.approx(2.5)


def test_level_stays_within_its_limits() -> None:
    """A huge budget never gives an interval less certain than 95 % a side, a tiny one never leaves float64's tail."""
    assert level(1e9, 1, 1) == MAX_LEVEL
    assert level(1e-9, 10**6, 1e6) == MIN_LEVEL


@pytest.mark.parametrize(
    ("budget", "streams", "looks", "name"),
    [
        (0, 1, 1, "budget_per_month"),
        (-1, 1, 1, "budget_per_month"),
        (float("nan"), 1, 1, "budget_per_month"),
        (float("inf"), 1, 1, "budget_per_month"),
        (1, 0, 1, "streams"),
        (1, 1, 0, "looks_per_month"),
        (1, 1, float("inf"), "looks_per_month"),
    ],
)
def test_a_wrong_argument_is_named(budget: float, streams: int, looks: float, name: str) -> None:
    """Each argument out of range is refused by its name."""
    with pytest.raises(ValueError, match=name):
        level(budget, streams, looks)


@pytest.mark.parametrize("slide", [0, -10])
def test_a_window_must_move_on(slide: int) -> None:
    """A slide of no length is refused."""
    with pytest.raises(ValueError, match="slide_ms"):
        looks_per_month(slide)
