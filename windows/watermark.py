"""Event-time progress of topics that hold the same: the watermark is the minimum over their partitions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Place = tuple[str, int]
"""A partition: of which topic, and its number there. It stays the same whatever other topics there are or come."""


@dataclass(slots=True)
class PartitionClocks:
    """How far each partition of some topics has come, in panes.

    `partitions[topic]` is how many it has, `floors[p]` the first pane that partition p can still add to. A partition
    that the broker confirmed to be at its end is left out of the minimum until its next record: `idle[p]` is the pane
    up to which its silence is confirmed. A partition that has ended (a file) is left out for good. Partitions that
    nobody knows of yet may hold what is not before the pane `complete_until`: the watermark stays there; None where
    none can come to be. `watched_since` is the first such pane, when watching began: nobody knows what was before, but
    for what the log still holds.
    """

    partitions: Mapping[str, int] = field(default_factory=dict)
    floors: dict[Place, int] = field(default_factory=dict)
    idle: dict[Place, int] = field(default_factory=dict)
    ended: set[Place] = field(default_factory=set)
    closed: int | None = None
    complete_until: int | None = None
    watched_since: int | None = None

    def __setstate__(self, state: tuple[None, dict[str, Any]]) -> None:
        """What was kept; of one that numbered the partitions of all topics through, only what does not depend on it.

        Every partition tells soon how far it is; until then nothing closes, and what is closed stays closed.
        """
        kept = state[1]
        if isinstance(kept["partitions"], int):
            kept = {**kept, "partitions": {}, "floors": {}, "idle": {}, "ended": set()}
        for name, value in kept.items():
            setattr(self, name, value)

    def is_late(self, partition: Place, pane: int) -> bool:
        """Whether a record of this pane, read from this partition now, comes after its pane was closed."""
        floor = self.floors.get(partition)
        return (floor is not None and pane < floor) or (self.closed is not None and pane < self.closed)

    def advance(self, partition: Place, floor: int) -> None:
        """A record moved `partition` to `floor`; its silence is over."""
        self.idle.pop(partition, None)
        known = self.floors.get(partition)
        self.floors[partition] = floor if known is None else max(known, floor)

    def silent(self, partition: Place, pane: int) -> None:
        """The broker confirmed that `partition` holds nothing more before `pane`."""
        self.idle[partition] = max(pane, self.idle.get(partition, pane))

    def exist(self, partitions: Mapping[str, int], as_of: int | None) -> None:
        """There are these partitions; processes may learn of a new one at different times: the latest word counts."""
        if as_of is None or self.complete_until is None or as_of >= self.complete_until:
            self.partitions = partitions

    def complete(self, pane: int) -> None:
        """The broker confirmed that no further partition holds anything before `pane`."""
        if self.watched_since is None:
            self.watched_since = pane
        self.complete_until = pane if self.complete_until is None else max(pane, self.complete_until)

    def end(self, partition: Place) -> None:
        """Nothing will ever follow in `partition`."""
        self.ended.add(partition)

    @property
    def all_ended(self) -> bool:
        """Whether nothing will ever follow in any partition."""
        return 0 < sum(self.partitions.values()) == len(self.ended)

    def watermark(self) -> int | None:
        """The first pane that may still receive records; None while a partition's progress is unknown.

        When all have ended, it is past the furthest floor.
        """
        if not self.partitions:
            return None
        if self.all_ended:
            return max(self.floors.values()) + 1 if self.floors else self.closed
        marks: list[int] = []
        for partition in ((topic, number) for topic, count in self.partitions.items() for number in range(count)):
            if partition in self.ended:
                continue
            mark = self.idle.get(partition, self.floors.get(partition))
            if mark is None:
                return self.closed
            marks.append(max(mark, self.floors.get(partition, mark)))
        mark = min(marks) if self.complete_until is None else min(*marks, self.complete_until)
        return mark if self.closed is None else max(mark, self.closed)


def joint_watermark(topics: Sequence[PartitionClocks]) -> int | None:
    """The first pane that any of these topics may still add to; None while that is unknown.

    A topic that has ended adds to none. When all have, it is past the furthest floor of any.
    """
    marks = [topic.watermark() for topic in topics if not topic.all_ended]
    if marks:
        return None if None in marks else min(mark for mark in marks if mark is not None)
    return max((mark for mark in (topic.watermark() for topic in topics) if mark is not None), default=None)
