"""Alignment: a partition that is far ahead of another in event time waits for it while both have data to read.

Panes stay open until the slowest partition has passed them. Without alignment, catching up on a long backlog would
hold as many open panes as the
partitions have drifted apart.
"""

from __future__ import annotations

from dataclasses import dataclass, field

MAX_AHEAD = 30
"""Panes that a partition of a process may be ahead of the slowest one that is not at its end."""


@dataclass(slots=True)
class Alignment:
    """How far each partition of this process has come, in panes, and which are at their end."""

    floors: dict[int, int] = field(default_factory=dict)
    at_end: set[int] = field(default_factory=set)

    def moved(self, partition: int, floor: int | None) -> None:
        """A batch of `partition` was decoded; `floor` is the first pane still open after it."""
        if floor is not None:
            self.floors[partition] = max(floor, self.floors.get(partition, floor))

    def read(self, partition: int, *, at_end: bool) -> None:
        """A poll of `partition` found data, or found its end."""
        if at_end:
            self.at_end.add(partition)
        else:
            self.at_end.discard(partition)

    def must_wait(self, partition: int) -> bool:
        """Whether `partition` is so far ahead of another one with data to read that it must not read on."""
        mine = self.floors.get(partition)
        if mine is None:
            return False
        return any(
            mine > floor + MAX_AHEAD
            for other, floor in self.floors.items()
            if other != partition and other not in self.at_end
        )
