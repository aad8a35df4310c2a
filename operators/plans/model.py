"""Everything that follows from a model's settings and reference."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from operators.plans.classes import with_lists
from operators.plans.labels import plan_labels
from operators.plans.measures import DISTANCES, MOMENTS, Plan
from operators.plans.monitors import Monitor, allowed_of, monitors_of, prices_of
from operators.plans.trails import plan_trails
from operators.tables import RECONSTRUCTION, Kind
from windows.panes import Window, plan
from windows.predictions.layout import Layout, layout_of
from windows.shares import OF_METRIC
from windows.statistics.confidence import level, looks_per_month

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from operators.plans.labels import LabelPlan
    from operators.plans.trails import TrailPlan
    from operators.settings.alerting import AlertingSettings
    from operators.settings.event_time import TimeSettings
    from operators.settings.model import ModelSettings
    from windows.references.reference import Reference

LIVE_VERSIONS = 2
"""Versions assumed to serve at the same time when the budget of false pages is divided."""

SILENCE_SHARE = 0.05
"""Share of the budget of false pages that is kept for silences which come about by chance."""

REMEMBER = 86_400_000
"""A version that has served nothing for a day (or its longest window, if longer) is forgotten."""


@dataclass(frozen=True, slots=True)
class ModelPlan:
    """All that the steps of one model need.

    `labels` where some are awaited; `trails` are baselines in the model's own past; `jumps` over the ticks of a gap in
    which nothing can change; alerts end after `resolve_after` (ms).
    """

    settings: ModelSettings
    reference: Reference
    layout: Layout
    pane: int
    windows: tuple[Window, ...]
    monitors: tuple[Monitor, ...]
    plans: dict[int, Plan]
    alpha: float
    remember: int
    labels: LabelPlan | None = None
    trails: tuple[TrailPlan, ...] = ()
    jumps: bool = False
    resolve_after: int = 0
    silences: float = 0.05
    """False alarms a month that are kept for silences which come about by chance."""


def plan_models(
    models: Sequence[ModelSettings],
    references: Mapping[str, Reference],
    time: TimeSettings,
    alerting: AlertingSettings,
    *,
    everything: bool,
    jumps: bool = False,
    moments: bool = False,
) -> dict[str, ModelPlan]:
    """Plan every model; `jumps` asks for no ticks where nothing changes.

    `everything` asks for all metrics, judged or not, `moments` for means and deviations at least.

    Raises:
        ValueError: a window is no multiple of the pane, or windows of cohorts do not go together.
        KeyError: a model has no reference, or its reference lacks a segment key.
    """
    drafts = []
    for settings in models:
        reference = references[settings.name]
        if settings.multivariate is None and reference.joint is not None:
            reference = replace(reference, joint=None)
        monitors = tuple(
            monitor
            for monitor in monitors_of(settings, time.pane)
            if monitor.kind != Kind.JOINT or reference.joint is not None
        )
        sizes = sorted({size for monitor in monitors for size in monitor.windows})
        windows = tuple(plan(size, time.pane) for size in sizes)
        layout = with_lists(
            layout_of(reference, settings.segments, allowed_of(settings), prices_of(settings)), settings, reference
        )
        drafts.append((settings, monitors, windows, layout))
    trails = {settings.name: plan_trails(settings, layout, time.pane) for settings, _, _, layout in drafts}
    looks = sum(_looks(monitors, windows, layout) for _, monitors, windows, layout in drafts)
    looks += sum(_trail_looks(trails[settings.name], layout) for settings, _, _, layout in drafts)
    labels = {
        settings.name: plan_labels(settings, layout, references[settings.name], time.pane)
        for settings, _, _, layout in drafts
    }
    looks += sum(plan.looks(LIVE_VERSIONS) for plan in labels.values() if plan is not None)
    budget = alerting.false_pages_per_month
    alpha = level(budget * (1 - SILENCE_SHARE), 1, max(looks, 1.0))
    return {
        settings.name: ModelPlan(
            settings=settings,
            reference=references[settings.name],
            layout=layout,
            pane=time.pane,
            windows=windows,
            monitors=monitors,
            plans={
                window.size: _plan(window.size, monitors, everything=everything, moments=moments) for window in windows
            },
            alpha=alpha,
            remember=max(REMEMBER, *(window.size for window in windows)),
            labels=labels[settings.name],
            trails=trails[settings.name],
            jumps=jumps,
            resolve_after=alerting.resolve_after,
            silences=budget * SILENCE_SHARE / len(drafts),
        )
        for settings, monitors, windows, layout in drafts
    }


def _looks(monitors: Iterable[Monitor], windows: Sequence[Window], layout: Layout) -> float:
    """Bounds compared with a threshold in a month, over all versions, segments, features and windows of a model."""
    slides = {window.size: window.slide for window in windows}
    groups = LIVE_VERSIONS * (1 + sum(len(values) for _, values in layout.segments if len(values) > 1))
    total = 0.0
    for monitor in monitors:
        columns = _judged(monitor, layout)
        streams = columns * (LIVE_VERSIONS if monitor.whole_only else groups)
        total += sum(streams * looks_per_month(slides[size]) for size in monitor.windows)
    return total


def _trail_looks(trails: Iterable[TrailPlan], layout: Layout) -> float:
    """The same of trails."""
    return sum(
        LIVE_VERSIONS * _judged(monitor, layout) * looks_per_month(one.trail.slide)
        for one in trails
        for monitor in one.monitors
    )


def _judged(monitor: Monitor, layout: Layout) -> int:
    """How many columns of a group have the monitor's metric, and a level."""
    if monitor.metric == RECONSTRUCTION and layout.joint is not None:
        return layout.joint.joint.width + 1
    if monitor.kind not in {Kind.FEATURE, Kind.QUALITY}:
        return 1
    share = OF_METRIC.get(monitor.metric)
    fields = layout.columns if share is not None and share.of_predictions else layout.features
    if share is not None and share.of is not None:
        fields = tuple(field for field in fields if field.numeric == (share.of == "numeric"))
    return sum(monitor.levels_of(field.name) != (None, None) for field in fields)


def _plan(size: int, monitors: Iterable[Monitor], *, everything: bool, moments: bool) -> Plan:
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
        moments=everything or moments or any(one.kind == Kind.FEATURE and one.metric in MOMENTS for one in mine),
        service=True,
        joint=everything or any(monitor.kind == Kind.JOINT for monitor in mine),
        service_bounds=everything or any(monitor.kind == Kind.SERVICE for monitor in mine),
    )
