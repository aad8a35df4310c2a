"""Merge: what all shards and both topics found of a model, brought together by the moment it became known.

Keyed by model. A tick goes once nothing can become known in it any more.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from operators.join.contributions import Unfolded, folded
from operators.join.names import Named, Names
from operators.join.state import Joined
from operators.join.ticks import NEVER, NOBODY, CohortTick, LabelTotals
from operators.plans.join import SHARDS
from operators.records import Topic
from windows.panes import gone_through
from windows.watermark import PartitionClocks, joint_watermark

if TYPE_CHECKING:
    from collections.abc import Iterator

    from operators.join.contributions import Counted
    from operators.join.split import Unjoined
    from operators.join.ticks import CohortKey, Deltas
    from operators.join.ticks import Named as Newest
    from operators.plans.join import JoinPlan
    from windows.arrays import IntArray

MAX_EMPTY_TICKS = 360
"""After a gap in event time this many empty ticks are gone through one by one; the rest of the gap is one step."""


@dataclass(frozen=True, slots=True)
class ShardMergeConfig:
    """How one model is joined, and the pane its topics' clocks count in, ms."""

    plan: JoinPlan
    pane: int

    @property
    def tick(self) -> int:
        """Cohorts and known times are told apart to this, ms."""
        return self.plan.tick


@dataclass(slots=True)
class OpenTick:
    """What became known in a tick so far; `feedback` and `prediction` are the latest times (ms), `heard` is a count.

    `made` and `about` are the newest prediction and feedback.
    """

    deltas: Deltas = field(default_factory=dict)
    feedback: int = NEVER
    prediction: int = NEVER
    heard: int = 0
    made: Newest = NOBODY
    about: Newest = NOBODY


@dataclass(slots=True)
class ShardMergeState:
    """Open ticks, the clocks, counts by shard, what is assumed for later, and the latest times told."""

    predictions: PartitionClocks = field(default_factory=PartitionClocks)
    feedback: PartitionClocks = field(default_factory=PartitionClocks)
    marks: dict[str, int] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)
    open: dict[int, OpenTick] = field(default_factory=dict)
    assumed: dict[int, Deltas] = field(default_factory=dict)
    shards: dict[str, LabelTotals] = field(default_factory=dict)
    direct: LabelTotals = field(default_factory=LabelTotals)
    last_feedback: int = NEVER
    last_prediction: int = NEVER
    heard: int = 0
    closed: int | None = None
    over: bool = False
    named: Named = field(default_factory=Named)
    version: ClassVar[int] = 1


