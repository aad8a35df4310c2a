"""Arrays in states: whatever is saved comes back, small, and as the release before wrote it too."""

from __future__ import annotations

import pickle
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.saved_arrays import LONG, dumped
from operators.step import read_snapshot, snapshot_of

ODD = {
    "empty": np.zeros(0),
    "no numbers": np.array(["a", "bc"]),
    "objects": np.array([None, 1], dtype=object),
    "of two dimensions": np.arange(200).reshape(2, 100),
    "every second": np.arange(300)[::2],
    "backwards": np.arange(300)[::-1],
    "of another machine": np.arange(300, dtype=">i8"),
    "truths": np.array([True, False]),
    "no numbers there": np.array([np.nan, np.inf, -0.0]),
    "read only": np.frombuffer(b"\0" * 800, np.int64),
    "a number alone": np.array(3.0),
}


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(st.integers(0, 300), st.integers(-(2**63), 2**63 - 1)), max_size=3 * LONG))
def test_whole_numbers_come_back(numbers: list[int]) -> None:
    """Of any size and sign, however many fit a byte; and may be counted on with."""
    array = np.array(numbers, dtype=np.int64)
    found = pickle.loads(dumped({"one": array, "more": [array]}))
    assert found["one"].tolist() == numbers
    assert found["one"].dtype == np.int64
    assert found["one"] is found["more"][0]
    found["one"] += 1


@pytest.mark.parametrize("name", ODD)
def test_other_arrays_come_back(name: str) -> None:
    """With their type, shape and bits."""
    array = ODD[name]
    found = pickle.loads(dumped(array))
    assert (found.dtype, found.shape) == (array.dtype, array.shape)
    assert found.tolist() == array.tolist() or found.tobytes() == array.tobytes()


def test_counts_take_a_byte_each() -> None:
    """A pane of thin traffic is nearly nothing but zeros, around a few sums of large numbers."""
    counts = np.zeros(5_000, dtype=np.int64)
    counts[::9], counts[4_000:4_050] = 3, 1 << 40
    assert len(dumped(counts)) < 1.2 * (5_000 + 50 * 8)


@dataclass
class Held:
    """A state."""

    totals: dict[str, np.ndarray] = field(default_factory=dict)
    version: ClassVar[int] = 1


def test_what_a_former_release_saved_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """It pickled arrays as they are."""
    state = Held({"a": np.arange(1_000), "b": np.array([0.5, np.nan])})
    new = snapshot_of("step", "model", state)
    monkeypatch.setattr("operators.step.dumped", lambda one: pickle.dumps(one, protocol=5))
    former = snapshot_of("step", "model", state)
    assert len(new) < len(former)
    for kept in (former, new):
        name, found = read_snapshot("step", kept)
        assert name == "model"
        assert all(found.totals[key].tobytes() == one.tobytes() for key, one in state.totals.items())
