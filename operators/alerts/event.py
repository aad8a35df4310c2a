"""The alert event: what goes to the alerts topic, with ids that depend on the input alone."""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING, Literal

import msgspec

from operators.alerts.label_reasons import label_reason
from operators.findings import Source
from operators.settings.alerts import ALERTS, OF_DRIFT, OF_LABELS
from windows.allowed import ABOVE, BELOW, NO_MEMBER, OFF_PATTERN
from windows.panes import duration_text
from windows.shares import OF_METRIC

if TYPE_CHECKING:
    from operators.findings import Finding

AlertState = Literal["firing", "updated", "resolved"]


MISSED = {
    BELOW: "below what is allowed",
    ABOVE: "above what is allowed",
    NO_MEMBER: "none of those allowed",
    OFF_PATTERN: "of another pattern than is allowed",
}
"""How values miss what they may be, in words."""

MAX_CAUSES = 100
"""Causes named in an event; the number of all is in the reason."""


class Cause(msgspec.Struct, frozen=True, omit_defaults=True):
    """One feature behind an alert; `share` of the total evidence past thresholds.

    `partner` is the feature that it no longer goes with; not there where none is known.
    """

    feature: str
    metric: str
    value: float
    share: float
    partner: str = ""


class EventWindow(msgspec.Struct, frozen=True):
    """Size as text, start and end in epoch ms."""

    size: str
    start: int
    end: int


class AlertEvent(msgspec.Struct, frozen=True):
    """One change of an alert. Times are epoch ms; `emitted_at` is set where the event leaves.

    `labels` are those that the config gives to the model.
    """

    id: str
    fingerprint: str
    alert: str
    state: AlertState
    severity: str
    model: str
    version: str
    segment: str
    monitor: str
    metric: str
    value: float
    lower: float
    upper: float
    threshold: float
    samples: int
    window: EventWindow
    causes: list[Cause]
    reason: str
    started_at: int
    ended_at: int | None
    event_time: int
    emitted_at: int | None
    runbook_url: str
    dashboard_url: str = ""
    labels: dict[str, str] = {}


def fingerprint_of(model: str, version: str, segment: str, alert: str) -> str:
    """What identifies an alert over its whole life: 16 hex digits of the hash of model, version, segment and alert."""
    return _digest(model, version, segment, alert)[:16]


def id_of(fingerprint: str, started_at: int, sequence: int, state: str, source: Source = Source.PREDICTIONS) -> str:
    """The id of one event of one life of an alert: the same input gives the same id, whatever crashed in between."""
    of_source = () if source == Source.PREDICTIONS else (source,)
    return _digest(fingerprint, str(started_at), str(sequence), state, *of_source)[:32]


def _digest(*parts: str) -> str:
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()


def causes_of(findings: list[Finding]) -> list[Cause]:
    """The findings of an alert as causes: each subject once, by its strongest finding, strongest first."""
    strongest: dict[str, Finding] = {}
    for finding in findings:
        known = strongest.get(finding.subject)
        if known is None or rank(finding) < rank(known):
            strongest[finding.subject] = finding
    ranked = sorted(strongest.values(), key=rank)
    weights = [finding.weight for finding in ranked]
    total = sum(weights)
    return [
        Cause(
            finding.feature,
            finding.metric,
            finding.value,
            round(weight / total, 4) if total else 0.0,
            finding.partner,
        )
        for finding, weight in zip(ranked, weights, strict=True)
    ][:MAX_CAUSES]


def rank(finding: Finding) -> tuple[float, float, str, str, int]:
    """What findings are ordered by: major before minor, stronger before weaker, then by name.

    A total order, so that equal evidence gives equal events.
    """
    return (-finding.level, -finding.strength, finding.feature, finding.monitor, finding.window.size)


def leading(findings: list[Finding]) -> Finding:
    """The finding that an alert is headed with."""
    return min(findings, key=rank)


def reason_of(model: str, finding: Finding, causes: list[Cause], total: int) -> str:
    """One sentence that a person woken at night understands."""
    who = f"{model} version {finding.version}" if finding.version else model
    where = f" for {finding.segment}" if finding.segment else ""
    others = _others(finding, causes, total)
    if finding.alert == "NoData":
        return (
            f"{who} has had no predictions for {finding.value:.0f} s (limit {finding.threshold:.0f} s),"
            " and none is waiting to be read."
        )
    if finding.alert == "FeatureStale":
        return (
            f"Feature {finding.feature} of {who} has had no value for {finding.value / 60:.0f} min"
            f" while predictions go on (limit {finding.threshold / 60:.0f} min){others}."
        )
    if finding.alert in {"ActionOverdue", "ActionFailed"}:
        return _action(finding, model, others)
    if finding.alert == "DataQuality":
        return _quality(finding, who, where, others)
    return _measured(finding, who, where, others)


def _measured(finding: Finding, who: str, where: str, others: str) -> str:
    """What was measured, and how far it is past its limit."""
    if finding.alert in OF_LABELS or not math.isnan(finding.coverage):
        return label_reason(who, where, finding, others)
    side = "below" if finding.falling else "above"
    measured = f"{finding.value:.4g} (interval {finding.lower:.4g} to {finding.upper:.4g})"
    evidence = (
        f"{side} {finding.threshold:g} over {duration_text(finding.window.size)} and {finding.samples} predictions"
    )
    if finding.alert == "SlaBreach":
        missed = f"the objective is not met{others}"
        return f"{finding.metric} of {who}{where} is {measured}, {evidence}: {missed}."
    if finding.alert in OF_DRIFT:
        subject = f"Feature {finding.feature}" if finding.feature else "The predictions"
        moved = f"changed: not what came {finding.against}" if finding.trailing else "moved away from the reference"
        happened, about = f"{subject} of {who}{where} {moved}", finding.metric
    else:
        happened = ALERTS[finding.alert].sentence.format(where=f"{who}{where}")
        about = f"{finding.metric} of {finding.feature} is" if finding.feature else f"{finding.metric} is"
        if finding.partner:
            about = f"{finding.feature} no longer goes with {finding.partner}, {finding.metric} is"
    return f"{happened}: {about} {measured}, {evidence}{others}."


def _quality(finding: Finding, who: str, where: str, others: str) -> str:
    if finding.metric == "blind_ratio":
        return f"{finding.value:.0%} of what is watched of {who} cannot be judged: {finding.against}."
    share = OF_METRIC.get(finding.metric)
    what = MISSED.get(finding.metric, finding.metric) if share is None else share.words
    return (
        f"{finding.value:.1%} of the values of {finding.feature} of {who}{where} were {what} over"
        f" {duration_text(finding.window.size)} (limit {finding.threshold:.1%}, {finding.samples} predictions){others}."
    )


def _action(finding: Finding, model: str, others: str) -> str:
    over = f"after {finding.value / 60:.0f} min (limit {finding.threshold / 60:.0f} min)"
    what = "has failed" if finding.alert == "ActionFailed" else "is not done"
    return f"The {finding.metric} of {model} {what} {over}{others}. It is {finding.against}"


def _others(finding: Finding, causes: list[Cause], total: int) -> str:
    """What else is to blame than the finding that the sentence is about."""
    if total <= 1:
        return ""
    about = finding.feature or finding.metric
    names = [name for name in (cause.feature or cause.metric for cause in causes) if name != about][:3]
    rest = total - 1 - len(names)
    more = f" and {rest} more" if rest > 0 else ""
    return f"; also {', '.join(names)}{more}" if names else ""
