"""The part of the dataflow that knows how good the models are: feedback and predictions in, verdicts out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import bytewax.operators as op

from operators.cohorts.canary import canary_config
from operators.cohorts.need import NeedConfig
from operators.intake.feedback import DecodeFeedback, FeedbackConfig, FeedbackModel
from operators.join.split import Delivery, SplitFeedback, SplitPredictions, Unjoined
from operators.model_steps import (
    cohort_step,
    cohorts_config,
    join_step,
    label_judge_config,
    label_judge_step,
    merge_step,
)
from operators.records import Topic
from operators.step import only, per_model, per_name
from stream.metrics.label_exports import LabelExports

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bytewax.dataflow import Stream
    from bytewax.operators import KeyedStream

    from operators.cohorts.cohorts import CohortsConfig
    from operators.formats.schemas import Schemas
    from operators.intake.decode import Decoded
    from operators.intake.feedback import DecodedFeedback
    from operators.join.state import Joined, JoinState
    from operators.join.store import OpenStore
    from operators.judging.label_judge import LabelVerdicts
    from operators.plans.labels import LabelPlan
    from operators.plans.model import ModelPlan
    from operators.records import RawBatch
    from operators.settings.event_time import TimeSettings
    from operators.settings.source import SourceSettings
    from operators.step import Stateful
    from stream.metrics.reports import Report
    from windows.watermark import Place

    Moved = Callable[[Topic, Place, int | None], None]


@dataclass(frozen=True, slots=True)
class FeedbackFlow:
    """What comes out: decoded feedback (for the account and the dead letters), verdicts by model, and reports."""

    decoded: Stream[DecodedFeedback]
    verdicts: KeyedStream[LabelVerdicts]
    reports: Stream[Report]


def feedback_flow(
    feedback: Stream[RawBatch],
    predictions: Stream[Decoded],
    models: dict[str, ModelPlan],
    time: TimeSettings,
    open_store: OpenStore,
    moved: Moved | None,
    *,
    decode: DecodeFeedback,
    evaluations: bool,
    changes: bool = False,
    looks: bool = False,
) -> FeedbackFlow:
    """Join feedback with predictions, measure cohorts, judge them."""
    labels = {name: model.labels for name, model in models.items() if model.labels is not None}
    plans = {name: plan.join for name, plan in labels.items()}
    joined_plans = tuple(plans.values())
    cohorts = {name: _cohorts(models[name], plan, evaluations=evaluations) for name, plan in labels.items()}
    judges = {name: label_judge_config(plan, evaluations=evaluations, changes=changes) for name, plan in labels.items()}

    def join(shard: str, state: JoinState | None) -> Stateful[Delivery, tuple[str, Joined], JoinState]:
        return join_step(shard, plans, time.pane, open_store, state)

    decoded = op.merge(
        "all_feedback",
        op.map("decode_feedback", feedback, _decoding(decode, moved)),
        op.flat_map("feedback_beside", predictions, _beside),
    )
    split = op.merge(
        "split",
        op.flat_map("split_predictions", predictions, SplitPredictions(joined_plans, time.pane)),
        op.flat_map("split_feedback", decoded, SplitFeedback(joined_plans, time.pane)),
    )
    joined = per_name("join", only("to_join", split, Delivery), join)
    direct = only("direct", split, Unjoined)
    found: KeyedStream[Unjoined | Joined] = op.merge("become_known", direct, op.map("joined", joined, _of_model))
    ticks = per_model("known", found, plans, partial(merge_step, pane=time.pane))
    measured = per_model("cohorts", ticks, cohorts, cohort_step)
    verdicts = per_model("judge_labels", measured, judges, label_judge_step)
    shortest = {name: min(plan.cohorts.windows).size for name, plan in labels.items()}
    shown = LabelExports(shortest, looks)
    return FeedbackFlow(decoded, verdicts, op.flat_map("label_reports", verdicts, shown))


def feedback_decoder(
    models: Mapping[str, ModelPlan],
    time: TimeSettings,
    sources: Mapping[int, SourceSettings],
    schemas: Schemas | None = None,
) -> DecodeFeedback:
    """What decodes feedback of the models that await some."""
    plans = [model.labels.join for model in models.values() if model.labels is not None]
    known = tuple(FeedbackModel(plan.layout, plan.labels) for plan in plans)
    return DecodeFeedback(FeedbackConfig(known, time.pane, time.lateness, time.max_ahead, sources, schemas))


def _decoding(decode: DecodeFeedback, moved: Moved | None) -> Callable[[RawBatch], DecodedFeedback]:
    """Decode, telling the source how far its partition has come in event time."""
    if moved is None:
        return decode

    def decoding(batch: RawBatch) -> DecodedFeedback:
        decoded = decode(batch)
        moved(Topic.FEEDBACK, decoded.origin.place, decoded.floor)
        return decoded

    return decoding


def _beside(decoded: Decoded) -> list[DecodedFeedback]:
    """The feedback of a batch that holds both."""
    return [] if decoded.feedback is None else [decoded.feedback]


def _of_model(item: tuple[str, tuple[str, Joined]]) -> tuple[str, Joined]:
    """What a shard found, keyed by the model that it is about."""
    return item[1]


def _cohorts(model: ModelPlan, labels: LabelPlan, *, evaluations: bool) -> CohortsConfig:
    canary = canary_config(model.settings, model.layout.segments)
    need = None if labels.need is None else NeedConfig(labels.need.metric, labels.need.slice)
    return cohorts_config(labels, model.alpha, evaluations=evaluations, canary=canary, need=need)
