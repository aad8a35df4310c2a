import pickle
from dataclasses import dataclass, field
from typing import Any

import pytest

from operators.step import LONG_AGO, Step, step


@dataclass
class Sum:
    """A step that adds numbers up."""

    state: list[int] = field(default_factory=list)

    def __call__(self, values: list[int]) -> list[int]:
        """Remember the numbers and give their sum so far."""
        self.state += values
        return [sum(self.state)]


def build(name: str, state: Any) -> Sum | None:
    """A Sum for every name but `gone`."""
    if name == "gone":
        return None
    return Sum() if state is None else Sum(state)


def test_a_step_is_built_for_the_name_its_first_value_carries() -> None:
    """Names are stripped before the step sees the values."""
    logic = step(build)(None)
    assert logic.on_batch([("a", 1), ("a", 2)]) == ([3], Step.RETAIN)
    assert logic.on_batch([("a", 4)]) == ([7], Step.RETAIN)


def test_a_snapshot_is_frozen_when_it_is_taken() -> None:
    """What happens to the state afterwards does not reach the snapshot."""
    logic = step(build)(None)
    logic.on_batch([("a", 1)])
    snapshot = logic.snapshot()
    logic.on_batch([("a", 100)])
    assert step(build)(snapshot).on_batch([("a", 2)])[0] == [3]


def test_the_state_of_a_name_that_is_gone_is_kept_as_it_is() -> None:
    """A model taken out of the config finds its state again when it comes back."""
    snapshot = pickle.dumps(("gone", [1, 2, 3]))
    assert step(build)(snapshot).snapshot() == snapshot


def test_a_value_for_a_name_that_is_not_configured_is_a_mistake() -> None:
    """The message names it and says what should have been."""
    with pytest.raises(LookupError, match="'gone' is not configured"):
        step(build)(None).on_batch([("gone", 1)])


def test_after_a_resume_a_step_may_speak_at_once_and_once() -> None:
    """It is woken immediately, gives its outputs, and is not woken again."""
    resumed = step(build, lambda logic: [list(logic.state)])(pickle.dumps(("a", [5])))
    assert resumed.notify_at() == LONG_AGO
    assert list(resumed.on_notify()[0]) == [[5]]
    assert resumed.notify_at() is None
    assert list(resumed.on_notify()[0]) == []


def test_a_fresh_step_and_one_that_is_gone_have_nothing_to_say() -> None:
    """Only a state that was brought back is worth a word."""
    assert step(build, lambda _: ["x"])(None).notify_at() is None
    assert step(build, lambda _: ["x"])(pickle.dumps(("gone", [1]))).notify_at() is None


def test_the_end_of_input_is_not_the_end_of_the_data() -> None:
    """A stop closes no window: nothing is put out and the state stays."""
    logic = step(build)(None)
    logic.on_batch([("a", 1)])
    assert logic.on_eof() == ([], Step.RETAIN)
    assert pickle.loads(logic.snapshot()) == ("a", [1])
