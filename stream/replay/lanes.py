"""Lanes: what a replay reads from, each in its own order; the one furthest behind in event time is read next.

A lane is to the dataflow what a partition is: a file, or a partition of a topic between two offsets. What is found does
not depend on how lanes are interleaved; how many panes are open at a time does.
"""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition

from operators.records import PAIRS, SHARDS, Origin, RawBatch, Topic
from stream.errors import UsageError

if TYPE_CHECKING:
    import threading
    from collections.abc import Collection, Sequence

    from operators.records import Envelopes
    from windows.watermark import Place

Progress = Callable[[float, int], None]
"""Told the share that is read, and how many records that is."""

PANES_A_BLOCK = 64
"""A block is kept about as short as this many panes: each of them is a sketch of its own until it is merged."""

OPENING_SHARE = 32
"""The first block after a lane's first record is this fraction of the largest."""

SMALLEST_SHARE = 1_024
"""A block is never a smaller fraction of the largest than this."""

HALVES = "halves"
"""The feed of lanes with requests and responses."""

_WAIT = dt.timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Block:
    """Records of a lane in order. `written` is as in RawBatch; `ended` says that nothing follows."""

    values: Sequence[bytes | None]
    written: Sequence[int] | None
    envelopes: Envelopes
    ended: bool


class Lane(Protocol):
    """Something to read from its beginning to its end.

    Attributes:
        topic: what is read: the name of a topic, or the path of a file.
        holds: what its records are.
        source: number of the source by whose map they are read; None for the contract's own shape.
        largest: size of the largest block, in the lane's own unit (bytes, messages).
        total: size of the whole.
    """

    topic: str
    holds: Topic
    source: int | None
    largest: int
    total: int

    @property
    def done(self) -> int:
        """How much of it has been read."""

    def read(self, size: int) -> Block:
        """The next records: at least one unless the lane has ended, and about `size` of the lane's unit.

        How many depends on the content alone, so that two replays see the same blocks.
        """

    def close(self) -> None:
        """Leave it."""


@dataclass(slots=True)
class _Pace:
    """How far a lane has come (a pane; None until it is known), and how large its next block will be."""

    lane: Lane
    number: int
    halves: bool = False
    size: int = 1
    floor: int | None = None

    @property
    def place(self) -> Place:
        """The lane, as if all that hold the same were partitions of one topic."""
        return HALVES if self.halves else self.lane.holds.value, self.number

    @property
    def behind(self) -> float:
        """What the next lane to be read has least of: a lane whose time is unknown comes first."""
        return -math.inf if self.floor is None else self.floor

    def moved(self, floor: int | None) -> None:
        """A block was decoded: `floor` is the first pane open after it, None when none of its records could be read."""
        largest = self.lane.largest
        if self.floor is None or floor is None:
            opening = max(1, largest // OPENING_SHARE)
            self.size = opening if floor is not None else min(opening, self.size * 2)
        elif (panes := floor - self.floor) > PANES_A_BLOCK:
            self.size = max(1, largest // SMALLEST_SHARE, self.size * PANES_A_BLOCK // panes)
        elif panes < PANES_A_BLOCK // 2:
            self.size = min(largest, self.size * 2)
        if floor is not None:
            self.floor = floor if self.floor is None else max(floor, self.floor)


class LaneReader(StatefulSourcePartition[RawBatch, None]):
    """Reads all lanes. Each begins with a single record, which tells its time."""

    def __init__(
        self,
        lanes: Sequence[Lane],
        received: int,
        progress: Progress,
        stop: threading.Event,
        halves: Collection[int] = (),
    ) -> None:
        kinds = [HALVES if lane.source in halves else lane.holds.value for lane in lanes]
        self._counts = Counter(kinds)
        self._paces = [_Pace(lane, kinds[:at].count(kinds[at]), kinds[at] == HALVES) for at, lane in enumerate(lanes)]
        self._open = dict(enumerate(self._paces))
        self._received = received
        self._progress = progress
        self._total = max(1, sum(lane.total for lane in lanes))
        self._undecoded = False
        self._records = 0
        self._stop = stop
        self.error: UsageError | None = None

    def next_batch(self) -> list[RawBatch]:
        """A block of the lane that is furthest behind; nothing while the one before is not decoded yet.

        Raises:
            StopIteration: all lanes have ended; or it is time to stop; or one cannot be read, which `error` tells then,
                for the dataflow's runtime would bury it under an account of its own.
        """
        if self._undecoded:
            return []
        if not self._open or self._stop.is_set():
            raise StopIteration
        number, pace = min(self._open.items(), key=lambda item: item[1].behind)
        try:
            block = pace.lane.read(pace.size)
        except UsageError as error:
            self.error = error
            raise StopIteration from None
        if block.ended:
            del self._open[number]
        self._undecoded = True
        self._records += len(block.values)
        self._progress(sum(each.lane.done for each in self._paces) / self._total, self._records)
        lane = pace.lane
        feed = pace.place[0]
        origin = Origin(lane.topic, pace.number, self._counts[feed], lane.holds, feed=feed, ended=block.ended)
        if lane.holds == Topic.PREDICTIONS and self._counts[HALVES]:
            others = self._counts[lane.holds.value]
            census = ((PAIRS, SHARDS), *([(lane.holds.value, others)] if others else []))
            origin = replace(origin, census=census, halves=((HALVES, self._counts[HALVES]),))
        return [RawBatch(origin, block.values, block.written, block.envelopes, self._received, lane.source)]

    def next_awake(self) -> dt.datetime | None:
        """At once, unless it is decoding's turn."""
        return dt.datetime.now(dt.UTC) + _WAIT if self._undecoded else None

    def moved(self, holds: Topic, partition: Place, floor: int | None) -> None:
        """The block that was read last is decoded."""
        self._undecoded = False
        for pace in self._paces:
            if (pace.lane.holds, pace.place) == (holds, partition):
                pace.moved(floor)

    def snapshot(self) -> None:
        """Nothing: a replay that was interrupted begins anew."""

    def close(self) -> None:
        """Leave all lanes."""
        for pace in self._paces:
            pace.lane.close()


class LaneSource(FixedPartitionedSource[RawBatch, None]):
    """One reader over all lanes.

    Args:
        lanes: what to read.
        received: the time of reading, ms.
        progress: told the share that is read, and how many records that is.
        stop: set when reading shall end early.
        halves: numbers of the sources whose requests and responses are messages of their own.
    """

    def __init__(
        self,
        lanes: Sequence[Lane],
        received: int,
        progress: Progress,
        stop: threading.Event,
        halves: Collection[int] = (),
    ) -> None:
        self._reader = LaneReader(lanes, received, progress, stop, halves)

    @property
    def error(self) -> UsageError | None:
        """Why a lane could not be read to its end."""
        return self._reader.error

    def moved(self, holds: Topic, partition: Place, floor: int | None) -> None:
        """Told by the dataflow after each block."""
        self._reader.moved(holds, partition, floor)

    def list_parts(self) -> list[str]:
        """One: a replay is a single process."""
        return ["lanes"]

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> LaneReader:  # noqa: ARG002
        """The reader."""
        return self._reader
