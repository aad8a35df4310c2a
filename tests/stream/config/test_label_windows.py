"""Windows of labels at a pace: how long a fall of accuracy stays unseen, by exact binomial bounds."""

from __future__ import annotations

import math

import pytest
from scipy.optimize import brentq
from scipy.stats import beta

from stream.config.pace import COHORT_SIZES, LABELS, SIZES, at_pane, pace_of

HOUR, DAY = 3_600_000, 86_400_000
BASELINE, LIMIT, ALPHA = 0.9, 0.05, 1e-7
PACES = (60, 100, 160, 300, 600, 1_000, 2_000, 4_000, 8_000, 12_000, 30_000, 100_000, 1_000_000)


def windows_of(labels: float) -> tuple[int, ...]:
    """What `init` writes at so many labels a day."""
    found = pace_of(labels, labels=labels).cohorts
    assert found is not None
    return found


def smallest(labels: float) -> float:
    """The smallest fall that pages when a window of so many labels is full of it, by Clopper and Pearson."""

    def past(fall: float) -> float:
        wrong = labels * (BASELINE - fall)
        return float(beta.ppf(1 - ALPHA / 2, wrong + 1, labels - wrong)) - (BASELINE - LIMIT)

    top = BASELINE - 1e-9
    return math.inf if past(top) > 0 else float(brentq(past, LIMIT, top))


def delay(fall: float, labels: float, windows: tuple[int, ...]) -> float:
    """After how much time (ms) a fall is in the mean of some window as far as that has to fall."""
    least = {size: smallest(labels * size / DAY) for size in windows}
    return min((size * of / fall for size, of in least.items() if of <= fall), default=math.inf)


def test_a_fall_of_ten_points_at_4000_labels_a_day_is_seen_within_a_day() -> None:
    """With windows of 6h and 7d alone it takes more than four."""
    assert windows_of(4_000) == (6 * HOUR, DAY, 3 * DAY, 7 * DAY)
    assert delay(0.1, 4_000, windows_of(4_000)) < 0.9 * DAY
    assert delay(0.1, 4_000, (6 * HOUR, 7 * DAY)) > 4 * DAY


@pytest.mark.parametrize("labels", PACES)
def test_no_fall_waits_much_longer_than_with_every_window(labels: float) -> None:
    """Four times at most, for every fall from a fifth past the limit that the shortest window is long enough for."""
    windows = windows_of(labels)
    every = tuple(size for size in SIZES if windows[0] <= size <= windows[-1])
    falls = [LIMIT * (1.2 + 0.1 * step) for step in range(40)]
    ratios = [delay(fall, labels, windows) / delay(fall, labels, every) for fall in falls if fall < BASELINE]
    known = [ratio for ratio in ratios if not math.isnan(ratio)]
    assert known
    assert max(known) <= 4


@pytest.mark.parametrize("labels", PACES)
def test_windows_are_few_and_hold_enough(labels: float) -> None:
    """At most five, the first with the labels that it takes, or as long as there is any."""
    windows = windows_of(labels)
    assert list(windows) == sorted(set(windows)) == [size for size in COHORT_SIZES if size in windows]
    assert 2 <= len(windows) <= 5
    assert windows[0] * labels / DAY >= LABELS or windows[0] == 28 * DAY


@pytest.mark.parametrize("pane", [1_000, 60_000, 1_800_000, HOUR, 4 * HOUR, 5 * HOUR, 7 * HOUR, 12 * HOUR, DAY])
def test_windows_go_with_the_pane_of_a_config(pane: int) -> None:
    """Those that are whole panes stay; where none is, what suits the pane."""
    for labels in PACES:
        plan = pace_of(labels, labels=labels)
        found = at_pane(plan, pane, 5_000).cohorts
        assert found is not None
        assert len(found) > 1
        if DAY % pane == 0:
            assert not [size for size in found if size % pane]
            assert set(found) <= {*windows_of(labels), *COHORT_SIZES}


def test_labels_whose_days_differ_have_long_windows_too() -> None:
    """Those of so many independent labels beside those of all: a collapse is seen soon, a slow fall at all."""
    found = pace_of(4_000, labels=4_000, worth=12.0).cohorts
    assert found == (*windows_of(4_000), 28 * DAY, 84 * DAY)
    assert pace_of(4_000, labels=4_000, worth=4_000.0).cohorts == windows_of(4_000)
    assert pace_of(4_000, worth=0.0).cohorts is None
