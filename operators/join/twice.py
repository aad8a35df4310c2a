"""Twice: predictions whose id came before within the same minute of event time, as a producer that tries again sends.

Of each minute the ids with the smallest hashes are kept, with how often each came. Which those are does not depend on
the order of arrival, nor on how it is cut into batches, so the count is the same whatever dies in between. It is exact
while a shard has at most MOST ids in a minute; beyond, the share among those kept counts for all (a bottom-k sample:
Cohen and Kaplan, "Summarizing data using bottom-k sketches", PODC 2007).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from operators.join.split import StubBlock
    from windows.arrays import IntArray

MOST = 128
"""Ids kept of a minute of a model in one shard: 2 KB, for every snapshot holds them. All shards have 1,024."""

MOST_MINUTES = 1_440
"""Minutes kept at most, of each model in a shard."""

MINUTE = 60_000

FEW = 4
"""Minutes of a block that are gone through without a look at which there are."""


def span_of(pane: int) -> int:
    """The minute, in whole panes, ms."""
    return -(-MINUTE // pane) * pane


@dataclass(slots=True)
class Minute:
    """The predictions of a minute.

    Attributes:
        rows: how many came.
        keys: uint64[n], ascending: those with the smallest hashes.
        counts: int64[n], how often each came.
    """

    rows: int = 0
    keys: NDArray[np.uint64] = field(default_factory=lambda: np.zeros(0, dtype=np.uint64))
    counts: IntArray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    def see(self, keys: NDArray[np.uint64]) -> None:
        """Predictions with these keys came."""
        self.rows += len(keys)
        if len(self.keys) == MOST:
            keys = keys[keys <= self.keys[-1]]
        if not len(keys):
            return
        both = np.concatenate([self.keys, keys])
        counts = np.concatenate([self.counts, np.ones(len(keys), dtype=np.int64)])
        order = np.argsort(both, kind="stable")
        both, counts = both[order], counts[order]
        first = np.flatnonzero(np.concatenate([[True], both[1:] != both[:-1]]))
        self.keys, self.counts = both[first][:MOST].copy(), np.add.reduceat(counts, first)[:MOST].copy()

    @property
    def again(self) -> int:
        """How many came with an id that had come before."""
        seen = int(self.counts.sum())
        return round(self.rows * (seen - len(self.keys)) / seen) if seen else 0


def see(minutes: dict[int, Minute], span: int, block: StubBlock, passed: int) -> None:
    """Predictions came; those that are late in their own partition count in no drift either and are left out.

    Args:
        minutes: time // span -> its predictions; changed.
        span: ms.
        block: the predictions of a partition.
        passed: up to where (ms) what came of that partition before has closed it.
    """
    hashes, times = np.frombuffer(b"".join(block.keys), dtype=">u8").astype(np.uint64), block.times
    due = np.maximum(block.known, passed) == times
    if not due.all():
        hashes, times = hashes[due], times[due]
    if not len(times):
        return
    first, last = int(times.min()) // span, int(times.max()) // span
    for index in range(first, last + 1) if last - first < FEW else np.unique(times // span).tolist():
        here = hashes if first == last else hashes[times // span == index]
        if len(here):
            minutes.setdefault(index, Minute()).see(here)


def leave(minutes: dict[int, Minute], span: int, before: int | None) -> int:
    """Forget the minutes that end at or before a moment (ms; None for all); how many came again in them.

    Of partitions that are further apart than MOST_MINUTES the oldest are left, too.
    """
    over = [index for index in minutes if before is None or (index + 1) * span <= before]
    over += sorted(minutes.keys() - set(over))[: max(len(minutes) - len(over) - MOST_MINUTES, 0)]
    return sum(minutes.pop(index).again for index in over)
