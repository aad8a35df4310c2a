"""Which actions a model may ask for, from its settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from operators.actions.state import Plan
from operators.findings import Source

if TYPE_CHECKING:
    from collections.abc import Iterable

    from operators.actions.forecast_state import NeedPlan
    from operators.settings.actions import ActionsSettings
    from operators.settings.model import ModelSettings


def acts(settings: ActionsSettings, model: ModelSettings) -> bool:
    """Whether anything is ever asked of others for a model."""
    return settings.mode != "off" and model.asks


def acting(settings: ActionsSettings, models: Iterable[ModelSettings]) -> bool:
    """Whether anything is ever asked of others for any of the models."""
    return any(acts(settings, model) for model in models)


def plan_of(
    settings: ActionsSettings,
    model: ModelSettings,
    pane: int,
    resolve_after: int,
    *,
    labels: bool,
    controlled: bool,
    need: NeedPlan | None = None,
) -> Plan:
    """What holds for a model.

    Args:
        settings: of all actions.
        model: with `retrain:`, `canary:` or `on:`.
        pane: ms.
        resolve_after: ms, of alerts.
        labels: whether its labels are joined in this dataflow.
        controlled: whether a control topic is read in this dataflow.
        need: what is forecast; None for nothing.
    """
    sources = {Source.PREDICTIONS, Source.LABELS} if labels else {Source.PREDICTIONS}
    return Plan(
        model=model.name,
        pane=pane,
        dry_run=settings.mode == "dry_run",
        sources=frozenset(sources),
        controlled=controlled,
        retrain=model.retrain,
        on=model.on,
        label_delay=0 if model.performance is None else model.performance.label_delay,
        resolve_after=resolve_after,
        severity=model.severity,
        canary=model.canary,
        labels=model.labels,
        need=need if labels else None,
    )
