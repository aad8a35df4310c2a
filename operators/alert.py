"""Alert: findings become alerts with a life: inactive, firing, updated, resolved.

Keyed by model; one alert per (version, segment, kind).

Forty drifted features are forty causes of one alert. An alert ends only when none of its findings stands for
`resolve_after`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from operators.alert_event import (
    AlertEvent,
    AlertState,
    EventWindow,
    causes_of,
    fingerprint_of,
    id_of,
    leading,
    reason_of,
)
from windows.layout import WHOLE
from windows.panes import duration_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from operators.findings import Finding
    from operators.judge import Verdicts

STATE_VERSION = 1

NOT_CLEARING = -1

AlertKey = tuple[str, str, str]
"""(version, segment, alert)."""

UPDATE_INTERVAL = 300_000
"""A changed list of causes is news at most this often (ms); a higher severity always is."""


@dataclass(frozen=True, slots=True)
class AlertConfig:
    """One model: severities by alert (minor, major), how long a condition must be gone (ms), where runbooks live."""

    model: str
    severity: dict[str, tuple[str, str]]
    resolve_after: int
    runbook_base_url: str


@dataclass(slots=True)
class Life:
    """One firing alert.

    Attributes:
        started_at: end of the pane it fired at, ms.
        level: the highest it has reached.
        sequence: events sent so far.
        clearing: since when none of its findings stands, ms; NOT_CLEARING.
        updated_at: when it last sent an event, ms.
        features: the features it named then.
        last: its leading finding, for the event that ends it.
    """

    started_at: int
    level: int
    sequence: int
    clearing: int
    updated_at: int
    features: tuple[str, ...]
    last: Finding


@dataclass(slots=True)
class AlertsState:
    """Firing alerts, and how many events were sent by (alert, state)."""

    lives: dict[AlertKey, Life] = field(default_factory=dict)
    sent: dict[tuple[str, str], int] = field(default_factory=dict)
    format: int = STATE_VERSION


@dataclass(frozen=True, slots=True)
class ActiveAlerts:
    """Every alert of a model that is firing now: (version, segment, alert, severity).

    And events sent so far by (alert, state).
    """

    model: str
    rows: tuple[tuple[str, str, str, str], ...]
    sent: dict[tuple[str, str], int]


class Alerts:
    """The alerts of one model."""

    def __init__(self, config: AlertConfig, state: AlertsState) -> None:
        """Continue from `state`."""
        self.config = config
        self.state = state

    def __call__(self, verdicts: Verdicts) -> list[AlertEvent]:
        """The events of one tick."""
        standing = self._standing(verdicts.findings)
        events = []
        for key in sorted(standing.keys() | self.state.lives.keys()):
            event = self._advance(key, standing.get(key, []), verdicts)
            if event is not None:
                events.append(event)
                count = (event.alert, event.state)
                self.state.sent[count] = self.state.sent.get(count, 0) + 1
        return events

    def _standing(self, findings: Iterable[Finding]) -> dict[AlertKey, list[Finding]]:
        """Findings by alert. What the whole of a version shows is not told again for each of its segments."""
        standing: dict[AlertKey, list[Finding]] = {}
        for finding in findings:
            standing.setdefault((finding.version, finding.segment, finding.alert), []).append(finding)
        for key in [key for key in standing if key[1] != WHOLE and key not in self.state.lives]:
            whole = (key[0], WHOLE, key[2])
            told = set(_features(standing.get(whole, [])))
            life = self.state.lives.get(whole)
            if life is not None:
                told.update(life.features)
            standing[key] = [finding for finding in standing[key] if finding.feature not in told]
            if not standing[key]:
                del standing[key]
        return standing

    def active(self) -> ActiveAlerts:
        """What is firing now."""
        rows = tuple((*key, self._severity(key[2], life.level)) for key, life in sorted(self.state.lives.items()))
        return ActiveAlerts(self.config.model, rows, dict(self.state.sent))

    def _advance(self, key: AlertKey, findings: list[Finding], verdicts: Verdicts) -> AlertEvent | None:
        now = verdicts.end
        life = self.state.lives.get(key)
        if life is None:
            return self._fire(key, findings, now)
        if not findings:
            return self._clear(key, life, verdicts)
        life.clearing = NOT_CLEARING
        life.last = leading(findings)
        features = _features(findings)
        worse = life.last.level > life.level
        changed = features != life.features and now - life.updated_at >= UPDATE_INTERVAL
        if not (worse or changed):
            return None
        life.level = max(life.level, life.last.level)
        life.features = features
        return self._event(key, life, "updated", findings, now)

    def _fire(self, key: AlertKey, findings: list[Finding], now: int) -> AlertEvent:
        first = leading(findings)
        life = Life(now, first.level, 0, NOT_CLEARING, now, _features(findings), first)
        self.state.lives[key] = life
        return self._event(key, life, "firing", findings, now)

    def _clear(self, key: AlertKey, life: Life, verdicts: Verdicts) -> AlertEvent | None:
        now = verdicts.end
        if life.clearing == NOT_CLEARING:
            life.clearing = now
        if now - life.clearing < self.config.resolve_after:
            return None
        del self.state.lives[key]
        gone = key[0] and key[0] not in verdicts.header.seen
        ending = (
            f"Version {key[0]} has served nothing for so long that it is watched no more"
            if gone
            else f"Back to normal for {duration_text(self.config.resolve_after)}"
        )
        return self._event(key, life, "resolved", [], now, ending)

    def _event(
        self, key: AlertKey, life: Life, state: AlertState, findings: list[Finding], now: int, ending: str = ""
    ) -> AlertEvent:
        version, segment, alert = key
        life.sequence += 1
        life.updated_at = now
        fingerprint = fingerprint_of(self.config.model, version, segment, alert)
        causes = causes_of(findings or [life.last])
        reason = reason_of(self.config.model, life.last, causes, len(_features(findings)))
        if ending:
            reason = f"{ending}. It was: {reason}"
        return AlertEvent(
            id=id_of(fingerprint, life.started_at, life.sequence, state),
            fingerprint=fingerprint,
            alert=alert,
            state=state,
            severity=self._severity(alert, life.level),
            model=self.config.model,
            version=version,
            segment=segment,
            monitor=life.last.monitor,
            metric=life.last.metric,
            value=life.last.value,
            lower=life.last.lower,
            upper=life.last.upper,
            threshold=life.last.threshold,
            samples=life.last.samples,
            window=EventWindow(duration_text(life.last.window.size), life.last.window.start, life.last.window.end),
            causes=causes,
            reason=reason,
            started_at=life.started_at,
            ended_at=now if state == "resolved" else None,
            event_time=now,
            emitted_at=None,
            runbook_url=f"{self.config.runbook_base_url}/{alert}.md",
        )

    def _severity(self, alert: str, level: int) -> str:
        minor, major = self.config.severity[alert]
        return major if level == 2 else minor


def _features(findings: list[Finding]) -> tuple[str, ...]:
    return tuple(sorted({finding.feature for finding in findings}))
