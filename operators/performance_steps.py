"""The steps of labels, built from a model's settings: cohorts, and their judge."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from operators.cohorts.cohorts import Cohorts, CohortsConfig, CohortsState
from operators.cohorts.compare import Ask
from operators.judging.label_judge import LabelJudge, LabelJudgeConfig, LabelJudgeState
from operators.judging.stall import StallConfig
from operators.plans.cohorts import plan_performance
from operators.plans.label_monitors import performance_monitors
from operators.plans.monitors import monitors_of
from windows.outcomes.layout import MAX_CLASSES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from operators.cohorts.measures import CohortMeasures
    from operators.join.ticks import CohortTick
    from operators.judging.label_judge import LabelVerdicts
    from operators.settings.model import ModelSettings
    from operators.settings.performance import PerformanceSettings
    from windows.arrays import IntArray
    from windows.outcomes.layout import TaskLayout, TaskOptions
    from windows.references.reference import Reference


def cohorts_config(
    model: ModelSettings,
    pane: int,
    layout: TaskLayout,
    alpha: float,
    reference: Reference,
    *,
    evaluations: bool,
) -> CohortsConfig:
    """What the step of cohorts needs.

    Args:
        model: with `performance:`.
        pane: ms.
        layout: of its outcomes.
        alpha: level of every bound.
        reference: of the model; its labelled rows are a baseline.
        evaluations: whether evaluations are wanted as rows.

    Raises:
        ValueError: the model has no `performance:`.
    """
    performance = _performance(model)
    asks: dict[tuple[object, ...], Ask] = {}
    for one in performance_monitors(model):
        if not one.compares or one.against is None:
            continue
        monitor, (size,) = one.monitor, one.monitor.windows
        key = (size, monitor.metric, one.against, one.form)
        known = asks.get(key)
        segments = not monitor.whole_only or (known is not None and known.segments)
        asks[key] = Ask(size, monitor.metric, monitor.kind, one.against, one.form, segments)
    return CohortsConfig(
        model=model.name,
        layout=layout,
        plan=plan_performance(model, pane),
        delay=performance.label_delay,
        coverage=performance.coverage,
        alpha=alpha,
        asks=tuple(asks.values()),
        reference=reference_outcomes(reference, layout),
        errors=_asks_detectors(performance, evaluations=evaluations),
        curves=evaluations,
        min_coverage=performance.min_coverage,
    )


def label_judge_config(model: ModelSettings, *, evaluations: bool) -> LabelJudgeConfig:
    """What the judge of labels needs.

    Raises:
        ValueError: the model has no `performance:`.
    """
    performance = _performance(model)
    stand = performance.label_delay + max(performance.cohort_windows)
    return LabelJudgeConfig(
        model=model.name,
        monitors=performance_monitors(model),
        stall=StallConfig(performance.stalls_after, performance.label_delay),
        detectors=_asks_detectors(performance, evaluations=evaluations),
        opinions_stand=stand if performance.concept.detectors == "alert" else None,
        evaluations=evaluations,
        min_coverage=performance.min_coverage,
    )


def reference_outcomes(reference: Reference, layout: TaskLayout) -> IntArray | None:
    """The outcomes of the reference's rows; None where no row had a label, or they were counted in another way."""
    if reference.outcomes is None or reference.task is None or counted_otherwise(reference, layout.options):
        return None
    return reference.outcomes


def counted_otherwise(reference: Reference, options: TaskOptions) -> bool:
    """Whether the reference's outcomes were counted with other options: another threshold, k, or tolerance."""
    task = reference.task
    if task is None:
        return False
    return replace(task, classes=task.classes[:MAX_CLASSES], negative_after=options.negative_after) != options


def shared_alerts(model: ModelSettings, pane: int) -> frozenset[str]:
    """Alert kinds that both predictions and labels of a model can feed."""
    of_labels = {one.monitor.alert for one in performance_monitors(model)}
    return frozenset(of_labels & {monitor.alert for monitor in monitors_of(model, pane)})


class CohortStep:
    """Cohorts, as a step."""

    def __init__(self, config: CohortsConfig, state: CohortsState | None) -> None:
        """Continue from `state`."""
        self.state = CohortsState() if state is None else state
        self.logic = Cohorts(config, self.state)

    def __call__(self, ticks: list[CohortTick]) -> Iterable[CohortMeasures]:
        """Ticks to measures, one each."""
        return [self.logic(tick) for tick in ticks]


class LabelJudgeStep:
    """The judge of labels, as a step."""

    def __init__(self, config: LabelJudgeConfig, state: LabelJudgeState | None) -> None:
        """Continue from `state`."""
        self.state = LabelJudgeState() if state is None else state
        self.logic = LabelJudge(config, self.state)

    def __call__(self, measures: list[CohortMeasures]) -> Iterable[LabelVerdicts]:
        """Measures to verdicts, one each."""
        return [self.logic(one) for one in measures]


def _performance(model: ModelSettings) -> PerformanceSettings:
    if model.performance is None:
        raise ValueError(f"{model.name} has no performance settings")
    return model.performance


def _asks_detectors(performance: PerformanceSettings, *, evaluations: bool) -> bool:
    """Whether anybody hears what the detectors say: else they are not asked, and river is not loaded."""
    chosen = performance.concept.detectors
    return chosen == "alert" or (chosen == "evaluate" and evaluations)
