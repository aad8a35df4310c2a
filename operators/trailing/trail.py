"""Trail: slices of a model become what came of late beside what came before.

Keyed by model and trail; awakened once a slice. A slice that breaks a quality limit of its own is no baseline: whether
it does is decided here, by all limits on tables of quality (DataQuality's), so that no verdict has to come back.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from operators.judging.readings import breach_level, readings_of
from operators.plans.measures import Plan
from operators.predictions.distance import Side, Tabulate, distance_table
from operators.predictions.measure import Measure, MeasureConfig
from operators.predictions.ring import WindowTotals
from operators.tables import Kind, Measures, Trailed
from windows.panes import Window
from windows.predictions.compare import gather, gather_of
from windows.predictions.layout import Field
from windows.references.pace import DAY
from windows.segments import WHOLE
from windows.trail import TrailRing

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from operators.plans.monitors import Monitor
    from operators.plans.trails import TrailPlan
    from operators.predictions.slices import TrailSlice
    from operators.tables import Table
    from windows.arrays import FloatArray, IntArray
    from windows.predictions.layout import Layout
    from windows.references.reference import Reference
    from windows.ring import Groups
    from windows.trail import Spans, Trail

QUALITY = Plan(quality=True, service=False, estimates=False)


@dataclass(frozen=True, slots=True)
class TrailConfig:
    """One model: its trails by name, the limits that a baseline has to keep, and the level of each bound."""

    layout: Layout
    reference: Reference
    alpha: float
    trails: dict[str, TrailPlan]
    quality: tuple[Monitor, ...]


@dataclass(slots=True)
class TrailState:
    """The ring, None before the first slice; slices that were no baseline since the beginning."""

    ring: TrailRing | None = None
    left_out: int = 0
    version: ClassVar[int] = 1


class Limits:
    """Which versions break a quality limit in a slice."""

    def __init__(self, config: TrailConfig, slide: int) -> None:
        """Prepare the measure of slices of `slide` ms."""
        self.model = config.layout.model
        self.window = Window(slide, slide)
        self.measure = Measure(MeasureConfig(config.layout, config.reference, config.alpha, {slide: QUALITY}))
        self.monitors: dict[str, list[Monitor]] = {}
        for monitor in config.quality:
            self.monitors.setdefault(monitor.metric, []).append(monitor)

    def __call__(self, slice_: TrailSlice) -> frozenset[str]:
        """The versions."""
        if not slice_.groups:
            return frozenset()
        totals = WindowTotals(self.model, self.window, slice_.index, slice_.groups, slice_.factors)
        return frozenset(version for table in self.measure(totals).tables for version in self._broken(table))

    def _broken(self, table: Table) -> Iterator[str]:
        for monitor in self.monitors.get(table.metric, ()):
            for row, (version, _) in enumerate(table.groups):
                if breach_level(readings_of(monitor, table, row)).any():
                    yield version


class CompareSpans:
    """Distances of the columns of a trail."""

    def __init__(self, config: TrailConfig, plan: TrailPlan) -> None:
        """Lay the columns out one after the other: of a slice no more is kept."""
        self.plan = plan
        self.alpha = config.alpha
        self.slots, self.fields = _compact(plan.fields)
        self.where = gather_of(self.fields, len(self.slots))
        known = [one.profile.overdispersion for one in plan.fields]
        self.known = np.array([np.nan if one is None else one for one in known])
        self.alike = np.array([one.profile.day_correlation for one in plan.fields])
        columns = tuple(field.name for field in plan.fields)
        self.columns = columns if plan.kind == Kind.FEATURE else ("",)
        self.metrics = tuple(monitor.metric for monitor in plan.monitors)

    def kept(self, groups: Groups) -> dict[str, IntArray]:
        """What is kept of a slice: version -> counts; nothing of a version of which nothing was served."""
        found = {version: vector[self.slots] for (version, segment), vector in groups.items() if segment == WHOLE}
        return {version: counts for version, counts in found.items() if counts.any()}

    def __call__(self, spans: Spans, live: FloatArray | None) -> tuple[Table, ...]:
        """The tables; none without a baseline."""
        versions = sorted(spans.recent)
        if spans.baseline is None or not versions:
            return ()
        current = gather(self.where, [spans.recent[version] for version in versions])
        before = gather(self.where, [spans.baseline] * len(versions))
        together = current.values.reshape(len(versions), -1) * (DAY / max(self.plan.trail.recent, DAY))
        side = Side(before, (self._factors(live) + self.alike * together).ravel())
        groups = tuple((version, WHOLE) for version in versions)
        table = Tabulate(self.plan.kind, groups, self.columns, (self.plan.trail.label,) * len(groups))
        return tuple(distance_table(table, metric, self.where, current, side, self.alpha) for metric in self.metrics)

    def _factors(self, live: FloatArray | None) -> FloatArray:
        """How much the columns vary beyond independent rows, float64[F]."""
        of_late = np.ones(len(self.known))
        if live is not None:
            of_late = live[: len(self.known)] if self.plan.kind == Kind.FEATURE else live[-1:]
        return np.where(np.isnan(self.known), of_late, self.known)


@dataclass(slots=True)
class _Before:
    """What the latest tables followed from."""

    spans: object = None
    factors: FloatArray | None = None
    tables: tuple[Table, ...] = field(default=())


class Trails:
    """One trail of one model. Which one it is, its first slice says."""

    def __init__(self, config: TrailConfig, state: TrailState) -> None:
        """Continue from `state`."""
        self.config = config
        self.state = state
        self._logic: tuple[TrailPlan, Limits, CompareSpans] | None = None
        self._before: _Before | None = None

    def __call__(self, slices: list[TrailSlice]) -> Iterator[Measures]:
        """Slices to measures, one each."""
        for entering in slices:
            yield self._take(entering)

    def _take(self, entering: TrailSlice) -> Measures:
        plan, limits, compare = self._of(entering.name)
        ring = self._ring(plan.trail)
        kept = compare.kept(entering.groups)
        broken = limits(entering) & kept.keys()
        self.state.left_out += len(broken)
        spans = ring.push(entering.index, kept, broken)
        before = self._before
        changed = before is None or before.spans != spans.occupied or not _same(before.factors, entering.factors)
        if before is None or changed:
            before = self._before = _Before(spans.occupied, entering.factors, compare(spans, entering.factors))
        facts = Trailed(plan.name, plan.trail.label, spans.filled, spans.left_out, self.state.left_out)
        window = Window(plan.trail.recent, plan.trail.slide)
        return Measures(self.config.layout.model, window, entering.index, before.tables, changed, facts)

    def _of(self, name: str) -> tuple[TrailPlan, Limits, CompareSpans]:
        if self._logic is None:
            plan = self.config.trails[name]
            self._logic = plan, Limits(self.config, plan.trail.slide), CompareSpans(self.config, plan)
        return self._logic

    def _ring(self, trail: Trail) -> TrailRing:
        """The ring; anew where the config has come to ask for other spans."""
        if self.state.ring is None or self.state.ring.trail != trail:
            self.state.ring = TrailRing(trail)
        return self.state.ring


def _compact(fields: Sequence[Field]) -> tuple[IntArray, tuple[Field, ...]]:
    """The slots of some columns, and the columns as they stand in these slots alone."""
    slots: list[int] = []
    moved: list[Field] = []
    for one in fields:
        start = len(slots)
        slots += range(one.start, one.stop)
        moved.append(Field(one.name, one.profile, start, len(slots), one.reading))
    return np.array(slots, dtype=np.int64), tuple(moved)


def _same(one: FloatArray | None, other: FloatArray | None) -> bool:
    return one is other or (one is not None and other is not None and np.array_equal(one, other))
