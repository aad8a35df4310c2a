"""The part of the dataflow that asks for cures: alerts and people's words in, actions and alerts on them out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import bytewax.operators as op

from operators.action_steps import act_step, action_alert_step, govern_step, need_evaluation
from operators.actions.decode import ControlConfig, DecodeControl, Spread
from operators.actions.event import ActionEvent
from operators.actions.forecast_state import NeedRow
from operators.actions.govern import GovernConfig, Governed
from operators.actions.plan import acts, plan_of
from operators.alerts.alert import ActiveAlerts
from operators.alerts.event import AlertEvent
from operators.records import Topic
from operators.step import only, per_model, per_name, values_to
from stream.metrics.action_exports import of_action_alerts, of_decided

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from bytewax.dataflow import Stream
    from bytewax.operators import KeyedStream

    from operators.actions.decode import DecodedControl
    from operators.actions.govern import GovernState
    from operators.actions.inputs import ActInput, AlertTick
    from operators.actions.state import Plan
    from operators.dead_letters import DeadLetter
    from operators.judging.evaluations import Evaluation
    from operators.plans.model import ModelPlan
    from operators.records import RawBatch
    from operators.settings.actions import ActionsSettings
    from operators.settings.alerting import AlertingSettings
    from operators.settings.event_time import TimeSettings
    from operators.step import Stateful
    from stream.metrics.reports import Report
    from windows.watermark import Place

    Moved = Callable[[Topic, Place, int | None], None]

EVERYBODY = "_"
"""The one key under which limits over all models are kept."""


@dataclass(frozen=True, slots=True)
class ActionFlow:
    """What comes out: steps of actions, alerts on them, reports, dead letters of the control topic, forecasts."""

    events: KeyedStream[ActionEvent]
    alerts: KeyedStream[AlertEvent]
    reports: Stream[Report]
    rejected: Stream[tuple[str, DeadLetter]] | None
    evaluations: KeyedStream[Evaluation]


def action_plans(
    models: Mapping[str, ModelPlan],
    settings: ActionsSettings | None,
    time: TimeSettings,
    alerting: AlertingSettings,
    *,
    joined: bool,
    controlled: bool,
) -> dict[str, Plan]:
    """What holds for each model that asks for anything; `joined` with labels, `controlled` with a control topic."""
    if settings is None:
        return {}
    return {
        name: plan_of(
            settings,
            model.settings,
            time.pane,
            alerting.resolve_after,
            labels=joined and model.labels is not None,
            controlled=controlled,
            need=None if model.labels is None else model.labels.need,
        )
        for name, model in models.items()
        if acts(settings, model.settings)
    }


def action_flow(
    ticks: KeyedStream[AlertTick],
    control: Stream[RawBatch] | None,
    plans: dict[str, Plan],
    settings: ActionsSettings,
    time: TimeSettings,
    alerting: AlertingSettings,
    moved: Moved | None,
    *,
    final: bool,
) -> ActionFlow:
    """Decide for each model, then for all of them together; then alert on what has become of it."""
    known: KeyedStream[ActInput] = ticks
    rejected = None
    if control is not None:
        decoded = op.map("decode_control", control, _decoding(plans, time, moved))
        words = op.flat_map("control_words", decoded, Spread(tuple(plans), time.pane))
        known = op.merge("to_act_on", ticks, words)
        rejected = op.flat_map("control_rejected", decoded, _rejected)
    acted = per_model("act", known, plans, partial(act_step, final=final))
    forecasts = op.map_value("forecasts", only("forecast", acted, NeedRow), need_evaluation)
    decided = op.filter("decided", acted, _is_decided)
    config = GovernConfig(frozenset(plans), settings.max_open, settings.storm)

    def govern(_: str, state: GovernState | None) -> Stateful[Any, Any, GovernState]:
        return govern_step(config, state, final=final)

    governed = per_name("govern", op.map("of_everybody", decided, _of_everybody), govern)
    standing = op.map("by_acting", only("governed", governed, Governed), _by_model)
    told = per_model("alert_actions", standing, plans, partial(action_alert_step, alerting=alerting))
    reports: Stream[Report] = op.merge(
        "action_reports",
        op.flat_map("of_actions", standing, values_to(of_decided)),
        op.flat_map("of_action_alerts", only("action_active", told, ActiveAlerts), values_to(of_action_alerts)),
    )
    events, alerts = only("action_events", governed, ActionEvent), only("action_alerts", told, AlertEvent)
    return ActionFlow(events, alerts, reports, rejected, forecasts)


def _decoding(
    plans: Mapping[str, Plan], time: TimeSettings, moved: Moved | None
) -> Callable[[RawBatch], DecodedControl]:
    """Decode, telling the source how far its partition has come in event time."""
    decode = DecodeControl(ControlConfig(tuple(plans), time.pane, time.lateness, time.max_ahead))

    def decoding(batch: RawBatch) -> DecodedControl:
        decoded = decode(batch)
        if moved is not None:
            moved(Topic.CONTROL, decoded.origin.place, decoded.floor)
        return decoded

    return decoding


def _is_decided(item: tuple[str, Any]) -> bool:
    return not isinstance(item[1], NeedRow)


def _rejected(read: DecodedControl) -> Iterable[tuple[str, DeadLetter]]:
    return [(read.origin.name, letter) for letter in read.dead]


def _of_everybody(item: tuple[str, Any]) -> tuple[str, Any]:
    return EVERYBODY, item[1]


def _by_model(item: tuple[str, Governed]) -> tuple[str, Governed]:
    return item[1].decided.model, item[1]
