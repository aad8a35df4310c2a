"""The steps that join a model's feedback, built from its settings and its reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from operators.intake.label_codes import LabelCodes
from operators.join import Join, JoinState
from operators.join_plan import SHARDS, JoinPlan, families_of
from operators.known import Known, KnownConfig, KnownState
from operators.performance_plan import performance_tick
from operators.split import shard_name
from windows.outcomes.layout import TaskOptions, task_layout
from windows.predictions.layout import categories_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from operators.cohort_tick import CohortTick
    from operators.join import Joined
    from operators.join_store import JoinStore
    from operators.settings.model import ModelSettings
    from operators.split import Delivery, Direct
    from windows.predictions.layout import Layout
    from windows.references.reference import Reference


class OpenStore(Protocol):
    """Opens the store of a shard, by its number."""

    def __call__(self, shard: int, /) -> JoinStore:
        """The store; the caller has it to itself."""


def join_plan(settings: ModelSettings, layout: Layout, reference: Reference, pane: int) -> JoinPlan | None:
    """How the model is joined with feedback; None when none is awaited.

    Raises:
        ValueError: windows and delays that do not go together, or an option that makes no sense for the task.
        KeyError: a crossing names what is no segment key.
    """
    performance = settings.performance
    if performance is None:
        return None
    classes: tuple[str, ...] = ()
    if settings.task == "multiclass" and layout.prediction is not None and not layout.prediction.numeric:
        classes = categories_of(layout.prediction)
    options = TaskOptions(
        settings.task,
        performance.threshold,
        classes,
        performance.k,
        performance.tolerance,
        performance.negative_after is not None,
    )
    task = task_layout(options, reference.prediction)
    return JoinPlan(
        layout=layout,
        task=task,
        labels=LabelCodes(settings.task, task.options.classes, performance.positive),
        tick=performance_tick(settings, pane),
        keep=performance.kept_for,
        wait=performance.wait,
        negative_after=performance.negative_after,
        sample=performance.sample,
        families=families_of(layout, performance.cross),
    )


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
