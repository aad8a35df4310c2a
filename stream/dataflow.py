"""The dataflow, on one screen."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import bytewax.operators as op
from bytewax.dataflow import Dataflow

from operators.actions.inputs import AlertTick
from operators.alerts.alert import ActiveAlerts
from operators.alerts.event import AlertEvent
from operators.intake.account import entry_of
from operators.intake.both import DecodeBoth
from operators.intake.decode import Decode, DecodeConfig
from operators.model_steps import (
    CutTick,
    account_step,
    alert_step,
    close_step,
    farewell_step,
    judge_step,
    measure_of,
    slices_step,
    slide_step,
    trail_step,
)
from operators.predictions.fold import Fold
from operators.predictions.slices import Header, Slice, TrailSlice
from operators.predictions.slide import MeasureMoved
from operators.records import Topic
from operators.settings.source import Sources
from operators.step import by_name, only, per_model, per_name, together, values_to
from operators.tables import Measures
from stream.action_flow import action_flow, action_plans
from stream.feedback_flow import feedback_decoder, feedback_flow
from stream.metrics import exports
from stream.metrics.reports import AlertTold
from stream.metrics.sink import ReportSink
from stream.native import chosen
from stream.pair_flow import pair_flow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bytewax.dataflow import Stream
    from bytewax.inputs import Source
    from bytewax.operators import KeyedStream
    from bytewax.outputs import Sink

    from operators.dead_letters import DeadLetter
    from operators.intake.account import Balance, Entry
    from operators.intake.decode import Decoded
    from operators.intake.feedback import DecodedFeedback, DecodeFeedback
    from operators.join.store import OpenStore
    from operators.judging.evaluations import Evaluation
    from operators.judging.judge import Verdicts
    from operators.judging.label_judge import LabelVerdicts
    from operators.plans.model import ModelPlan
    from operators.records import RawBatch
    from operators.settings.actions import ActionsSettings
    from operators.settings.alerting import AlertingSettings
    from operators.settings.event_time import TimeSettings
    from stream.action_flow import ActionFlow
    from stream.feedback_flow import Moved
    from stream.metrics.reports import Report, Reporter


@dataclass(frozen=True, slots=True)
class Edges:
    """Where the dataflow begins and ends: Kafka, files, or a test's own.

    Attributes:
        source: predictions; batches of feedback too, where they come from one place.
        alerts: takes alert events.
        dead_letters: takes dead letters.
        evaluations: takes evaluations; None when they are not wanted.
        changes: whether only those evaluations are wanted that say something new.
        sources: those with a shape of their own.
        decoded: told what became of each batch that was read.
        looks: whether the reporter is to be told what windows hold, for pages.
        scraped: whether anybody may look at the gauges of a window before those of the next one are there.
        actions: takes steps of actions; None when none are wanted.
        control: what people and other systems say of actions; None where there is none, or `source` brings it.
        controlled: whether `source` brings it.
        final: whether the end of the input is the end of time, as of files.
        reporter: takes reports for the metrics.
        moved: told how far each partition has come, in panes: (what it holds, partition, floor).
        feedback: feedback; None where there is none, or `source` brings it.
        open_store: opens the join's stores; needed when any model awaits feedback.
    """

    source: Source[RawBatch]
    alerts: Sink[Any]
    dead_letters: Sink[Any]
    evaluations: Sink[Any] | None
    reporter: Reporter
    moved: Moved | None = None
    feedback: Source[RawBatch] | None = None
    open_store: OpenStore | None = None
    changes: bool = False
    sources: Sources = field(default_factory=Sources)
    decoded: Callable[[Decoded | DecodedFeedback], None] | None = None
    looks: bool = False
    scraped: bool = True
    actions: Sink[Any] | None = None
    control: Source[RawBatch] | None = None
    controlled: bool = False
    final: bool = False


def build(
    models: dict[str, ModelPlan],
    time: TimeSettings,
    alerting: AlertingSettings,
    edges: Edges,
    acting: ActionsSettings | None = None,
) -> Dataflow:
    """Predictions in, alerts out, and what they ask for."""
    layouts = tuple(model.layout for model in models.values())
    measures = {name: measure_of(model) for name, model in models.items()}
    wanted = edges.evaluations is not None
    joined = edges.open_store is not None and any(model.labels for model in models.values())

    controlled = edges.control is not None or edges.controlled
    plans = action_plans(models, acting, time, alerting, joined=joined, controlled=controlled)

    flow = Dataflow("driftgauge")
    entering, control = _control(flow, edges, _read(flow, edges))
    topics = op.branch("topic", entering, _is_feedback)
    labelling = feedback_decoder(models, time, edges.sources.feedback, edges.sources.schemas) if joined else None
    whole, others = _paired(topics.falses, edges, time)
    decoded = op.map("decode", whole, _decoding(models, time, edges, labelling))
    partials = op.flat_map("fold", decoded, Fold(layouts, time.pane, _caps(models)))
    ticks = per_model("close", partials, models, close_step)
    cut = per_model("slice", ticks, models, slices_step)
    slices = only("by_window", cut, Slice)
    sliding = partial(slide_step, measures=measures, sketches=edges.looks)
    moved = per_model("measure", slices, models, sliding, key=_window_of)
    seen = together("measure_moved", moved, MeasureMoved(measures))
    rings = _with_trails(cut, only("measured", seen, Measures), models)
    measured = by_name("by_model", op.map("measures", rings, _value), _model_of)
    due: KeyedStream[Header | Measures] = op.merge("tick", only("header", cut, Header), measured)
    verdicts = per_model("judge", due, models, partial(judge_step, evaluations=wanted, changes=edges.changes))

    read: Stream[Decoded | DecodedFeedback] = decoded if others is None else op.merge("read_halves", decoded, others)
    found: KeyedStream[Verdicts | LabelVerdicts] = verdicts
    if labelling is not None and edges.open_store is not None:
        labels = feedback_flow(
            topics.trues,
            decoded,
            models,
            time,
            edges.open_store,
            edges.moved,
            decode=labelling,
            evaluations=wanted,
            changes=edges.changes,
            looks=edges.looks,
        )
        read = op.merge("read", read, labels.decoded)
        found = op.merge("verdicts", verdicts, labels.verdicts)
        op.output("label_metrics", labels.reports, ReportSink(edges.reporter))
    alert = partial(alert_step, alerting=alerting, acting=frozenset(plans))
    told = per_model("alert", found, models, alert, gone=partial(farewell_step, alerting=alerting))
    events = only("events", told, AlertEvent)
    rejected = op.flat_map("rejected", read, partial(_rejected, told=edges.decoded))
    asked = None
    if plans and acting is not None and edges.actions is not None:
        to_act_on = only("action_ticks", told, AlertTick)
        asked = action_flow(to_act_on, control, plans, acting, time, alerting, edges.moved, final=edges.final)
        events = op.merge("all_events", events, asked.alerts)
        rejected = _act(asked, rejected, edges.actions, edges.reporter)

    op.output("dead_letters", rejected, edges.dead_letters)
    op.output("alerts", events, edges.alerts)
    if edges.evaluations is not None:
        op.output("evaluations", _evaluations(found, asked), edges.evaluations)
    shown = exports.Exports.of(models)
    reports: Stream[Report] = op.merge(
        "reports",
        op.flat_map("of_accounts", _accounts(read), values_to(exports.of_balance)),
        op.flat_map("of_windows", rings, values_to(shown.of_measures if edges.scraped else exports.passed)),
        op.flat_map("of_ticks", verdicts, shown.of_verdicts),
        op.flat_map("of_alerts", only("active", told, ActiveAlerts), values_to(exports.of_alerts)),
        op.map("of_events", events, _told),
    )
    op.output("metrics", reports, ReportSink(edges.reporter))
    if edges.looks:
        op.output("looks", op.flat_map("of_looks", seen, values_to(exports.of_looks)), ReportSink(edges.reporter))
    return flow


def _caps(models: dict[str, ModelPlan]) -> dict[str, int]:
    """How many versions of each model are told apart."""
    return {name: model.settings.max_versions for name, model in models.items()}


def _act(
    asked: ActionFlow, rejected: Stream[tuple[str, DeadLetter]], actions: Sink[Any], reporter: Reporter
) -> Stream[tuple[str, DeadLetter]]:
    """Put out what was asked for; all that is rejected, the control topic's too."""
    op.output("actions", asked.events, actions)
    op.output("action_metrics", asked.reports, ReportSink(reporter))
    return rejected if asked.rejected is None else op.merge("all_rejected", rejected, asked.rejected)


