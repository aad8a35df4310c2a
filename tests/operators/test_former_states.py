"""States that a former release saved: what has come since has its default."""

from __future__ import annotations

import pickle
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import pytest

from operators.former import IncompleteError, completed
from operators.step import SnapshotError, read_snapshot, snapshot_of

Inner: Any
Outer: Any


def former() -> bytes:
    """What the release before saved."""
    global Inner, Outer  # noqa: PLW0603 - pickle finds classes by name

    @dataclass(frozen=True, slots=True)
    class Inner:
        name: str

    @dataclass(slots=True)
    class Outer:
        version: int
        lives: dict[tuple[str, int], Any]
        waiting: deque[Any]

    for kind in (Inner, Outer):
        kind.__qualname__ = kind.__name__
    state = Outer(3, {("a", 1): Inner("x")}, deque([(1, [Inner("y")]), b"z"]))
    return snapshot_of("step", "model", state)


def test_fields_that_came_since_have_their_defaults() -> None:
    """However deep they are, in classes that are frozen and others; each object has its own."""
    global Inner, Outer  # noqa: PLW0603 - pickle finds classes by name
    kept = former()

    @dataclass(frozen=True, slots=True)
    class Inner:
        name: str
        trailing: bool = False

    @dataclass(slots=True)
    class Outer:
        version: int
        lives: dict[tuple[str, int], Any]
        waiting: deque[Any]
        seen: dict[str, None] = field(default_factory=dict)

    for kind in (Inner, Outer):
        kind.__qualname__ = kind.__name__
    name, state = read_snapshot("step", kept)
    assert name == "model"
    assert state == Outer(3, {("a", 1): Inner("x")}, deque([(1, [Inner("y")]), b"z"]))
    assert pickle.loads(pickle.dumps(state)) == state
    assert read_snapshot("step", kept)[1].seen is not state.seen


def test_a_field_without_a_default_is_told() -> None:
    """As a snapshot that this release does not read."""
    global Inner  # noqa: PLW0603 - pickle finds classes by name
    kept = former()

    @dataclass(frozen=True, slots=True)
    class Inner:
        name: str
        needed: int

    Inner.__qualname__ = Inner.__name__
    with pytest.raises(SnapshotError, match="cannot be read: Inner has no needed"):
        read_snapshot("step", kept)


def test_what_is_complete_stays_as_it_is() -> None:
    """Cycles end."""
    ring: list[Any] = [1, "a", {2: (3,)}]
    ring.append(ring)
    assert completed(ring) is ring
    assert issubclass(IncompleteError, ValueError)
