"""Triggers: what is wanted at a moment, by whom, and what stands behind it. Whether it may be is for the guards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from operators.actions.canary import differs, verdict
from operators.actions.event import Trigger
from operators.actions.need import key_of as need_key
from operators.settings.actions import LEVELS
from operators.settings.alerts import OF_DRIFT, OF_PERFORMANCE
from windows.panes import duration_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from operators.actions.inputs import Control, Fact
    from operators.actions.state import ActState, Plan, Standing
    from operators.settings.actions import OnAlert, RetrainSettings

RANK = {name: rank for rank, name in enumerate(("fallback", "rollback", "promote", "retrain", "review", "notify"))}
"""The stronger action first: of several that one cause asks for, the first alone is taken."""

HOUR = 3_600_000
DAY = 24 * HOUR


@dataclass(frozen=True, slots=True)
class Want:
    """An action that is asked for.

    Attributes:
        action: its name.
        trigger: what asks.
        key: what makes it one of its own: nominal time of the schedule, alert and its beginning, or control message.
        version: that it is about.
        causes: alerts behind it, the leading one first.
        cooldown: ms from the last one.
        complete_within: ms.
        approval: whether somebody has to agree.
        via: connectors.
        reason: a sentence.
        manual: asked for by a person.
        target: version to go to, where that is known; else a rollback finds one.
        probability: of need, where that asks for it.
    """

    action: str
    trigger: Trigger
    key: str
    version: str
    causes: tuple[Standing, ...]
    cooldown: int
    complete_within: int
    approval: bool
    via: tuple[str, ...]
    reason: str
    manual: bool = False
    target: str | None = None
    probability: float | None = None

    @property
    def themes(self) -> frozenset[str]:
        """What is behind it, whatever the version."""
        return frozenset(theme for standing in self.causes for theme in themes_of(standing.fact))


def themes_of(fact: Fact) -> Iterator[str]:
    """What an alert is about: its kind, segment, and each feature, or metric where it has no features."""
    named = [name for name in fact.features if name] or list(fact.metrics)
    return (f"{fact.alert}/{fact.segment}/{name}" for name in named)


def key_of(standing: Standing) -> str:
    """What tells this life of this alert from all others."""
    return f"{standing.fact.fingerprint}@{standing.fact.started_at}"


def conditions(plan: Plan) -> dict[str, Callable[[Fact], bool]]:
    """The condition of each rule on an alert: what must be so for as long as the rule says."""
    found: dict[str, Callable[[Fact], bool]] = {}
    retrain = plan.retrain
    if retrain is not None and retrain.drift is not None:
        found["drift"] = lambda fact: _drifts(retrain, fact)
    if retrain is not None and retrain.performance is not None:
        least = retrain.performance.least
        found["performance"] = lambda fact: fact.alert in OF_PERFORMANCE and not fact.segment and fact.level >= least
    for number, rule in enumerate(plan.on):
        found[f"on.{number}"] = _condition(rule)
    return found


def waits(plan: Plan) -> dict[str, int]:
    """How long (ms) the condition of each rule must have been met."""
    found = {f"on.{number}": rule.lasts for number, rule in enumerate(plan.on)}
    retrain = plan.retrain
    if retrain is not None and retrain.drift is not None:
        found["drift"] = retrain.drift.lasts
    if retrain is not None and retrain.performance is not None:
        found["performance"] = retrain.performance.lasts
    return found


def wanted(plan: Plan, state: ActState, now: int) -> list[Want]:
    """All that is wanted at a moment, the stronger first; of one cause the strongest action alone."""
    found = [*_manual(plan, state), *_on(plan, state, now), *_canary(plan, state), *_retrain(plan, state, now)]
    found.sort(key=lambda want: (RANK[want.action], not want.manual, want.key))
    taken: set[str] = set()
    kept = []
    for want in found:
        if want.key not in taken:
            kept.append(want)
            taken.add(want.key)
    return kept


def _drifts(retrain: RetrainSettings, fact: Fact) -> bool:
    drift = retrain.drift
    if drift is None or fact.alert not in OF_DRIFT or fact.segment or fact.for_training < drift.least:
        return False
    return drift.features is None or not set(drift.features).isdisjoint(fact.features)


def _condition(rule: OnAlert) -> Callable[[Fact], bool]:
    def met(fact: Fact) -> bool:
        level = fact.for_training if rule.action == "retrain" else fact.level
        fits = fact.alert == rule.alert and level >= LEVELS[rule.level] and (rule.segments or not fact.segment)
        named = rule.monitor is None or rule.monitor in fact.monitors
        return fits and named and (rule.metric is None or rule.metric in fact.metrics)

    return met


def _met(state: ActState, name: str, wait: int, now: int) -> list[Standing]:
    """Alerts that have met a rule's condition for long enough, the worst and oldest first."""
    found = [one for one in state.alerts.values() if name in one.since and one.since[name] + wait <= now]
    return sorted(found, key=lambda one: (-one.fact.level, one.fact.started_at, one.fact.fingerprint))


def _manual(plan: Plan, state: ActState) -> Iterator[Want]:
    for control in state.manual:
        yield _asked(plan, state, control)


