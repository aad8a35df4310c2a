"""Judge of labels: measured cohorts become findings, by the same rule as everything else. Never told who is paged.

Keyed by model. Only windows that are mature and have moved are judged, so nothing is decided while labels still come,
and nothing twice on the same cohorts.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from operators.findings import Finding, Source, WindowSpan
from operators.judging.changes import Changes
from operators.judging.decision import StreamState, advance
from operators.judging.label_evaluations import changed_rows, curve_rows, opinion_rows, window_rows
from operators.judging.label_tables import MonitorTable, coverage_of, table_of
from operators.judging.objectives import ObjectiveStanding
from operators.judging.opinions import Detectors, Opinion, load, opinions
from operators.judging.readings import oriented, readings_of
from operators.judging.stall import StallConfig, StallState, watch
from operators.judging.streams import StreamKey, base_of, finding_of, forget, measurable
from operators.plans.label_monitors import CURVE_MONITOR
from windows.segments import WHOLE

if TYPE_CHECKING:
    from operators.cohorts.measures import CohortMeasures, SliceError, WindowMeasures
    from operators.judging.evaluations import Evaluation
    from operators.plans.label_monitors import PerformanceMonitor
    from windows.arrays import FloatArray


@dataclass(frozen=True, slots=True)
class LabelJudgeConfig:
    """One model.

    Attributes:
        model: its name.
        monitors: of its labels.
        stall: when labels have stopped.
        detectors: whether the second opinions are asked.
        opinions_stand: how long (ms) what they say is a finding of the minor level; None for never.
        evaluations: whether evaluations are wanted as rows.
        min_coverage: share of the predictions that must have a label, where no monitor says otherwise.
        changes: whether only those are that say something new.
    """

    model: str
    monitors: tuple[PerformanceMonitor, ...]
    stall: StallConfig
    detectors: bool
    opinions_stand: int | None
    evaluations: bool
    min_coverage: float = 0.0
    changes: bool = False


@dataclass(frozen=True, slots=True)
class FindingBasis:
    """What a finding stands on beside its stream: what it was compared with, and how much was labelled."""

    against: str
    coverage: float


@dataclass(slots=True)
class LabelJudgeState:
    """What fires and why, and the detectors.

    Attributes:
        streams: of which something fires.
        grounds: of each of them, at its latest breach.
        objectives: by (version, sla).
        stall: whether labels have stopped.
        detectors: by version.
        opinions: (version, detector) -> the finding that its latest alarm is.
    """

    streams: dict[StreamKey, StreamState] = field(default_factory=dict)
    grounds: dict[StreamKey, FindingBasis] = field(default_factory=dict)
    objectives: dict[tuple[str, str], ObjectiveStanding] = field(default_factory=dict)
    stall: StallState = field(default_factory=StallState)
    detectors: dict[str, Detectors] = field(default_factory=dict)
    opinions: dict[tuple[str, str], Finding] = field(default_factory=dict)
    version: ClassVar[int] = 1


@dataclass(frozen=True, slots=True)
class LabelVerdicts:
    """All that is found of a model's labels at one tick.

    Attributes:
        end: of the tick, ms: the clock of this source, behind that of the predictions.
        measures: what was judged.
        findings: every breach that stands, new or old.
        evaluations: rows for the evaluations topic; empty when not wanted.
        objectives: where every label objective of every version stood when last measured.
        source: whose clock `end` is.
        silent: (version, segment, alert) of which findings were given up at this tick: for long there was nothing to
            measure.
        anew: nothing was known of its labels before.
    """

    end: int
    measures: CohortMeasures
    findings: tuple[Finding, ...]
    evaluations: tuple[Evaluation, ...]
    objectives: tuple[ObjectiveStanding, ...]
    source: Source = Source.LABELS
    silent: frozenset[tuple[str, str, str]] = frozenset()
    anew: bool = False

    def serves(self, version: str) -> bool:
        """Whether a version has cohorts that are held still."""
        return version in self.measures.versions


class LabelJudge:
    """Judges the labels of one model."""

    def __init__(self, config: LabelJudgeConfig, state: LabelJudgeState, *, anew: bool = False) -> None:
        """Continue from `state`; `anew` where there was none."""
        self.config = config
        self.state = state
        self.anew = anew
        if config.detectors:
            load()  # now, not in the midst of the traffic
        self.changes = Changes() if config.changes else None
        self.monitors = {(one.monitor.name, size): one for one in config.monitors for size in one.monitor.windows}

    def __call__(self, measures: CohortMeasures) -> LabelVerdicts:
        """The verdicts of a tick."""
        looked: set[StreamKey] = set()
        for window in measures.windows:
            if window.moved:
                self._window(window, looked)
        if measures.curve is not None and (CURVE_MONITOR, measures.curve.recent.size) in self.monitors:
            one = self.monitors[CURVE_MONITOR, measures.curve.recent.size]
            asked = MonitorTable(measures.curve.table, ("",), np.array([measures.curve.coverage]))
            self._judge(one, asked, measures.curve.end, np.array([np.nan]), looked)
        given_up = self._forget(measures, looked)
        said = opinions(self.state.detectors, measures.errors) if self.config.detectors else []
        self._heed(said, measures)
        stall = watch(self.config.stall, self.state.stall, measures)
        anew, self.anew = self.anew, False
        return LabelVerdicts(
            measures.end,
            measures,
            (*self._findings(), *([] if stall is None else [stall])),
            tuple(self._rows(measures, said)),
            tuple(self.state.objectives[key] for key in sorted(self.state.objectives)),
            silent=given_up,
            anew=anew,
        )

    def _window(self, window: WindowMeasures, looked: set[StreamKey]) -> None:
        for one in self.config.monitors:
            if window.window.size not in one.monitor.windows or one.monitor.name == CURVE_MONITOR:
                continue
            found = table_of(one, window)
            if found is not None:
                self._judge(one, found, window.end, coverage_of(window, found.table.groups), looked)

    def _judge(
        self, one: PerformanceMonitor, asked: MonitorTable, end: int, shown: FloatArray, looked: set[StreamKey]
    ) -> None:
        """Judge each group; one with too few labels stays what it was. `shown` is the coverage that findings tell."""
        monitor, (size,), table = one.monitor, one.monitor.windows, asked.table
        for row, (version, segment) in enumerate(table.groups):
            if monitor.whole_only and segment != WHOLE:
                continue
            key = (monitor.name, size, version, segment)
            readings = readings_of(monitor, table, row)
            if measurable(readings):
                looked.add(key)
            if asked.coverage[row] < one.min_coverage:
                continue
            state = advance(self.state.streams, key, readings, end, size, usual=monitor.usual)
            if state is not None and state.at[0] == end:
                self.state.grounds[key] = FindingBasis(_against(one, asked.versus[row]), float(shown[row]))
            elif state is None:
                self.state.grounds.pop(key, None)
            if monitor.objective is not None and measurable(readings):
                value = oriented(monitor, float(readings.value[0]))
                objective = ObjectiveStanding(version, monitor.objective, monitor.lowest, value, state is not None)
                self.state.objectives[version, objective.sla] = objective

    def _heed(self, said: list[tuple[SliceError, Opinion]], measures: CohortMeasures) -> None:
        """Let what detectors say stand for the longest window, where the config asks for it."""
        found = self.state.opinions
        for error, opinion in said:
            if opinion.changed:
                found[error.version, opinion.name] = _alarm(error, opinion)
        stand = -1 if self.config.opinions_stand is None else self.config.opinions_stand
        for key, finding in list(found.items()):
            if measures.end - finding.window.end > stand or key[0] not in measures.versions:
                del found[key]

    def _forget(self, measures: CohortMeasures, looked: set[StreamKey]) -> frozenset[tuple[str, str, str]]:
        """End the streams of what has no cohorts any more, and of monitors no longer configured.

        Returns:
            (version, segment, alert) of segments that vanished.
        """
        state = self.state
        vanished = forget(
            state.streams,
            looked,
            measures.end,
            lambda key: bool(key[2] and key[2] not in measures.versions) or key[:2] not in self.monitors,
        )
        state.grounds = {key: ground for key, ground in state.grounds.items() if key in state.streams}
        promised = {one.monitor.objective for one in self.monitors.values()}
        for version, sla in list(state.objectives):
            if version not in measures.versions or sla not in promised:
                del state.objectives[version, sla]
        for version in list(state.detectors):
            if version not in measures.versions or not self.config.detectors:
                del state.detectors[version]
        alerts = {key: self.monitors[key[:2]].monitor.alert for key in vanished}
        return frozenset((version, segment, alert) for (_, _, version, segment), alert in alerts.items())

    def _findings(self) -> list[Finding]:
        found = [self._finding(key) for key in sorted(self.state.streams)]
        return found + [self.state.opinions[key] for key in sorted(self.state.opinions)]

    def _finding(self, key: StreamKey) -> Finding:
        ground, monitor = self.state.grounds[key], self.monitors[key[:2]].monitor
        state = self.state.streams[key]
        found = finding_of(monitor, key, state)
        return replace(found, baseline=base_of(monitor, state), against=ground.against, coverage=ground.coverage)

    def _rows(self, measures: CohortMeasures, said: list[tuple[SliceError, Opinion]]) -> list[Evaluation]:
        if not self.config.evaluations:
            return []
        monitors, floor = self.config.monitors, self.config.min_coverage
        found = [row for window in measures.windows for row in window_rows(measures, window, monitors, floor)]
        if measures.curve is not None:
            curve = self.monitors.get((CURVE_MONITOR, measures.curve.recent.size))
            found += curve_rows(measures, measures.curve, curve)
        found += opinion_rows(measures, said)
        # What comes at the very end is the last word, whether it is new or not.
        return found if self.changes is None or measures.ended else changed_rows(self.changes, found)


def _against(one: PerformanceMonitor, version: str) -> str:
    if version:
        return f"version {version}"
    return "" if one.against is None else one.against.text


def _alarm(error: SliceError, opinion: Opinion) -> Finding:
    return Finding(
        alert="ConceptDrift",
        monitor=f"performance.concept.{opinion.name}",
        version=error.version,
        segment=WHOLE,
        level=1,
        feature="",
        metric=opinion.name,
        value=error.error,
        lower=error.error,
        upper=error.error,
        threshold=opinion.error if opinion.error is not None else error.error,
        falling=False,
        samples=error.samples,
        window=WindowSpan(error.end - error.start, error.start, error.end),
    )