def _evaluations(
    found: KeyedStream[Verdicts | LabelVerdicts], asked: ActionFlow | None
) -> Stream[tuple[str, Evaluation]]:
    """What was measured, and what was forecast of it."""
    rows = op.flat_map("rows", found, _rows)
    return rows if asked is None else op.merge("all_rows", rows, asked.evaluations)


def _with_trails(
    cut: KeyedStream[CutTick], rings: KeyedStream[Measures], models: dict[str, ModelPlan]
) -> KeyedStream[Measures]:
    """Measures of windows, and those of what came of late beside what came before, where that is asked for."""
    if not any(model.trails for model in models.values()):
        return rings
    trailing = per_model("trail", only("by_trail", cut, TrailSlice), models, trail_step, key=_trail_of)
    return op.merge("spans", rings, trailing)


def _read(flow: Dataflow, edges: Edges) -> Stream[RawBatch]:
    """Both topics, wherever they come from."""
    predictions = op.input("predictions", flow, edges.source)
    if edges.feedback is None:
        return predictions
    return op.merge("topics", predictions, op.input("feedback", flow, edges.feedback))


def _paired(
    entering: Stream[RawBatch], edges: Edges, time: TimeSettings
) -> tuple[Stream[RawBatch], Stream[Decoded] | None]:
    """What is decoded: with requests and responses that are messages of their own as one; what is neither of them."""
    sources = edges.sources.predictions
    halves = {number for number, source in sources.items() if source.in_halves}
    if not halves:
        return entering, None
    parts = op.branch("in_halves", entering, lambda batch: batch.source in halves)
    pairs = pair_flow(parts.trues, sources, time, edges.moved)
    op.output("pair_metrics", pairs.reports, ReportSink(edges.reporter))
    return op.merge("whole", parts.falses, pairs.batches), pairs.rest


