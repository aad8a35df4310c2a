import pickle
from dataclasses import dataclass, field
from importlib import import_module
from types import ModuleType
from typing import ClassVar

import pytest

from operators import step as bridge
from operators.step import LONG_AGO, SnapshotError, Stateful, Step, each, read_snapshot, snapshot_of, step


@dataclass
class Numbers:
    """The state of a step that adds numbers up."""

    seen: list[int] = field(default_factory=list)
    version: ClassVar[int] = 3


def build(name: str, state: Numbers | None) -> Stateful[int, int, Numbers] | None:
    """A step that remembers numbers and gives their sum so far, for every name but `gone`."""
    numbers = state or Numbers()

    def add(values: list[int]) -> list[int]:
        numbers.seen += values
        return [sum(numbers.seen)]

    return None if name == "gone" else Stateful(add, lambda: numbers, lambda: [-sum(numbers.seen)])


def begun(resume: bytes | None = None) -> Step:
    """The step under Bytewax."""
    return step("sums", build)(resume)


def test_a_step_is_built_for_the_name_its_first_value_carries() -> None:
    """Names are stripped before the step sees the values."""
    logic = begun()
    assert logic.on_batch([("a", 1), ("a", 2)]) == ([3], Step.RETAIN)
    assert logic.on_batch([("a", 4)]) == ([7], Step.RETAIN)


def test_a_snapshot_is_frozen_when_it_is_taken() -> None:
    """What happens to the state afterwards does not reach the snapshot."""
    logic = begun()
    logic.on_batch([("a", 1)])
    snapshot = logic.snapshot()
    logic.on_batch([("a", 100)])
    assert begun(snapshot).on_batch([("a", 2)])[0] == [3]


def test_the_state_of_a_name_that_is_gone_is_kept_as_it_is() -> None:
    """A model taken out of the config finds its state again when it comes back."""
    snapshot = snapshot_of("sums", "gone", Numbers([1, 2, 3]))
    assert begun(snapshot).snapshot() == snapshot


def test_a_value_for_a_name_that_is_not_configured_is_a_mistake() -> None:
    """The message names it and says what should have been."""
    with pytest.raises(LookupError, match="'gone' is not configured"):
        begun().on_batch([("gone", 1)])


def test_after_a_resume_a_step_may_speak_at_once_and_once() -> None:
    """It is woken immediately, gives its outputs, and is not woken again."""
    resumed = begun(snapshot_of("sums", "a", Numbers([5])))
    assert resumed.notify_at() == LONG_AGO
    assert list(resumed.on_notify()[0]) == [-5]
    assert resumed.notify_at() is None
    assert list(resumed.on_notify()[0]) == []


def test_a_fresh_step_and_one_that_is_gone_have_nothing_to_say() -> None:
    """Only a state that was brought back is worth a word."""
    assert begun().notify_at() is None
    assert begun(snapshot_of("sums", "gone", Numbers([1]))).notify_at() is None


def test_the_end_of_input_is_not_the_end_of_the_data() -> None:
    """A stop closes no window: nothing is put out and the state stays."""
    logic = begun()
    logic.on_batch([("a", 1)])
    assert logic.on_eof() == ([], Step.RETAIN)
    assert read_snapshot("sums", logic.snapshot()) == ("a", Numbers([1]))


def test_a_logic_for_one_value_serves_batches() -> None:
    """One output a value, in order."""
    assert each(lambda value: value * 2)([1, 2, 3]) == [2, 4, 6]


def test_any_flipped_bit_of_a_snapshot_is_noticed() -> None:
    """Wherever it is: a state that is believed though it is damaged pages about garbage."""
    kept = snapshot_of("sums", "a", Numbers([1, 2, 3]))
    for bit in range(8 * len(kept)):
        damaged = bytearray(kept)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(SnapshotError, match="step sums is damaged"):
            read_snapshot("sums", bytes(damaged))


@pytest.mark.parametrize("length", [0, 3, 4, 11, 12, 40])
def test_a_snapshot_cut_short_is_noticed(length: int) -> None:
    """An empty one too."""
    with pytest.raises(SnapshotError, match="damaged"):
        read_snapshot("sums", snapshot_of("sums", "a", Numbers([1]))[:length])


def test_another_version_is_refused_by_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence names the step, what is there, and what is read."""
    kept = snapshot_of("sums", "a", Numbers([1]))
    monkeypatch.setattr(Numbers, "version", 4)
    with pytest.raises(SnapshotError, match="step sums has version 3, this release reads version 4"):
        read_snapshot("sums", kept)


def test_the_snapshot_of_another_step_is_refused() -> None:
    """A renamed step must not take another's state for its own."""
    with pytest.raises(SnapshotError, match="of step others where one of step sums"):
        read_snapshot("sums", snapshot_of("others", "a", Numbers()))


def test_a_class_that_has_moved_is_found_by_its_old_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table of moved classes says where; without its line the state is refused in words, not with a traceback."""
    former = ModuleType("former_room")
    former.Numbers = type("Numbers", (Numbers,), {"__module__": "former_room"})  # type: ignore[attr-defined]
    monkeypatch.setitem(__import__("sys").modules, "former_room", former)
    kept = snapshot_of("sums", "a", former.Numbers([8]))
    monkeypatch.delitem(__import__("sys").modules, "former_room")
    with pytest.raises(SnapshotError, match="step sums, version 3, cannot be read: No module named 'former_room'"):
        read_snapshot("sums", kept)
    monkeypatch.setitem(bridge.MOVED, ("former_room", "Numbers"), (__name__, "Numbers"))
    assert read_snapshot("sums", kept) == ("a", Numbers([8]))


@pytest.mark.parametrize("place", bridge.MOVED.values(), ids=".".join)
def test_moved_classes_are_where_the_table_says(place: tuple[str, str]) -> None:
    """Each row leads to a class that has that name."""
    module, name = place
    assert getattr(import_module(module), name).__name__ == name


def test_an_old_pickle_without_its_envelope_is_damaged() -> None:
    """What releases before wrote is not believed."""
    with pytest.raises(SnapshotError, match="damaged"):
        read_snapshot("sums", pickle.dumps(("a", [1])))
