"""The steps of the join in a row, as the dataflow wires them, on a store that a crash can be tried on."""

from __future__ import annotations

import copy
import pickle
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from operators.intake.decode import Decode, DecodeConfig
from operators.intake.feedback import DecodeFeedback, FeedbackConfig, FeedbackModel
from operators.join.join import Join
from operators.join.merge import ShardMerge, ShardMergeConfig, ShardMergeState
from operators.join.split import Delivery, SplitFeedback, SplitPredictions, shard_name
from operators.join.state import JoinState
from operators.plans.join import SHARDS
from operators.records import Topic

if TYPE_CHECKING:
    from collections.abc import Sequence

    from operators.join.store import Bucket
    from operators.join.ticks import CohortTick
    from operators.plans.join import JoinPlan
    from operators.records import RawBatch

PANE, LATENESS, AHEAD = 10_000, 5_000, 10**12


@dataclass
class DictStore:
    """A JoinStore in memory that remembers every commit of its histories, and forgets no stub."""

    kept: dict[Bucket, dict[bytes, bytes]] = field(default_factory=dict)
    said: dict[Bucket, dict[bytes, bytes]] = field(default_factory=dict)
    commits: dict[int | None, dict[Bucket, dict[bytes, bytes]]] = field(default_factory=lambda: {None: {}})

    def stubs(self, keys: Sequence[bytes], buckets: Sequence[Bucket]) -> list[bytes | None]:
        """The first bucket that has it."""
        return [next((self.kept[b][key] for b in buckets if key in self.kept.get(b, {})), None) for key in keys]

    def put_stubs(self, bucket: Bucket, keys: Sequence[bytes], values: Sequence[bytes]) -> None:
        """Keep."""
        self.kept.setdefault(bucket, {}).update(zip(keys, values, strict=True))

    def histories(self, keys: Sequence[bytes], buckets: Sequence[Bucket]) -> list[bytes | None]:
        """The first bucket that has it."""
        return [next((self.said[b][key] for b in buckets if key in self.said.get(b, {})), None) for key in keys]

    def put_histories(self, bucket: Bucket, keys: Sequence[bytes], values: Sequence[bytes]) -> None:
        """Keep."""
        self.said.setdefault(bucket, {}).update(zip(keys, values, strict=True))

    def expire(self, before: int) -> None:
        """Drop for good."""
        for held in (self.kept, self.said):
            for bucket in [bucket for bucket in held if (bucket[1] + 1) * bucket[0] <= before]:
                del held[bucket]

    def commit(self, sequence: int) -> None:
        """Remember the histories."""
        self.commits[sequence] = copy.deepcopy(self.said)

    def rewind(self, sequence: int | None) -> None:
        """Back to a commit. Stubs stay: the store may be ahead."""
        self.said = copy.deepcopy(self.commits[sequence])

    def close(self) -> None:
        """Nothing to leave."""


@dataclass
class JoinChain:
    """Feeds batches of both topics through every step; every tick is kept."""

    plans: Sequence[JoinPlan]
    ticks: list[tuple[str, CohortTick]] = field(default_factory=list)
    stores: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Make the steps."""
        models = {plan.model: plan.labels.task for plan in self.plans}
        self.decode = Decode(DecodeConfig(tuple(plan.layout for plan in self.plans), PANE, LATENESS, AHEAD, models))
        known = tuple(FeedbackModel(plan.layout, plan.labels) for plan in self.plans)
        self.decode_feedback = DecodeFeedback(FeedbackConfig(known, PANE, LATENESS, AHEAD))
        self.split = SplitPredictions(self.plans, PANE)
        self.split_feedback = SplitFeedback(self.plans, PANE)
        self.by_name = {plan.model: plan for plan in self.plans}
        for shard in map(shard_name, range(SHARDS)):
            self.stores.setdefault(shard, DictStore())
        self.joins = {
            shard: Join(shard, self.by_name, PANE, store, JoinState()) for shard, store in self.stores.items()
        }
        self.knowns = {plan.model: ShardMerge(ShardMergeConfig(plan, PANE), ShardMergeState()) for plan in self.plans}

    def feed(self, raw: RawBatch) -> None:
        """Take one batch of either topic."""
        outputs = (
            self.split_feedback(self.decode_feedback(raw))
            if raw.origin.holds == Topic.FEEDBACK
            else self.split(self.decode(raw))
        )
        for name, item in outputs:
            if isinstance(item, Delivery):
                for model, joined in self.joins[name]([item]):
                    self._know(model, joined)
            else:
                self._know(name, item)

    def _know(self, model: str, item: Any) -> None:
        self.ticks += [(model, tick) for tick in self.knowns[model]([item])]

    def save(self) -> bytes:
        """What a snapshot of all steps holds."""
        for join in self.joins.values():
            join.commit()
        joins = {shard: join.state for shard, join in self.joins.items()}
        knowns = {model: known.state for model, known in self.knowns.items()}
        return pickle.dumps((joins, knowns, len(self.ticks)))

    def restore(self, saved: bytes) -> None:
        """Go on from a snapshot, with stores that are ahead of it. Ticks given since then are forgotten."""
        joins, knowns, count = pickle.loads(saved)
        for shard, state in joins.items():
            self.stores[shard].rewind(state.sequence)
            self.joins[shard] = Join(shard, self.by_name, PANE, self.stores[shard], state)
        for model, state in knowns.items():
            self.knowns[model] = ShardMerge(ShardMergeConfig(self.by_name[model], PANE), state)
        del self.ticks[count:]
        # What the stateless steps remember only saves messages.
        self.split = SplitPredictions(self.plans, PANE)
        self.split_feedback = SplitFeedback(self.plans, PANE)
