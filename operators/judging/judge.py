"""Judge: evaluations become findings. Knows thresholds and hysteresis, never who is told.

Keyed by model. The windows of a model are measured in different places, so the judge first brings together what
belongs to the same tick: it
waits until every slice that a header announced has been measured, and judges ticks in order. What it decides does not
depend on who came first.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from operators.findings import Finding, Source
from operators.judging import blind
from operators.judging.anomaly import Partners, told_once
from operators.judging.blind import Blind, BlindState
from operators.judging.changes import Changes
from operators.judging.decision import StreamState, advance
from operators.judging.evaluations import Evaluation, rows_of
from operators.judging.freshness import FreshnessConfig, fresh_findings, silent_from
from operators.judging.objectives import ObjectiveStanding
from operators.judging.quiet import QuietConfig, QuietState, next_quiet, passed
from operators.judging.readings import oriented, readings_of
from operators.judging.sheet import Sheets
from operators.judging.sheet_plan import RATE
from operators.judging.streams import StreamKey, finding_of, forget, measurable
from operators.plans.measures import MOMENTS
from operators.predictions.close import NEVER
from operators.predictions.slices import Header
from operators.tables import RECONSTRUCTION, Kind, Measures
from windows.segments import WHOLE
from windows.statistics.gaps import Gaps

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from operators.judging.sheet import Sheet
    from operators.judging.sheet_plan import Stretch
    from operators.plans.monitors import Monitor
    from operators.tables import Part, Table

OF_PREDICTION = "prediction"
"""Stands behind the features where shares of values of another type are told: predictions have one, too."""
ALONE = 12
"""So many headers and measures come with a pane: with more, windows are looked at several times."""
Wholes = frozenset[tuple[str, str]]
"""(monitor, version)."""


@dataclass(frozen=True, slots=True)
class JudgeConfig:
    """One model: its monitors, freshness limits, and whether evaluations are wanted as rows, or their changes.

    `quiet` where ticks are left out in which nothing can change. `numeric` are the features that have moments.
    """

    model: str
    monitors: tuple[Monitor, ...]
    freshness: FreshnessConfig
    evaluations: bool
    changes: bool = False
    quiet: QuietConfig | None = None
    pane: int = 10_000
    partners: Partners = field(default_factory=dict)
    numeric: tuple[str, ...] = ()

    def columns(self, monitor: Monitor) -> tuple[str, ...]:
        """Names of the elements of a monitor's streams."""
        if monitor.metric in MOMENTS:
            return self.numeric
        if monitor.kind in {Kind.FEATURE, Kind.QUALITY}:
            return (*self.freshness.features, OF_PREDICTION)
        return (*self.partners, "") if monitor.metric == RECONSTRUCTION else ("",)


@dataclass(slots=True)
class JudgeState:
    """Ticks that wait for measures, measures that came before their header, and streams of which something fires."""

    headers: deque[Header] = field(default_factory=deque)
    waiting: dict[tuple[Part, int], Measures] = field(default_factory=dict)
    streams: dict[StreamKey, StreamState] = field(default_factory=dict)
    objectives: dict[tuple[str, str], ObjectiveStanding] = field(default_factory=dict)
    quiet: QuietState = field(default_factory=QuietState)
    gaps: Gaps = field(default_factory=Gaps)
    blind: BlindState = field(default_factory=BlindState)
    version: ClassVar[int] = 1


@dataclass(frozen=True, slots=True)
class Verdicts:
    """All that is found of a model at one tick.

    Attributes:
        end: end of the pane, ms.
        header: the tick's facts.
        findings: every breach that stands, new or old.
        evaluations: rows for the evaluations topic; empty when not wanted.
        objectives: where every objective of every version stood when last measured.
        silent: (version, segment, alert) of which findings were given up at this tick: for long there was nothing to
            measure.
        blind: what could not be judged although rows came; None before the first look.
        anew: nothing was known of the model before.
    """

    end: int
    header: Header
    findings: tuple[Finding, ...]
    evaluations: tuple[Evaluation, ...]
    objectives: tuple[ObjectiveStanding, ...]
    silent: frozenset[tuple[str, str, str]] = frozenset()
    blind: Blind | None = None
    anew: bool = False

    @property
    def source(self) -> Source:
        """Whose clock `end` is."""
        return Source.PREDICTIONS

    def serves(self, version: str) -> bool:
        """Whether a version has been seen of late."""
        return version in self.header.seen


