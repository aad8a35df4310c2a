"""Cohorts: what became known of past predictions becomes performance by prediction time, with its maturity.

Keyed by model; awakened once a tick. A window of cohorts ends where everything before it is mature: old enough, or
labelled enough. Metrics come from sums that are exact whatever the order in which labels came, so a window measured
after a late revision is what it would have been with the revision in time.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from operators.cohorts.canary import Canary, CanaryConfig, CanaryState
from operators.cohorts.compare import ComparisonRequest, Pairs, covered, error_of
from operators.cohorts.measures import CohortMeasures, CurveMeasure, SliceError
from operators.cohorts.need import NeedConfig, NeedSlices, NeedSlicesState
from operators.cohorts.windows import MeasureCohorts, Request, WindowCounts, table_of
from operators.plans.label_monitors import CURVE, Against
from operators.tables import Kind
from windows.cohort_ring import CohortRing
from windows.outcomes.difference import curve_shift
from windows.panes import Window
from windows.references.pace import DAY
from windows.segments import WHOLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from operators.actions.inputs import CanaryReading, NeedReading
    from operators.cohorts.compare import VariationOf
    from operators.join.ticks import CohortTick, Deltas
    from operators.plans.cohorts import PerformancePlan, Trail
    from windows.arrays import IntArray
    from windows.outcomes.layout import TaskLayout
    from windows.ring import Groups, Key

NEVER = -1

WHOLE_ENOUGH = 0.9
"""A baseline in the past must have traffic in this share of its slices, where the window has some in all of its own."""

FEWEST_LABELS = 100
"""Labels that the error of a slice is taken from at least; slices with fewer are taken together."""


@dataclass(frozen=True, slots=True)
class CohortsConfig:
    """One model.

    Attributes:
        model: its name.
        layout: of the deltas.
        plan: windows, tick and rings.
        delay: label_delay, ms.
        coverage: share of labels from which a slice is mature before that; None for never.
        alpha: level of every bound.
        asks: the comparisons that rules ask for.
        reference: the reference's labelled rows, int64[layout.size]; None where it has none.
        errors: whether the errors of slices are wanted, for the detectors.
        curves: whether all curves are wanted, not only label coverage by score.
        min_coverage: share of a slice that must have a label for its error to be told to the detectors.
        own: version -> labelled rows of its own reference, in place of `reference`.
        canary: how a new version is judged beside its champion; None for not at all.
        need: what the forecast of the need to retrain is made of; None where there is none.
        varied: how much the days of the labels differ, by the reference of each version, and under "" by the model's.
        reference_days: days that the labelled rows of a version's reference are of, likewise.
    """

    model: str
    layout: TaskLayout
    plan: PerformancePlan
    delay: int
    coverage: float | None
    alpha: float
    asks: tuple[ComparisonRequest, ...]
    reference: IntArray | None
    errors: bool
    curves: bool = False
    min_coverage: float = 0.0
    own: Mapping[str, IntArray] = field(default_factory=dict)
    canary: CanaryConfig | None = None
    need: NeedConfig | None = None
    varied: VariationOf = field(default_factory=dict)
    reference_days: Mapping[str, float] = field(default_factory=dict)


@dataclass(slots=True)
class CohortsState:
    """Everything of a model that is kept between ticks.

    Attributes:
        rings: by slide.
        mature: window size -> end of its latest mature window, ms; the curve under size 0.
        newest: window size -> end of the newest window measured, ms.
        first: version -> its first cohort, ms.
        started: start of the first tick, or when watching began if nothing had come by then, ms; NEVER.
        errors_until: end of the latest slice whose error was told, ms; NEVER.
        pending: version -> (start, sum) of mature slices that had too few labels for an error of their own.
        canary: of a new version beside its champion.
        need: of the slices that a forecast is made of.
    """

    rings: dict[int, CohortRing] = field(default_factory=dict)
    mature: dict[int, int] = field(default_factory=dict)
    newest: dict[int, int] = field(default_factory=dict)
    first: dict[str, int] = field(default_factory=dict)
    started: int = NEVER
    errors_until: int = NEVER
    pending: dict[str, tuple[int, IntArray]] = field(default_factory=dict)
    canary: CanaryState = field(default_factory=CanaryState)
    need: NeedSlicesState = field(default_factory=NeedSlicesState)
    version: ClassVar[int] = 1


class Cohorts:
    """The cohorts of one model."""

    def __init__(self, config: CohortsConfig, state: CohortsState) -> None:
        """Continue from `state`."""
        self.config = config
        self.state = state
        state.rings = {
            slide: state.rings.get(slide) or CohortRing(length) for slide, length in config.plan.rings.items()
        }
        for slide, length in config.plan.rings.items():
            state.rings[slide].length = length
        if not hasattr(state, "canary"):  # of a release that knew none
            state.canary = CanaryState()
        self.canary = (
            None if config.canary is None else Canary(config.canary, config.layout, config.alpha, state.canary)
        )
        self.need = None if config.need is None else NeedSlices(config.need, config.layout, state.need)
        self.measure = MeasureCohorts(config.layout, config.alpha, config.varied, curves=config.curves)
        self.trails: dict[tuple[int, int], Trail] = {(one.window, one.size): one for one in config.plan.trails}

    def __call__(self, tick: CohortTick) -> CohortMeasures:
        """Take what became known, and measure the windows that moved on."""
        (measures,) = self.many([tick])
        return measures

    def many(self, ticks: Iterable[CohortTick]) -> list[CohortMeasures]:
        """Ticks in their order; all windows that moved on are measured together."""
        drafts = [self._tick(tick) for tick in ticks]
        measured = iter(self.measure([window for _, windows in drafts for window in windows]))
        return [replace(draft, windows=tuple(next(measured) for _ in windows)) for draft, windows in drafts]

    def _tick(self, tick: CohortTick) -> tuple[CohortMeasures, list[WindowCounts]]:
        """Everything of a tick but the measures of its windows, and what these are measured from."""
        state, plan = self.state, self.config.plan
        if state.started == NEVER:
            seen = max(tick.last_prediction, tick.last_feedback) != NEVER
            state.started = max(tick.end - plan.tick, NEVER if seen else tick.since)
        self._take(tick.deltas, tick.end)
        moved = [window for window in plan.windows if self._moves(window, tick.end) or tick.ended]
        windows = [self._window(window, tick.end) for window in moved]
        held = {version for ring in state.rings.values() for version, _ in ring.groups()}
        for version in state.first.keys() - held:
            del state.first[version]
        draft = CohortMeasures(
            model=self.config.model,
            end=tick.end,
            started=state.started,
            windows=(),
            curve=self._curve(tick.end),
            errors=tuple(self._errors(windows)),
            versions=tuple(sorted(held)),
            totals=tick.totals,
            last_feedback=tick.last_feedback,
            heard=tick.heard,
            last_prediction=tick.last_prediction,
            too_old=min(ring.too_old for ring in state.rings.values()),
            ended=tick.ended,
            canary=self._beside(windows),
            need=self._slices(windows),
        )
        return draft, windows

    def _beside(self, windows: Sequence[WindowCounts]) -> CanaryReading | None:
        """A new version beside its champion, over the slices of the shortest window that have become mature."""
        first = self.config.plan.windows[0]
        moved = next((one for one in windows if one.window == first and one.moved), None)
        if self.canary is None or moved is None:
            return None
        return self.canary(self.state.rings[first.slide], first.slide, moved.end, self.state.first)

    def _slices(self, windows: Sequence[WindowCounts]) -> NeedReading | None:
        """Slices of the headline metric that have become mature."""
        first = self.config.plan.windows[0]
        moved = next((one for one in windows if one.window == first and one.moved), None)
        if self.need is None or moved is None:
            return None
        return self.need(self.state.rings[first.slide], first.slide, moved.end)

    def _take(self, deltas: Deltas, end: int) -> None:
        """Put the deltas into every ring, those of the same slice at once."""
        tick = self.config.plan.tick
        for slide, ring in self.state.rings.items():
            ring.advance(max(ring.newest, (end - 1) // slide))
            merged: dict[tuple[int, Key], IntArray] = {}
            for (cohort, version, segment), delta in deltas.items():
                at = cohort * tick // slide, (version, segment)
                merged[at] = merged[at] + delta if at in merged else delta
            for (index, key), delta in merged.items():
                ring.add(index, key, delta)
        for cohort, version, _ in deltas:
            start = cohort * tick
            self.state.first[version] = min(self.state.first.get(version, start), start)

    def _moves(self, window: Window, end: int) -> bool:
        """Whether a window has a slice more than when it was last measured."""
        known = self.state.newest.get(window.size)
        if known is None or end // window.slide * window.slide > known:
            return True
        return self._mature(window, end) > self.state.mature[window.size]

    def _mature(self, window: Window, end: int) -> int:
        """End of the latest window that is mature, ms: by age, or by coverage where all slices before it are."""
        slide, coverage = window.slide, self.config.coverage
        old = (end - self.config.delay) // slide * slide
        mature = max(old, self.state.mature.get(window.size, old))
        if coverage is None:
            return mature
        ring, layout = self.state.rings[slide], self.config.layout
        while mature + slide <= end:
            whole = [one.unpack() for key, one in ring.slices.get(mature // slide, {}).items() if key[1] == WHOLE]
            served = sum(int(vector[layout.predictions]) for vector in whole)
            known = sum(int(vector[layout.labelled]) for vector in whole)
            if known < coverage * served:
                break
            mature += slide
        return mature

    def _window(self, window: Window, end: int) -> WindowCounts:
        state, slide = self.state, window.slide
        mature, before = self._mature(window, end), state.mature.get(window.size)
        ring = state.rings[slide]
        # Copies: the sums go on with the next tick, and curves keep parts of what they are given.
        groups = _copied(ring.move(f"mature {window.size}", (mature - window.size) // slide, mature // slide))
        newest = None
        last = end // slide * slide
        if last > mature:
            latest = ring.move(f"newest {window.size}", (last - window.size) // slide, last // slide)
            newest = last, _copied({key: vector for key, vector in latest.items() if key[1] == WHOLE})
        state.mature[window.size], state.newest[window.size] = mature, last
        requests = [
            request
            for against in dict.fromkeys(ask.against for ask in self.config.asks if ask.window == window.size)
            for segments in (True, False)
            for request in self._requests(window, mature, groups, against, segments=segments)
        ]
        moved = before is None or mature > before
        return WindowCounts(window, mature, moved, groups, newest, tuple(requests))

    def _requests(
        self, window: Window, mature: int, groups: Groups, against: Against, *, segments: bool
    ) -> Iterator[Request]:
        """The comparison with one baseline, of rules that look at segments or of those that do not."""
        asks = tuple(
            ask
            for ask in self.config.asks
            if ask.window == window.size and ask.against == against and ask.segments == segments
        )
        if not asks:
            return
        chosen = {key: vector for key, vector in groups.items() if segments or key[1] == WHOLE}
        if against.kind == "version":
            rivals = self._rivals(chosen)
            others = {key: (rivals.get(key[0], ""), key[1]) for key in chosen}
            baselines = {key: (chosen[at], at[0]) if at in chosen else None for key, at in others.items()}
        else:
            known = self._by_segment(window, mature, against, {segment for _, segment in chosen})
            baselines = {key: (known[key[1]], "") if key[1] in known else None for key in chosen}
            if against.kind == "reference":
                baselines |= {key: (own, "") for key in chosen if (own := self.config.own.get(key[0])) is not None}
        found = [(key, chosen[key], *baseline) for key in sorted(chosen) if (baseline := baselines[key]) is not None]
        if not found:
            return
        keys, current, baseline, versus = zip(*found, strict=True)
        days = np.array([self._days(window, mature, against, version) for version, _ in keys])
        yield Request(asks, Pairs(tuple(keys), np.stack(current), np.stack(baseline), tuple(versus), days))

    def _days(self, window: Window, mature: int, against: Against, version: str) -> tuple[float, float]:
        """Days that a version has served in a window, and those of its baseline."""
        begun = max(self.state.first.get(version, 0), mature - window.size)
        if against.kind == "reference":
            told = self.config.reference_days
            baseline = told.get(version, told.get("", 1.0))
        else:
            baseline = (against.length if against.kind == "trailing" else window.size) / DAY
        return (mature - begun) / DAY, baseline

    def _by_segment(self, window: Window, mature: int, against: Against, names: Iterable[str]) -> dict[str, IntArray]:
        """Baselines that are the same for every version, by segment."""
        if against.kind == "reference":
            whole = self.config.reference
            return {} if whole is None else dict.fromkeys(names, whole)
        return self._past(window, mature, against)

    def _past(self, window: Window, mature: int, against: Against) -> dict[str, IntArray]:
        """A baseline in the past by segment, all versions together: few live as long as a baseline is.

        None of it is used before nearly all of it has been seen: of half a week one would learn what weekdays are like,
        and take the weekend for a drop.
        """
        start = mature - window.size
        if against.kind == "trailing":
            trail = self.trails[window.size, against.length]
            stop = start // trail.slide
            first, slide = stop - trail.size // trail.slide, trail.slide
        else:
            slide = window.slide
            first, stop = (start - against.length) // slide, (mature - against.length) // slide
        ring, fine = self.state.rings[slide], self.state.rings[window.slide]
        present = fine.filled(start // window.slide, mature // window.slide)
        if ring.filled(first, stop) < WHOLE_ENOUGH * present:
            return {}
        found: dict[str, IntArray] = {}
        name = f"{against.label} of {window.size}"
        for (_, segment), vector in ring.move(name, first, stop).items():
            found[segment] = found[segment] + vector if segment in found else vector
        return found

    def _rivals(self, groups: Groups) -> dict[str, str]:
        """The version that each version is compared with; without those that are compared with none.

        That is the one with most traffic. But an older version is not judged by what replaces it: then the one with
        most traffic is judged by the older one.
        """
        layout, first = self.config.layout, self.state.first
        traffic = {name: int(vector[layout.predictions]) for (name, segment), vector in groups.items() if not segment}
        order = sorted(traffic, key=lambda name: (-traffic[name], first.get(name, 0), name))
        older = [name for name in order[1:] if first.get(name, 0) < first.get(order[0], 0)]
        rivals = {name: order[0] for name in order[1:] if name not in older}
        return rivals | {order[0]: older[0]} if older else rivals

    def _curve(self, end: int) -> CurveMeasure | None:
        """The curve shift, where its periods have moved."""
        curve = self.config.plan.curve
        if curve is None:
            return None
        slide = curve.slide
        mature = (end - self.config.delay) // slide * slide
        if 0 in self.state.mature and mature <= self.state.mature[0]:
            return None
        self.state.mature[0] = mature
        ring = self.state.rings[slide]
        middle, stop = (mature - curve.recent) // slide, mature // slide
        before = _all_versions(ring.move("curve before", middle - curve.before // slide, middle))
        recent = _all_versions(ring.move("curve recent", middle, stop))
        if before is None or recent is None:
            return None
        found = curve_shift(self.config.layout, recent[None], before[None], self.config.alpha)
        table = table_of(Kind.CONCEPT, CURVE, (("", WHOLE),), found)
        coverage = covered(self.config.layout, np.stack((recent, before)))
        return CurveMeasure(Window(curve.recent, slide), mature, table, float(np.fmin(*coverage)))

    def _errors(self, windows: Sequence[WindowCounts]) -> Iterator[SliceError]:
        """The errors of the slices of the shortest window that have become mature."""
        first = self.config.plan.windows[0]
        moved = next((one for one in windows if one.window == first and one.moved), None)
        if not self.config.errors or moved is None:
            return
        slide, pending = first.slide, self.state.pending
        done = self.state.errors_until
        start = moved.end // slide - 1 if done == NEVER else done // slide
        self.state.errors_until = moved.end
        ring = self.state.rings[slide]
        for index in range(max(start, ring.oldest), moved.end // slide):
            for (version, segment), packed in sorted(ring.slices.get(index, {}).items()):
                if segment != WHOLE:
                    continue
                vector = packed.unpack()
                if covered(self.config.layout, vector[None])[0] < self.config.min_coverage:
                    continue
                begun, known = pending.get(version, (index * slide, None))
                vector = vector if known is None else known + vector
                found = error_of(self.config.layout, vector[None], self.config.alpha)
                if found.samples[0] < FEWEST_LABELS or np.isnan(found.value[0]):
                    pending[version] = (begun, vector)
                    continue
                pending.pop(version, None)
                stop = (index + 1) * slide
                yield SliceError(version, begun, stop, float(found.value[0]), int(found.samples[0]))
        for version in pending.keys() - self.state.first.keys():
            del pending[version]


def _copied(groups: Groups) -> Groups:
    return {key: vector.copy() for key, vector in groups.items()}


def _all_versions(groups: Groups) -> IntArray | None:
    """The whole of the model; None where there is nothing."""
    whole = [vector for (_, segment), vector in groups.items() if segment == WHOLE]
    return sum(whole[1:], start=whole[0]) if whole else None
