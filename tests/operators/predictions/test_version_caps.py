"""A version per request (an id or a build stamp in the field) must cost no more than one version."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from factories import batch, click_layout, record
from hypothesis import given
from hypothesis import strategies as st

from operators.intake.decode import Decode, DecodeConfig
from operators.join.names import Named, Names
from operators.predictions.close import Close, CloseConfig, CloseState, Tick
from operators.predictions.fold import Fold, Partial
from windows.segments import OTHER

LAYOUT = click_layout()
PANE = 10_000
DECODE = Decode(DecodeConfig((LAYOUT,), PANE, 5_000, 60_000))


def folded(versions: list[str], most: int = 4) -> Partial:
    """What a batch with these versions folds to, one prediction each, every fifth of them failed."""
    values = [
        record(version=version, **({"error": "x", "features": None} if number % 5 == 4 else {}))
        for number, version in enumerate(versions)
    ]
    ((_, partial),) = Fold((LAYOUT,), PANE, {LAYOUT.model: most})(DECODE(batch(values)))
    return partial


def closing(most: int = 4) -> Close:
    """A fresh step."""
    return Close(CloseConfig(LAYOUT, PANE, most, 1_000), CloseState())


def end(close: Close) -> Tick:
    """The pane that was open."""
    (tick,) = close([folded_end()])
    return tick


def folded_end() -> Partial:
    """A partial that closes the pane at START."""
    ((_, partial),) = Fold((LAYOUT,), PANE, {LAYOUT.model: 16})(DECODE(batch([], ended=True)))
    return partial


def rows(tick: Tick) -> dict[str, int]:
    """Predictions served by version."""
    return {version: int(vector[LAYOUT.rows]) for (version, segment), vector in tick.groups.items() if segment == ""}


def test_a_batch_of_many_versions_makes_no_sketch_of_each() -> None:
    """It goes on as it is; once closed all count as one, since none has a share worth telling apart."""
    partial = folded([f"build-{number}" for number in range(500)])
    assert partial.sketches == {}
    close = closing()
    close([partial])
    tick = end(close)
    assert rows(tick) == {OTHER: 400}
    assert tick.totals.folded == 500
    assert tick.totals.overflow == 400


def test_a_new_version_with_its_share_is_told_apart_in_a_flood() -> None:
    """A version that takes a quarter of the traffic is one, though hundreds of others come with it."""
    close = closing()
    close([folded([name for number in range(100) for name in ("2", *(f"{number}-{i}" for i in range(3)))])])
    tick = end(close)
    assert rows(tick).keys() == {"2", OTHER}
    assert sum(rows(tick).values()) == 320


def test_a_known_version_keeps_its_name_in_a_flood_of_others() -> None:
    """What was told apart before is told apart in a batch with hundreds of new ones."""
    close = closing()
    close([folded(["1"] * 5)])
    close([folded([name for number in range(300) for name in ("1", f"build-{number}")])])
    tick = end(close)
    assert rows(tick)["1"] == 4 + sum(1 for number in range(600) if number % 2 == 0 and number % 5 != 4)
    assert tick.totals.folded == 605


@pytest.mark.parametrize("names", [["a", "b", "c"] * 7, ["b", "a"] * 3 + ["c"]])
def test_naming_late_folds_to_what_naming_early_does(names: list[str]) -> None:
    """With room for all versions the sketches are the same, to the last count."""
    ticks = []
    for most in (1, 16):
        close = closing(16)
        close([folded(names, most)])
        ticks.append(end(close))
    late, early = ticks
    assert late.groups.keys() == early.groups.keys()
    assert all(np.array_equal(late.groups[key], early.groups[key]) for key in early.groups)
    assert late.totals == early.totals


def test_late_records_of_many_versions_are_counted() -> None:
    """A pane that is closed stays so: they are late, each once, whatever their version."""
    close = closing()
    close([folded(["1"])])
    end(close)
    close([folded([f"build-{number}" for number in range(40)])])
    assert close.state.totals.late == 40
    assert close.state.open == {}


@given(st.permutations([("a", 1), ("a", 2), ("b", 1), ("b", 5), ("c", 3)]))
def test_with_room_for_all_each_cohort_counts_under_its_own_version(order: list[tuple[str, int]]) -> None:
    """Whatever the order in which their labels become known."""
    names = Names(Named(), 3, 1_000)
    assert [names(version, cohort) for version, cohort in order] == [name for name, _ in order]


@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 60)), max_size=80), st.integers(1, 4))
def test_a_cohort_never_changes_its_name_while_labels_come(arrivals: list[tuple[str, int]], most: int) -> None:
    """A revision takes back what the same name was given, however many versions there are; and they are bounded."""
    named, given_before, newest = Named(), {}, 0
    names = Names(named, most, 20)
    for version, cohort in arrivals:
        newest = max(newest, cohort)
        name = names(version, cohort)
        if cohort >= newest - 20:
            assert given_before.setdefault((version, cohort), name) == name
        assert len(named.versions) <= most


@given(
    st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 60), st.booleans()), max_size=80), st.integers(1, 4)
)
def test_a_restart_between_two_cohorts_changes_no_name(arrivals: list[tuple[str, int, bool]], most: int) -> None:
    """What is remembered beside the state only saves looks at it."""
    whole, broken = Names(Named(), most, 20), Names(Named(), most, 20)
    for version, cohort, dies in arrivals:
        if dies:
            broken = Names(copy.deepcopy(broken.named), most, 20)
        assert whole(version, cohort) == broken(version, cohort)
        assert whole.named == broken.named
