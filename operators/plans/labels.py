"""What follows from a model's settings on labels, once: how they are joined, cut into cohorts, and judged."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from operators.plans.cohorts import plan_performance
from operators.plans.join import join_plan
from operators.plans.label_monitors import performance_looks, performance_monitors
from operators.plans.need import need_plan
from windows.outcomes.layout import MAX_CLASSES
from windows.references.pace import DAY

if TYPE_CHECKING:
    from operators.actions.forecast_state import NeedPlan
    from operators.plans.cohorts import PerformancePlan
    from operators.plans.join import JoinPlan
    from operators.plans.label_monitors import PerformanceMonitor
    from operators.settings.model import ModelSettings
    from operators.settings.performance import PerformanceSettings
    from windows.arrays import IntArray
    from windows.outcomes.days import DayVariation
    from windows.outcomes.layout import TaskOptions
    from windows.predictions.layout import Layout
    from windows.references.reference import Reference


@dataclass(frozen=True, slots=True)
class LabelPlan:
    """One model with `performance:`.

    Attributes:
        settings: its `performance:`.
        join: how feedback meets its predictions.
        cohorts: the windows of cohorts, their tick and rings.
        monitors: the rules.
        reference: outcomes of the reference's labelled rows, int64[join.task.size]; None where no row had a label, or
            they were counted in another way.
        own: version -> the same of its own reference; without those that have none.
        need: what is forecast of its metric; None for nothing.
        varied: version ("" for the model's reference) -> metric -> how much days differ, where labels tell.
        reference_days: version, likewise -> days that its reference is of.
    """

    settings: PerformanceSettings
    join: JoinPlan
    cohorts: PerformancePlan
    monitors: tuple[PerformanceMonitor, ...]
    reference: IntArray | None
    own: dict[str, IntArray] = field(default_factory=dict)
    need: NeedPlan | None = None
    varied: dict[str, dict[str, DayVariation]] = field(default_factory=dict)
    reference_days: dict[str, float] = field(default_factory=dict)

    @property
    def model(self) -> str:
        """Its name."""
        return self.join.model

    def looks(self, versions: int) -> float:
        """Bounds compared with a threshold in a month, where so many versions serve at the same time."""
        segments = sum(len(family.names) for family in self.join.families) - 1
        return performance_looks(self.monitors, self.cohorts, segments, versions)


def plan_labels(settings: ModelSettings, layout: Layout, reference: Reference, pane: int) -> LabelPlan | None:
    """The plan of a model's labels; None when none are awaited.

    Raises:
        ValueError: windows and delays that do not go together, or an option that makes no sense for the task.
        KeyError: a crossing names what is no segment key.
    """
    performance = settings.performance
    if performance is None:
        return None
    cohorts = plan_performance(settings, pane)
    join = join_plan(settings, performance, layout, reference, cohorts.tick)
    own = {version: _outcomes(one, join.task.options) for version, one in reference.versions.items()}
    known = {version: found for version, found in own.items() if found is not None}
    outcomes = _outcomes(reference, join.task.options)
    need = need_plan(settings, cohorts.windows[0].slide)
    every = {"": reference, **{version: reference.versions[version] for version in known}}
    same = {version: one for version, one in every.items() if not counted_otherwise(one, join.task.options)}
    varied = {version: one.label_days for version, one in same.items()}
    days = {version: _days(one) for version, one in same.items()}
    return LabelPlan(performance, join, cohorts, performance_monitors(settings), outcomes, known, need, varied, days)


def _days(reference: Reference) -> float:
    """Those that it spans, one at least; one, too, where nothing is known of when."""
    return max((reference.end - reference.start) / DAY, 1.0) if reference.start and reference.end else 1.0


def _outcomes(reference: Reference, options: TaskOptions) -> IntArray | None:
    return None if counted_otherwise(reference, options) else reference.outcomes


def counted_otherwise(reference: Reference, options: TaskOptions) -> bool:
    """Whether the reference's outcomes were counted with other options, such as another threshold, k, or tolerance."""
    task = reference.task
    return (
        task is None
        or replace(task, classes=task.classes[:MAX_CLASSES], negative_after=options.negative_after) != options
    )
