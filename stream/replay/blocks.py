"""Blocks: the messages of several partitions, one partition after the other or all of them by the time of writing."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Any

from stream.replay.topics import TopicLane

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stream.replay.lanes import Block
    from stream.replay.topics import Range

AT_ONCE = 2_000
AHEAD, LEAST = 65_536, 1_024
"""kB that the client may hold of all partitions together, and of one at least."""


def blocks(
    properties: dict[str, Any], parts: Sequence[tuple[str, Range]], *, abreast: bool
) -> Iterator[tuple[str, Block, int]]:
    """The topic of each block, it, and how many offsets were passed by it.

    Args:
        properties: of consumers.
        parts: topics, and the offsets of one of their partitions.
        abreast: whether the partition whose messages are the oldest goes on next: what was written together comes
            together then. Otherwise one is read to its end before the next one.

    Raises:
        Unreachable: a broker does not answer.
        UsageError: a partition cannot be read.
    """
    if abreast:
        yield from _abreast(properties, parts)
        return
    for part in parts:
        yield from _abreast(properties, [part])


def _abreast(properties: dict[str, Any], parts: Sequence[tuple[str, Range]]) -> Iterator[tuple[str, Block, int]]:
    shared = {**properties, "queued.max.messages.kbytes": max(AHEAD // max(len(parts), 1), LEAST)}
    lanes: list[TopicLane] = []
    try:
        for topic, chosen in parts:
            lanes.append(TopicLane(shared, topic, chosen))
        order = [(0, at) for at, lane in enumerate(lanes) if lane.total]
        while order:
            _, at = heapq.heappop(order)
            before = lanes[at].done
            block = lanes[at].read(AT_ONCE)
            yield lanes[at].topic, block, lanes[at].done - before
            if not block.ended:
                heapq.heappush(order, (max(block.written or (0,)), at))
    finally:
        for lane in lanes:
            lane.close()
