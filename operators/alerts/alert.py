"""Alert: findings become alerts with a life: inactive, firing, updated, resolved.

Keyed by model; one alert per (version, segment, kind).

Forty drifted features are forty causes of one alert, told anew where that is news (see `operators.alerts.news`). An
alert ends only when none of its findings stands for `resolve_after`, and then names all that was part of it.

Findings come from two sources, predictions and labels, each with a clock of its own: labels are behind. A source only
advances the alerts that it feeds. One that both feed (an objective on latency and one on accuracy) fires while either
stands: each source fires and ends by itself, but its end is told only if the other does not stand at that moment of
event time, which is waited for. So what is sent depends on event time alone, not on which source was quicker.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Protocol

from operators.alerts.event import (
    AlertEvent,
    AlertState,
    EventWindow,
    causes_of,
    fingerprint_of,
    id_of,
    leading,
    reason_of,
)
from operators.alerts.links import model_dashboard
from operators.alerts.news import UPDATE_INTERVAL, is_news, joined, strongest_of
from operators.findings import Source
from windows.panes import duration_text
from windows.segments import WHOLE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from operators.findings import Finding

NOT_CLEARING = -1

STARTED_ANEW = "The model is compared with another reference from now on, so this says nothing about how it is now"

SEVERITIES = ("info", "warning", "critical")
"""From the least to the most severe."""

AlertKey = tuple[str, str, str]
"""(version, segment, alert)."""


class Verdict(Protocol):
    """What a judge found at one tick of its source; see Verdicts and LabelVerdicts."""

    @property
    def source(self) -> Source:
        """Whose clock `end` is."""

    @property
    def end(self) -> int:
        """The source's clock, ms."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Every breach that stands, new or old."""

    @property
    def silent(self) -> frozenset[AlertKey]:
        """Of which alerts findings were given up for long silence."""

    @property
    def anew(self) -> bool:
        """Whether nothing was known of the model before this tick."""

    def serves(self, version: str) -> bool:
        """Whether a version is watched still."""


@dataclass(frozen=True, slots=True)
class AlertConfig:
    """One model: severities by alert (minor, major), how long a condition must be gone (ms), where runbooks live.

    `shared` names the alerts that both sources may feed; `dashboards` is the address of Grafana, None for no links;
    `labels` are what its alerts carry beside their own.
    """

    model: str
    severity: dict[str, tuple[str, str]]
    resolve_after: int
    runbook_base_url: str
    shared: frozenset[str] = frozenset()
    dashboards: str | None = None
    labels: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Life:
    """One firing alert.

    Attributes:
        started_at: end of the pane it fired at, ms.
        level: the highest it has reached.
        sequence: events sent so far.
        clearing: since when none of its findings stands, ms; NOT_CLEARING.
        updated_at: when it last sent an event, ms.
        subjects: all that it has blamed in its events; see Finding.
        last: its leading finding.
        silent: its findings were given up, as there was nothing to measure any more.
        blamed: what it blamed at `heard_at`, told or not; empty where that is not known.
        heard_at: when that changed last, as far as actions and segments are concerned, ms.
        involved: subject -> its strongest finding in this life; of more than an event names, the strongest.
    """

    started_at: int
    level: int
    sequence: int
    clearing: int
    updated_at: int
    subjects: tuple[str, ...]
    last: Finding
    silent: bool = False
    blamed: tuple[str, ...] = ()
    heard_at: int = 0
    involved: dict[str, Finding] = field(default_factory=dict)


