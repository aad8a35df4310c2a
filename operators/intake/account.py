"""Account: what became of every record that was read from a partition. Keyed by topic and partition.

read = decoded + late within the batch + dead, exactly; `close` says what became of the decoded. What the filter of a
source leaves out is not read, but counted beside it; so are fields of another type, which are set aside.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Mapping

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
    unfit: dict[str, int] = field(default_factory=dict)
    tombstones: int = 0


@dataclass(slots=True)
class AccountState:
    """Records read, dead letters by reason, records left out, fields set aside, since the beginning, exactly once.

    `tombstones` of those left out are messages without a value.
    """

    topic: str = ""
    partition: int = -1
    read: int = 0
    dead: dict[str, int] = field(default_factory=dict)
    skipped: int = 0
    unfit: dict[str, int] = field(default_factory=dict)
    tombstones: int = 0
    version: ClassVar[int] = 3


@dataclass(frozen=True, slots=True)
class Balance:
    """The account after a batch; `owner` is the name that the partition has among those of all topics."""

    owner: str
    topic: str
    partition: int
    read: int
    dead: dict[str, int]
    skipped: int = 0
    unfit: dict[str, int] = field(default_factory=dict)
    tombstones: int = 0


class Account:
    """The account of one partition."""

    def __init__(self, name: str, state: AccountState) -> None:
        """Continue from `state`."""
        self.name = name
        self.state = state

    def __call__(self, entries: list[Entry]) -> list[Balance]:
        """Add the entries; one balance for all of them."""
        state = self.state
        for entry in entries:
            state.topic, state.partition = entry.topic, entry.partition
            state.read += entry.read
            state.skipped += entry.skipped
            state.tombstones += entry.tombstones
            _add(state.dead, entry.dead)
            _add(state.unfit, entry.unfit)
        dead, unfit = dict(state.dead), dict(state.unfit)
        counts = (state.read, dead, state.skipped, unfit, state.tombstones)
        return [Balance(self.name, state.topic, state.partition, *counts)]


def _add(counts: dict[str, int], more: Mapping[str, int]) -> None:
    for name, count in more.items():
        counts[name] = counts.get(name, 0) + count


def entry_of(decoded: Decoded | DecodedFeedback) -> Entry:
    """The entry that a decoded batch makes."""
    dead: dict[str, int] = {}
    for letter in decoded.dead:
        dead[letter.reason.value] = dead.get(letter.reason.value, 0) + 1
    unfit: dict[str, int] = {}
    for name, count in decoded.unfit.items():
        _add(unfit, {name.partition(".")[0]: count})
    counts = (decoded.read, dead, decoded.skipped, unfit, decoded.tombstones)
    return Entry(decoded.origin.topic, decoded.origin.partition, *counts)
