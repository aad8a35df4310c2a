"""The steps of each model, built from its plan: config and logic, with the state it continues from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from operators.action_steps import tick_of
from operators.alerts.alert import AlertConfig, Alerts, AlertsState
from operators.cohorts.cohorts import Cohorts, CohortsConfig, CohortsState
from operators.cohorts.compare import ComparisonRequest
from operators.intake.account import Account, AccountState
from operators.join.join import Join
from operators.join.merge import ShardMerge, ShardMergeConfig, ShardMergeState
from operators.join.split import shard_name
from operators.join.state import JoinState
from operators.judging.anomaly import partners_of
from operators.judging.freshness import freshness_of
from operators.judging.judge import Judge, JudgeConfig, JudgeState
from operators.judging.label_judge import LabelJudge, LabelJudgeConfig, LabelJudgeState
from operators.judging.quiet import QuietConfig
from operators.judging.stall import STALLS_A_MONTH, StallConfig
from operators.plans.join import SHARDS
from operators.predictions.close import Close, CloseConfig, CloseState
from operators.predictions.measure import Measure, MeasureConfig
from operators.predictions.ring import Rings, RingState
from operators.predictions.slices import Header, Slice, Slices, SlicesConfig, SlicesState, TrailSlice
from operators.predictions.slide import Moved, Slide
from operators.settings.policy import severity_table
from operators.step import Stateful, each
from operators.tables import Kind
from operators.trailing.trail import TrailConfig, Trails, TrailState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from operators.actions.inputs import AlertTick
    from operators.alerts.alert import ActiveAlerts
    from operators.alerts.event import AlertEvent
    from operators.cohorts.canary import CanaryConfig
    from operators.cohorts.measures import CohortMeasures
    from operators.cohorts.need import NeedConfig
    from operators.intake.account import Balance, Entry
    from operators.join.split import Delivery, Unjoined
    from operators.join.state import Joined
    from operators.join.store import OpenStore
    from operators.join.ticks import CohortTick
    from operators.judging.judge import Verdicts
    from operators.judging.label_judge import LabelVerdicts
    from operators.plans.join import JoinPlan
    from operators.plans.labels import LabelPlan
    from operators.plans.model import ModelPlan
    from operators.predictions.close import Tick
    from operators.predictions.fold import Partial
    from operators.settings.alerting import AlertingSettings
    from operators.settings.model import ModelSettings
    from operators.settings.performance import PerformanceSettings
    from operators.tables import Measures, Part


CutTick = Header | Slice | TrailSlice
"""What a tick is cut into."""


def account_step(name: str, state: AccountState | None) -> Stateful[Entry, Balance, AccountState]:
    """The account of one partition; one of another partition, kept under its name by a former release, is left."""
    number = int(name.rpartition("/")[2])
    logic = Account(name, AccountState() if state is None or state.partition != number else state)
    return Stateful(logic, lambda: logic.state)


def close_step(model: ModelPlan, state: CloseState | None) -> Stateful[Partial, Tick, CloseState]:
    """Partials to ticks."""
    remember = model.remember // model.pane
    windows = (*model.windows, *(span for one in model.trails for span in one.trail.looks)) if model.jumps else None
    config = CloseConfig(model.layout, model.pane, model.settings.max_versions, remember, windows)
    logic = Close(config, state or CloseState())
    return Stateful(logic, lambda: logic.state)


def slices_step(model: ModelPlan, state: SlicesState | None) -> Stateful[Tick, CutTick, SlicesState]:
    """Ticks to headers, each followed by the slices it finished."""
    trails = tuple((one.name, one.trail) for one in model.trails)
    config = SlicesConfig(model.layout, model.windows, model.pane, model.remember, trails)
    logic = Slices(config, state or SlicesState())

    def cut(ticks: list[Tick]) -> Iterable[CutTick]:
        for tick in ticks:
            header, slices = logic(tick)
            yield header
            yield from slices

    return Stateful(cut, lambda: logic.state)


def measure_of(model: ModelPlan) -> Measure:
    """The measure of a model, shared by its windows."""
    return Measure(MeasureConfig(model.layout, model.reference, model.alpha, model.plans))


def slide_step(
    model: ModelPlan, state: RingState | None, *, measures: Mapping[str, Measure], sketches: bool = False
) -> Stateful[Slice, Moved, RingState]:
    """Slices to what moved of one window, and to what it holds as a sketch where that is wanted."""
    rings = Rings(model.layout, state or RingState())
    return Stateful(Slide(rings, measures[model.layout.model], sketches=sketches), lambda: rings.state)


def trail_step(model: ModelPlan, state: TrailState | None) -> Stateful[TrailSlice, Measures, TrailState]:
    """Slices to measures of one trail."""
    quality = tuple(monitor for monitor in model.monitors if monitor.kind == Kind.QUALITY)
    named = {one.name: one for one in model.trails}
    logic = Trails(TrailConfig(model.layout, model.reference, model.alpha, named, quality), state or TrailState())
    return Stateful(logic, lambda: logic.state)


def judge_step(
    model: ModelPlan, state: JudgeState | None, *, evaluations: bool, changes: bool = False
) -> Stateful[Header | Measures, Verdicts, JudgeState]:
    """Headers and measures to verdicts."""
    fresh, quiet = freshness_of(model), _quiet_of(model)
    partners = partners_of(model.layout)
    monitors = (*model.monitors, *(monitor for one in model.trails for monitor in one.monitors))
    numeric = tuple(column.name for column in model.layout.features if column.numeric)
    config = JudgeConfig(
        model.layout.model, monitors, fresh, evaluations, changes, quiet, model.pane, partners, numeric
    )
    logic = Judge(config, state or JudgeState(), anew=state is None)
    return Stateful(logic, lambda: logic.state)


def _quiet_of(model: ModelPlan) -> QuietConfig | None:
    """How the judge goes through gaps; None where every pane has its tick."""
    if not model.jumps:
        return None
    slides: dict[Part, int] = {window.size: window.slide for window in model.windows}
    slides |= {one.name: one.trail.slide for one in model.trails}
    return QuietConfig(model.pane, slides, model.resolve_after, model.remember)


def alert_step(
    model: ModelPlan, state: AlertsState | None, *, alerting: AlertingSettings, acting: frozenset[str] = frozenset()
) -> Stateful[Verdicts | LabelVerdicts, AlertEvent | ActiveAlerts | AlertTick, AlertsState]:
    """Verdicts to events as they happen, and what is active after every tick and at once after a restart.

    Of models that are `acting`, also a tick for each verdict: what actions are decided on.
    """
    logic = Alerts(
        _alert_config(model.layout.model, alerting, shared_alerts(model), model.settings),
        state or AlertsState(),
    )
    acts = model.layout.model in acting

    def tell(verdicts: list[Verdicts | LabelVerdicts]) -> list[AlertEvent | ActiveAlerts | AlertTick]:
        out: list[AlertEvent | ActiveAlerts | AlertTick] = []
        for verdict in verdicts:
            changes = logic.changes(verdict)
            out += [change.event for change in changes if change.told]
            if acts:
                out.append(tick_of(verdict, [change.event for change in changes], logic))
        return [*out, logic.active()]

    return Stateful(tell, lambda: logic.state, lambda: [logic.active()])


def farewell_step(
    name: str, state: AlertsState, *, alerting: AlertingSettings
) -> Stateful[Verdicts | LabelVerdicts, AlertEvent | ActiveAlerts | AlertTick, AlertsState]:
    """The last word of a model that the config has no more: its alerts end, and say why."""
    logic = Alerts(_alert_config(name, alerting), state)

    def tell() -> list[AlertEvent | ActiveAlerts | AlertTick]:
        events = logic.end("The model was taken out of the config, so this says nothing about how it is now")
        return [*events, logic.active()] if events else []

    return Stateful(lambda _: [], lambda: logic.state, tell)


def _alert_config(
    name: str,
    alerting: AlertingSettings,
    shared: frozenset[str] = frozenset(),
    settings: ModelSettings | None = None,
) -> AlertConfig:
    """What alerts of a model are like; without settings those of one that the config has no more."""
    return AlertConfig(
        name,
        severity_table(alerting, None if settings is None else settings.severity),
        alerting.resolve_after,
        alerting.runbook_base_url,
        shared,
        alerting.dashboard_url,
        {} if settings is None else settings.labels,
    )


def join_step(
    shard: str, plans: Mapping[str, JoinPlan], pane: int, open_store: OpenStore, state: JoinState | None
) -> Stateful[Delivery, tuple[str, Joined], JoinState]:
    """Deliveries to what became known of each model. Its state goes with the store: saving it commits the store."""
    number = next(number for number in range(SHARDS) if shard_name(number) == shard)
    store = open_store(number)
    store.rewind(None if state is None else state.sequence)
    logic = Join(shard, plans, pane, store, state or JoinState())

    def save() -> JoinState:
        logic.commit()
        return logic.state

    return Stateful(logic, save)


def merge_step(
    plan: JoinPlan, state: ShardMergeState | None, *, pane: int
) -> Stateful[Unjoined | Joined, CohortTick, ShardMergeState]:
    """What became known in every shard to ticks."""
    logic = ShardMerge(ShardMergeConfig(plan, pane), state or ShardMergeState())
    return Stateful(logic, lambda: logic.state)


def cohort_step(
    config: CohortsConfig, state: CohortsState | None
) -> Stateful[CohortTick, CohortMeasures, CohortsState]:
    """Ticks to measures of cohorts, one each."""
    logic = Cohorts(config, state or CohortsState())
    return Stateful(logic.many, lambda: logic.state)


def label_judge_step(
    config: LabelJudgeConfig, state: LabelJudgeState | None
) -> Stateful[CohortMeasures, LabelVerdicts, LabelJudgeState]:
    """Measures of cohorts to verdicts, one each."""
    logic = LabelJudge(config, state or LabelJudgeState(), anew=state is None)
    return Stateful(each(logic), lambda: logic.state)


def cohorts_config(
    labels: LabelPlan,
    alpha: float,
    *,
    evaluations: bool,
    canary: CanaryConfig | None = None,
    need: NeedConfig | None = None,
) -> CohortsConfig:
    """What the step of cohorts needs: every bound at level `alpha`, evaluations where they are wanted as rows."""
    asks: dict[tuple[object, ...], ComparisonRequest] = {}
    for one in labels.monitors:
        if not one.compares or one.against is None:
            continue
        monitor, (size,) = one.monitor, one.monitor.windows
        key = (size, monitor.metric, one.against, one.form)
        known = asks.get(key)
        segments = not monitor.whole_only or (known is not None and known.segments)
        asks[key] = ComparisonRequest(size, monitor.metric, monitor.kind, one.against, one.form, segments)
    return CohortsConfig(
        model=labels.model,
        layout=labels.join.task,
        plan=labels.cohorts,
        delay=labels.settings.label_delay,
        coverage=labels.settings.coverage,
        alpha=alpha,
        asks=tuple(asks.values()),
        reference=labels.reference,
        own=labels.own,
        errors=_asks_detectors(labels.settings, evaluations=evaluations),
        curves=evaluations,
        min_coverage=labels.settings.min_coverage,
        canary=canary,
        need=need,
        varied=labels.varied,
        reference_days=labels.reference_days,
    )


def label_judge_config(labels: LabelPlan, *, evaluations: bool, changes: bool = False) -> LabelJudgeConfig:
    """What the judge of labels needs."""
    performance = labels.settings
    stand = performance.label_delay + max(performance.cohort_windows)
    return LabelJudgeConfig(
        model=labels.model,
        monitors=labels.monitors,
        stall=StallConfig(
            performance.stalls_after,
            performance.label_delay,
            STALLS_A_MONTH if performance.label_stall_after is None else None,
        ),
        detectors=_asks_detectors(performance, evaluations=evaluations),
        opinions_stand=stand if performance.concept.detectors == "alert" else None,
        evaluations=evaluations,
        min_coverage=performance.min_coverage,
        changes=changes,
    )


def shared_alerts(model: ModelPlan) -> frozenset[str]:
    """Alert kinds that both predictions and labels of a model can feed."""
    of_labels = () if model.labels is None else model.labels.monitors
    return frozenset({one.monitor.alert for one in of_labels} & {monitor.alert for monitor in model.monitors})


def _asks_detectors(performance: PerformanceSettings, *, evaluations: bool) -> bool:
    """Whether anybody hears what the detectors say: else they are not asked, and river is not loaded."""
    chosen = performance.concept.detectors
    return chosen == "alert" or (chosen == "evaluate" and evaluations)
