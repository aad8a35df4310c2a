"""The steps of each model, built from its settings, its reference and the promise on false pages."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from operators.alerts.alert import ActiveAlerts, AlertConfig, Alerts, AlertsState
from operators.cohorts.cohorts import Cohorts, CohortsConfig, CohortsState
from operators.cohorts.compare import Ask
from operators.join.join import Join, JoinState
from operators.join.known import Known, KnownConfig, KnownState
from operators.join.split import shard_name
from operators.judging.freshness import FreshnessConfig, surprising
from operators.judging.judge import Judge, JudgeConfig, JudgeState
from operators.judging.label_judge import LabelJudge, LabelJudgeConfig, LabelJudgeState
from operators.judging.stall import StallConfig
from operators.plans.cohorts import plan_performance
from operators.plans.join import SHARDS, JoinPlan
from operators.plans.label_monitors import performance_monitors
from operators.plans.monitors import monitors_of
from operators.predictions.close import Close, CloseConfig, CloseState
from operators.predictions.measure import Measure, MeasureConfig
from operators.predictions.ring import Rings, RingState, WindowTotals
from operators.predictions.slices import Slices, SlicesConfig, SlicesState
from operators.settings.policy import severity_table
from operators.tables import Measures, Table
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

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from operators.join.join import Joined
    from operators.join.split import Delivery, Direct
    from operators.join.store import OpenStore
    from operators.join.ticks import CohortTick

if TYPE_CHECKING:
    from collections.abc import Iterable

    from operators.alerts.event import AlertEvent
    from operators.judging.judge import Verdicts
    from operators.judging.label_judge import LabelVerdicts
    from operators.plans.join import JoinPlan
    from operators.plans.model import ModelPlan
    from operators.predictions.fold import Partial
    from operators.predictions.slices import Header, Slice
    from operators.settings.alerting import AlertingSettings


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
        self._tables: tuple[Table, ...] = ()

    def __call__(self, slices: list[Slice]) -> Iterable[Measures]:
        """Slices to measures: the windows that changed are measured together, the others keep their tables."""
        totals = [self._kept(self.logic(entering), last=entering is slices[-1]) for entering in slices]
        measured = iter(self.measure.many([window for window in totals if window.changed]))
        for window in totals:
            if window.changed:
                self._tables = next(measured).tables
            yield Measures(window.model, window.window, window.index, self._tables, window.changed)

    def _kept(self, totals: WindowTotals, *, last: bool) -> WindowTotals:
        """The totals, of their own where another slice enters before they are measured."""
        if last or not totals.changed:
            return totals
        return replace(totals, groups={key: vector.copy() for key, vector in totals.groups.items()})


class JudgeStep:
    """Judge, as a step."""

    def __init__(self, model: ModelPlan, state: JudgeState | None, *, evaluations: bool, changes: bool = False) -> None:
        """Continue from `state`."""
        self.state = JudgeState() if state is None else state
        quality = model.settings.quality
        names = tuple(field.name for field in model.layout.features)
        rare = tuple(
            surprising(field.profile.missing, model.reference.rows, model.alpha) for field in model.layout.features
        )
        fresh = FreshnessConfig(names, quality.stale_after, quality.no_data_after, rare)
        self.logic = Judge(JudgeConfig(model.layout.model, model.monitors, fresh, evaluations, changes), self.state)

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


def label_judge_step(
    model: ModelPlan, state: LabelJudgeState | None, *, evaluations: bool, changes: bool = False
) -> LabelJudgeStep:
    """The judge of a model's labels, as a step."""
    return LabelJudgeStep(label_judge_config(model.settings, evaluations=evaluations, changes=changes), state)


def measure_of(model: ModelPlan) -> Measure:
    """The measure of a model."""
    return Measure(MeasureConfig(model.layout, model.reference, model.alpha, model.plans))


class JoinStep:
    """Join, as a step. Its state is what goes with the store as committed: asking for it commits."""

    def __init__(
        self, shard: str, plans: Mapping[str, JoinPlan], pane: int, open_store: OpenStore, state: JoinState | None
    ) -> None:
        """Continue from `state`, with the store as it was then."""
        number = next(number for number in range(SHARDS) if shard_name(number) == shard)
        store = open_store(number)
        store.rewind(None if state is None else state.sequence)
        self.logic = Join(shard, plans, pane, store, JoinState() if state is None else state)

    @property
    def state(self) -> JoinState:
        """The state, once the store is durable up to it."""
        self.logic.commit()
        return self.logic.state

    def __call__(self, deliveries: list[Delivery]) -> Iterable[tuple[str, Joined]]:
        """Deliveries to what became known of each model."""
        return self.logic(deliveries)


class KnownStep:
    """Known, as a step."""

    def __init__(self, plan: JoinPlan, pane: int, state: KnownState | None) -> None:
        """Continue from `state`."""
        self.state = KnownState() if state is None else state
        self.logic = Known(KnownConfig(plan.model, pane, plan.tick, plan.max_versions, plan.keep), self.state)

    def __call__(self, items: list[Direct | Joined]) -> Iterable[CohortTick]:
        """What was found to ticks."""
        return self.logic(items)


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


def label_judge_config(model: ModelSettings, *, evaluations: bool, changes: bool = False) -> LabelJudgeConfig:
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
        changes=changes,
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
        return self.logic.many(ticks)


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
