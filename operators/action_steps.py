"""The steps of actions: from what alerts tell, over what each model and all together decide, to alerts on actions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from operators.actions.act import Act
from operators.actions.govern import Govern, Governed, GovernState
from operators.actions.inputs import AlertTick, Fact
from operators.actions.state import ActState
from operators.alerts.alert import AlertConfig, Alerts, AlertsState
from operators.findings import Source
from operators.judging.evaluations import Evaluation, WindowRow
from operators.judging.judge import Verdicts
from operators.judging.label_tables import coverage_of
from operators.settings.policy import severity_table
from operators.step import Stateful
from operators.tables import Kind
from windows.panes import duration_text
from windows.segments import WHOLE

if TYPE_CHECKING:
    from operators.actions.event import ActionEvent
    from operators.actions.forecast_state import NeedRow
    from operators.actions.govern import GovernConfig
    from operators.actions.inputs import ActInput
    from operators.actions.state import Decided, Plan
    from operators.alerts.alert import ActiveAlerts, AlertKey
    from operators.alerts.event import AlertEvent
    from operators.findings import Finding
    from operators.judging.label_judge import LabelVerdicts
    from operators.settings.alerting import AlertingSettings


def act_step(
    plan: Plan, state: ActState | None, *, final: bool
) -> Stateful[ActInput, ActionEvent | Decided | NeedRow, ActState]:
    """Ticks of alerts and what people say to steps of actions; `final` where the input's end is the end of time."""
    logic = Act(plan, state or ActState())
    return Stateful(logic, lambda: logic.state, at_end=logic.finish if final else None)


def govern_step(
    config: GovernConfig, state: GovernState | None, *, final: bool
) -> Stateful[ActionEvent | Decided, ActionEvent | Governed, GovernState]:
    """What models decide to what may go out."""
    logic = Govern(config, state or GovernState())
    return Stateful(logic, lambda: logic.state, at_end=logic.finish if final else None)


@dataclass(frozen=True, slots=True)
class ActionVerdicts:
    """What is wrong with the actions of a model at a moment, as alerts take it; see operators.alerts.alert.Found."""

    end: int
    findings: tuple[Finding, ...]
    silent: frozenset[AlertKey] = frozenset()
    anew: bool = False

    @property
    def source(self) -> Source:
        """Whose clock `end` is."""
        return Source.ACTIONS

    def serves(self, version: str) -> bool:
        """Actions are of a model, whatever its versions."""
        return not version


def action_alert_step(
    plan: Plan, state: AlertsState | None, *, alerting: AlertingSettings
) -> Stateful[Governed, AlertEvent | ActiveAlerts, AlertsState]:
    """What models have decided to alerts on their actions."""
    config = AlertConfig(
        plan.model,
        severity_table(alerting, plan.severity),
        alerting.resolve_after,
        alerting.runbook_base_url,
        dashboards=alerting.dashboard_url,
        labels=plan.labels,
    )
    logic = Alerts(config, state or AlertsState())

    def tell(governed: list[Governed]) -> list[AlertEvent | ActiveAlerts]:
        verdicts = (ActionVerdicts(one.decided.at, one.findings) for one in governed)
        events = [event for verdict in verdicts for event in logic(verdict)]
        return [*events, logic.active()]

    return Stateful(tell, lambda: logic.state, lambda: [logic.active()])


def tick_of(verdict: Verdicts | LabelVerdicts, events: list[AlertEvent], alerts: Alerts) -> AlertTick:
    """What actions are told of a verdict and of the changes of alerts that it made, also of those told to nobody else.

    A retraining may wait for a feature that is the eleventh of an alert.
    """
    facts = tuple(_fact(event, alerts, verdict) for event in events)
    if isinstance(verdict, Verdicts):
        versions = tuple(sorted((name, seen.first) for name, seen in verdict.header.seen.items()))
        return AlertTick(verdict.source, verdict.end, facts, versions)
    measures = verdict.measures
    coverage = _coverage(verdict)
    return AlertTick(verdict.source, verdict.end, facts, None, coverage, measures.ended, measures.canary, measures.need)


def need_evaluation(row: NeedRow) -> Evaluation:
    """A number of a forecast as a row for the topic."""
    window = WindowRow(duration_text(row.end - row.start), row.start, row.end)
    return Evaluation(
        model=row.model,
        version=row.version,
        segment=WHOLE,
        kind=str(Kind.NEED),
        feature=row.name,
        metric=row.metric,
        window=window,
        value=row.value,
        lower=None,
        upper=None,
        threshold=None,
        samples=row.rows,
        reference_samples=0,
        status="ok",
        reason=row.reason,
    )


def _fact(event: AlertEvent, alerts: Alerts, verdict: Verdicts | LabelVerdicts) -> Fact:
    key = (event.version, event.segment, event.alert)
    life = alerts.state.lives[verdict.source].get(key)
    standing = [one for one in verdict.findings if (one.version, one.segment, one.alert) == key]
    level = 0 if life is None else life.level
    return Fact(
        at=event.event_time,
        id=event.id,
        fingerprint=event.fingerprint,
        alert=event.alert,
        state=event.state,
        level=level,
        version=event.version,
        segment=event.segment,
        features=tuple(cause.feature for cause in event.causes if cause.feature),
        metrics=tuple(dict.fromkeys(cause.metric for cause in event.causes)),
        began=event.window.start,
        started_at=event.started_at,
        reason=event.reason,
        monitors=tuple(sorted({one.monitor for one in standing})),
        apart=_apart(standing, level),
        strength=max((one.weight for one in standing), default=0.0),
    )


def _apart(standing: list[Finding], level: int) -> int:
    """The level without what is a change since before alone; `level` where there is nothing of the kind."""
    if not any(one.trailing for one in standing):
        return level
    return max((one.level for one in standing if not one.trailing), default=0)


def _coverage(verdict: LabelVerdicts) -> float | None:
    """Label coverage of the longest window that moved, over the version with the least."""
    moved = [window for window in verdict.measures.windows if window.moved]
    if not moved:
        return None
    longest = max(moved, key=lambda window: window.window.size)
    table = longest.table("label_coverage")
    groups = () if table is None else tuple(group for group in table.groups if group[1] == WHOLE)
    shares = coverage_of(longest, groups)
    known = shares[~np.isnan(shares)]
    return float(known.min()) if len(known) else None
