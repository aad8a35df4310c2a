"""What a shard of the join keeps beside its store, and what it tells."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from operators.join.ticks import LabelTotals
from windows.watermark import PartitionClocks

if TYPE_CHECKING:
    from operators.join.contributions import Counted
    from operators.join.twice import Minute

Waiting = tuple[int, int]
"""Words that wait for their prediction: until when (ms), and how many there are. There may be half a million at a
snapshot, and a plain tuple is pickled in a quarter of a microsecond."""


@dataclass(slots=True)
class ModelJoin:
    """What a shard keeps of a model beside its store.

    `left` is what it remembers of labels that waited in vain, `minutes` the predictions of minutes that may go on.
    """

    waiting: dict[bytes, Waiting] = field(default_factory=dict)
    totals: LabelTotals = field(default_factory=LabelTotals)
    newest: int = 0
    left: dict[bytes, int] = field(default_factory=dict)
    minutes: dict[int, Minute] = field(default_factory=dict)


@dataclass(slots=True)
class JoinState:
    """How far both topics have come, what waits, counts, and the number of the last commit of the store."""

    predictions: PartitionClocks = field(default_factory=PartitionClocks)
    feedback: PartitionClocks = field(default_factory=PartitionClocks)
    mark: int | None = None
    models: dict[str, ModelJoin] = field(default_factory=dict)
    sequence: int = 0
    version: ClassVar[int] = 1


@dataclass(frozen=True, slots=True)
class Joined:
    """What a shard found of a model since it last told.

    Attributes:
        shard: its name.
        counted: see Counted.
        latest: known tick -> latest time (ms) at which a label became known in it.
        heard: tick -> feedback records, of whatever use, with an effective time in it.
        mark: first pane that may still become known; None while that is unknown.
        ended: nothing will ever follow.
        totals: the shard's counts so far.
    """

    shard: str
    counted: Counted
    latest: dict[int, int]
    heard: dict[int, int]
    mark: int | None
    ended: bool
    totals: LabelTotals