@dataclass(slots=True)
class AlertsState:
    """Firing alerts, and how many events were sent by (alert, state).

    Attributes:
        lives: by what feeds them.
        sent: events by (alert, state).
        clocks: source -> end of its latest tick, ms.
        withheld: (source, alert) -> ends that are not told before the other source has come as far.
        past: (source, alert) -> (start, end) of lives that ended since then; of shared alerts only.
    """

    lives: dict[Source, dict[AlertKey, Life]] = field(default_factory=lambda: {source: {} for source in Source})
    sent: dict[tuple[str, str], int] = field(default_factory=dict)
    version: ClassVar[int] = 2
    clocks: dict[Source, int] = field(default_factory=dict)
    withheld: dict[tuple[Source, AlertKey], list[AlertEvent]] = field(default_factory=dict)
    past: dict[tuple[Source, AlertKey], list[tuple[int, int]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Change:
    """What is new of an alert; not `told` where only actions hear of it: then it has the id of the latest event."""

    event: AlertEvent
    told: bool = True


@dataclass(frozen=True, slots=True)
class ActiveAlerts:
    """Every alert of a model that is firing now: (version, segment, alert, severity).

    And events sent so far by (alert, state). `clocks`: source -> end of its latest tick (ms); after a crash they are
    those of the last snapshot, and what fires is as of then. `labels`: what all carry beside their own.
    """

    model: str
    rows: tuple[tuple[str, str, str, str], ...]
    sent: dict[tuple[str, str], int]
    clocks: dict[Source, int] = field(default_factory=dict)
    labels: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class _LastTick:
    """The tick that a source was last heard at: nothing stands, nothing is forgotten."""

    source: Source
    end: int
    findings: tuple[Finding, ...] = ()
    silent: frozenset[AlertKey] = frozenset()
    anew: bool = False

    def serves(self, version: str) -> bool:
        """Whatever the version: it is the model that is gone."""
        del version
        return True


class Alerts:
    """The alerts of one model."""

    def __init__(self, config: AlertConfig, state: AlertsState) -> None:
        """Continue from `state`."""
        self.config = config
        self.state = state

    def __call__(self, verdicts: Verdict) -> list[AlertEvent]:
        """The events of one tick of one source."""
        return [change.event for change in self.changes(verdicts) if change.told]

    def changes(self, verdicts: Verdict) -> list[Change]:
        """What changes with one tick of one source, told or not."""
        source = verdicts.source
        events = self.end(STARTED_ANEW, (source,)) if verdicts.anew else []
        lives = self.state.lives[source]
        self.state.clocks[source] = verdicts.end
        standing = self._standing(verdicts.findings, lives)
        changed: list[Change] = []
        for key in sorted(standing.keys() | lives.keys()):
            change = self._advance(key, standing.get(key, []), verdicts, lives)
            if change is None:
                continue
            event = change.event
            if event.state == "resolved" and event.alert in self.config.shared:
                self.state.withheld.setdefault((source, key), []).append(event)
                self.state.past.setdefault((source, key), []).append((event.started_at, event.event_time))
            else:
                changed.append(change)
        ended = self._release()
        self._count([*(change.event for change in changed if change.told), *ended])
        return [*map(Change, events), *changed, *map(Change, ended)]

    def end(self, why: str, sources: Iterable[Source] = tuple(Source)) -> list[AlertEvent]:
        """The last word of every alert that these sources feed: the model is watched no more, or in another way.

        An alert that another source keeps alive goes on.

        Args:
            why: begins the reason of each, without a full stop.
            sources: whose alerts.
        """
        state, ended = self.state, frozenset(sources)
        events = []
        alive = {key for source, lives in state.lives.items() if source not in ended for key in lives}
        for source in (one for one in Source if one in ended):
            last = _LastTick(source, state.clocks.get(source, 0))
            lives = sorted((key, life) for key, life in state.lives[source].items() if key not in alive)
            events += [self._say(key, life, "resolved", [], last, why) for key, life in lives]
        fired = alive | {key for source in ended for key in state.lives[source]}
        mine = {at: held for at, held in state.withheld.items() if at[0] in ended}
        events += [event for (_, key), held in mine.items() if key not in fired for event in held]
        state.lives = {source: {} if source in ended else lives for source, lives in state.lives.items()}
        state.withheld = {at: held for at, held in state.withheld.items() if at not in mine}
        state.past = {at: held for at, held in state.past.items() if at[0] not in ended}
        self._count(events)
        return events

    def _count(self, events: Iterable[AlertEvent]) -> None:
        for event in events:
            count = (event.alert, event.state)
            self.state.sent[count] = self.state.sent.get(count, 0) + 1

    def _release(self) -> list[AlertEvent]:
        """Ends that can be told now: every other source has come as far, and none stands there."""
        state = self.state
        events = []
        for (source, key), held in sorted(state.withheld.items()):
            others = [other for other in Source if other != source]
            passed = [event for event in held if self._are_past(others, event.event_time)]
            stood = (any(self._stood(other, key, event.event_time) for other in others) for event in passed)
            events += [event for event, told in zip(passed, stood, strict=True) if not told]
            state.withheld[source, key] = held[len(passed) :]
            if not state.withheld[source, key]:
                del state.withheld[source, key]
        behind = min(state.clocks.values())
        for at, ended in list(state.past.items()):
            state.past[at] = [life for life in ended if life[1] >= behind]
            if not state.past[at]:
                del state.past[at]
        return events

    def _are_past(self, sources: Iterable[Source], moment: int) -> bool:
        """Whether these have come as far; one without a clock never comes."""
        return all(self.state.clocks.get(source, moment) >= moment for source in sources)

    def _stood(self, source: Source, key: AlertKey, moment: int) -> bool:
        """Whether a source stood at a moment that it has passed. Of two that end together, labels end last."""
        life = self.state.lives.get(source, {}).get(key)
        if life is not None and life.started_at <= moment:
            return True
        last = moment if source == Source.LABELS else moment + 1
        return any(start <= moment and end >= last for start, end in self.state.past.get((source, key), ()))

    def _standing(self, findings: Iterable[Finding], lives: dict[AlertKey, Life]) -> dict[AlertKey, list[Finding]]:
        """Findings by alert. What the whole of a version shows is not told again for each of its segments."""
        standing: dict[AlertKey, list[Finding]] = {}
        for finding in findings:
            standing.setdefault((finding.version, finding.segment, finding.alert), []).append(finding)
        for key in [key for key in standing if key[1] != WHOLE and key not in lives]:
            whole = (key[0], WHOLE, key[2])
            told = {finding.feature for finding in standing.get(whole, []) if not finding.trailing}
            life = lives.get(whole)
            if life is not None:  # an alert without features blames metrics; they are told together
                told.update((life.blamed or life.subjects) if life.last.feature else ("",))
            standing[key] = [finding for finding in standing[key] if finding.feature not in told]
            if not standing[key]:
                del standing[key]
        return standing

    def active(self) -> ActiveAlerts:
        """What is firing now."""
        severities: dict[AlertKey, set[str]] = {}
        for lives in self.state.lives.values():
            for key, life in lives.items():
                severities.setdefault(key, set()).add(self._severity(key[2], life.level))
        for (_, key), held in self.state.withheld.items():
            severities.setdefault(key, set()).update(event.severity for event in held)
        rows = tuple((*key, max(found, key=SEVERITIES.index)) for key, found in sorted(severities.items()))
        labels = tuple(sorted(self.config.labels.items()))
        return ActiveAlerts(self.config.model, rows, dict(self.state.sent), dict(self.state.clocks), labels)

    def _advance(
        self, key: AlertKey, findings: list[Finding], verdicts: Verdict, lives: dict[AlertKey, Life]
    ) -> Change | None:
        now = verdicts.end
        life = lives.get(key)
        if life is None:
            return Change(self._fire(key, findings, verdicts, lives))
        if not findings:
            ended = self._clear(key, life, verdicts, lives)
            return None if ended is None else Change(ended)
        life.clearing, life.silent = NOT_CLEARING, False
        strongest, blamed = strongest_of(findings), _blamed(findings)
        life.last = leading(list(strongest.values()))
        life.involved = joined(life.involved, strongest)
        worse = life.last.level > life.level
        told = worse or is_news(strongest, life.subjects, life.involved, life.updated_at, now)
        moved = blamed != life.blamed and now - life.heard_at >= UPDATE_INTERVAL
        if not (told or moved):
            return None
        life.level = max(life.level, life.last.level)
        life.blamed, life.heard_at = blamed, now
        if not told:
            return Change(self._event(key, life, "updated", findings, verdicts), told=False)
        life.subjects = tuple(sorted({*life.subjects, *strongest}))
        return Change(self._say(key, life, "updated", findings, verdicts))

    def _fire(
        self, key: AlertKey, findings: list[Finding], verdicts: Verdict, lives: dict[AlertKey, Life]
    ) -> AlertEvent:
        first, now, strongest = leading(findings), verdicts.end, strongest_of(findings)
        life = Life(now, first.level, 0, NOT_CLEARING, now, tuple(sorted(strongest)), first)
        life.blamed, life.heard_at, life.involved = _blamed(findings), now, joined({}, strongest)
        lives[key] = life
        return self._say(key, life, "firing", findings, verdicts)

    def _clear(self, key: AlertKey, life: Life, verdicts: Verdict, lives: dict[AlertKey, Life]) -> AlertEvent | None:
        now = verdicts.end
        life.silent = life.silent or key in verdicts.silent
        if life.clearing == NOT_CLEARING:
            life.clearing = now
        if now - life.clearing < self.config.resolve_after:
            return None
        del lives[key]
        return self._say(key, life, "resolved", [], verdicts, self._ending(key, life, verdicts))

    def _ending(self, key: AlertKey, life: Life, verdicts: Verdict) -> str:
        if key[0] and not verdicts.serves(key[0]):
            return f"Version {key[0]} has served nothing for so long that it is watched no more"
        if life.silent:
            return "For a day there was nothing to measure: this says nothing about how it is now"
        return f"Back to normal for {duration_text(self.config.resolve_after)}"

    def _say(
        self, key: AlertKey, life: Life, state: AlertState, findings: list[Finding], verdicts: Verdict, ending: str = ""
    ) -> AlertEvent:
        """The next event of an alert; the one that ends it names all that was part of it."""
        life.sequence += 1
        life.updated_at = verdicts.end
        return self._event(key, life, state, findings, verdicts, ending)

    def _event(
        self, key: AlertKey, life: Life, state: AlertState, findings: list[Finding], verdicts: Verdict, ending: str = ""
    ) -> AlertEvent:
        version, segment, alert = key
        now = verdicts.end
        fingerprint = fingerprint_of(self.config.model, version, segment, alert)
        named = "firing" if life.sequence == 1 else state
        causes = causes_of(findings or list(life.involved.values()) or [life.last])
        subjects = {finding.subject for finding in findings} or {*life.subjects, *life.involved}
        reason = reason_of(self.config.model, life.last, causes, len(subjects))
        if ending:
            reason = f"{ending}. It was: {reason}"
        return AlertEvent(
            id=id_of(fingerprint, life.started_at, life.sequence, named, verdicts.source),
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
            dashboard_url=model_dashboard(
                self.config.dashboards,
                (self.config.model, version, segment),
                life.started_at,
                now if state == "resolved" else None,
            ),
            labels=self.config.labels,
        )

    def _severity(self, alert: str, level: int) -> str:
        minor, major = self.config.severity[alert]
        return major if level == 2 else minor


def _blamed(findings: list[Finding]) -> tuple[str, ...]:
    """What an alert blames, as far as actions are concerned.

    Beside changes since what came before it matters how far the others have come, too: see `operators.action_steps`.
    """
    subjects = tuple(sorted({finding.subject for finding in findings}))
    apart = max((finding.level for finding in findings if not finding.trailing), default=0)
    return (*subjects, f"level {apart}") if any(finding.trailing for finding in findings) else subjects
