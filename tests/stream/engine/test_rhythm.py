"""When a source asks again: at the end of its epoch, and next when the epoch has about ended everywhere."""

from __future__ import annotations

import pytest

from stream.engine.rhythm import LONGEST, SHARE, Rhythm

PAUSE, EPOCH = 0.05, 1.0


def ended(rhythm: Rhythm, at: float, took: float, times: int) -> float:
    """The start of the epoch after so many, the ends of which took so long each."""
    for _ in range(times):
        rhythm.saved(at)
        rhythm.asked(at + took)
        at += EPOCH
    return at - EPOCH


def test_before_the_first_snapshot_it_pauses() -> None:
    """Nothing is known of an epoch yet."""
    assert Rhythm(EPOCH, PAUSE).rest(7.0) == PAUSE


@pytest.mark.parametrize(("passed", "rest"), [(0.1, PAUSE), (0.9375, PAUSE), (0.96875, 0.03125)])
def test_it_is_asked_at_the_very_end_of_its_epoch(passed: float, rest: float) -> None:
    """Until then it pauses as ever."""
    rhythm = Rhythm(EPOCH, PAUSE)
    rhythm.saved(16.0)
    rhythm.asked(16.0)
    assert rhythm.rest(16.0 + passed) == rest


def test_at_the_end_it_is_left_alone_for_about_as_long_as_ends_take() -> None:
    """A little less: it must see when they take less."""
    rhythm = Rhythm(EPOCH, PAUSE)
    start = ended(rhythm, 16.0, 0.5, 60)
    assert rhythm.rest(start + EPOCH) == pytest.approx(SHARE * 0.5)


def test_ends_that_take_less_are_noticed_though_it_rests_for_longer() -> None:
    """It is asked when it wanted to be, never sooner: what it measures is at least that."""
    rhythm = Rhythm(EPOCH, PAUSE)
    start = ended(rhythm, 16.0, 0.5, 60)
    for _ in range(100):
        rest = rhythm.rest(start + EPOCH)
        start = ended(rhythm, start + EPOCH, max(rest, 0.001), 1)
    assert rhythm.rest(start + EPOCH) == PAUSE


def test_ends_that_take_no_longer_than_a_pause_change_nothing() -> None:
    """One process alone: as ever."""
    rhythm = Rhythm(EPOCH, PAUSE)
    start = ended(rhythm, 16.0, 0.01, 60)
    assert rhythm.rest(start + EPOCH) == PAUSE


def test_it_is_never_left_alone_for_long() -> None:
    """A host that was frozen for a minute must not keep the others from reading for as long."""
    rhythm = Rhythm(EPOCH, PAUSE)
    start = ended(rhythm, 16.0, 60.0, 60)
    assert rhythm.rest(start + EPOCH) == pytest.approx(SHARE * LONGEST)


def test_one_end_that_took_long_says_nothing() -> None:
    """A broker that was away for a moment."""
    rhythm = Rhythm(EPOCH, PAUSE)
    start = ended(rhythm, 16.0, 0.01, 60)
    start = ended(rhythm, start + EPOCH, 0.75, 1)
    assert rhythm.rest(start + EPOCH) == PAUSE


def test_being_asked_within_an_epoch_says_nothing_of_its_end() -> None:
    """Only the first time after a snapshot does."""
    rhythm = Rhythm(EPOCH, PAUSE)
    start = ended(rhythm, 16.0, 0.5, 60)
    rhythm.asked(start + 0.9)
    assert rhythm.rest(start + EPOCH) == pytest.approx(SHARE * 0.5)
