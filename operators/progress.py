"""Progress: what a batch tells of its partition's place in event time, and whether that is news."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from operators.records import Census, Origin
    from windows.watermark import PartitionClocks, Place


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a partition has come.

    Attributes:
        partition: number of the partition in its topic.
        partitions: how many the topic has.
        floor: first pane still open after the batch, counting its own records only; None when it had none.
        silent_until: pane up to which the partition is confirmed to hold nothing more; None when unknown.
        ended: nothing will follow.
        complete_until: pane before which no partition beside the known ones holds anything; None where none can
            come to be.
        feed: the topic, by a name that no other one has that holds the same.
        census: the partitions of all topics that hold the same; nothing where it is the only one.
    """

    partition: int
    partitions: int
    floor: int | None
    silent_until: int | None
    ended: bool
    complete_until: int | None = None
    feed: str = ""
    census: Census = ()

    @property
    def place(self) -> Place:
        """The partition."""
        return self.feed, self.partition

    def tell(self, clocks: PartitionClocks) -> None:
        """Move the clocks."""
        clocks.exist(dict(self.census or ((self.feed, self.partitions),)), self.complete_until)
        if self.complete_until is not None:
            clocks.complete(self.complete_until)
        if self.floor is not None:
            clocks.advance(self.place, self.floor)
        if self.silent_until is not None:
            clocks.silent(self.place, self.silent_until)
        if self.ended:
            clocks.end(self.place)


def progress_of(origin: Origin, floor: int | None, pane: int) -> Progress:
    """The progress that a batch makes whose records leave the panes (of `pane` ms) from `floor` on open."""
    silent = None if origin.silent_until is None else origin.silent_until // pane
    complete = None if origin.complete_until is None else origin.complete_until // pane
    feed, number = origin.place
    return Progress(number, origin.partitions, floor, silent, origin.ended, complete, feed, origin.census)


@dataclass(slots=True)
class Told:
    """What everybody has been told of each partition. Only saves messages: forgetting it changes no result."""

    known: dict[Place, tuple[int | None, int | None, bool]] = field(default_factory=dict)
    complete: int | None = None

    def is_news(self, progress: Progress) -> bool:
        """Whether anything of it may move the watermark that everybody was last told."""
        moved, completed = self._moves(progress), self._completes(progress)
        if (moved or completed) and progress.complete_until is not None:
            self.complete = progress.complete_until
        return moved or completed

    def _completes(self, progress: Progress) -> bool:
        """Whether it lets the watermark follow partitions that have come further than was known to be complete."""
        if progress.complete_until is None or progress.complete_until == self.complete:
            return False
        marks = [max(at for at in (floor, silent, 0) if at is not None) for floor, silent, _ in self.known.values()]
        return self.complete is None or max(marks, default=0) > self.complete

    def _moves(self, progress: Progress) -> bool:
        """Whether the partition moved on, fell silent, spoke again or ended."""
        known = self.known.get(progress.place, (None, None, False))
        floor, silent_before, ended = known
        now: tuple[int | None, int | None, bool]
        if progress.floor is not None:
            now = (progress.floor if floor is None else max(floor, progress.floor), None, progress.ended)
        else:
            silent = progress.silent_until if progress.silent_until is not None else silent_before
            now = (floor, silent, progress.ended or ended)
        self.known[progress.place] = now
        return now != known
