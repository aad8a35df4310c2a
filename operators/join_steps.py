"""The steps that join a model's feedback, built from its settings and its reference."""

from __future__ import annotations

from typing import TYPE_CHECKING

from operators.join.join import Join, JoinState
from operators.join.known import Known, KnownConfig, KnownState
from operators.join.split import shard_name
from operators.plans.join import SHARDS, JoinPlan

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from operators.join.join import Joined
    from operators.join.split import Delivery, Direct
    from operators.join.store import OpenStore
    from operators.join.ticks import CohortTick


class JoinStep:
    """Join, as a step. Its state is what goes with the store as committed: asking for it commits."""

    def __init__(
        self, shard: str, plans: Mapping[str, JoinPlan], pane: int, open_store: OpenStore, state: JoinState | None
    ) -> None:
        """Continue from `state`, with the store as it was then."""
        number = next(number for number in range(SHARDS) if shard_name(number) == shard)
        store = open_store(number)
        store.rewind(None if state is None else state.sequence)
        self.logic = Join(shard, plans, pane, store, JoinState() if state is None else state)

    @property
    def state(self) -> JoinState:
        """The state, once the store is durable up to it."""
        self.logic.commit()
        return self.logic.state

    def __call__(self, deliveries: list[Delivery]) -> Iterable[tuple[str, Joined]]:
        """Deliveries to what became known of each model."""
        return self.logic(deliveries)


class KnownStep:
    """Known, as a step."""

    def __init__(self, plan: JoinPlan, pane: int, state: KnownState | None) -> None:
        """Continue from `state`."""
        self.state = KnownState() if state is None else state
        self.logic = Known(KnownConfig(plan.model, pane, plan.tick), self.state)

    def __call__(self, items: list[Direct | Joined]) -> Iterable[CohortTick]:
        """What was found to ticks."""
        return self.logic(items)
