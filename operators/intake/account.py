"""Account: what became of every record that was read from a partition. Keyed by topic and partition.

read = decoded + late within the batch + dead, exactly; `close` says what became of the decoded. What the filter of a
source leaves out is not read, but counted beside it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from operators.intake.decode import Decoded
    from operators.intake.feedback import DecodedFeedback


@dataclass(frozen=True, slots=True)
class Entry:
    """The counts of one batch."""

    topic: str
    partition: int
    read: int
    dead: dict[str, int]
    skipped: int = 0


@dataclass(slots=True)
class AccountState:
    """Records read, dead letters by reason, and records left out, since the beginning, exactly once."""

    topic: str = ""
    partition: int = -1
    read: int = 0
    dead: dict[str, int] = field(default_factory=dict)
    skipped: int = 0
    version: ClassVar[int] = 2


@dataclass(frozen=True, slots=True)
class Balance:
    """The account after a batch."""

    topic: str
    partition: int
    read: int
    dead: dict[str, int]
    skipped: int = 0


class Account:
    """The account of one partition."""

    def __init__(self, state: AccountState) -> None:
        """Continue from `state`."""
        self.state = state

    def __call__(self, entries: list[Entry]) -> list[Balance]:
        """Add the entries; one balance for all of them."""
        state = self.state
        for entry in entries:
            state.topic, state.partition = entry.topic, entry.partition
            state.read += entry.read
            state.skipped += entry.skipped
            for reason, count in entry.dead.items():
                state.dead[reason] = state.dead.get(reason, 0) + count
        return [Balance(state.topic, state.partition, state.read, dict(state.dead), state.skipped)]


def entry_of(decoded: Decoded | DecodedFeedback) -> Entry:
    """The entry that a decoded batch makes."""
    dead: dict[str, int] = {}
    for letter in decoded.dead:
        dead[letter.reason.value] = dead.get(letter.reason.value, 0) + 1
    return Entry(decoded.origin.topic, decoded.origin.partition, decoded.read, dead, decoded.skipped)
