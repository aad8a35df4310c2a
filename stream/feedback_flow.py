"""The part of the dataflow that knows how good the models are: feedback and predictions in, verdicts out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import bytewax.operators as op

from operators.intake.feedback import DecodeFeedback, FeedbackConfig, FeedbackModel
from operators.join.split import Delivery, SplitFeedback, SplitPredictions
from operators.model_steps import JoinStep, KnownStep, cohort_step, label_judge_step
from operators.plans.cohorts import performance_windows
from operators.step import step
from stream.metrics.label_exports import of_cohorts

if TYPE_CHECKING:
    from collections.abc import Callable

    from bytewax.dataflow import Stream
    from bytewax.operators import KeyedStream

    from operators.intake.decode import Decoded
    from operators.intake.feedback import DecodedFeedback
    from operators.join.store import OpenStore
    from operators.plans.model import ModelPlan
    from operators.records import RawBatch
    from operators.settings.event_time import TimeSettings

    Moved = Callable[[bool, int, int | None], None]


@dataclass(frozen=True, slots=True)
class FeedbackFlow:
    """What comes out: decoded feedback (for the account and the dead letters), verdicts by model, and reports."""

    decoded: Stream[DecodedFeedback]
    verdicts: KeyedStream[Any]
    reports: Stream[Any]


def feedback_flow(
    feedback: Stream[RawBatch],
    predictions: Stream[Decoded],
    models: dict[str, ModelPlan],
    time: TimeSettings,
    open_store: OpenStore,
    moved: Moved | None,
    *,
    evaluations: bool,
    changes: bool = False,
) -> FeedbackFlow:
    """Join feedback with predictions, measure cohorts, judge them."""
    plans = {name: model.join for name, model in models.items() if model.join is not None}
    known_models = tuple(FeedbackModel(plan.layout, plan.labels) for plan in plans.values())
    decode = DecodeFeedback(FeedbackConfig(known_models, time.pane, time.lateness, time.max_ahead))
    decoded = op.map("decode_feedback", feedback, _decoding(decode, moved))
    joined_plans = tuple(plans.values())
    split = op.merge(
        "split",
        op.flat_map("split_predictions", predictions, SplitPredictions(joined_plans, time.pane)),
        op.flat_map("split_feedback", decoded, SplitFeedback(joined_plans, time.pane)),
    )
    parts = op.branch("to_join", split, lambda item: isinstance(item[1], Delivery))
    deliveries = op.map("by_shard", parts.trues, _named)
    joined = op.stateful_batch(
        "join", deliveries, step(lambda name, state: JoinStep(name, plans, time.pane, open_store, state))
    )
    found = op.merge(
        "become_known",
        op.map("direct", parts.falses, _named),
        op.map("joined", joined, lambda item: _named(item[1])),
    )
    ticks = op.stateful_batch(
        "known",
        found,
        step(lambda name, state: KnownStep(plans[name], time.pane, state) if name in plans else None),
    )
    measured = op.stateful_batch(
        "cohorts",
        op.map("ticked", ticks, _keyed),
        step(
            lambda name, state: (
                cohort_step(models[name], plans[name], state, evaluations=evaluations) if name in plans else None
            )
        ),
    )
    verdicts = op.stateful_batch(
        "judge_labels",
        op.map("measured_labels", measured, _keyed),
        step(
            lambda name, state: (
                label_judge_step(models[name], state, evaluations=evaluations, changes=changes)
                if name in plans
                else None
            )
        ),
    )
    shortest = {name: min(performance_windows(models[name].settings, time.pane)).size for name in plans}
    reports = op.flat_map("label_reports", verdicts, lambda item: of_cohorts(item[1], shortest[item[0]]))
    return FeedbackFlow(decoded, verdicts, reports)


def _keyed(item: Any) -> tuple[str, tuple[str, Any]]:
    """What a keyed step gave, for the next one."""
    return item[0], item


def _named(item: Any) -> tuple[str, tuple[str, Any]]:
    """A (name, value) keyed by its name."""
    return item[0], item


def _decoding(decode: DecodeFeedback, moved: Moved | None) -> Callable[[RawBatch], DecodedFeedback]:
    if moved is None:
        return decode

    def decoding(batch: RawBatch) -> DecodedFeedback:
        decoded = decode(batch)
        moved(True, decoded.partition, decoded.floor)
        return decoded

    return decoding