class Judge:
    """Judges one model."""

    def __init__(self, config: JudgeConfig, state: JudgeState, *, anew: bool = False) -> None:
        """Continue from `state`; `anew` where there was none."""
        self.config = config
        self.state = state
        self.anew = anew
        self.changes = Changes() if config.changes else None
        self.stale = False
        self.by_name = {monitor.name: monitor for monitor in config.monitors}
        self.judged = {(one.name, size): one.alert for one in config.monitors for size in one.windows}
        self.promised = {monitor.objective for monitor in config.monitors}
        by_table: dict[tuple[Part, str, str], list[Monitor]] = {}
        for monitor in config.monitors:
            for size in monitor.windows:
                by_table.setdefault((monitor.trail or size, monitor.kind, monitor.metric), []).append(monitor)
        self.sheets = Sheets(by_table)

    def __call__(self, items: list[Header | Measures]) -> list[Verdicts]:
        """Take headers and measures in any order; give the verdicts of every tick that is complete."""
        for item in items:
            if isinstance(item, Header):
                self.state.headers.append(item)
            else:
                self.state.waiting[item.part, item.index] = item
        if len(items) > ALONE:
            self.sheets.lay_out(item for item in items if isinstance(item, Measures))
        done: list[Verdicts] = []
        while self.state.headers and all(due in self.state.waiting for due in self.state.headers[0].due):
            header = self.state.headers.popleft()
            done += self._quiet(header.end)
            done.append(self._tick(header, [self.state.waiting.pop(due) for due in header.due]))
        return done

    def _tick(self, header: Header, measured: list[Measures]) -> Verdicts:
        evaluations: list[Evaluation] = []
        looked: set[StreamKey] = set()
        wholes: dict[Part, Wholes] = {}
        for measures in measured:
            there: Wholes = frozenset()
            if measures.tables:
                sheet = self.sheets(measures)
                there = self._judge(measures, sheet, header, looked)
                if self.config.evaluations and (measures.changed or self.changes is None):
                    evaluations += rows_of(measures, sheet, self.changes, header.variation)
            wholes[measures.part] = wholes.get(measures.part, frozenset()) | there
        self._conclude(header)
        if self.config.quiet is not None:
            self.state.quiet.looks.update((measures.part, measures.end) for measures in measured)
            self.state.quiet.wholes.update(wholes)
        return self._verdicts(header, looked, evaluations)

    def _judge(self, measures: Measures, sheet: Sheet, header: Header, looked: set[StreamKey]) -> Wholes:
        """Judge a window by all who read it, adding what is measurable to `looked`; which wholes are."""
        plan, streams = sheet.plan, self.state.streams
        due = [numbers for monitor, numbers in plan.monitors if self._looks(monitor, measures)]
        touched = set(np.flatnonzero(sheet.highest).tolist())
        touched.update(plan.place[key] for key in streams if key in plan.place)
        for at in sorted(touched):
            stretch = plan.stretches[at]
            level, usual = sheet.level[stretch.start : stretch.stop], stretch.monitor.usual
            advance(streams, stretch.key, sheet.readings_of(stretch), measures.end, measures.window.size, level, usual)
        present = sheet.present.tolist()
        for at in plan.promised:
            if present[at]:
                self._promise(plan.stretches[at], sheet)
        looking = [at for numbers in due for at in numbers if present[at] and plan.stretches[at].key[2] in header.seen]
        if looking:
            covered = [self._covers(measures, header, plan.stretches[at].key[2]) for at in looking]
            blind.look_at_all(self.state.blind, sheet, looking, covered, measures.window.size, measures.end)
        found = plan.keys
        if not all(present):
            found = frozenset(one.key for one, there in zip(plan.stretches, present, strict=True) if there)
        looked |= found
        wholes = plan.wholes if found is plan.keys else wholes_of(found)
        for table, monitor in plan.apart:
            found = self._judge_apart(monitor, measures, sheet.tables[table], header)
            looked |= found
            wholes |= wholes_of(found)
        return wholes

    def _promise(self, stretch: Stretch, sheet: Sheet) -> None:
        """Where an objective stands."""
        worst = float(np.nanmax(sheet.readings.value[stretch.start : stretch.stop]))
        self._set(stretch.monitor, stretch.key, worst, violated=stretch.key in self.state.streams)

    def _set(self, monitor: Monitor, key: StreamKey, worst: float, *, violated: bool) -> None:
        if monitor.objective is not None:
            value, version = oriented(monitor, worst), key[2]
            self.state.objectives[version, monitor.objective] = ObjectiveStanding(
                version, monitor.objective, monitor.lowest, value, violated
            )

    def _covers(self, measures: Measures, header: Header, version: str) -> int:
        """How much (ms) lies between the first that was seen of a version and the end of a window."""
        return measures.end - header.seen[version].first + self.config.pane

    def _part(self, key: StreamKey) -> Part:
        """What a stream looks at; where its monitor is no more, whatever has its size."""
        monitor = self.by_name.get(key[0])
        return key[1] if monitor is None or not monitor.trail else monitor.trail

    def _quiet(self, before: int) -> Iterator[Verdicts]:
        """The ticks that were left out before a tick, where anything happens of itself."""
        config, quiet = self.config.quiet, self.state.quiet
        while config is not None and (header := self._next_quiet(config, before)):
            looked: set[StreamKey] = set()
            for part, slide in config.slides.items():
                if header.end % slide == 0 and part in quiet.looks:
                    self._look_again(part, header.end, looked)
            yield self._verdicts(header, looked, [])

    def _next_quiet(self, config: QuietConfig, before: int) -> Header | None:
        parts = {key: self._part(key) for key in self.state.streams}
        return next_quiet(config, self.state.quiet, self.state.streams, parts, before, self._silent)

    def _silent(self, header: Header) -> int:
        """When (ms) there will be NoData, if nothing comes."""
        return silent_from(self.config.freshness, self.state.gaps, header)

    def _look_again(self, part: Part, end: int, looked: set[StreamKey]) -> None:
        """Look at a window as it was at its latest look: its streams take the same readings once more."""
        streams, quiet = self.state.streams, self.state.quiet
        last = quiet.looks[part]
        for key in [key for key in streams if self._part(key) == part]:
            readings = streams[key].readings
            if readings is None or streams[key].advanced != last:
                continue
            monitor = self.by_name.get(key[0])
            usual = 0.0 if monitor is None else monitor.usual
            stays = advance(streams, key, readings, end, key[1], usual=usual) is not None
            if measurable(readings):
                looked.add(key)
                self._stands(key, violated=stays)
        for name, version in quiet.wholes.get(part, ()):
            looked |= {(name, size, version, WHOLE) for size in self._sizes(part, name)}
        quiet.looks[part] = end

    def _sizes(self, part: Part, name: str) -> tuple[int, ...]:
        """The size of a window; of a trail, that of its recent span."""
        if isinstance(part, int):
            return (part,)
        monitor = self.by_name.get(name)
        return () if monitor is None else monitor.windows

    def _stands(self, key: StreamKey, *, violated: bool) -> None:
        """Where the objective of a stream stands now."""
        monitor = self.by_name.get(key[0])
        name = None if monitor is None else monitor.objective
        known = None if name is None else self.state.objectives.get((key[2], name))
        if known is not None:
            self.state.objectives[known.version, known.sla] = replace(known, violated=violated)

    def _verdicts(self, header: Header, looked: set[StreamKey], evaluations: list[Evaluation]) -> Verdicts:
        given_up = self._forget(header, looked)
        findings = [finding for key in sorted(self.state.streams) for finding in self._findings(key)]
        if header.last_data != NEVER:
            self.state.gaps.see(header.last_data - self.config.pane, header.last_data)
        findings += fresh_findings(self.config.freshness, self.state.gaps, header)
        findings += self.state.blind.findings
        findings = told_once(findings, self.config.partners)
        objectives = tuple(self.state.objectives[key] for key in sorted(self.state.objectives))
        if self.config.quiet is not None:
            passed(self.config.quiet, self.state.quiet, header, findings)
        cannot, anew, self.anew = self.state.blind.found, self.anew, False
        return Verdicts(header.end, header, tuple(findings), tuple(evaluations), objectives, given_up, cannot, anew)

    def _conclude(self, header: Header) -> None:
        """After looks: what cannot be judged."""
        if self.stale:
            self.stale = False
            blind.conclude(self.state.blind, header.seen, self.config.monitors, self.config.columns, header.end)

    def _looks(self, monitor: Monitor, measures: Measures) -> bool:
        """Whether it is asked now what cannot be judged: only where something changed, for other ticks are left out."""
        state, size = self.state.blind, measures.window.size
        if not measures.changed or monitor.metric == RATE or not blind.due(state, monitor, size, measures.end):
            return False
        blind.looked(state, monitor, size, measures.end)
        self.stale = True
        return True

    def _judge_apart(self, monitor: Monitor, measures: Measures, table: Table, header: Header) -> frozenset[StreamKey]:
        """Judge a table by a monitor that reads it otherwise than as it is; what is measurable of it."""
        found: set[StreamKey] = set()
        if monitor.metric == RATE:
            if not _covered(measures, header):
                return frozenset()
            table = _all_versions(table)
        looks, size = self._looks(monitor, measures), measures.window.size
        for row, (version, segment) in enumerate(table.groups):
            if monitor.whole_only and segment != WHOLE:
                continue
            readings = readings_of(monitor, table, row)
            key = (monitor.name, size, version, segment)
            state = advance(self.state.streams, key, readings, measures.end, size, usual=monitor.usual)
            if not measurable(readings):
                continue
            found.add(key)
            if looks and version in header.seen:
                behind = table.reference_samples[row][: len(readings.value)]
                covered = self._covers(measures, header, version)
                blind.look(self.state.blind, monitor, size, (version, segment), readings, behind, measures.end, covered)
            self._set(monitor, key, float(np.nanmax(readings.value)), violated=state is not None)
        return frozenset(found)

    def _forget(self, header: Header, looked: set[StreamKey]) -> frozenset[tuple[str, str, str]]:
        """End the streams of what is forgotten for its silence, and of monitors no longer configured.

        Returns:
            (version, segment, alert) of segments that vanished.
        """
        judged = self.judged
        vanished = forget(
            self.state.streams,
            looked,
            header.end,
            lambda key: bool(key[2] and key[2] not in header.seen) or key[:2] not in judged,
        )
        for version, sla in list(self.state.objectives):
            if (version and version not in header.seen) or sla not in self.promised:
                del self.state.objectives[version, sla]
        return frozenset((version, segment, judged[name, size]) for name, size, version, segment in vanished)

    def _findings(self, key: StreamKey) -> list[Finding]:
        state = self.state.streams[key]
        monitor = self.by_name[key[0]]
        names = self.config.columns(monitor)
        return [finding_of(monitor, key, state, at, names[at]) for at in np.flatnonzero(state.level).tolist()]


def _covered(measures: Measures, header: Header) -> bool:
    """Whether a rate may be judged: over a window that began before the model did it is no rate."""
    began = min((seen.first for seen in header.seen.values()), default=measures.end)
    return measures.end - began >= measures.window.size


def _all_versions(table: Table) -> Table:
    """A rate is promised of the model: traffic moves from version to version at every rollout."""
    rate = np.nansum(table.value, axis=0, keepdims=True)
    samples = table.samples.sum(axis=0, keepdims=True)
    return replace(table, groups=(("", WHOLE),), value=rate, lower=rate, upper=rate, samples=samples)


def wholes_of(keys: Iterable[StreamKey]) -> Wholes:
    """(monitor, version) of those of wholes."""
    return frozenset((name, version) for name, _, version, segment in keys if segment == WHOLE)
