import random

import numpy as np
import pytest

from windows.panes import Window
from windows.trail import FILLED, TrailRing, plan_trail

DAY, HOUR = 86_400_000, 3_600_000


def counts(rng: random.Random) -> np.ndarray:
    """What one version has in a slice of three slots, too many for 16 bits now and then."""
    return np.array([rng.randrange(5), rng.randrange(500), rng.randrange(100_000)], dtype=np.int64)


def test_a_week_beside_ninety_days_has_slices_of_half_a_day() -> None:
    """194 slices: what is kept of each is kept so often."""
    trail = plan_trail(7 * DAY, 7 * DAY, 90 * DAY, 10_000)
    assert (trail.slide, trail.slices, trail.label) == (12 * HOUR, 194, "trailing_90d")
    assert trail.looks == (
        Window(7 * DAY, 12 * HOUR),
        Window(7 * DAY, 12 * HOUR),
        Window(97 * DAY, 12 * HOUR),
    )


def test_the_same_week_a_year_ago_is_the_same_weekdays() -> None:
    """Whole days, so that a week of now and that of then begin at the same hour of the same weekday."""
    trail = plan_trail(7 * DAY, 364 * DAY, 7 * DAY, 10_000)
    assert (trail.slide, trail.slices, trail.label, trail.words) == (DAY, 371, "shift_364d", "364d earlier")
    recent, before = trail.spans(1_000)
    assert (recent, before) == (range(994, 1_001), range(994 - 364, 1_001 - 364))


@pytest.mark.parametrize(
    ("recent", "back", "length", "pane"),
    [(15_000, 15_000, 60_000, 10_000), (5_000, 5_000, 60_000, 10_000), (10_000, 10_000, 366 * DAY + 10_000, 10_000)],
    ids=["no multiple", "less than a pane", "too many slices"],
)
def test_spans_that_do_not_go_together_are_refused(recent: int, back: int, length: int, pane: int) -> None:
    """A slice is of whole panes, and there are at most so many."""
    with pytest.raises(ValueError, match="pane"):
        plan_trail(recent, back, length, pane)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("back", [30_000, 70_000], ids=["just before", "earlier"])
def test_both_spans_hold_what_was_pushed_within_them(seed: int, back: int) -> None:
    """Sums over a plain list of all that was ever pushed, of gaps, versions and slices that are no baseline."""
    rng = random.Random(seed)
    trail = plan_trail(30_000, back, 60_000, 10_000)
    ring = TrailRing(trail)
    pushed: dict[int, dict[str, np.ndarray]] = {}
    broken: set[tuple[int, str]] = set()
    at = 1_000
    for _ in range(120):
        at += rng.choice((1, 1, 1, 1, 2, 5))
        groups = {name: counts(rng) for name in "ab" if rng.random() < 0.7}
        bad = frozenset(name for name in groups if rng.random() < 0.1)
        pushed[at] = groups
        broken |= {(at, name) for name in bad}
        found = ring.push(at, groups, bad)

        now = range(at - 2, at + 1)
        then = range(at + 1 - back // 10_000 - 6, at + 1 - back // 10_000)
        versions = {name for slot in now for name in pushed.get(slot, {})}
        assert found.recent.keys() == versions
        for name in versions:
            total = sum(pushed[slot][name] for slot in now if name in pushed.get(slot, {}))
            assert found.recent[name].tolist() == total.tolist()
        clean = {
            slot: [held for name, held in pushed[slot].items() if (slot, name) not in broken]
            for slot in then
            if slot in pushed
        }
        there = [slot for slot, held in clean.items() if held]
        assert found.filled == len(there) / 6
        assert found.left_out == len({slot for slot, _ in broken if slot in then})
        expected = len(there) / 6 >= FILLED * sum(bool(pushed.get(slot)) for slot in now) / 3 and bool(there)
        assert (found.baseline is not None) == expected
        if found.baseline is not None:
            assert found.baseline.tolist() == sum(held for slot in there for held in clean[slot]).tolist()
    assert len(ring.slices) <= trail.slices


def test_what_is_kept_of_a_quarter_is_bounded() -> None:
    """A histogram of 130 slots in 194 slices: counts that fit 16 bits are kept in so many."""
    trail = plan_trail(7 * DAY, 7 * DAY, 90 * DAY, 10_000)
    ring = TrailRing(trail)
    for index in range(1_000):
        ring.push(index, {"1": np.arange(130, dtype=np.int64) + 1_000})
    assert len(ring.slices) == 194
    assert sum(part.counts.nbytes for parts in ring.slices.values() for part in parts.values()) == 194 * 260


def test_time_does_not_go_back() -> None:
    """A slice that is not newer is a fault of whoever brings it."""
    ring = TrailRing(plan_trail(30_000, 30_000, 60_000, 10_000))
    ring.push(5, {})
    ring.push(6, {"1": np.ones(3, dtype=np.int64)})
    with pytest.raises(ValueError, match="only moves forward"):
        ring.push(6, {})
