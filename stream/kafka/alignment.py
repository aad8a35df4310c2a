"""Alignment: a partition that is far ahead of another in event time waits for it while both have data to read.

Panes stay open until the slowest partition has passed them. Without alignment, catching up on a long backlog would
hold as many open panes as the
partitions have drifted apart.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from windows.watermark import Place

PANES_A_BATCH = 64
"""Panes that one batch should span at most: each pane of a batch is a sketch of its own."""

LEAST_BATCH = 100
"""Messages that are read at once however thin the traffic is."""

MAX_AHEAD = 30
"""Panes that a partition of a process may be ahead of the slowest one that is not at its end."""


@dataclass(slots=True)
class Alignment:
    """How far each partition of this process has come, in panes; which are at their end; how much each reads.

    `lead` is another topic that this one follows: feedback waits until the predictions it is about have been read, for
    a label that comes first has to be kept and met later, at several times the cost; predictions, whose drift is to be
    seen at once, wait for nobody else.
    """

    lead: Alignment | None = None
    floors: dict[Place, int] = field(default_factory=dict)
    at_end: set[Place] = field(default_factory=set)
    limits: dict[Place, int] = field(default_factory=dict)
    before: dict[Place, int] = field(default_factory=dict)
    spans: dict[Place, int] = field(default_factory=dict)

    def moved(self, partition: Place, floor: int | None) -> None:
        """A batch of `partition` was decoded; `floor` is the first pane still open after it."""
        if floor is not None:
            before = self.floors.get(partition, floor)
            self.floors[partition] = max(floor, before)
            self.spans[partition] = self.floors[partition] - before

    def read(self, partition: Place, *, at_end: bool) -> None:
        """`partition` was read: up to its end, as far as that is known, or there is more."""
        if at_end:
            self.at_end.add(partition)
        else:
            self.at_end.discard(partition)

    def pace(self, partition: Place, most: int) -> int:
        """How many messages to read next, at most `most`: fewer where the last ones spanned many panes."""
        limit = self.limits.get(partition, most // 8)
        floor = self.floors.get(partition)
        if floor is not None:
            spanned = floor - self.before.get(partition, floor)
            if spanned:
                limit = min(limit * PANES_A_BATCH // spanned, limit * 2)
            elif partition in self.before:
                limit *= 2
            self.before[partition] = floor
        limit = min(max(limit, LEAST_BATCH), most)
        self.limits[partition] = limit
        return limit

    def must_wait(self, partition: Place) -> bool:
        """Whether `partition` is so far ahead of another one with data to read that it must not read on."""
        mine = self.floors.get(partition)
        if mine is None:
            return False
        # The next batch is taken to span as many panes as the last one.
        if self.lead is not None and self.lead.is_behind(mine + self.spans.get(partition, 0)):
            return True
        return self.is_behind(mine - MAX_AHEAD, besides=partition)

    def is_behind(self, pane: int, besides: Place | None = None) -> bool:
        """Whether any partition with data to read, `besides` one, has not come to `pane`."""
        return any(
            floor < pane for other, floor in self.floors.items() if other != besides and other not in self.at_end
        )