class ShardMerge:
    """Brings together one model."""

    def __init__(self, config: ShardMergeConfig, state: ShardMergeState) -> None:
        """Continue from `state`."""
        self.config = config
        self.state = state
        self.names = Names(state.named, config.plan.max_versions, config.plan.keep // config.tick)

    def __call__(self, items: list[Unjoined | Joined]) -> list[CohortTick]:
        """Take what was found, in the order of each shard and partition; give the ticks that are complete."""
        ticks: list[CohortTick] = []
        for item in items:
            if isinstance(item, Joined):
                self._take_joined(item)
            else:
                self._take_direct(item)
            ticks += self._complete()
        return ticks

    def _take_joined(self, joined: Joined) -> None:
        state = self.state
        state.shards[joined.shard] = joined.totals
        self._add(joined.counted, 0)
        for tick, at in joined.latest.items():
            opened = self._opened(tick)
            opened.feedback = max(opened.feedback, at)
        for tick, count in joined.heard.items():
            self._opened(tick).heard += count
        if joined.mark is not None:
            state.marks[joined.shard] = joined.mark
        if joined.ended:
            state.ended.add(joined.shard)

    def _take_direct(self, direct: Unjoined) -> None:
        state, config = self.state, self.config
        clocks = state.predictions if direct.topic == Topic.PREDICTIONS else state.feedback
        floor = clocks.floors.get(direct.progress.place, 0) * config.pane // config.tick
        self._add(direct.counted, floor)
        for tick, key, sketch in self._named(direct.assumed):
            _merge(state.assumed.setdefault(max(tick, floor), {}), key, sketch)
        for tick, at in direct.latest.items():
            opened = self._opened(max(tick, floor))
            if direct.topic == Topic.PREDICTIONS:
                opened.prediction = max(opened.prediction, at)
            else:
                opened.feedback = max(opened.feedback, at)
        for tick, one in direct.newest.items():
            opened = self._opened(max(tick, floor))
            if direct.topic == Topic.PREDICTIONS:
                opened.made = max(opened.made, one)
            else:
                opened.about = max(opened.about, one)
        for kind, count in direct.feedback.items():
            state.direct.feedback[kind] = state.direct.feedback.get(kind, 0) + count
            state.direct.matched += count
        for tick, count in direct.heard.items():
            self._opened(max(tick, floor)).heard += count
        state.direct.negatives += direct.negatives
        direct.progress.tell(clocks)

    def _add(self, counted: Counted, floor: int) -> None:
        for tick, key, sketch in self._named(counted):
            _merge(self._opened(max(tick, floor)).deltas, key, sketch)

    def _named(self, counted: Counted) -> Iterator[tuple[int, CohortKey, IntArray]]:
        """Known tick, key and sketch of each group, by the name that its version counts under."""
        if isinstance(counted, Unfolded):
            named = folded(self.config.plan, counted.named(self.names))
            yield from ((tick, (cohort, name, segment), one) for (tick, cohort, name, segment), one in named.items())
            return
        for (tick, cohort, version, segment), sketch in counted.items():
            yield tick, (cohort, self.names(version, cohort), segment), sketch

    def _opened(self, tick: int) -> OpenTick:
        """The open tick, or the first that still is."""
        closed = self.state.closed
        return self.state.open.setdefault(tick if closed is None else max(tick, closed), OpenTick())

    def _mark(self) -> int | None:
        """The first tick that something may still become known in."""
        state = self.state
        mark = joint_watermark((state.predictions, state.feedback))
        if len(state.marks) < SHARDS or mark is None:
            return None
        over = len(state.ended) == SHARDS and state.predictions.all_ended and state.feedback.all_ended
        pane = min([mark, *state.marks.values()])
        tick = pane * self.config.pane // self.config.tick
        return max([tick, *(held + 1 for held in state.open)]) if over else tick

    def _complete(self) -> list[CohortTick]:
        state, mark = self.state, self._mark()
        if mark is None or state.over:
            return []
        state.over = len(state.ended) == SHARDS and state.predictions.all_ended and state.feedback.all_ended
        begin = state.closed
        if begin is None:
            begin = min([*state.open, mark - 1 if state.over else mark])
        if mark <= begin and not state.over:
            return []
        held = (*state.open, *state.assumed)
        due = gone_through(begin, mark, held, MAX_EMPTY_TICKS) or [max(begin, mark) - 1]
        state.closed = max(begin, mark)
        return [self._tick(tick, ended=state.over and tick == due[-1]) for tick in due]

    def _tick(self, tick: int, *, ended: bool) -> CohortTick:
        state = self.state
        opened = state.open.pop(tick, OpenTick())
        for due in [due for due in state.assumed if due <= tick]:
            for key, sketch in state.assumed.pop(due).items():
                _merge(opened.deltas, key, sketch)
        state.last_feedback = max(state.last_feedback, opened.feedback)
        state.last_prediction = max(state.last_prediction, opened.prediction)
        state.heard += opened.heard
        state.direct.prediction = max(state.direct.prediction, opened.made)
        state.direct.about = max(state.direct.about, opened.about)
        return CohortTick(
            (tick + 1) * self.config.tick,
            # What was added and taken back again within the tick has never been: whether it was is a matter of order.
            {key: delta for key, delta in opened.deltas.items() if delta.any()},
            self._totals(),
            state.last_feedback,
            state.last_prediction,
            ended,
            state.heard,
            NEVER if state.predictions.watched_since is None else state.predictions.watched_since * self.config.pane,
        )

    def _totals(self) -> LabelTotals:
        total = LabelTotals(prediction=self.state.direct.prediction, about=self.state.direct.about)
        for part in (self.state.direct, *self.state.shards.values()):
            for kind, count in part.feedback.items():
                total.feedback[kind] = total.feedback.get(kind, 0) + count
            for reason, count in part.unmatched.items():
                total.unmatched[reason] = total.unmatched.get(reason, 0) + count
            for step, count in part.early.items():
                total.early[step] = total.early.get(step, 0) + count
            total.matched += part.matched
            total.revised += part.revised
            total.duplicates += part.duplicates
            total.waiting += part.waiting
            total.negatives += part.negatives
            total.repeated += part.repeated
        return total


def _merge(deltas: Deltas, key: tuple[int, str, str], sketch: IntArray) -> None:
    known = deltas.get(key)
    deltas[key] = sketch if known is None else known + sketch