def _asked(plan: Plan, state: ActState, control: Control) -> Want:
    retrain = plan.retrain
    rule = next((one for one in plan.on if one.action == control.action), None)
    within: int = HOUR
    via: tuple[str, ...] = ()
    if rule is not None:
        within, via = rule.complete_within, rule.via
    if control.action == "retrain" and retrain is not None:
        within, via = retrain.complete_within, retrain.via
    said = f": {control.reason}" if control.reason else ""
    reason = f"{control.by or 'Somebody'} asks for a {control.action} of {plan.model}{said}"
    version = state.current if control.version is None else control.version
    return Want(
        control.action, Trigger.MANUAL, control.id, version, (), 0, within, approval=False, via=via, reason=reason,
        manual=True,
    )  # fmt: skip


def _on(plan: Plan, state: ActState, now: int) -> Iterator[Want]:
    for number, rule in enumerate(plan.on):
        for one in _met(state, f"on.{number}", rule.lasts, now):
            yield Want(
                action=rule.action,
                trigger=Trigger.SLA if rule.alert == "SlaBreach" else Trigger.ALERT,
                key=key_of(one),
                version=one.fact.version,
                causes=(one,),
                cooldown=rule.cooldown,
                complete_within=rule.complete_within,
                approval=rule.approval == "always",
                via=rule.via,
                reason=f"{one.fact.alert} asks for a {rule.action} of {_who(plan, one.fact)}: {one.fact.reason}",
            )


def _canary(plan: Plan, state: ActState) -> Iterator[Want]:
    canary, reading = plan.canary, state.canary
    if canary is None or reading is None or reading.key in state.judged:
        return
    found = verdict(canary, reading, differs(state, reading))
    if found is None:
        return
    acted = found.action != "review"
    yield Want(
        action=found.action,
        trigger=Trigger.CANARY,
        key=reading.key,
        version=reading.candidate,
        causes=(),
        cooldown=DAY if found.action == "rollback" else 0,
        complete_within=canary.complete_within,
        approval=acted and canary.approval == "always",
        via=canary.via if acted else (),
        reason=f"{plan.model} version {reading.candidate} beside {reading.champion}: {found.words}",
        target={"rollback": reading.champion, "promote": reading.candidate}.get(found.action),
    )


def _retrain(plan: Plan, state: ActState, now: int) -> Iterator[Want]:
    """By performance, by drift, by the schedule; causes that stand together are told together."""
    retrain = plan.retrain
    if retrain is None:
        return
    waiting = waits(plan)
    drifted = _met(state, "drift", waiting.get("drift", 0), now)
    dropped = _met(state, "performance", waiting.get("performance", 0), now)
    for trigger, leading, others in (
        (Trigger.PERFORMANCE, dropped, drifted),
        (Trigger.DRIFT, drifted, dropped),
    ):
        for one in leading:
            causes = (one, *(other for other in (*leading, *others) if other is not one))
            yield Want(
                action="retrain",
                trigger=trigger,
                key=key_of(one),
                version=one.fact.version,
                causes=causes,
                cooldown=retrain.cooldown,
                complete_within=retrain.complete_within,
                approval=retrain.approval == "always" or (retrain.approval == "drift" and trigger == Trigger.DRIFT),
                via=retrain.via,
                reason=f"{_who(plan, one.fact)} is to be trained anew: {one.fact.reason}",
            )
    yield from _needed(plan, state, retrain, (*dropped, *drifted), now)
    due = state.due
    if retrain.schedule is not None and due is not None:
        yield Want(
            action="retrain",
            trigger=Trigger.SCHEDULED,
            key=str(due),
            version=state.current,
            causes=(),
            cooldown=retrain.cooldown,
            complete_within=retrain.complete_within,
            approval=retrain.approval == "always",
            via=retrain.via,
            reason=f"{plan.model} is to be trained anew by its schedule: {retrain.schedule.cron} in "
            f"{retrain.schedule.timezone}",
        )


def _needed(
    plan: Plan, state: ActState, retrain: RetrainSettings, causes: tuple[Standing, ...], now: int
) -> Iterator[Want]:
    """By a probability that has stood for long enough, of the newest version."""
    need, version = plan.need, state.current
    since = state.need.since.get(version)
    if need is None or need.above is None or since is None or since + need.lasts > now:
        return
    chance = state.need.latest[version]
    over = duration_text(need.slice * need.slices)
    yield Want(
        action="retrain",
        trigger=Trigger.PROBABILITY,
        key=need_key(version, since),
        version=version,
        causes=causes,
        cooldown=retrain.cooldown,
        complete_within=retrain.complete_within,
        approval=retrain.approval != "never",
        via=retrain.via,
        reason=f"{plan.model} version {version} is to be trained anew: with a probability of {chance.value:.2f} "
        f"({chance.source}) its {need.metric} over the {over} to come will be worse by {need.loss:g} or more than when "
        "it was new",
        probability=chance.value,
    )


def _who(plan: Plan, fact: Fact) -> str:
    return f"{plan.model} version {fact.version}" if fact.version else plan.model
