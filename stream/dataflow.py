"""The dataflow, on one screen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import bytewax.operators as op
from bytewax.dataflow import Dataflow

from operators.alerts.event import AlertEvent
from operators.intake.account import Account, AccountState, entry_of
from operators.intake.decode import Decode, DecodeConfig
from operators.model_steps import AlertStep, CloseStep, JudgeStep, RingStep, SlicesStep, measure_of
from operators.predictions.fold import Fold
from operators.predictions.slices import Header
from operators.step import step
from stream.feedback_flow import feedback_flow
from stream.metrics import exports
from stream.metrics.reports import AlertTold
from stream.metrics.sink import ReportSink

if TYPE_CHECKING:
    from collections.abc import Callable

    from bytewax.inputs import Source
    from bytewax.outputs import Sink

    from operators.intake.decode import Decoded
    from operators.join.store import OpenStore
    from operators.plans.model import ModelPlan
    from operators.records import RawBatch
    from operators.settings.alerting import AlertingSettings
    from operators.settings.event_time import TimeSettings
    from stream.feedback_flow import Moved
    from stream.metrics.reports import Reporter


@dataclass(frozen=True, slots=True)
class Edges:
    """Where the dataflow begins and ends: Kafka, files, or a test's own.

    Attributes:
        source: predictions; batches of feedback too, where they come from one place.
        alerts: takes alert events.
        dead_letters: takes dead letters.
        evaluations: takes evaluations; None when they are not wanted.
        changes: whether only those evaluations are wanted that say something new.
        reporter: takes reports for the metrics.
        moved: told how far each partition has come, in panes: (of feedback?, partition, floor).
        feedback: feedback; None where there is none, or `source` brings it.
        open_store: opens the join's stores; needed when any model awaits feedback.
    """

    source: Source[Any]
    alerts: Sink[Any]
    dead_letters: Sink[Any]
    evaluations: Sink[Any] | None
    reporter: Reporter
    moved: Moved | None = None
    feedback: Source[Any] | None = None
    open_store: OpenStore | None = None
    changes: bool = False


def build(models: dict[str, ModelPlan], time: TimeSettings, alerting: AlertingSettings, edges: Edges) -> Dataflow:
    """Predictions in, alerts out."""
    layouts = tuple(model.layout for model in models.values())
    features = {name: tuple(field.name for field in model.layout.features) for name, model in models.items()}
    measures = {name: measure_of(model) for name, model in models.items()}
    joins = {name: model.join for name, model in models.items() if model.join is not None and edges.open_store}
    tasks = {name: models[name].settings.task for name in joins}
    decode = Decode(DecodeConfig(layouts, time.pane, time.lateness, time.max_ahead, tasks))
    shares_of = {name: min(model.settings.quality.windows) for name, model in models.items()}
    wants_rows = edges.evaluations is not None

    flow = Dataflow("driftgauge")
    raw = op.input("predictions", flow, edges.source)
    if edges.feedback is not None:
        raw = op.merge("topics", raw, op.input("feedback", flow, edges.feedback))
    topics = op.branch("topic", raw, lambda batch: batch.feedback)
    decoded = op.map("decode", topics.falses, _decoding(decode, edges))
    read: Any = decoded
    labels = None
    if joins and edges.open_store is not None:
        labels = feedback_flow(
            topics.trues,
            decoded,
            models,
            time,
            edges.open_store,
            edges.moved,
            evaluations=wants_rows,
            changes=edges.changes,
        )
        read = op.merge("read", decoded, labels.decoded)
    rejected = op.flat_map("rejected", read, lambda d: [(f"{d.topic}/{d.partition}", letter) for letter in d.dead])
    entries = op.map("entry", op.filter("busy", read, lambda d: d.read > 0), lambda d: _entry(entry_of(d)))
    balances = op.stateful_batch("account", entries, step(lambda _, state: _Account(state)))

    caps = {name: model.settings.max_versions for name, model in models.items()}
    partials = op.flat_map("fold", decoded, _named(Fold(layouts, time.pane, caps)))
    ticks = op.stateful_batch("close", partials, step(lambda name, s: _of(models, name, lambda m: CloseStep(m, s))))
    cut = op.stateful_batch("slice", ticks, step(lambda name, s: _of(models, name, lambda m: SlicesStep(m, s))))
    branches = op.branch("cut", cut, lambda item: isinstance(item[1], Header))
    headers = op.map("header", branches.trues, lambda item: (item[0], item))
    slices = op.map("by_window", branches.falses, lambda item: (f"{item[0]}|{item[1].window.label}", item))
    rings = op.stateful_batch(
        "measure", slices, step(lambda name, s: _of(models, name, lambda m: RingStep(m, measures[name], s)))
    )
    measured = op.map("by_model", rings, lambda item: (item[1].model, (item[1].model, item[1])))
    verdicts = op.stateful_batch(
        "judge",
        op.merge("tick", headers, measured),
        step(
            lambda name, s: _of(models, name, lambda m: JudgeStep(m, s, evaluations=wants_rows, changes=edges.changes))
        ),
    )
    found: Any = verdicts
    if labels is not None:
        found = op.merge("verdicts", verdicts, labels.verdicts)
    told = op.stateful_batch(
        "alert",
        op.map("found", found, lambda item: (item[0], item)),
        step(lambda name, s: _of(models, name, lambda m: AlertStep(m, alerting, s)), _still_active),
    )
    news = op.branch("news", told, lambda item: isinstance(item[1], AlertEvent))

    op.output("dead_letters", rejected, edges.dead_letters)
    op.output("alerts", news.trues, edges.alerts)
    if edges.evaluations is not None:
        rows = op.flat_map("rows", found, lambda item: [(item[0], row) for row in item[1].evaluations])
        op.output("evaluations", rows, edges.evaluations)
    if labels is not None:
        op.output("label_metrics", labels.reports, ReportSink(edges.reporter))
    reports = op.merge(
        "reports",
        op.flat_map("of_accounts", balances, lambda item: exports.of_balance(item[1])),
        op.flat_map("of_windows", rings, lambda item: exports.of_measures(item[1], shares_of[item[1].model])),
        op.flat_map("of_ticks", verdicts, lambda i: exports.of_verdicts(i[0], features[i[0]], i[1])),
        op.flat_map("of_alerts", news.falses, lambda item: exports.of_alerts(item[1])),
        op.map("of_events", news.trues, lambda item: AlertTold(item[1])),
    )
    op.output("metrics", reports, ReportSink(edges.reporter))
    return flow


def _still_active(alerts: Any) -> list[Any]:
    """After a restart what is firing is told at once, not at the next tick."""
    return [alerts.logic.active()]


class _Account:
    """Account, as a step."""

    def __init__(self, state: AccountState | None) -> None:
        self.state = AccountState() if state is None else state
        self._logic = Account(self.state)

    def __call__(self, values: list[Any]) -> Any:
        return self._logic(values)


def _entry(entry: Any) -> tuple[str, tuple[str, Any]]:
    key = f"{entry.topic}/{entry.partition}"
    return key, (key, entry)


def _decoding(decode: Decode, edges: Edges) -> Callable[[RawBatch], Decoded]:
    """Decode, telling the source how far its partition has come in event time."""
    moved = edges.moved
    if moved is None:
        return decode

    def decoding(batch: RawBatch) -> Decoded:
        decoded = decode(batch)
        moved(False, decoded.partition, decoded.floor)
        return decoded

    return decoding


def _named(fold: Fold) -> Any:
    """Fold, each partial keyed and named by its model."""
    return lambda decoded: [(model, (model, partial)) for model, partial in fold(decoded)]


def _of(models: dict[str, ModelPlan], name: str, make: Any) -> Any:
    """The step of a model; None for a model that the config no longer has."""
    model = models.get(name)
    return None if model is None else make(model)