def _control(
    flow: Dataflow, edges: Edges, entering: Stream[RawBatch]
) -> tuple[Stream[RawBatch], Stream[RawBatch] | None]:
    """What enters without the control topic, and that, if there is one."""
    if edges.control is not None:
        return entering, op.input("control", flow, edges.control)
    if not edges.controlled:
        return entering, None
    parts = op.branch("control", entering, _is_control)
    return parts.falses, parts.trues


def _decoding(
    models: dict[str, ModelPlan], time: TimeSettings, edges: Edges, feedback: DecodeFeedback | None
) -> Callable[[RawBatch], Decoded]:
    """Decode, telling the source how far its partition has come in event time; `feedback` where labels are awaited."""
    layouts = tuple(model.layout for model in models.values())
    awaited = feedback is not None
    tasks = {name: model.settings.task for name, model in models.items() if model.labels is not None and awaited}
    sources = edges.sources.predictions
    clock = (time.pane, time.lateness, time.max_ahead)
    alone = Decode(DecodeConfig(layouts, *clock, tasks, sources, edges.sources.schemas, chosen()))
    decode = alone if feedback is None else DecodeBoth(alone, feedback)
    moved = edges.moved
    if moved is None:
        return decode

    def decoding(batch: RawBatch) -> Decoded:
        decoded = decode(batch)
        if batch.paired is None:  # of halves it was told where they were read
            moved(Topic.PREDICTIONS, decoded.origin.place, decoded.floor)
        return decoded

    return decoding


def _is_feedback(batch: RawBatch) -> bool:
    return batch.origin.holds == Topic.FEEDBACK


def _is_control(batch: RawBatch) -> bool:
    return batch.origin.holds == Topic.CONTROL


def _window_of(entering: Slice) -> str:
    return entering.window.label


def _trail_of(entering: TrailSlice) -> str:
    return entering.name


def _model_of(measures: Measures) -> str:
    return measures.model


def _value(item: tuple[str, Measures]) -> Measures:
    return item[1]


def _accounts(read: Stream[Decoded | DecodedFeedback]) -> KeyedStream[Balance]:
    """What became of every record that was read."""
    return per_name("account", op.flat_map("entry", read, _entries), account_step)


def _entries(read: Decoded | DecodedFeedback) -> Iterable[tuple[str, Entry]]:
    """What the account is told of a batch; nothing of one without records."""
    return [(read.origin.name, entry_of(read))] if read.read or read.skipped else []


def _rejected(
    read: Decoded | DecodedFeedback, told: Callable[[Decoded | DecodedFeedback], None] | None
) -> Iterable[tuple[str, DeadLetter]]:
    """What is rejected of a batch; `told` learns what became of it."""
    if told is not None:
        told(read)
    return [(read.origin.name, letter) for letter in read.dead]


def _rows(item: tuple[str, Verdicts | LabelVerdicts]) -> Iterable[tuple[str, Evaluation]]:
    return [(item[0], row) for row in item[1].evaluations]


def _told(item: tuple[str, AlertEvent]) -> AlertTold:
    return AlertTold(item[1])
