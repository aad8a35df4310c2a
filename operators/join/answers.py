"""What joining a batch asks of the store, and what it finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from operators.join.contributions import Contributions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from operators.join.history import FeedbackRecord, State


@dataclass(frozen=True, slots=True)
class StoreAnswers:
    """Feedback records of a model with what the store knows of their predictions: n of each."""

    keys: list[bytes]
    words: list[FeedbackRecord]
    said: list[bytes | None]
    stubs: list[bytes | None]

    def only(self, rows: Sequence[int]) -> StoreAnswers:
        """These rows of it."""
        return StoreAnswers(
            [self.keys[row] for row in rows],
            [self.words[row] for row in rows],
            [self.said[row] for row in rows],
            [self.stubs[row] for row in rows],
        )


class JoinedBatch:
    """Contributions of one model in one batch, with the stubs they are about.

    Attributes:
        stubs: as stored.
        contributions: their rows are positions in `stubs`.
        latest: see Joined; likewise heard.
        heard: see latest.
    """

    def __init__(self) -> None:
        self.stubs: list[bytes] = []
        self.contributions = Contributions([], [], [], [])
        self.latest: dict[int, int] = {}
        self.heard: dict[int, int] = {}

    def add(self, stub: bytes, parts: Sequence[tuple[int, State, int]]) -> None:
        """Add (known tick, state, sign) about a prediction."""
        row = len(self.stubs)
        self.stubs.append(stub)
        for tick, state, sign in parts:
            self.contributions.add(row, tick, state, sign)

    def add_first(self, stubs: list[bytes], ticks: list[int], states: list[State]) -> None:
        """Add a state that begins for each of many predictions."""
        begin = len(self.stubs)
        self.stubs += stubs
        self.contributions.extend(range(begin, len(self.stubs)), ticks, states)

    def knew(self, tick: int, at: int) -> None:
        """A label became known at `at` (ms)."""
        self.latest[tick] = max(at, self.latest.get(tick, at))
