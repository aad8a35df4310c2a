"""The dataflow, on one screen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import bytewax.operators as op
from bytewax.dataflow import Dataflow

from operators.account import Account, AccountState, entry_of
from operators.alert_event import AlertEvent
from operators.decode import Decode, DecodeConfig
from operators.fold import Fold
from operators.model_steps import AlertStep, CloseStep, JudgeStep, RingStep, SlicesStep, measure_of
from operators.slices import Header
from operators.step import step
from stream import exports
from stream.report_sink import ReportSink

if TYPE_CHECKING:
    from collections.abc import Callable

    from bytewax.inputs import Source
    from bytewax.outputs import Sink

    from operators.decode import Decoded
    from operators.model_steps import ModelPlan
    from operators.records import RawBatch
    from operators.settings import AlertingSettings, TimeSettings
    from stream.reports import Reporter


@dataclass(frozen=True, slots=True)
class Edges:
    """Where the dataflow begins and ends: Kafka, files, or a test's own.

    `moved` is told how far each partition has come, in panes.
    """

    source: Source[Any]
    alerts: Sink[Any]
    dead_letters: Sink[Any]
    evaluations: Sink[Any] | None
    reporter: Reporter
    moved: Callable[[int, int | None], None] | None = None


def build(models: dict[str, ModelPlan], time: TimeSettings, alerting: AlertingSettings, edges: Edges) -> Dataflow:
    """Predictions in, alerts out."""
    layouts = tuple(model.layout for model in models.values())
    features = {name: tuple(field.name for field in model.layout.features) for name, model in models.items()}
    measures = {name: measure_of(model) for name, model in models.items()}
    decode = Decode(DecodeConfig(layouts, time.pane, time.lateness, time.max_ahead))
    shares_of = {name: min(model.settings.quality.windows) for name, model in models.items()}
    wants_rows = edges.evaluations is not None

    flow = Dataflow("driftgauge")
    raw = op.input("predictions", flow, edges.source)
    decoded = op.map("decode", raw, _decoding(decode, edges))
    rejected = op.flat_map("rejected", decoded, lambda d: [(f"{d.topic}/{d.partition}", letter) for letter in d.dead])
    entries = op.map("entry", op.filter("busy", decoded, lambda d: d.read > 0), lambda d: _entry(entry_of(d)))
    balances = op.stateful_batch("account", entries, step(lambda _, state: _Account(state)))

    partials = op.flat_map("fold", decoded, _named(Fold(layouts, time.pane)))
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
        step(lambda name, s: _of(models, name, lambda m: JudgeStep(m, s, evaluations=wants_rows))),
    )
    told = op.stateful_batch(
        "alert",
        op.map("found", verdicts, lambda item: (item[0], item)),
        step(lambda name, s: _of(models, name, lambda m: AlertStep(m, alerting, s)), _still_active),
    )
    news = op.branch("news", told, lambda item: isinstance(item[1], AlertEvent))

    op.output("dead_letters", rejected, edges.dead_letters)
    op.output("alerts", news.trues, edges.alerts)
    if edges.evaluations is not None:
        rows = op.flat_map("rows", verdicts, lambda item: [(item[0], row) for row in item[1].evaluations])
        op.output("evaluations", rows, edges.evaluations)
    reports = op.merge(
        "reports",
        op.flat_map("of_accounts", balances, lambda item: exports.of_balance(item[1])),
        op.flat_map("of_windows", rings, lambda item: exports.of_measures(item[1], shares_of[item[1].model])),
        op.flat_map("of_ticks", verdicts, lambda i: exports.of_verdicts(i[0], features[i[0]], i[1])),
        op.flat_map("of_alerts", news.falses, lambda item: exports.of_alerts(item[1])),
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
        moved(decoded.partition, decoded.floor)
        return decoded

    return decoding


def _named(fold: Fold) -> Any:
    """Fold, each partial keyed and named by its model."""
    return lambda decoded: [(model, (model, partial)) for model, partial in fold(decoded)]


def _of(models: dict[str, ModelPlan], name: str, make: Any) -> Any:
    """The step of a model; None for a model that the config no longer has."""
    model = models.get(name)
    return None if model is None else make(model)
