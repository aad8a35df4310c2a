"""The steps of each model, built from its settings, its reference and the promise on false pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from operators.alert import ActiveAlerts, AlertConfig, Alerts, AlertsState
from operators.close import Close, CloseConfig, CloseState
from operators.freshness import FreshnessConfig, surprising
from operators.join_steps import join_plan
from operators.judge import Judge, JudgeConfig, JudgeState
from operators.measure import DISTANCES, Measure, MeasureConfig, Plan
from operators.monitors import Monitor, monitors_of
from operators.performance_monitors import performance_looks
from operators.performance_steps import (
    CohortStep,
    LabelJudgeStep,
    cohorts_config,
    label_judge_config,
    shared_alerts,
)
from operators.ring import Rings, RingState
from operators.settings.policy import severity_table
from operators.slices import Slices, SlicesConfig, SlicesState
from operators.tables import Kind
from windows.panes import Window, plan
from windows.predictions.layout import Layout, layout_of
from windows.statistics.confidence import level, looks_per_month

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from operators.alert_event import AlertEvent
    from operators.cohorts import CohortsState
    from operators.fold import Partial
    from operators.join_plan import JoinPlan
    from operators.judge import Verdicts
    from operators.judge_performance import LabelJudgeState, LabelVerdicts
    from operators.settings.alerting import AlertingSettings
    from operators.settings.event_time import TimeSettings
    from operators.settings.model import ModelSettings
    from operators.slices import Header, Slice
    from operators.tables import Measures
    from windows.references.reference import Reference

LIVE_VERSIONS = 2
"""Versions assumed to serve at the same time when the budget of false pages is divided."""

REMEMBER = 86_400_000
"""A version that has served nothing for a day (or its longest window, if longer) is forgotten."""


@dataclass(frozen=True, slots=True)
class ModelPlan:
    """All that the steps of one model need."""

    settings: ModelSettings
    reference: Reference
    layout: Layout
    pane: int
    windows: tuple[Window, ...]
    monitors: tuple[Monitor, ...]
    plans: dict[int, Plan]
    alpha: float
    remember: int
    join: JoinPlan | None = None


def plan_models(
    models: Sequence[ModelSettings],
    references: Mapping[str, Reference],
    time: TimeSettings,
    alerting: AlertingSettings,
    *,
    everything: bool,
) -> dict[str, ModelPlan]:
    """Plan every model; `everything` asks for all metrics, judged or not.

    Raises:
        ValueError: a window is no multiple of the pane, or windows of cohorts do not go together.
        KeyError: a model has no reference, or its reference lacks a segment key.
    """
    drafts = []
    for settings in models:
        monitors = monitors_of(settings, time.pane)
        sizes = sorted({size for monitor in monitors for size in monitor.windows})
        windows = tuple(plan(size, time.pane) for size in sizes)
        layout = layout_of(references[settings.name], settings.segments)
        drafts.append((settings, monitors, windows, layout))
    looks = sum(_looks(monitors, windows, layout) for _, monitors, windows, layout in drafts)
    joins = {
        settings.name: join_plan(settings, layout, references[settings.name], time.pane)
        for settings, _, _, layout in drafts
    }
    looks += sum(_label_looks(settings, joins[settings.name], time.pane) for settings in models)
    alpha = level(alerting.false_pages_per_month, 1, max(looks, 1.0))
    return {
        settings.name: ModelPlan(
            settings=settings,
            reference=references[settings.name],
            layout=layout,
            pane=time.pane,
            windows=windows,
            monitors=monitors,
            plans={window.size: _plan(window.size, monitors, everything=everything) for window in windows},
            alpha=alpha,
            remember=max(REMEMBER, *(window.size for window in windows)),
            join=joins[settings.name],
        )
        for settings, monitors, windows, layout in drafts
    }


def _looks(monitors: Iterable[Monitor], windows: Sequence[Window], layout: Layout) -> float:
    """Bounds compared with a threshold in a month, over all versions, segments, features and windows of a model."""
    slides = {window.size: window.slide for window in windows}
    groups = LIVE_VERSIONS * (1 + sum(len(values) for _, values in layout.segments))
    total = 0.0
    for monitor in monitors:
        columns = len(layout.features) if monitor.kind in {Kind.FEATURE, Kind.QUALITY} else 1
        streams = columns * (LIVE_VERSIONS if monitor.whole_only else groups)
        total += sum(streams * looks_per_month(slides[size]) for size in monitor.windows)
    return total


def _label_looks(settings: ModelSettings, join: JoinPlan | None, pane: int) -> float:
    """The same of what is known from labels."""
    if join is None:
        return 0.0
    segments = sum(len(family.names) for family in join.families) - 1
    return performance_looks(settings, pane, segments, LIVE_VERSIONS)


def _plan(size: int, monitors: Iterable[Monitor], *, everything: bool) -> Plan:
    """What is measured over a window: what its monitors read, or everything."""
    mine = [monitor for monitor in monitors if size in monitor.windows]

    def wanted(kind: Kind) -> tuple[str, ...]:
        return tuple(
            name
            for name in DISTANCES
            if everything or any(monitor.kind == kind and monitor.metric == name for monitor in mine)
        )

    return Plan(
        features=wanted(Kind.FEATURE),
        prediction=wanted(Kind.PREDICTION),
        quality=everything or any(monitor.kind == Kind.QUALITY for monitor in mine),
        moments=everything,
        service=True,
        service_bounds=everything or any(monitor.kind == Kind.SERVICE for monitor in mine),
    )


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
