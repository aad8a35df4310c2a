"""The steps of each model, built from its settings, its reference and the promise on false pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from operators.alerts.alert import ActiveAlerts, AlertConfig, Alerts, AlertsState
from operators.judging.freshness import FreshnessConfig, surprising
from operators.judging.judge import Judge, JudgeConfig, JudgeState
from operators.performance_steps import (
    CohortStep,
    LabelJudgeStep,
    cohorts_config,
    label_judge_config,
    shared_alerts,
)
from operators.predictions.close import Close, CloseConfig, CloseState
from operators.predictions.measure import Measure, MeasureConfig
from operators.predictions.ring import Rings, RingState
from operators.predictions.slices import Slices, SlicesConfig, SlicesState
from operators.settings.policy import severity_table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from operators.alerts.event import AlertEvent
    from operators.cohorts.cohorts import CohortsState
    from operators.judging.judge import Verdicts
    from operators.judging.label_judge import LabelJudgeState, LabelVerdicts
    from operators.plans.join import JoinPlan
    from operators.plans.model import ModelPlan
    from operators.predictions.fold import Partial
    from operators.predictions.slices import Header, Slice
    from operators.settings.alerting import AlertingSettings
    from operators.tables import Measures


class CloseStep:
    """Close, as a step."""

    def __init__(self, model: ModelPlan, state: CloseState | None) -> None:
        """Continue from `state`."""
        self.state = CloseState() if state is None else state
        config = CloseConfig(model.layout, model.pane, model.settings.max_versions, model.remember // model.pane)
        self.logic = Close(config, self.state)

    def __call__(self, partials: list[Partial]) -> Iterable[Any]:
        """Partials to ticks."""
        return [(self.logic.config.layout.model, tick) for tick in self.logic(partials)]


class SlicesStep:
    """Slices, as a step. Its outputs are keyed twice: headers by model, slices by model and window."""

    def __init__(self, model: ModelPlan, state: SlicesState | None) -> None:
        """Continue from `state`."""
        self.name = model.layout.model
        self.state = SlicesState() if state is None else state
        self.logic = Slices(SlicesConfig(model.layout, model.windows, model.pane, model.remember), self.state)

    def __call__(self, ticks: list[Any]) -> Iterable[Header | Slice]:
        """Ticks to headers and slices."""
        for tick in ticks:
            header, slices = self.logic(tick)
            yield header
            yield from slices


class RingStep:
    """One window's ring, as a step; measures in the same place, so that totals never travel."""

    def __init__(self, model: ModelPlan, measure: Measure, state: RingState | None) -> None:
        """Continue from `state`."""
        self.state = RingState() if state is None else state
        self.logic = Rings(model.layout, self.state)
        self.measure = measure

    def __call__(self, slices: list[Slice]) -> Iterable[Measures]:
        """Slices to measures."""
        return [self.measure(self.logic(entering)) for entering in slices]


class JudgeStep:
    """Judge, as a step."""

    def __init__(self, model: ModelPlan, state: JudgeState | None, *, evaluations: bool) -> None:
        """Continue from `state`."""
        self.state = JudgeState() if state is None else state
        quality = model.settings.quality
        names = tuple(field.name for field in model.layout.features)
        rare = tuple(
            surprising(field.profile.missing, model.reference.rows, model.alpha) for field in model.layout.features
        )
        fresh = FreshnessConfig(names, quality.stale_after, quality.no_data_after, rare)
        self.logic = Judge(JudgeConfig(model.layout.model, model.monitors, fresh, evaluations), self.state)

    def __call__(self, items: list[Header | Measures]) -> Iterable[Verdicts]:
        """Headers and measures to verdicts."""
        return self.logic(items)


class AlertStep:
    """Alerts, as a step: events as they happen, and what is active after every tick."""

    def __init__(self, model: ModelPlan, alerting: AlertingSettings, state: AlertsState | None) -> None:
        """Continue from `state`."""
        self.state = AlertsState() if state is None else state
        config = AlertConfig(
            model.layout.model,
            severity_table(alerting),
            alerting.resolve_after,
            alerting.runbook_base_url,
            shared_alerts(model.settings, model.pane),
            alerting.dashboard_url,
        )
        self.logic = Alerts(config, self.state)

    def __call__(self, verdicts: list[Verdicts | LabelVerdicts]) -> Iterable[AlertEvent | ActiveAlerts]:
        """Verdicts to events."""
        events = [event for verdict in verdicts for event in self.logic(verdict)]
        return [*events, self.logic.active()]


def cohort_step(model: ModelPlan, join: JoinPlan, state: CohortsState | None, *, evaluations: bool) -> CohortStep:
    """Cohorts of a model, as a step."""
    config = cohorts_config(
        model.settings, model.pane, join.task, model.alpha, model.reference, evaluations=evaluations
    )
    return CohortStep(config, state)


def label_judge_step(model: ModelPlan, state: LabelJudgeState | None, *, evaluations: bool) -> LabelJudgeStep:
    """The judge of a model's labels, as a step."""
    return LabelJudgeStep(label_judge_config(model.settings, evaluations=evaluations), state)


def measure_of(model: ModelPlan) -> Measure:
    """The measure of a model."""
    return Measure(MeasureConfig(model.layout, model.reference, model.alpha, model.plans))
